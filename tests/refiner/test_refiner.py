"""The refiner family: golden numbers, conformance, and what its steps do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import (
    check_replicas,
    check_resume,
    check_round_trip,
    check_who_moves,
    snapshot,
    train,
)

from kerasgen.data.augmentation import Augmentation
from kerasgen.data.pipeline import Pictures, unpaired
from kerasgen.refiner import (
    NOISE_CHANNELS,
    PrefitStep,
    RefinerStep,
    build_discriminator,
    build_original_discriminator,
    build_original_refiner,
    build_refiner,
    build_residual_refiner,
    build_steps,
    refiner_inputs,
)
from kerasgen.training.colour_moments import STYLE_SIZE, colour_moments
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.run_log import read_history
from kerasgen.training.step import Player

SHAPE = (16, 16, 3)


def small_refiner(**changes):
    options = {"encoder_widths": (4, 8), "decoder_widths": (8,), **changes}
    return build_refiner(SHAPE, **options)


def small_original_refiner():
    widths = {"encoder_widths": (4,), "decoder_widths": (4, 4)}
    return build_original_refiner(SHAPE, bottleneck=32, dropout=0.3, **widths)


def small_discriminator():
    return build_discriminator(SHAPE, widths=(4, 4), units=4)


def small_original_discriminator():
    return build_original_discriminator(SHAPE, widths=(4, 4), dropout=0.3)


def pair_with_dropout():
    return small_refiner(), small_original_discriminator()


def small_batches(batch_size=4):
    generator = np.random.default_rng(0)
    sets = [generator.integers(0, 256, (count, *SHAPE), np.uint8) for count in (7, 9)]
    return unpaired(
        *map(Pictures.from_array, sets),
        batch_size,
        seed=3,
        augmentation=Augmentation(rotation=10, shift=0.1),
    )


def first_batch():
    return next(iter(small_batches().dataset()))


def inputs_of(refiner, images, photographs):
    noise = tf.random.stateless_normal([len(images), *SHAPE[:2], NOISE_CHANNELS], [1, 2])
    return refiner_inputs(refiner, images, colour_moments(photographs), noise)


def make_step(capacity=4, optimizer=keras.optimizers.SGD, networks=None, **options):
    refiner, discriminator = networks or (small_refiner(), small_discriminator())
    return RefinerStep(
        refiner,
        discriminator,
        Player(refiner, optimizer(0.003)),
        Player(discriminator, optimizer(0.003)),
        pool=ImagePool(capacity, SHAPE, min(capacity, 4), swap_probability=1.0),
        policy=("colour", "translation", "cutout"),
        seed=5,
        **options,
    )


def test_original_networks_have_their_published_sizes():
    assert build_original_refiner().count_params() == 10_631_523
    assert build_original_discriminator().count_params() == 32_737


def test_default_networks_have_their_sizes():
    assert build_refiner().count_params() == 281_803
    assert build_discriminator().count_params() == 691_426
    assert build_residual_refiner().count_params() == 297_411


@pytest.mark.parametrize(
    "build",
    [
        small_refiner,
        small_original_refiner,
        lambda: build_residual_refiner(style_size=STYLE_SIZE),
    ],
)
def test_refiners_are_plain_keras_models(build, tmp_path):
    refiner, images = build(), first_batch()[0]
    check_round_trip(refiner, inputs_of(refiner, images, images), tmp_path)


@pytest.mark.parametrize("build", [small_discriminator, small_original_discriminator])
def test_discriminators_are_plain_keras_models(build, tmp_path):
    check_round_trip(build(), first_batch()[0], tmp_path)


def test_an_untrained_residual_refiner_changes_nothing():
    images = first_batch()[0]
    np.testing.assert_array_equal(build_residual_refiner(width=4, blocks=1)(images), images)


def test_a_residual_refiner_takes_any_size():
    refiner = build_residual_refiner(width=4, blocks=1)
    assert refiner(tf.zeros([1, 20, 36, 3])).shape == (1, 20, 36, 3)


@pytest.mark.parametrize("updates", [(1, 1), (2, 1), (1, 2)])
def test_each_player_moves_only_its_own_weights(updates):
    def make(rates):

        # random weights everywhere make "every weight moved" a fair demand.
        refiner, discriminator = small_refiner(), small_discriminator()
        for variable in refiner.trainable_variables:
            variable.assign(tf.random.normal(variable.shape, stddev=0.2))
        players = {
            "refiner": Player(refiner, keras.optimizers.SGD(rates["refiner"])),
            "discriminator": Player(discriminator, keras.optimizers.SGD(rates["discriminator"])),
        }
        step = RefinerStep(
            refiner,
            discriminator,
            *players.values(),
            generator_updates=updates[0],
            discriminator_updates=updates[1],
        )
        return step, players

    check_who_moves(make, first_batch(), ("refiner", "discriminator"))


@pytest.mark.slow
def test_one_replica_equals_two(tmp_path):
    # The history is full, and exchanges, before the training ends.
    check_replicas(make_step, small_batches(), tmp_path, tolerance=1e-5)


def test_prefitting_one_replica_equals_two(tmp_path):
    def make():
        refiner = small_refiner()
        return PrefitStep(refiner, Player(refiner, keras.optimizers.SGD(0.1)))

    check_replicas(make, small_batches(), tmp_path, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_resuming_is_exact_with_dropout_pool_and_average(strategy, tmp_path):
    def adam(rate):
        return keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9)

    check_resume(
        lambda: make_step(optimizer=adam, networks=pair_with_dropout()),
        small_batches(),
        tmp_path,
        strategy,
    )


@pytest.mark.slow
def test_resume_check_catches_a_forgotten_dropout_seed(tmp_path, monkeypatch):
    from kerasgen.training import step as step_module

    complete = step_module._variables_of

    def forgetful(owner):
        if isinstance(owner, keras.Model):
            return [variable.value for variable in owner.weights]
        return complete(owner)

    monkeypatch.setattr(step_module, "_variables_of", forgetful)
    with pytest.raises(AssertionError):
        check_resume(
            lambda: make_step(networks=pair_with_dropout()), small_batches(), tmp_path, "default"
        )


def test_the_discriminator_learns_from_refined_pictures_not_from_renders():
    """The original's bug was to show the raw renders: then renders would reach its loss."""
    step = make_step(capacity=0, networks=(small_refiner(noise=False), small_discriminator()))
    rendered, real = first_batch()
    shown = []
    judge = step.discriminator
    step.discriminator = lambda images, training: shown.append(images) or judge(images)
    step.policy = ()
    refined = step.generator(inputs_of(step.generator, rendered, real))
    step(rendered, real)
    np.testing.assert_allclose(shown[0], refined, atol=1e-6)
    np.testing.assert_array_equal(shown[1], real)
    assert np.abs(shown[0] - rendered).mean() > 0.1


