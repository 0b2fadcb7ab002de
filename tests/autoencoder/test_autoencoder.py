"""The autoencoder family: golden number, conformance, a code that keeps what it can."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas, check_resume, check_round_trip, check_who_moves

from kerasgen.autoencoder import (
    AutoencoderStep,
    build_autoencoder,
    build_original_autoencoder,
    encoder_of,
)
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.step import Player

SHAPE = (8, 8, 3)


def small_autoencoder():
    return build_autoencoder(SHAPE, widths=(4,), code_channels=2)


def small_batches():
    images = np.random.default_rng(0).integers(0, 256, (11, *SHAPE), np.uint8)
    return labelled(Pictures.from_array(images, np.zeros(11, np.int32)), 4, seed=3)


def make_step(optimizer=keras.optimizers.SGD, rate=0.01):
    network = small_autoencoder()
    return AutoencoderStep(network, Player(network, optimizer(rate)))


def test_the_write_ups_autoencoder_has_its_shapes_and_size():
    network = build_original_autoencoder()
    assert network.count_params() == 6_083
    assert encoder_of(network).output_shape == (None, 37, 37, 8)
    pictures = network(tf.zeros((1, 299, 299, 3)))
    assert (pictures.shape, pictures.dtype) == ((1, 299, 299, 3), tf.float32)


@pytest.mark.parametrize(("shape", "code"), [((64, 64, 3), (8, 8, 8)), ((32, 48, 1), (4, 6, 8))])
def test_every_size_runs(shape, code):
    network = build_autoencoder(shape)
    assert network(tf.zeros((2, *shape))).shape == (2, *shape)
    assert encoder_of(network)(tf.zeros((2, *shape))).shape == (2, *code)


def test_it_is_a_plain_keras_model(tmp_path):
    images, _ = next(iter(small_batches().dataset()))
    check_round_trip(small_autoencoder(), images, tmp_path)


def test_a_step_moves_the_autoencoder():
    def make(rates):
        step = make_step(rate=rates["autoencoder"])
        return step, {"autoencoder": step.player}

    check_who_moves(make, next(iter(small_batches().dataset())), ("autoencoder",))


def test_two_replicas_are_one(tmp_path):
    check_replicas(make_step, small_batches(), tmp_path, 1e-6)


@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_it_goes_on_exactly(tmp_path, strategy):
    check_resume(lambda: make_step(keras.optimizers.Adam), small_batches(), tmp_path, strategy)


def test_the_loss_is_the_mean_square_by_hand():
    step = make_step()
    images, labels = next(iter(small_batches().dataset()))
    expected = np.mean((step.autoencoder(images).numpy() - images.numpy()) ** 2)
    assert float(step(images, labels)["reconstruction_loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(step(images)["reconstruction_loss"]) < expected


def test_it_learns_two_kinds_of_pictures_apart():
    generator = np.random.default_rng(0)
    kinds = np.arange(64) % 2
    pictures = np.where(kinds[:, None, None, None], 0.8, -0.8) * np.ones((64, *SHAPE), np.float32)
    pictures = (pictures * generator.uniform(0.8, 1, (64, 1, 1, 1))).astype(np.float32)
    keras.utils.set_random_seed(0)
    step = make_step(keras.optimizers.Adam)
    update = tf.function(lambda images: step(images))
    losses = [float(update(tf.constant(pictures))["reconstruction_loss"]) for _ in range(150)]
    assert losses[-1] < 0.1 * losses[0]
    codes = encoder_of(step.autoencoder)(pictures).numpy().reshape(64, -1)
    means = [codes[kinds == kind].mean(axis=0) for kind in (0, 1)]
    spread = max(codes[kinds == kind].std(axis=0).max() for kind in (0, 1))
    assert np.abs(means[0] - means[1]).max() > 5 * spread


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="multiple"):
        build_autoencoder((60, 64, 3))
    with pytest.raises(ValueError, match="widths"):
        build_autoencoder(SHAPE, widths=())
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="other")
    with pytest.raises(ValueError, match="'other' without a layer 'code'"):
        encoder_of(other)
