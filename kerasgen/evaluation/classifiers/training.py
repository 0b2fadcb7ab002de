"""Train classifiers on generated or real pictures, and test them on real ones.

Ravuri & Vinyals (2019, arXiv:1905.10887), "Classification Accuracy Score for Conditional Generative
Models": the accuracy on real pictures of a classifier trained on generated ones only, compared with
that of the same classifier trained on real ones. Both are trained with the same number of updates,
batch size and augmentation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from kerasgen.classifier import ClassifierStep, build_classifier
from kerasgen.data.augmentation import NUMBERS_PER_PICTURE, Augmentation, augment
from kerasgen.data.labelled_images import LabelledImages
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.evaluation.metrics.intervals import Estimate, Groups, bootstrap
from kerasgen.io.images import to_float, to_uint8
from kerasgen.training.step import Player

Generate = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""``[N, L]`` latents and ``[N]`` labels -> ``[N, H, W, C]`` float32 in [-1, 1]."""


@dataclass(frozen=True)
class TrainConfig:
    """Training configuration of a classifier; the same for all that are compared.

    Attributes:
        steps: Number of updates; with early stopping, the most.
        batch_size: Pictures in a global batch.
        learning_rate: Learning rate of Adam; decays to zero along a cosine without early stopping.
        augmentation: Random geometric augmentation; none by default.
        width: Channels of a small network's first layers; not used by a linear head.
        validate_every: Updates between validations with early stopping (``fit_classifier``).
        patience: Consecutive validations without a better score after which training stops.
    """

    steps: int = 2000
    batch_size: int = 128
    learning_rate: float = 1e-3
    augmentation: Augmentation = Augmentation()
    width: int = 32
    validate_every: int = 100
    patience: int = 6


def train_classifier(
    batches: Iterable[tuple[tf.Tensor, tf.Tensor]],
    image_shape: tuple[int, int, int],
    num_classes: int,
    config: TrainConfig,
    seed: int,
) -> keras.Model:
    """Trains a small classifier from scratch.

    Args:
        batches: (images float32 in [-1, 1], labels int32), at least ``config.steps`` of them.
        image_shape: (height, width, channels) of the pictures.
        num_classes: Labels are 0 to ``num_classes - 1``.
        config: Training configuration.
        seed: Seed of weights and dropout.

    Returns:
        The classifier: ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, num_classes]``.
    """
    keras.utils.set_random_seed(seed)
    network = build_classifier(image_shape, num_classes, widths=_widths(image_shape, config.width))
    train_network(network, batches, config, seed)
    return network


def train_network(
    network: keras.Model,
    batches: Iterable[tuple[tf.Tensor, tf.Tensor]],
    config: TrainConfig,
    seed: int,
) -> None:
    """Trains a network that returns logits, in place.

    Args:
        network: Inputs of the batches -> ``[N, num_classes]`` logits.
        batches: (inputs, labels int32), at least ``config.steps`` of them.
        config: Number of updates and learning rate.
        seed: Seed of dropout.
    """
    falling = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    step = ClassifierStep(network, Player(network, keras.optimizers.Adam(falling)), seed=seed)
    update = tf.function(lambda images, labels: step(images, labels))
    for images, labels in itertools.islice(batches, config.steps):
        update(images, labels)


def _widths(image_shape: tuple[int, int, int], first: int) -> tuple[int, ...]:
    """Channels of each level: one for each halving while both sides are even and above 8 pixels."""
    height, width, count = *image_shape[:2], 0
    while height % 2 == width % 2 == 0 and min(height, width) > 8:
        height, width, count = height // 2, width // 2, count + 1
    return tuple(first * 2**level for level in range(max(count, 1)))


def train_on_images(pictures: LabelledImages, config: TrainConfig, seed: int) -> keras.Model:
    """Trains a small classifier from scratch on pictures in memory.

    Args:
        pictures: Training pictures with labels.
        config: Training configuration.
        seed: Seed of weights, dropout and order.

    Returns:
        The classifier, see ``train_classifier``.
    """
    batches = real_batches(pictures.images, pictures.labels, config, seed)
    image_shape, num_classes = pictures.images.shape[1:], len(pictures.class_names)
    return train_classifier(batches, image_shape, num_classes, config, seed)


