"""What is a generated set worth to a classifier? Train on it, test on real pictures.

Ravuri & Vinyals (2019), "Classification Accuracy Score for Conditional Generative Models": the
accuracy on real pictures of a classifier that saw generated ones only, beside that of the same
classifier trained on real ones. Here both make the same number of updates on batches of the same
size, with the same augmentation.
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
    """How a classifier is trained; the same for all that are compared.

    Attributes:
        steps: Updates; the most of them where training stops early.
        batch_size: Pictures in a global batch.
        learning_rate: Of Adam; falls to zero along a cosine where training does not stop early.
        augmentation: Random geometry of every picture; none by default.
        width: Channels of a small network's first layers; a linear head has none.
        validate_every: Updates between two validations where training stops early
            (``fit_classifier``).
        patience: Validations in a row without a better score after which it stops.
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
        image_shape: Of the pictures.
        num_classes: Labels are 0 to ``num_classes - 1``.
        config: Length, learning rate and width.
        seed: Of the weights and Dropout.
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
    """Trains any network that gives logits.

    Args:
        network: What the batches hold -> ``[N, num_classes]`` logits.
        batches: (inputs, labels int32), at least ``config.steps`` of them.
        config: Length and learning rate.
        seed: Of Dropout.
    """
    falling = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    step = ClassifierStep(network, Player(network, keras.optimizers.Adam(falling)), seed=seed)
    update = tf.function(lambda images, labels: step(images, labels))
    for images, labels in itertools.islice(batches, config.steps):
        update(images, labels)


def _widths(image_shape: tuple[int, int, int], first: int) -> tuple[int, ...]:
    """Channels of the classifier: halved as long as both sides are even and above 8 pixels."""
    height, width, count = *image_shape[:2], 0
    while height % 2 == width % 2 == 0 and min(height, width) > 8:
        height, width, count = height // 2, width // 2, count + 1
    return tuple(first * 2**level for level in range(max(count, 1)))


def train_on_images(pictures: LabelledImages, config: TrainConfig, seed: int) -> keras.Model:
    """Trains a small classifier from scratch on pictures in memory; see ``train_classifier``."""
    batches = real_batches(pictures.images, pictures.labels, config, seed)
    image_shape, num_classes = pictures.images.shape[1:], len(pictures.class_names)
    return train_classifier(batches, image_shape, num_classes, config, seed)


def real_batches(
    images: np.ndarray, labels: np.ndarray, config: TrainConfig, seed: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Endless batches of real pictures ``[N, H, W, C]`` uint8."""
    pictures = Pictures.from_array(images, labels)
    batches = labelled(pictures, config.batch_size, seed=seed, augmentation=config.augmentation)
    return iter(batches.dataset())


def generated_batches(
    generate: Generate, latent_size: int, num_classes: int, config: TrainConfig, seed: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Endless batches of fresh pictures, all classes alike, rounded to 8 bits as files are."""
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
    """The most likely class of each picture, ``[N]`` int32; arguments as of ``compute_logits``."""
    return np.argmax(compute_logits(classifier, inputs, batch_size), axis=1).astype(np.int32)


def compute_logits(
    classifier: keras.Model, inputs: np.ndarray, batch_size: int = 256
) -> np.ndarray:
    """A classifier's logits in inference mode.

    Args:
        classifier: Pictures, or features, -> logits.
        inputs: ``[N, H, W, C]`` uint8 pictures or ``[N, D]`` float32 features.
        batch_size: Pictures, or features, at once.

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
    """Share of right answers, with a 95 % bootstrap interval over pictures.

    Args:
        labels: ``[N]`` integers, the truth.
        predicted: ``[N]`` integers, from ``predict``.
        seed: Of the bootstrap.

    Raises:
        ValueError: If the two are not of one length above 0.
    """
    return _with_interval(labels, predicted, share_right, seed)


def macro_f1(labels: np.ndarray, predicted: np.ndarray, *, seed: int = 0) -> Estimate:
    """Mean over classes of the harmonic mean of precision and recall, with a 95 % interval.

    Unlike accuracy it does not care how common a class is. The classes are those among the
    labels: one that is only predicted counts as a mistake, not as a class of its own.

    Args:
        labels: ``[N]`` integers, the truth.
        predicted: ``[N]`` integers, from ``predict``.
        seed: Of the bootstrap.

    Raises:
        ValueError: If the two are not of one length above 0.
    """
    return _with_interval(labels, predicted, mean_f1, seed)


def share_right(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Accuracy in [0, 1], without an interval."""
    return float(np.mean(labels == predicted))


def mean_f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Macro F1 in [0, 1], without an interval."""
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
            "`labels` and `predicted` must be [N], of one length above 0. "
            f"Received: labels {labels.shape}, predicted {predicted.shape}"
        )

    def of(indices: np.ndarray) -> float:
        return score(labels[indices], predicted[indices])

    return bootstrap(of, Groups(len(labels)), seed=seed)
