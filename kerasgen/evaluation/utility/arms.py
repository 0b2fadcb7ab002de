"""Arms that train a classifier with a generator: real, augmented, generated and mixed pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from kerasgen.data.augmentation import Augmentation
from kerasgen.data.labelled_images import LabelledImages
from kerasgen.data.splits import balanced_indices
from kerasgen.evaluation.classifiers.training import (
    Generate,
    TrainConfig,
    generated_batches,
    predict,
    real_batches,
    train_classifier,
)
from kerasgen.evaluation.metrics import Estimate
from kerasgen.evaluation.metrics.paired_bootstrap import Score, resampled_scores

Batches = Iterator[tuple[tf.Tensor, tf.Tensor]]
MakeBatches = Callable[[int], Batches]
"""Function of a seed that returns endless batches of (images, labels)."""

AUGMENTATIONS = {
    "none": Augmentation(),
    "flip": Augmentation(flip=True),
    "shift": Augmentation(flip=True, shift=0.125),
    "trivial": Augmentation(
        flip=True,
        rotation=30.0,
        shift=0.3,
        shear=17.0,
        zoom=0.3,
        brightness=0.9,
        contrast=0.9,
        one_of=True,
    ),
}
"""Strengths of augmentation, from none to one strong operation of several: ``shift`` is the usual
one of small pictures (flip and a shift of four pixels of 32), ``trivial`` that of arXiv:2103.10158
with fewer operations. Which is best depends on the pictures, so it is chosen like any arm."""

_STREAM = 1000
"""Separates the seeds of generated pictures from those of real ones."""


def utility_arms(
    train: LabelledImages,
    generate: Generate,
    latent_size: int,
    config: TrainConfig,
    *,
    augmentation: Augmentation = AUGMENTATIONS["shift"],
    share: float = 0.5,
) -> dict[str, MakeBatches]:
    """The arms that are compared; the first is the baseline.

    Args:
        train: The real pictures that the generator was trained on.
        generate: The generator, in inference mode.
        latent_size: Size of its noise vector.
        config: Training configuration, without augmentation.
        augmentation: Augmentation of the augmented arms.
        share: Share of generated pictures in each batch of the mixed arms, above 0 and below 1.

    Returns:
        ``real``; ``real, balanced classes`` (oversampled, as generated classes are balanced);
        ``real, augmented``; ``synthetic``; ``real + synthetic``; ``real, augmented + synthetic``.

    Raises:
        ValueError: If a batch would have no real or no generated pictures.
    """
    generated = round(share * config.batch_size)
    if not 0 < generated < config.batch_size:
        raise ValueError(
            "`share` must leave real and generated pictures in each batch. "
            f"Received: share={share} of {config.batch_size} pictures"
        )
    balanced = train.at(balanced_indices(train.labels, 0))
    part = dataclasses.replace(config, batch_size=config.batch_size - generated)
    rest = dataclasses.replace(config, batch_size=generated)
    classes = len(train.class_names)

    def synthetic(config: TrainConfig) -> MakeBatches:
        return lambda seed: generated_batches(
            generate, latent_size, classes, config, seed + _STREAM
        )

    def mixed(real: MakeBatches) -> MakeBatches:
        return lambda seed: joined_batches(real(seed), synthetic(rest)(seed))

    return {
        "real": _real(train, config),
        "real, balanced classes": _real(balanced, config),
        "real, augmented": _real(train, dataclasses.replace(config, augmentation=augmentation)),
        "synthetic": synthetic(config),
        "real + synthetic": mixed(_real(train, part)),
        "real, augmented + synthetic": mixed(
            _real(train, dataclasses.replace(part, augmentation=augmentation))
        ),
    }


def _real(pictures: LabelledImages, config: TrainConfig) -> MakeBatches:
    return lambda seed: real_batches(pictures.images, pictures.labels, config, seed)


def joined_batches(first: Batches, second: Batches) -> Batches:
    """Batches that join the rows of two batches, those of ``first`` first."""
    for one, other in zip(first, second, strict=False):
        images, labels = (
            tf.concat([tf.cast(a, b.dtype), b], axis=0) for a, b in zip(one, other, strict=True)
        )
        yield images, labels


def train_and_predict(
    arm: MakeBatches, test: LabelledImages, config: TrainConfig, seeds: Sequence[int]
) -> np.ndarray:
    """Trains the classifiers of one arm, and predicts the classes of the test pictures.

    Args:
        arm: From ``utility_arms``, or any other source of batches.
        test: Real pictures not used for training or selection.
        config: Training configuration.
        seeds: One classifier is trained for each.

    Returns:
        ``[S, N]`` int32, the predicted class of each test picture by each classifier.
    """
    shape, classes = test.images.shape[1:], len(test.class_names)
    networks = (train_classifier(arm(seed), shape, classes, config, seed) for seed in seeds)
    return np.stack([predict(network, test.images) for network in networks])


def score_with_interval(
    score: Score, labels: np.ndarray, predicted: np.ndarray, *, seed: int = 0
) -> Estimate:
    """Mean score over classifiers, with a 95 % interval over classifiers and pictures.

    Args:
        score: ``share_right`` or ``mean_f1`` of ``classifiers.training``, or another.
        labels: ``[N]`` integers, the truth.
        predicted: ``[S, N]``, from ``train_and_predict``.
        seed: Seed of the bootstrap.

    Returns:
        The mean with its interval.
    """
    return resampled_scores(score, labels, {"own": predicted}, seed=seed)["own"].estimate()


def gain_with_interval(
    score: Score,
    labels: np.ndarray,
    predicted: np.ndarray,
    baseline: np.ndarray,
    *,
    seed: int = 0,
) -> Estimate:
    """Gain over a baseline, with a paired 95 % interval.

    Args:
        score: ``share_right`` or ``mean_f1`` of ``classifiers.training``, or another.
        labels: ``[N]`` integers, the truth.
        predicted: ``[S, N]``, from ``train_and_predict``.
        baseline: The same of the other arm, for the same seeds.
        seed: Seed of the bootstrap.

    Returns:
        The difference of the mean scores, with its interval.

    Raises:
        ValueError: If the two arms have different shapes.
    """
    both = {"own": predicted, "other": baseline}
    found = resampled_scores(score, labels, both, seed=seed)
    return found["own"].minus(found["other"]).estimate()
