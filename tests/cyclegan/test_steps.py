"""CycleGAN's step: conformance, losses by hand, what the discriminators see, and a small change."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas, check_resume, check_who_moves, snapshot
from keras import layers

from kerasgen.cyclegan import (
    ConstantThenLinear,
    CycleGANStep,
    build_discriminator,
    build_generator,
    build_step,
)
from kerasgen.data.pipeline import Pictures, unpaired
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.losses import RELATIVISTIC
from kerasgen.training.step import Player

SHAPE = (8, 8, 3)
DOMAINS = ("source", "target")


def small_networks(change_mask=False):
    """Every kind of layer of the family, once or twice."""
    generators = [
        build_generator(width=4, blocks=1, change_mask=change_mask, name=name)
        for name in ("forward", "backward")
    ]
    return *generators, *(build_discriminator(width=2, halvings=1) for _ in range(2))


def affine(scale, shift, channels=3):
    """Scales and shifts pixels; for a discriminator, their sum."""
    images = keras.Input((None, None, 3))
    layer = layers.Conv2D(channels, 1)
    model = keras.Model(images, layer(images))
    kernel = np.eye(3) if channels == 3 else np.ones((3, 1))
    layer.set_weights([scale * kernel[None, None], np.full(channels, shift)])
    return model


def tiny_networks():
    """One convolution each: to trace them takes little time."""
    return affine(0.5, 0.25), affine(-1.0, 0.1), affine(0.2, 0.1, 1), affine(0.3, -0.2, 1)


def make_step(networks=small_networks, rate=0.01, rates=None, **options):
    networks = networks()
    rates = rates or {"generators": rate, "discriminators": rate}
    generators = Player(networks[:2], keras.optimizers.SGD(rates["generators"]))
    discriminators = Player(networks[2:], keras.optimizers.SGD(rates["discriminators"]))
    return CycleGANStep(*networks, generators, discriminators, seed=5, **options)


def batches(batch_size=4):
    numbers = np.random.default_rng(0)
    sets = [numbers.integers(0, 256, (count, *SHAPE), np.uint8) for count in (7, 9)]
    return unpaired(*map(Pictures.from_array, sets), batch_size, seed=3)


def first_batch():
    return next(iter(batches().dataset()))


def kernels(player):
    """Weights that have an effect: a bias before an instance normalization has none."""
    return SimpleNamespace(variables=[v for v in player.variables if v.name == "kernel"])


@pytest.mark.parametrize("change_mask", [False, True])
def test_each_player_moves_its_own_two_networks_only(change_mask):
    def make(rates):
        step = make_step(lambda: small_networks(change_mask), rates=rates)
        owned = {"generators": step.generator_player, "discriminators": step.discriminator_player}
        assert [len(player.variables) for player in owned.values()] == [32, 12]
        return step, {name: kernels(player) for name, player in owned.items()}

    check_who_moves(make, first_batch(), ("generators", "discriminators"))


def test_one_replica_equals_two(tmp_path):
    def make():
        # The histories are full, and exchange, before the training ends.
        pools = {f"{name}_pool": ImagePool(5, SHAPE, 4) for name in DOMAINS}
        policy = ("colour", "translation", "cutout")
        return make_step(tiny_networks, policy=policy, **pools)

    check_replicas(make, batches(), tmp_path, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_resuming_is_exact_with_histories_average_and_schedule(strategy, tmp_path):
    def make():
        # Small histories: they are full, and exchange, before the training ends.
        capacity = {"pool_capacity": 5, "policy": ("translation",)}
        lengths = {"steps": 6, "batch_size": 4, "half_life": 50, "image_shape": SHAPE}
        return build_step(*tiny_networks(), rate=1e-3, **lengths, **capacity)

    check_resume(make, batches(), tmp_path, strategy)


def test_state_names_everything_that_can_change():
    step = build_step(*tiny_networks(), steps=6, image_shape=SHAPE)
    kinds = {name.split("-")[0] for name in snapshot(step)}
    networks = {"forward", "backward", "source_discriminator", "target_discriminator"}
    players = {"generator_player", "discriminator_player"}
    assert kinds == networks | players | {"source_pool", "target_pool", "updates"}


def by_hand(networks, source, target):
    """The paper's equations, with the least-squares losses."""
    forward, backward, source_judge, target_judge = networks

    def distance(first, second):
        return tf.reduce_mean(tf.abs(first - second))

    def square(logits, aim):
        return tf.reduce_mean((logits - aim) ** 2)

    fake_target, fake_source = forward(source), backward(target)
    on_target, on_source = target_judge(fake_target), source_judge(fake_source)
    return {
        "generator_loss": square(on_target, 1) + square(on_source, 1),
        "discriminator_loss": 0.5 * (square(target_judge(target), 1) + square(on_target, 0))
        + 0.5 * (square(source_judge(source), 1) + square(on_source, 0)),
        "cycle_loss": distance(backward(fake_target), source)
        + distance(forward(fake_source), target),
        "identity_loss": distance(forward(target), target) + distance(backward(source), source),
    }


