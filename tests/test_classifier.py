"""The classifier family: golden number, conformance, and its loss by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas, check_resume, check_round_trip, check_who_moves
from keras import layers

from kerasgen.classifier import ClassifierStep, build_classifier
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.step import Player

SHAPE = (8, 8, 1)
CLASSES = 3


def small_classifier(**changes):
    return build_classifier(SHAPE, CLASSES, **{"widths": (4,), "units": 4, **changes})


def small_batches():
    images = np.random.default_rng(0).integers(0, 256, (11, *SHAPE), np.uint8)
    return labelled(Pictures.from_array(images, np.arange(11) % CLASSES), 4, seed=3)


def make_step(optimizer=keras.optimizers.SGD, **changes):
    network = small_classifier(**changes)
    return ClassifierStep(network, Player(network, optimizer(0.01)))


def test_the_classifier_has_its_size():
    assert build_classifier((28, 28, 1), 10).count_params() == 467_818


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (64, 64, 1), (40, 28, 3)])
def test_every_size_runs(shape):
    logits = build_classifier(shape, CLASSES, widths=(2, 2), units=4)(tf.zeros((5, *shape)))
    assert (logits.shape, logits.dtype) == ((5, CLASSES), tf.float32)


def test_the_classifier_is_a_plain_keras_model(tmp_path):
    images, _ = next(iter(small_batches().dataset()))
    check_round_trip(small_classifier(), images, tmp_path)


def test_a_step_moves_the_classifier():
    """Without a hidden layer, so that no dead unit can stand still."""

    def make(rates):
        network = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(CLASSES)])
        player = Player(network, keras.optimizers.SGD(rates["classifier"]))
        return ClassifierStep(network, player), {"classifier": player}

    check_who_moves(make, next(iter(small_batches().dataset())), ("classifier",))


def test_one_replica_equals_two(tmp_path):
    check_replicas(lambda: make_step(dropout=0.0), small_batches(), tmp_path, tolerance=1e-5)


@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_resuming_is_exact_with_dropout(strategy, tmp_path):
    check_resume(lambda: make_step(keras.optimizers.Adam), small_batches(), tmp_path, strategy)


def test_loss_and_accuracy_by_hand():
    """Logits are the two pixels: (0, log 3) says chances of 1/4 and 3/4."""
    network = keras.Sequential([keras.Input((1, 2, 1)), layers.Flatten(), layers.Dense(2)])
    network.set_weights([np.eye(2), np.zeros(2)])
    step = ClassifierStep(network, Player(network, keras.optimizers.SGD(1.0)))
    pixels = tf.tile(tf.constant([[0.0, np.log(3.0)]]), (4, 1))
    results = step(tf.reshape(pixels, (4, 1, 2, 1)), tf.constant([1, 1, 1, 0]))
    assert float(results["accuracy"]) == pytest.approx(0.75)
    wanted = (3 * np.log(4 / 3) + np.log(4)) / 4
    assert float(results["loss"]) == pytest.approx(wanted, abs=1e-6)
    # As often right as it was sure to be: nothing to learn.
    np.testing.assert_allclose(network.get_weights()[1], [0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 1},
        {"image_shape": (30, 28, 1)},
        {"image_shape": (28, 28, 2)},
        {"dropout": 1.5},
    ],
)
def test_arguments_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        build_classifier(**{"image_shape": (28, 28, 1), "num_classes": 10, **options})
