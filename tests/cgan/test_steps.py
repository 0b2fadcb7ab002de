"""The conditional GAN family's steps: conformance, and what the two networks get."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas, check_resume, check_who_moves, snapshot
from keras import layers

from kerasgen.cgan import (
    CGANStep,
    OriginalCGANStep,
    build_discriminator,
    build_generator,
    build_original_discriminator,
    build_original_generator,
    build_step,
)
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.losses import BINARY_CROSS_ENTROPY
from kerasgen.training.step import Player

SHAPE = (8, 8, 1)
CLASSES = 3
LATENT = 6


def small_pair(**changes):
    """Every kind of layer of the modern pair, once."""
    generator = build_generator(SHAPE, CLASSES, latent_size=LATENT, embedding_size=4, widths=(4,))
    return generator, build_discriminator(SHAPE, CLASSES, widths=(4,), **changes)


def original_pair():
    generator = build_original_generator(SHAPE, CLASSES, latent_size=LATENT, embedding_size=4)
    return generator, build_original_discriminator(SHAPE, CLASSES, embedding_size=4)


def tiny_pair():
    """Dropout and embeddings, and little else: to trace it on two replicas takes little time."""
    latent, label = keras.Input((LATENT,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([latent, layers.Embedding(CLASSES, 2)(label)])
    x = layers.Reshape(SHAPE)(layers.Dense(64, activation="tanh")(x))
    generator = keras.Model([latent, label], x)
    images, label = keras.Input(SHAPE), keras.Input((), dtype="int32")
    x = layers.Concatenate()([layers.Flatten()(images), layers.Embedding(CLASSES, 2)(label)])
    return generator, keras.Model([images, label], layers.Dense(1)(layers.Dropout(0.4)(x)))


def small_batches(batch_size=4, latent_size=LATENT):
    numbers = np.random.default_rng(0)
    images = numbers.integers(0, 256, (11, *SHAPE), np.uint8)
    pictures = Pictures.from_array(images, np.arange(11) % CLASSES)
    return labelled(pictures, batch_size, seed=3, latent_size=latent_size)


def first_batch(**options):
    return next(iter(small_batches(**options).dataset()))


def make_step(pair=small_pair, optimizer=keras.optimizers.SGD, step=CGANStep, **options):
    generator, discriminator = pair()
    players = Player(generator, optimizer(0.01)), Player(discriminator, optimizer(0.01))
    return step(generator, discriminator, *players, num_classes=CLASSES, seed=5, **options)


def average_and_adam(rate):
    return keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9)


def check_movers(step_type, pair, batch, **options):
    def make(rates):
        generator, discriminator = pair()
        for variable in generator.trainable_variables:
            variable.assign(tf.random.normal(variable.shape, stddev=0.2))
        players = {
            "generator": Player(generator, keras.optimizers.SGD(rates["generator"])),
            "discriminator": Player(discriminator, keras.optimizers.SGD(rates["discriminator"])),
        }
        networks = generator, discriminator
        step = step_type(*networks, *players.values(), num_classes=CLASSES, **options)
        return step, players

    check_who_moves(make, batch, ("generator", "discriminator"))


@pytest.mark.parametrize("updates", [(1, 1), (2, 1), (1, 2)])
def test_each_player_moves_only_its_own_weights(updates):
    counts = {"generator_updates": updates[0], "discriminator_updates": updates[1]}
    # A loss of differences between logits, as the default is, does not move their common bias.
    options = {"adversarial": BINARY_CROSS_ENTROPY, **counts}
    check_movers(CGANStep, small_pair, first_batch(batch_size=12), **options)


def test_each_player_of_the_alternating_step_moves_only_its_own_weights():
    check_movers(OriginalCGANStep, original_pair, first_batch(latent_size=0))


@pytest.mark.parametrize(
    "options",
    [
        {"penalty_every": 1, "policy": ("translation",)},
        {"penalty_every": 2, "balanced": False},
    ],
)
def test_one_replica_equals_two(options, tmp_path):
    check_replicas(
        lambda: make_step(penalty=5.0, **options), small_batches(), tmp_path, tolerance=1e-5
    )


@pytest.mark.slow
def test_alternating_on_one_replica_equals_two(tmp_path):
    def make():
        return make_step(original_pair, step=OriginalCGANStep)

    check_replicas(make, small_batches(latent_size=0), tmp_path, tolerance=1e-5)


def seed_judge_pair():
    return tiny_pair()[0], original_pair()[1]


RESUMED = [("default", seed_judge_pair), ("mirrored", tiny_pair)]


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "pair"), RESUMED)
def test_resuming_is_exact_with_dropout_penalty_and_average(strategy, pair, tmp_path):
    def make():
        return make_step(pair, average_and_adam, penalty_every=2)

    check_resume(make, small_batches(), tmp_path, strategy)


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "pair"), RESUMED)
def test_resuming_the_alternating_step_is_exact(strategy, pair, tmp_path):
    def make():
        return make_step(pair, average_and_adam, step=OriginalCGANStep)

    check_resume(make, small_batches(latent_size=0), tmp_path, strategy)


def test_state_names_everything_that_can_change():
    step = make_step(original_pair, average_and_adam)
    kinds = {name.split("-")[0] for name in snapshot(step)}
    players = {"generator_player", "discriminator_player"}
    assert kinds == {"generator", "discriminator", "updates"} | players


def recorded(step):
    """The inputs of the generator and those of the discriminator, call by call."""
    generator, discriminator = step.generator, step.discriminator
    generated, judged = [], []

    def generate(inputs, training):
        generated.append([part.numpy() for part in inputs])
        return generator(inputs, training=training)

    def judge(inputs, training):
        judged.append([part.numpy() for part in inputs])
        return discriminator(inputs, training=training)

    generate.inputs = generator.inputs
    step.generator, step.discriminator = generate, judge
    return generated, judged


@pytest.mark.parametrize("balanced", [True, False])
def test_fakes_are_of_all_classes_alike_or_of_the_batchs(balanced):
    rows = 300
    step = make_step(lambda: small_pair(class_head=False), balanced=balanced, penalty=0.0)
    generated, judged = recorded(step)
    numbers = np.random.default_rng(0)
    images = tf.constant(numbers.uniform(-1, 1, (rows, *SHAPE)), tf.float32)
    latents = tf.constant(numbers.normal(size=(rows, LATENT)), tf.float32)
    labels = tf.fill([rows], 2)
    for _ in range(2):
        step(images, labels, latents)
    for update in range(2):
        fake, real = judged[2 * update : 2 * update + 2]
        np.testing.assert_array_equal(fake[1], generated[update][1])
        np.testing.assert_array_equal(real[1], labels)
        np.testing.assert_array_equal(real[0], images)
        # 100 of each expected, with a standard deviation of 8.
        counts = np.bincount(generated[update][1], minlength=CLASSES)
        if balanced:
            assert len(counts) == CLASSES and np.abs(counts - 100).max() < 35
        else:
            assert list(counts) == [0, 0, rows]
    assert np.array_equal(generated[0][1], generated[1][1]) != balanced


def test_the_alternating_step_asks_for_all_classes_with_new_latents():
    rows = 150
    step = make_step(lambda: small_pair(class_head=False), step=OriginalCGANStep)
    generated, judged = recorded(step)
    numbers = np.random.default_rng(0)
    images = tf.constant(numbers.uniform(-1, 1, (rows, *SHAPE)), tf.float32)
    step(images, tf.fill([rows], 2))
    (real, on_real), (fake, on_fake), (more, on_more) = judged
    np.testing.assert_array_equal(real, images)
    assert set(on_real) == {2}
    assert (len(fake), len(more)) == (rows, 2 * rows)
    assert np.abs(np.bincount(on_fake) - 50).max() < 25
    assert np.abs(np.bincount(on_more) - 100).max() < 35
    np.testing.assert_array_equal([*on_fake, *on_more], [*generated[0][1], *generated[1][1]])
    assert not set(generated[0][0][:, 0]) & set(generated[1][0][:, 0])


def test_without_class_head_and_penalty_only_the_adversarial_losses_are_left():
    step = make_step(lambda: small_pair(class_head=False), penalty=0.0)
    assert set(step(*first_batch())) == {"generator_loss", "discriminator_loss"}


def test_the_ready_made_step_has_the_schedule_and_the_average_it_says():
    lengths = {"steps": 100, "batch_size": 50, "rate": 1e-3}
    step = build_step(*small_pair(), num_classes=CLASSES, penalty=0.25, **lengths)
    assert step.penalty == 0.25
    for player in (step.generator_player, step.discriminator_player):
        schedule = player.optimizer._learning_rate
        assert [float(schedule(n)) for n in (0, 100)] == pytest.approx([1e-3, 1e-4])
    optimizer = step.generator_player.optimizer
    assert optimizer.ema_momentum ** (5000 / 50) == pytest.approx(0.5)
    assert not step.discriminator_player.optimizer.use_ema


@pytest.mark.parametrize(
    "options",
    [
        {"generator_updates": 0},
        {"discriminator_updates": 0},
        {"class_weight": -1.0},
        {"penalty": -1.0},
        {"penalty_every": 0},
        {"pool": ImagePool(8, SHAPE, 4)},
    ],
)
def test_step_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        make_step(**options)