def test_prefitting_learns_to_pass_its_input_through(tmp_path):
    generator = np.random.default_rng(0)
    colours = generator.integers(0, 256, (20, 1, 1, 3), np.uint8)
    pictures = Pictures.from_array(np.broadcast_to(colours, (20, *SHAPE)).copy())
    batches = unpaired(pictures, pictures, 8, seed=0)

    def make():
        refiner = small_refiner()
        return PrefitStep(refiner, Player(refiner, keras.optimizers.Adam(1e-2)))

    train(make, batches, 60, tmp_path, "default")
    losses = [row["l1_loss"] for row in read_history(tmp_path / "train" / "history.csv")]
    assert losses[-1] < 0.5 * losses[0]


def test_state_names_everything_that_can_change():
    step = make_step(networks=pair_with_dropout())
    kinds = {name.split("-")[0] for name in snapshot(step)}
    assert kinds == {
        "generator",
        "discriminator",
        "generator_player",
        "discriminator_player",
        "pool",
        "updates",
    }


@pytest.mark.parametrize(
    "options",
    [
        {"image_shape": (30, 32, 3)},
        {"image_shape": (32, 32, 2)},
        {"decoder_widths": (8, 8, 8)},
        {"skips": 2},
        {"skips": -1},
        {"normalization": "layer"},
    ],
)
def test_arguments_that_do_not_fit_are_refused(options):
    arguments = {"image_shape": (32, 32, 3), "encoder_widths": (4, 4), "decoder_widths": (4, 4)}
    with pytest.raises(ValueError, match="Received"):
        build_refiner(**{**arguments, **options})


@pytest.mark.parametrize("options", [{"image_shape": (30, 32, 3)}, {"bottleneck": 100}])
def test_arguments_that_do_not_fit_the_original_are_refused(options):
    arguments = {"image_shape": (32, 32, 3), "encoder_widths": (4, 4), "decoder_widths": (4, 4)}
    with pytest.raises(ValueError, match="Received"):
        build_original_refiner(**{**arguments, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"generator_updates": 0},
        {"discriminator_updates": 0},
        {"regularisation_weight": -1.0},
        {"style_weight": -1.0},
    ],
)
def test_step_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        make_step(**options)


def built_step(batch_size=4):
    networks = small_refiner(), small_discriminator()
    return build_steps(*networks, batch_size=batch_size)[1]


@pytest.mark.slow
def test_the_ready_made_step_on_one_replica_equals_two(tmp_path, monkeypatch):
    # Adam would amplify rounding where a gradient is zero.
    monkeypatch.setattr(keras.optimizers, "Adam", lambda rate, **_: keras.optimizers.SGD(rate))
    check_replicas(built_step, small_batches(), tmp_path, tolerance=1e-5)


def test_the_history_of_the_ready_made_step_holds_a_batch():
    assert [built_step(batch_size=size).pool.capacity for size in (4, 600)] == [256, 600]


def test_the_stages_take_a_refiner_that_takes_no_style():
    plain = build_residual_refiner(SHAPE, width=4, blocks=1)
    _, refine = build_steps(plain, small_discriminator(), batch_size=2)
    assert refine.pool.images.shape[1:] == SHAPE