def real_batches(
    images: np.ndarray, labels: np.ndarray, config: TrainConfig, seed: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Endless batches of real pictures.

    Args:
        images: ``[N, H, W, C]`` uint8.
        labels: ``[N]`` integers.
        config: Batch size and augmentation.
        seed: Seed of order and augmentation.

    Returns:
        Batches of (``[B, H, W, C]`` float32 in [-1, 1], ``[B]`` int32).
    """
    pictures = Pictures.from_array(images, labels)
    batches = labelled(pictures, config.batch_size, seed=seed, augmentation=config.augmentation)
    return iter(batches.dataset())


def generated_batches(
    generate: Generate, latent_size: int, num_classes: int, config: TrainConfig, seed: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Endless batches of newly generated pictures, rounded to 8 bits as in files.

    Args:
        generate: A trained generator, in inference mode.
        latent_size: Size of its noise vector.
        num_classes: Number of classes, drawn with equal probability.
        config: Batch size and augmentation.
        seed: Seed of labels, noise and augmentation.

    Returns:
        Batches of (``[B, H, W, C]`` float32 in [-1, 1], ``[B]`` int32).
    """
    count = config.batch_size

    @tf.function
    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        key = tf.stack([tf.constant(seed, tf.int64), number])
        draws = tf.random.experimental.stateless_split(key, 3)
        labels = tf.random.stateless_uniform([count], draws[0], 0, num_classes, tf.int32)
        latents = tf.random.stateless_normal([count, latent_size], draws[1])
        images = to_float(to_uint8(generate(latents, labels)))
        numbers = tf.random.stateless_uniform([count, NUMBERS_PER_PICTURE], draws[2])
        if config.augmentation == Augmentation():
            return images, labels
        return augment(images, config.augmentation, numbers), labels

    return (batch(tf.constant(number, tf.int64)) for number in itertools.count())


def predict(classifier: keras.Model, inputs: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """The most likely class of each picture.

    Args:
        classifier: Pictures, or features, -> logits.
        inputs: ``[N, H, W, C]`` uint8 pictures or ``[N, D]`` float32 features.
        batch_size: Rows in a batch.

    Returns:
        ``[N]`` int32.
    """
    return np.argmax(compute_logits(classifier, inputs, batch_size), axis=1).astype(np.int32)


def compute_logits(
    classifier: keras.Model, inputs: np.ndarray, batch_size: int = 256
) -> np.ndarray:
    """A classifier's logits in inference mode.

    Args:
        classifier: Pictures, or features, -> logits.
        inputs: ``[N, H, W, C]`` uint8 pictures or ``[N, D]`` float32 features.
        batch_size: Rows in a batch.

    Returns:
        ``[N, num_classes]`` float32.
    """
    parts = [inputs[first : first + batch_size] for first in range(0, len(inputs), batch_size)]
    return np.concatenate(
        [
            classifier(to_float(part) if part.dtype == np.uint8 else tf.constant(part))
            for part in parts
        ]
    )


def accuracy(labels: np.ndarray, predicted: np.ndarray, *, seed: int = 0) -> Estimate:
    """Accuracy with a 95 % bootstrap interval over pictures.

    Args:
        labels: ``[N]`` integers, the truth.
        predicted: ``[N]`` integers, from ``predict``.
        seed: Seed of the bootstrap.

    Returns:
        The score in [0, 1] with its interval.

    Raises:
        ValueError: If labels and predictions differ in length, or are empty.
    """
    return _with_interval(labels, predicted, share_right, seed)


def macro_f1(labels: np.ndarray, predicted: np.ndarray, *, seed: int = 0) -> Estimate:
    """Macro F1, the mean F1 score over classes, with a 95 % bootstrap interval over pictures.

    Unlike accuracy it gives each class the same weight. Only classes among the labels count; a
    class that is only predicted is an error.

    Args:
        labels: ``[N]`` integers, the truth.
        predicted: ``[N]`` integers, from ``predict``.
        seed: Seed of the bootstrap.

    Returns:
        The score in [0, 1] with its interval.

    Raises:
        ValueError: If labels and predictions differ in length, or are empty.
    """
    return _with_interval(labels, predicted, mean_f1, seed)


def share_right(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Accuracy without an interval.

    Args:
        labels: ``[N]`` integers, the truth.
        predicted: ``[N]`` integers.

    Returns:
        The share in [0, 1].
    """
    return float(np.mean(labels == predicted))


def mean_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Macro F1 without an interval, see ``macro_f1``.

    Args:
        labels: ``[N]`` integers, the truth.
        predicted: ``[N]`` integers.

    Returns:
        The score in [0, 1].
    """
    count = int(max(labels.max(), predicted.max())) + 1
    pairs = np.bincount(labels.astype(np.int64) * count + predicted, minlength=count**2)
    confusion = pairs.reshape(count, count)
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    there = confusion.sum(axis=1) > 0
    return float(np.mean(2 * confusion.diagonal()[there] / either[there]))


def _with_interval(
    labels: np.ndarray,
    predicted: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray], float],
    seed: int,
) -> Estimate:
    if labels.ndim != 1 or labels.shape != predicted.shape or not len(labels):
        raise ValueError(
            "`labels` and `predicted` must be [N], with one length above 0. "
            f"Received: labels {labels.shape}, predicted {predicted.shape}"
        )

    def of(indices: np.ndarray) -> float:
        return score(labels[indices], predicted[indices])

    return bootstrap(of, Groups(len(labels)), seed=seed)
