"""The classifier family's small network and step: golden number, conformance, losses by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas, check_resume, check_round_trip, check_who_moves
from keras import layers

from kerasgen.classifier import ClassifierStep, balanced_weights, build_classifier
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.step import Player

SHAPE = (8, 8, 1)
CLASSES = 3


def small_classifier(**changes):
    return build_classifier(SHAPE, CLASSES, **{"widths": (4,), "units": 4, **changes})


def small_batches():
    images = np.random.default_rng(0).integers(0, 256, (11, *SHAPE), np.uint8)
    return labelled(Pictures.from_array(images, np.arange(11) % CLASSES), 4, seed=3)


def make_step(optimizer=keras.optimizers.SGD, class_weights=None, **changes):
    network = small_classifier(**changes)
    player = Player(network, optimizer(0.01))
    return ClassifierStep(network, player, class_weights=class_weights)


def two_pixels(class_weights=None):
    """Logits are the two pixels: (0, log 3) is chances of 1/4 and 3/4."""
    network = keras.Sequential([keras.Input((1, 2, 1)), layers.Flatten(), layers.Dense(2)])
    network.set_weights([np.eye(2), np.zeros(2)])
    player = Player(network, keras.optimizers.SGD(1.0))
    step = ClassifierStep(network, player, class_weights=class_weights)
    pixels = tf.tile(tf.constant([[0.0, np.log(3.0)]]), (4, 1))
    return step, tf.reshape(pixels, (4, 1, 2, 1))


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


@pytest.mark.parametrize("class_weights", [None, (0.1, 1.0, 3.0)])
def test_one_replica_equals_two(class_weights, tmp_path):
    """With dropout, and with weights, though the replicas' labels weigh differently."""
    check_replicas(
        lambda: make_step(class_weights=class_weights),
        small_batches(),
        tmp_path,
        tolerance=1e-5,
    )


@pytest.mark.parametrize("strategy", ["default", "mirrored"])
def test_resuming_is_exact_with_dropout(strategy, tmp_path):
    check_resume(lambda: make_step(keras.optimizers.Adam), small_batches(), tmp_path, strategy)


def test_loss_and_accuracy_by_hand():
    step, pixels = two_pixels()
    results = step(pixels, tf.constant([1, 1, 1, 0]))
    assert float(results["accuracy"]) == pytest.approx(0.75)
    expected = (3 * np.log(4 / 3) + np.log(4)) / 4
    assert float(results["loss"]) == pytest.approx(expected, abs=1e-6)
    # As often right as it was sure to be: nothing to learn.
    np.testing.assert_allclose(step.classifier.get_weights()[1], [0.0, 0.0], atol=1e-6)


def test_weighted_loss_and_its_gradient_by_hand():
    step, pixels = two_pixels(class_weights=[3.0, 0.5])
    results = step(pixels, tf.constant([1, 1, 1, 0]))
    assert float(results["accuracy"]) == pytest.approx(0.75)
    expected = (3 * 0.5 * np.log(4 / 3) + 3.0 * np.log(4)) / 4
    assert float(results["loss"]) == pytest.approx(expected, abs=1e-6)
    # The bias goes down w (p - y): three times 0.5 (1/4, -1/4), once 3 (-3/4, 3/4), over four.
    moved = -(3 * 0.5 * 0.25 - 3.0 * 0.75) / 4
    np.testing.assert_allclose(step.classifier.get_weights()[1], [moved, -moved], atol=1e-6)


@pytest.mark.parametrize(
    "class_weights",
    [(1.0,), (1.0, 1.0, 1.0), (1.0, -0.1), (1.0, np.nan), (1.0, np.inf), (0.0, 0.0), ((1.0, 1.0),)],
)
def test_class_weights_that_do_not_fit_are_refused(class_weights):
    with pytest.raises(ValueError, match=r"`class_weights` must be 2 .* Received: class_weights="):
        two_pixels(class_weights)


@pytest.mark.parametrize("label", [-1, 2])
def test_a_step_refuses_a_label_out_of_range(label):
    for class_weights in (None, (1.0, 2.0)):
        step, pixels = two_pixels(class_weights)
        with pytest.raises(tf.errors.InvalidArgumentError):
            step(pixels, tf.constant([0, 1, label, 0]))


def test_balanced_weights_make_every_class_count_alike():
    labels = np.array([0, 0, 0, 1, 2, 2])
    weights = balanced_weights(labels, 3)
    np.testing.assert_allclose(weights, [6 / 9, 6 / 3, 6 / 6])
    np.testing.assert_allclose(np.bincount(labels, weights[labels]), [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 2, 2], r"none of the classes \[1\]"),
        ([0, 1, 3], "labels from 0 to 3, num_classes=3"),
        ([-1, 1, 2], "labels from -1 to 2"),
        ([0.0, 1.0, 2.0], "dtype=float64"),
        ([[0, 1, 2]], "shape=\\(1, 3\\)"),
        (np.zeros(0, int), "shape=\\(0,\\)"),
    ],
)
def test_labels_that_cannot_be_balanced_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        balanced_weights(np.array(labels), 3)


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 1},
        {"image_shape": (30, 28, 1)},
        {"image_shape": (28, 28, 2)},
        {"dropout": 1.5},
        {"backbone": "resnet18"},
        {"weights": "imagenet"},
    ],
)
def test_arguments_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        build_classifier(**{"image_shape": (28, 28, 1), "num_classes": 10, **options})