@pytest.mark.parametrize("weights", [(10.0, 0.5), (3.0, 0.0)])
def test_losses_and_moves_are_those_of_the_papers_equations(weights):
    networks, (source, target) = tiny_networks(), first_batch()
    options = {"cycle_weight": weights[0], "identity_weight": weights[1]}
    step = make_step(lambda: networks, rate=0.1, **options)
    with tf.GradientTape(persistent=True) as tape:
        expected = by_hand(networks, source, target)
        total = expected["generator_loss"] + weights[0] * expected["cycle_loss"]
        total += weights[0] * weights[1] * expected["identity_loss"]
    moves = []
    for part, loss in ((networks[:2], total), (networks[2:], expected["discriminator_loss"])):
        variables = [v.value for network in part for v in network.trainable_variables]
        gradients = tape.gradient(loss, variables)
        moves += [v.numpy() - 0.1 * g for v, g in zip(variables, gradients, strict=True)]
    losses = step(source, target)
    if not weights[1]:
        del expected["identity_loss"]
    assert set(losses) == set(expected)
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(float(value), rel=1e-5), name
    moved = [v.value for network in networks for v in network.trainable_variables]
    for after, expected in zip(moved, moves, strict=True):
        np.testing.assert_allclose(after, expected, atol=1e-5)


def recorded(step, name):
    """What a discriminator of the step is shown."""
    network, shown = getattr(step, name), []

    def judge(images, training):
        shown.append(images.numpy())
        return network(images, training=training)

    setattr(step, name, judge)
    return shown


@pytest.mark.parametrize("domain", DOMAINS)
def test_discriminators_learn_from_the_past_and_generators_from_the_present(domain):
    rows = 4
    pools = {f"{name}_pool": ImagePool(rows, SHAPE, rows, swap_probability=1.0) for name in DOMAINS}
    step = make_step(tiny_networks, **pools)
    shown = recorded(step, f"{domain}_discriminator")
    source, target = first_batch()
    generator, own, other = (
        (step.backward, source, target) if domain == "source" else (step.forward, target, source)
    )
    fakes = []
    for _ in range(2):
        fakes.append(generator(other).numpy())
        step(source, target)
    assert np.abs(fakes[0] - fakes[1]).max() > 1e-3
    for update, (fresh, both) in enumerate([shown[:2], shown[2:]]):
        np.testing.assert_allclose(fresh, fakes[update], atol=1e-6)
        np.testing.assert_array_equal(both[:rows], own)
        # The full history returns, in some order, its first pictures.
        past = sorted(map(bytes, both[rows:]))
        assert past == sorted(map(bytes, shown[0]))


def test_with_a_history_losses_are_of_fresh_and_of_past_fakes_each():
    pools = {f"{name}_pool": ImagePool(4, SHAPE, 4, swap_probability=1.0) for name in DOMAINS}
    step = make_step(tiny_networks, rate=0.1, **pools)
    source, target = first_batch()
    past = step.backward(target), step.forward(source)
    step(source, target)
    fresh = step.backward(target), step.forward(source)
    judges = step.source_discriminator, step.target_discriminator
    expected = {"generator_loss": 0.0, "discriminator_loss": 0.0}
    for judge, real, new, old in zip(judges, (source, target), fresh, past, strict=True):
        expected["generator_loss"] += np.mean((judge(new) - 1) ** 2)
        expected["discriminator_loss"] += 0.5 * np.mean((judge(real) - 1) ** 2)
        expected["discriminator_loss"] += 0.5 * np.mean(judge(old) ** 2)
    losses = step(source, target)
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(float(value), rel=1e-5), name


def test_domains_have_augmentations_of_their_own():
    step = make_step(tiny_networks, policy=("colour",))
    shown = [recorded(step, f"{name}_discriminator") for name in DOMAINS]
    picture = tf.fill([4, *SHAPE], 0.5)
    step(picture, picture)
    real_source, real_target = shown[0][1], shown[1][1]
    assert np.abs(real_source - real_target).max() > 0.01
    assert np.abs(real_source[0] - real_source[1]).max() > 0.01


def test_a_weight_on_the_change_makes_it_smaller():
    step = make_step(lambda: small_networks(True), rate=0.02, change_weight=40.0)
    losses = [float(step(*first_batch())["change_loss"]) for _ in range(4)]
    # Both masks start near 1.
    assert 1.8 < losses[0] <= 2.0
    assert losses[-1] < losses[0] - 0.1


def half_open(generator):
    """Makes a generator's mask depend on the picture: before training it is open everywhere."""
    last = [layer for layer in generator.layers if isinstance(layer, layers.Conv2D)][-1]
    kernel, bias = last.get_weights()
    kernel[..., -1] = np.random.default_rng(0).normal(0.0, 0.3, kernel.shape[:-1])
    bias[-1] = -3.0
    last.set_weights([kernel, bias])


