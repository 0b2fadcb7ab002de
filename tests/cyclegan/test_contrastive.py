"""One-sided translation: PatchNCE in closed form, shared weights, conformance, what is compared."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas, check_resume, check_round_trip, check_who_moves
from keras import layers

from kerasgen.cyclegan import (
    ContrastiveStep,
    build_contrastive_step,
    build_discriminator,
    build_encoder,
    build_generator,
    build_patch_heads,
    feature_layers,
    patch_nce,
)
from kerasgen.data.pipeline import Pictures, unpaired
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.step import Player

SHAPE = (8, 8, 3)


def small_networks(**changes):
    return build_generator(width=4, blocks=1, **changes), build_discriminator(width=2, halvings=1)


def tiny_networks():
    """Small networks with one compared layer besides the pixels, quick to trace."""
    images = keras.Input((None, None, 3), name="images")
    features = layers.Conv2D(4, 3, strides=2, padding="same", name="down_1")(images)
    drawn = layers.Conv2DTranspose(3, 2, strides=2, activation="tanh")(features)
    logits = layers.Conv2D(1, 2)(images)
    return keras.Model(images, drawn), keras.Model(images, logits)


def make_step(networks=small_networks, rate=0.01, rates=None, names=None, **options):
    generator, discriminator = networks()
    encoder = build_encoder(generator, names)
    heads = build_patch_heads(encoder, units=5)
    rates = rates or {"generator": rate, "discriminator": rate}
    return ContrastiveStep(
        *(generator, encoder, heads, discriminator),
        Player([generator, heads], keras.optimizers.SGD(rates["generator"])),
        Player(discriminator, keras.optimizers.SGD(rates["discriminator"])),
        seed=5,
        **options,
    )


def batches(batch_size=4):
    numbers = np.random.default_rng(0)
    sets = [numbers.integers(0, 256, (count, *SHAPE), np.uint8) for count in (7, 9)]
    return unpaired(*map(Pictures.from_array, sets), batch_size, seed=3)


def first_batch():
    return next(iter(batches().dataset()))


def unit(*shape, seed=0):
    numbers = np.random.default_rng(seed).normal(size=shape)
    return tf.constant(numbers / np.linalg.norm(numbers, axis=-1, keepdims=True), tf.float32)


def test_equal_locations_give_the_loss_of_chance():
    equal = tf.repeat(unit(2, 1, 5), 7, axis=1)
    np.testing.assert_allclose(patch_nce(equal, equal, 0.07), np.log(7), rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_orthogonal_locations_are_distinguished(temperature):
    locations = tf.eye(6, batch_shape=[2])
    expected = np.log1p(5 * np.exp(-1 / temperature))
    np.testing.assert_allclose(patch_nce(locations, locations, temperature), expected, atol=1e-6)
    # Every location taken for another: the right one is one of five with cosine 0.
    moved = tf.roll(locations, 1, axis=1)
    np.testing.assert_allclose(
        patch_nce(locations, moved, temperature), expected + 1 / temperature, rtol=1e-5
    )


def test_pictures_do_not_see_each_others_locations():
    queries, keys = unit(2, 6, 5), unit(2, 6, 5, seed=1)
    alone = [patch_nce(queries[row : row + 1], keys[row : row + 1], 0.07)[0] for row in (0, 1)]
    np.testing.assert_allclose(patch_nce(queries, keys, 0.07), alone, rtol=1e-6)


def test_keys_get_no_gradient():
    queries, keys = unit(1, 6, 5), unit(1, 6, 5, seed=1)
    with tf.GradientTape() as tape:
        tape.watch([queries, keys])
        loss = tf.reduce_sum(patch_nce(queries, keys, 0.07))
    by_query, by_key = tape.gradient(loss, [queries, keys])
    assert by_key is None
    # Of the cross-entropy of a softmax: (shares - right) times the keys, over temperature and S.
    shares = tf.nn.softmax(queries @ tf.transpose(keys, [0, 2, 1]) / 0.07)
    np.testing.assert_allclose(by_query, (shares - tf.eye(6)) @ keys / 0.07 / 6, atol=1e-5)


def test_the_published_layers_are_compared():
    first = ("images", "down_1", "down_2", "block_1")
    assert feature_layers(build_generator(width=1)) == (*first, "block_5")
    assert feature_layers(small_networks()[0]) == first


@pytest.mark.parametrize("changes", [{}, {"change_mask": True}])
def test_the_encoder_is_made_of_the_generators_weights(changes):
    encoder = build_encoder(generator := small_networks(**changes)[0])
    own, shared = ({id(v) for v in model.variables} for model in (generator, encoder))
    assert shared and shared < own
    images = first_batch()[0]
    before = encoder(images)
    np.testing.assert_array_equal(before[0], images)
    assert [features.shape[1:3] for features in before] == [(8, 8), (4, 4), (2, 2), (2, 2)]
    kernel = generator.get_layer("down_1").kernel
    kernel.assign(2.0 * kernel)
    after = encoder(images)
    np.testing.assert_allclose(after[1], 2.0 * before[1], atol=1e-6)


def test_patch_heads_are_a_plain_keras_model_on_a_sphere(tmp_path):
    heads = build_patch_heads(build_encoder(small_networks()[0]), units=5)
    widths = [3, 8, 16, 16]
    assert heads.count_params() == sum(width * 5 + 5 + 5 * 5 + 5 for width in widths)
    features = [unit(2, 7, width) for width in widths]
    for projected in heads(features):
        assert projected.shape == (2, 7, 5)
        np.testing.assert_allclose(tf.norm(projected, axis=-1), 1.0, rtol=1e-5)
    check_round_trip(heads, features, tmp_path)


def kernels(*models):
    """Weights that have an effect: a bias before an instance normalization has none."""
    return SimpleNamespace(
        variables=[v for model in models for v in model.trainable_variables if v.name == "kernel"]
    )


@pytest.mark.parametrize("identity", [True, False])
def test_each_player_moves_only_its_own_networks(identity):
    def make(rates):
        step = make_step(rates=rates, identity=identity, patches=8)
        owned = {
            "generator": kernels(step.generator, step.heads),
            "discriminator": kernels(step.discriminator),
        }
        assert [len(player.variables) for player in owned.values()] == [8 + 8, 3]
        return step, owned

    check_who_moves(make, first_batch(), ("generator", "discriminator"))


def test_one_replica_equals_two(tmp_path):
    def make():
        # Fewer patches than locations in one of two layers.
        names = ("images", "down_1")
        pool = ImagePool(5, SHAPE, 4)
        options = {"patches": 20, "policy": ("colour",), "target_pool": pool}
        return make_step(tiny_networks, names=names, **options)

    check_replicas(make, batches(), tmp_path, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_resuming_is_exact_with_history_average_and_schedule(strategy, tmp_path):
    def make():
        generator, discriminator = tiny_networks()
        lengths = {"steps": 6, "batch_size": 4, "half_life": 50, "units": 3}
        pool = ImagePool(5, SHAPE, 4)
        return build_contrastive_step(
            *(generator, discriminator), names=("down_1",), target_pool=pool, patches=9, **lengths
        )

    check_resume(make, batches(), tmp_path, strategy)


def test_state_names_everything_that_can_change_once():
    state = make_step(target_pool=ImagePool(4, SHAPE, 4)).state()
    kinds = {name.split("-")[0] for name in state}
    players = {"generator_player", "discriminator_player"}
    assert kinds == {"generator", "heads", "discriminator", "target_pool", "updates"} | players
    assert len({id(variable) for variable in state.values()}) == len(state)


def compared(step):
    """Inputs of the heads in training: queries, then keys."""
    heads, inputs = step.heads, []
    step.heads = lambda maps, training: inputs.append([m.numpy() for m in maps]) or heads(maps)
    return inputs


def flat(features):
    return np.reshape(features, (features.shape[0], -1, features.shape[-1]))


def test_losses_are_those_of_all_locations_before_and_after():
    step = make_step(patches=64, nce_weight=2.0)
    source, target = first_batch()
    encoder = build_encoder(step.generator)
    expected = {}
    for name, images in (("nce_loss", source), ("identity_loss", target)):
        after, before = (
            step.heads([tf.constant(flat(each)) for each in encoder(pictures)])
            for pictures in (step.generator(images), images)
        )
        each_layer = [
            tf.reduce_mean(patch_nce(*pair, 0.07)) for pair in zip(after, before, strict=True)
        ]
        expected[name] = float(np.mean(each_layer))
    on_fake = step.discriminator(step.generator(source))
    on_real = step.discriminator(target)
    expected["generator_loss"] = np.mean((on_fake - 1) ** 2)
    expected["discriminator_loss"] = 0.5 * (np.mean((on_real - 1) ** 2) + np.mean(on_fake**2))
    losses = step(source, target)
    assert set(losses) == set(expected)
    for name, value in expected.items():
        assert float(losses[name]) == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("identity", [True, False])
def test_the_weight_is_that_of_the_mean_of_both_losses(identity):
    """The heads have no adversarial gradient: their update shows the weight."""
    step = make_step(tiny_networks, names=("down_1",), identity=identity, nce_weight=3.0, rate=1.0)
    before = step.heads.trainable_variables[0].numpy()
    with tf.GradientTape() as tape:
        nce = hand_nce(step.generator, step.heads, first_batch()[: 2 if identity else 1])
    gradient = tape.gradient(nce, step.heads.trainable_variables[0].value)
    step(*first_batch())
    moved = before - step.heads.trainable_variables[0].numpy()
    np.testing.assert_allclose(moved, 3.0 * gradient, rtol=1e-3, atol=1e-5)
    assert np.abs(moved).max() > 1e-3


def hand_nce(generator, heads, domains):
    encoder, losses = build_encoder(generator, ("down_1",)), []
    for images in domains:
        query, key = (
            heads([tf.reshape(encoder(pictures), [4, -1, 4])])
            for pictures in (generator(images), images)
        )
        losses.append(tf.reduce_mean(patch_nce(query, key, 0.07)))
    return tf.reduce_mean(losses)


def test_the_same_locations_of_a_picture_are_compared_before_and_after():
    step = make_step(tiny_networks, names=("images", "down_1"), patches=9)
    inputs = compared(step)
    source, target = first_batch()
    images = np.concatenate([source, target])
    fakes = step.generator(images).numpy()
    step(source, target)
    queries, keys = inputs
    locations = []
    for row in range(8):
        found = []
        for query, key in zip(queries[0][row], keys[0][row], strict=True):
            match = np.all(flat(images)[row] == key, axis=-1)
            assert match.sum() == 1
            np.testing.assert_allclose(flat(fakes)[row][match][0], query, atol=1e-5)
            found.append(int(np.flatnonzero(match)[0]))
        assert len(set(found)) == 9
        locations.append(frozenset(found))
    # Each picture has its own; a target picture has those of the source picture in its row.
    assert len(set(locations)) == 4 and locations[:4] == locations[4:]
    step(source, target)
    assert not np.array_equal(inputs[3][0], keys[0])


def test_only_translated_sources_go_to_the_discriminator():
    step = make_step(tiny_networks, names=("down_1",))
    judge, shown = step.discriminator, []
    step.discriminator = lambda images, training: shown.append(images.numpy()) or judge(images)
    source, target = first_batch()
    fakes = step.generator(source).numpy()
    step(source, target)
    np.testing.assert_allclose(shown[0], fakes, atol=1e-6)
    np.testing.assert_array_equal(shown[1], target)
    assert len(shown) == 2


def test_without_identity_target_pictures_are_not_translated():
    step = make_step(tiny_networks, names=("down_1",), identity=False)
    inputs = compared(step)
    assert "identity_loss" not in step(*first_batch())
    assert len(inputs[0][0]) == 4


def test_the_change_is_that_of_source_pictures():
    step = make_step(lambda: small_networks(change_mask=True))
    last = [layer for layer in step.generator.layers if isinstance(layer, layers.Conv2D)][-1]
    # Half open, it depends on the picture.
    last.bias.assign([0.0, 0.0, 0.0, -3.0])
    source, target = first_batch()
    expected, other = (float(np.mean(step.generator(x)["change"])) for x in (source, target))
    assert abs(expected - other) > 1e-4
    assert float(step(source, target)["change_loss"]) == pytest.approx(expected, rel=1e-5)


def test_a_weight_on_the_change_makes_it_smaller():
    step = make_step(lambda: small_networks(change_mask=True), rate=0.02, change_weight=40.0)
    losses = [float(step(*first_batch())["change_loss"]) for _ in range(4)]
    assert 0.9 < losses[0] <= 1.0
    assert losses[-1] < losses[0] - 0.05


def test_the_ready_made_step_has_the_schedule_and_the_average_it_says():
    options = {"nce_weight": 10.0, "identity": False}
    step = build_contrastive_step(
        *tiny_networks(), steps=100, batch_size=4, half_life=200, names=("down_1",), **options
    )
    assert (step.nce_weight, step.identity, step.patches, step.temperature) == (
        10,
        False,
        256,
        0.07,
    )
    assert len(step.generator_player.variables) == len(step.generator.variables) + 4
    for player in (step.generator_player, step.discriminator_player):
        schedule = player.optimizer._learning_rate
        assert [float(schedule(n)) for n in (0, 50, 75)] == pytest.approx([2e-4, 2e-4, 1e-4])
    assert step.generator_player.optimizer.ema_momentum ** (200 / 4) == pytest.approx(0.5)
    assert not step.discriminator_player.optimizer.use_ema


@pytest.mark.parametrize(
    "options",
    [
        *({"nce_weight": -1.0}, {"change_weight": -1.0}, {"change_weight": 1.0}),
        {"patches": 1},
        {"temperature": 0.0},
        {"names": ()},
        {"names": ("images", "down_9")},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        make_step(**options)


def test_pictures_that_do_not_fit_are_refused():
    images = tf.zeros([2, 10, 8, 3])
    with pytest.raises(ValueError, match="Received"):
        make_step(tiny_networks, names=("down_1",))(images, images)
