"""Scores by hand, batches that can be trusted, and a classifier that learns what is there."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasgen.data.augmentation import Augmentation
from kerasgen.evaluation.classifiers.training import (
    TrainConfig,
    accuracy,
    generated_batches,
    macro_f1,
    predict,
    real_batches,
    train_classifier,
)

SHAPE = (8, 8, 1)


def take(batches, count):
    return [tuple(part.numpy() for part in batch) for batch in itertools.islice(batches, count)]


def test_accuracy_is_the_share_of_right_answers():
    labels, predicted = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    estimate = accuracy(labels, predicted)
    assert estimate.value == pytest.approx(0.6)
    assert estimate.low <= 0.6 <= estimate.high
    assert estimate.count == 5


def test_macro_f1_is_the_mean_of_the_classes_own():
    labels, predicted = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    # 2 * right / (true + predicted): 2/4, 4/5 and 0/2.
    estimate = macro_f1(labels, predicted)
    assert estimate.value == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert estimate.low <= estimate.value <= estimate.high


def test_a_class_that_is_never_there_counts_as_a_mistake_only():
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 3, 1, 1])
    assert macro_f1(labels, predicted).value == pytest.approx((2 / 3 + 1) / 2)


def test_macro_f1_does_not_care_how_common_a_class_is_accuracy_does():
    labels = np.array([0] * 98 + [1] * 2)
    always = np.zeros(100, int)
    assert accuracy(labels, always).value == pytest.approx(0.98)
    assert macro_f1(labels, always).value == pytest.approx((2 * 98 / 198) / 2)


def test_all_right_is_one():
    labels = np.arange(30) % 3
    for score in (accuracy, macro_f1):
        estimate = score(labels, labels)
        assert estimate.low <= estimate.value == estimate.high == 1.0


def test_the_interval_is_as_wide_as_the_binomials_and_repeats():
    labels = np.zeros(400, int)
    predicted = (np.arange(400) % 5 == 0).astype(int)
    estimate = accuracy(labels, predicted)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert estimate.value == pytest.approx(0.8)
    assert estimate.low == pytest.approx(0.8 - half, abs=0.006)
    assert estimate.high == pytest.approx(0.8 + half, abs=0.006)
    assert accuracy(labels, predicted) == estimate
    assert accuracy(labels, predicted, seed=1) != estimate


@pytest.mark.parametrize("score", [accuracy, macro_f1])
@pytest.mark.parametrize(
    ("labels", "predicted"),
    [(np.zeros(3, int), np.zeros(4, int)), (np.zeros((3, 1), int), np.zeros(3, int)), ([], [])],
)
def test_lists_that_do_not_belong_together_are_refused(score, labels, predicted):
    with pytest.raises(ValueError, match="Received"):
        score(np.asarray(labels), np.asarray(predicted))


def test_predictions_come_in_the_order_of_the_pictures():
    """The network says whether the left or the right half is brighter."""
    network = keras.Sequential([keras.Input((1, 2, 1)), layers.Flatten(), layers.Dense(2)])
    network.set_weights([np.eye(2), np.zeros(2)])
    labels = np.array([0, 1, 1, 0, 1, 0, 0])
    images = np.zeros((7, 1, 2, 1), np.uint8)
    images[np.arange(7), 0, labels, 0] = 200
    for batch_size in (2, 7, 256):
        np.testing.assert_array_equal(predict(network, images, batch_size), labels)


GREYS = (-0.8, 0.0, 0.8)
PLAIN = TrainConfig(batch_size=300, augmentation=Augmentation())


def draw(latents, labels):
    """Pictures whose grey is the class's, and beyond the range where the noise is large."""
    level = tf.gather(tf.constant(GREYS), labels)[:, None, None, None]
    return level + 0.1 * tf.reshape(latents, (-1, *SHAPE))


def drawn_batches(config=PLAIN, seed=5):
    return generated_batches(draw, 64, len(GREYS), config, seed)