def test_the_change_is_that_of_the_translation_not_of_the_identity():
    step = make_step(lambda: small_networks(True))
    half_open(step.forward)
    half_open(step.backward)
    source, target = first_batch()
    masks = step.forward(source)["change"], step.backward(target)["change"]
    expected = sum(float(tf.reduce_mean(mask)) for mask in masks)
    assert float(step(source, target)["change_loss"]) == pytest.approx(expected, rel=1e-5)


def test_other_losses_fit():
    losses = make_step(tiny_networks, adversarial=RELATIVISTIC)(*first_batch())
    assert all(np.isfinite(float(loss)) for loss in losses.values())


def test_the_ready_made_step_has_the_schedule_histories_and_average_it_says():
    step = build_step(
        *tiny_networks(), steps=100, image_shape=SHAPE, batch_size=4, half_life=200, cycle_weight=5
    )
    assert step.cycle_weight == 5
    assert step.source_pool is not step.target_pool
    assert step.source_pool.capacity == step.target_pool.capacity == 50
    for player in (step.generator_player, step.discriminator_player):
        schedule = player.optimizer._learning_rate
        rates = [float(schedule(n)) for n in (0, 50, 75, 100, 200)]
        assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0.0, 0.0])
        assert player.optimizer.beta_1 == 0.5
    assert step.generator_player.optimizer.ema_momentum ** (200 / 4) == pytest.approx(0.5)
    assert not step.discriminator_player.optimizer.use_ema
    none = build_step(*tiny_networks(), steps=100, image_shape=SHAPE, pool_capacity=0)
    assert none.source_pool.capacity == 0 and not none.generator_player.optimizer.use_ema


@pytest.mark.parametrize(("batch_size", "capacity"), [(4, 50), (80, 80)])
def test_the_histories_of_the_ready_made_step_hold_a_batch(batch_size, capacity):
    step = build_step(*tiny_networks(), steps=9, image_shape=SHAPE, batch_size=batch_size)
    assert step.source_pool.capacity == step.target_pool.capacity == capacity


def test_the_schedule_is_saved_and_read_with_its_optimizer():
    optimizer = keras.optimizers.Adam(ConstantThenLinear(1e-3, 10))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert float(again._learning_rate(8)) == pytest.approx(4e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"cycle_weight": -1.0},
        {"identity_weight": -1.0},
        {"change_weight": -1.0},
        {"change_weight": 1.0},
        {"pool_capacity": -1},
        {"steps": 0},
        {"image_shape": (10, 8, 3)},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        build_step(*tiny_networks(), **{"steps": 10, "image_shape": SHAPE, **options})


@pytest.mark.parametrize("shapes", [((10, 8, 3), (10, 8, 3)), ((8, 8, 3), (16, 8, 3))])
def test_pictures_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="Received"):
        make_step(tiny_networks)(*(tf.zeros([2, *shape]) for shape in shapes))


def dark_pictures(rows, seed):
    """Dark coarse blocks, and a square of each that could be lit: ``[N, 16, 16, 1]``."""
    numbers = np.random.default_rng(seed)
    coarse = numbers.uniform(-0.6, 0.2, (rows, 4, 4, 3))
    squares = np.zeros((rows, 16, 16, 1))
    for square, (top, left) in zip(squares, numbers.integers(0, 8, (rows, 2)), strict=True):
        square[top : top + 8, left : left + 8] = 1.0
    return coarse.repeat(4, axis=1).repeat(4, axis=2), squares


@pytest.mark.slow
def test_a_local_change_is_learned_and_undone_where_it_is():
    dark, (pictures, squares) = dark_pictures(64, 0)[0], dark_pictures(64, 1)
    lit = pictures * (1 - 0.85 * squares) + 0.8 * squares
    source, target = (tf.constant(images, tf.float32) for images in (dark, lit))
    forward, backward = (build_generator(width=8, blocks=1, change_mask=True) for _ in range(2))
    judges = [build_discriminator(width=8, halvings=1, normalization=None) for _ in range(2)]
    step = build_step(
        *(forward, backward, *judges), steps=400, image_shape=(16, 16, 3), batch_size=8, rate=2e-3
    )
    update = tf.function(step)
    for number in range(150):
        first = 8 * number % 64
        update(source[first : first + 8], target[first : first + 8])
    there, back = forward(source[:32]), backward(target[:32])
    inside = squares[:32, ..., 0] > 0
    change = back["change"].numpy()[..., 0]
    assert change[inside].mean() > 3 * change[~inside].mean()
    assert (change[~inside] == 0).mean() > 0.2
    # The squares are put out, the rest stays.
    assert back["picture"].numpy()[inside].mean() < lit[:32][inside].mean() - 0.4
    assert np.abs(back["picture"] - lit[:32])[~inside].mean() < 0.1
    # As many are lit.
    assert there["picture"].numpy().mean() == pytest.approx(lit.mean(), abs=0.1)