def test_generated_batches_depend_on_the_seed_alone():
    first, again, other = (take(drawn_batches(seed=seed), 2) for seed in (5, 5, 6))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(first[0][0], other[0][0])
    assert not np.array_equal(first[0][1], other[0][1])
    assert not np.array_equal(first[0][0], first[1][0])
    assert not np.array_equal(first[0][1], first[1][1])


def test_generated_pictures_are_those_a_file_would_hold():
    images, labels = take(drawn_batches(), 1)[0]
    assert (images.shape, images.dtype, labels.dtype) == ((300, *SHAPE), np.float32, np.int32)
    assert np.abs(images).max() <= 1
    steps = (images.astype(float) + 1) * 127.5
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    grey = images.mean(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.argmin(np.abs(grey[:, None] - GREYS), axis=1), labels)


def test_every_class_is_generated_alike():
    labels = np.concatenate([labels for _, labels in take(drawn_batches(), 4)])
    # 400 of each expected, with a standard deviation of 16.
    assert np.abs(np.bincount(labels, minlength=3) - 400).max() < 65


def test_generated_pictures_are_augmented_as_real_ones_are():
    """One bright column on the left, half of the pictures mirrored."""
    column = np.full((1, *SHAPE), -1.0, np.float32)
    column[:, :, 0] = 1.0
    config = TrainConfig(batch_size=200, augmentation=Augmentation(flip=True))
    pictures = [
        generated_batches(lambda z, y: tf.repeat(column, 200, axis=0), 4, 2, config, 0),
        real_batches(
            np.repeat((column > 0).astype(np.uint8) * 255, 200, axis=0), np.zeros(200), config, 0
        ),
    ]
    for batches in pictures:
        images, _ = take(batches, 1)[0]
        left, right = images[:, 0, 0, 0] > 0.9, images[:, 0, -1, 0] > 0.9
        assert np.all(left ^ right)
        assert 70 < left.sum() < 130


def test_real_batches_keep_each_picture_with_its_label():
    labels = np.arange(10) % 3
    images = np.broadcast_to((labels * 100).astype(np.uint8)[:, None, None, None], (10, *SHAPE))
    config = TrainConfig(batch_size=4)
    batches = take(real_batches(images, labels, config, 1), 6)
    for pictures, own in batches:
        grey = np.round((pictures.mean(axis=(1, 2, 3)) + 1) * 127.5)
        np.testing.assert_array_equal(grey, own * 100)
    again = take(real_batches(images, labels, config, 1), 6)
    assert all(np.array_equal(one[0], two[0]) for one, two in zip(batches, again, strict=True))


def stripes(count, seed):
    """Class 0 lies, class 1 stands: at any position, in any contrast, with noise."""
    numbers = np.random.default_rng(seed)
    labels = numbers.integers(0, 2, count)
    wave = np.sin(np.arange(8) * np.pi / 2 + numbers.uniform(0, 6.28, (count, 1)))
    lying = np.repeat(wave[:, :, None], 8, axis=2)
    pictures = np.where(labels[:, None, None] == 0, lying, lying.transpose(0, 2, 1))
    pictures = 127.5 + 60 * pictures + numbers.normal(0, 15, pictures.shape)
    return np.clip(pictures, 0, 255).astype(np.uint8)[..., None], labels


@pytest.mark.parametrize("labelling", ["truth", "permuted"])
def test_a_classifier_learns_what_its_labels_say_and_no_more(labelling):
    config = TrainConfig(steps=60, batch_size=32)
    images, labels = stripes(400, 0)
    if labelling == "permuted":
        labels = np.random.default_rng(1).permutation(labels)
    network = train_classifier(real_batches(images, labels, config, 0), SHAPE, 2, config, seed=0)
    unseen, truth = stripes(300, 2)
    right = accuracy(truth, predict(network, unseen)).value
    assert right > 0.95 if labelling == "truth" else right < 0.75


def test_training_is_repeated_exactly_by_its_seed():
    config = TrainConfig(steps=3, batch_size=8)
    images, labels = stripes(20, 0)
    networks = [
        train_classifier(real_batches(images, labels, config, 0), SHAPE, 2, config, seed)
        for seed in (0, 0, 1)
    ]
    first, again, other = (network.get_weights()[0] for network in networks)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
