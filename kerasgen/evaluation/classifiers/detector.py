"""A detector of one object (in the picture or not), trained on synthetic pictures.

Its score on synthetic pictures says little, because it can use traces of the generation instead of
the object. So it is tested on real pictures; the score on held-out synthetic ones is reported only
for comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasgen.classifier import ClassifierStep, build_classifier
from kerasgen.data.augmentation import Augmentation
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.data.splits import balanced_indices, split_by_source
from kerasgen.evaluation.classifiers.early_stopping import fit_classifier, log_likelihood
from kerasgen.evaluation.classifiers.linear_head import feature_batches, linear_head
from kerasgen.evaluation.classifiers.training import TrainConfig, compute_logits
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.metrics import Estimate, area_under_roc, share_with_interval
from kerasgen.training.step import Player
from kerasgen.training.trainer import Trainer

Score = Callable[[np.ndarray], np.ndarray]
"""``[N, H, W, C]`` uint8 -> ``[N]`` float: log-odds that the object is present."""

HELD_OUT = 0.2
"""Share of the sources held out for early stopping."""

DETECTOR_CONFIG = TrainConfig(
    steps=1500, batch_size=32, augmentation=Augmentation(flip=True), width=16, patience=6
)
"""Default training configuration of a detector."""

_WIDTHS = (1, 2, 4, 4)
"""Channels of the small network's levels as multiples of its width; there are as many levels as
the pictures' sides can be halved."""


@dataclass(frozen=True)
class DetectionData:
    """Pictures with an object and without.

    Attributes:
        images: ``[N, H, W, C]`` uint8.
        present: ``[N]`` bool, whether the object is in the picture.
        sources: Source of each picture: its scene, or what it was generated from.
    """

    images: np.ndarray
    present: np.ndarray
    sources: Sequence[Hashable]

    @classmethod
    def of(
        cls,
        negatives: np.ndarray,
        positives: np.ndarray,
        sources: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    ) -> DetectionData:
        """Joins both kinds; without ``sources`` every picture is its own source."""
        counts = len(negatives), len(positives)
        names = sources or (range(counts[0]), range(counts[0], sum(counts)))
        return cls(
            np.concatenate([negatives, positives]),
            np.repeat([False, True], counts),
            [*names[0], *names[1]],
        )

    @property
    def groups(self) -> np.ndarray:
        """``[N]`` integers, equal for pictures of one source."""
        numbers = np.unique([repr(source) for source in self.sources], return_inverse=True)[1]
        return np.asarray(numbers)

    def at(self, indices: np.ndarray) -> DetectionData:
        """The pictures at ``[M]`` integer indices."""
        sources = [self.sources[index] for index in indices]
        return DetectionData(self.images[indices], self.present[indices], sources)


@dataclass(frozen=True)
class Detector:
    """A trained detector.

    Attributes:
        score: Function from pictures to log-odds.
        network: The trained network: pictures, or features, -> two logits.
        claimed: ``measure_detection`` on the held-out part of the training data.
    """

    score: Score
    network: keras.Model
    claimed: dict[str, Any]


def fit_detector(
    trainer: Trainer,
    data: DetectionData,
    config: TrainConfig,
    *,
    features: FeatureExtractor | None = None,
    seed: int = 0,
) -> Detector:
    """Trains a detector with early stopping on held-out sources.

    Args:
        trainer: Its work folder keeps checkpoints and the best network; a restart resumes.
        data: Training data; each source is either trained on or held out.
        config: Training configuration; batches are balanced.
        features: If set, train a linear head on these features, computed once, without
            augmentation; None for a small network from scratch.
        seed: Seed of weights, split and order.

    Returns:
        The detector, with the weights that are best on held-out sources; on workers other than
        the chief with the last.
    """
    labels = data.present.astype(np.int32)
    train, held_out = split_by_source(data.sources, HELD_OUT, seed, labels=labels)
    # All pictures at once, so that a feature cache serves every seed.
    inputs = data.images if features is None else features(data.images)
    even = train[balanced_indices(labels[train], seed)]
    keras.utils.set_random_seed(seed)
    with trainer.scope():
        if features is None:
            network = _small_network(data.images.shape[1:], config.width)
            batches = labelled(
                Pictures.from_array(inputs[even], labels[even]),
                config.batch_size,
                seed=seed,
                augmentation=config.augmentation,
            )
        else:
            network = linear_head(inputs[train], 2)
            batches = feature_batches(inputs[even], labels[even], config.batch_size, seed=seed)
        player = Player(network, keras.optimizers.Adam(config.learning_rate))
        step = ClassifierStep(network, player, seed=seed)
    fit_classifier(
        trainer,
        step,
        batches,
        log_likelihood(inputs[held_out], labels[held_out]),
        steps=config.steps,
        validate_every=config.validate_every,
        patience=config.patience,
    )

    detector = detector_of(network, {}, features)
    claimed = measure_detection(detector.score, data.at(held_out))
    return replace(detector, claimed=claimed)


def detector_of(
    network: keras.Model, claimed: dict[str, Any], features: FeatureExtractor | None = None
) -> Detector:
    """A detector from its trained network.

    Args:
        network: Pictures ``[N, H, W, C]`` float32 in [-1, 1], or features -> two logits.
        claimed: What was measured on its held-out synthetic pictures.
        features: Features that it takes; None if it takes pictures.

    Returns:
        The detector.
    """

    def score(images: np.ndarray) -> np.ndarray:
        logits = compute_logits(network, images if features is None else features(images))
        return np.diff(logits.astype(np.float64), axis=1)[:, 0]

    return Detector(score, network, claimed)


def _small_network(image_shape: tuple[int, ...], width: int) -> keras.Model:
    widths = [
        width * times
        for level, times in enumerate(_WIDTHS)
        if min(image_shape[:2]) % 2 ** (level + 1) == 0
    ]
    return build_classifier(image_shape, 2, widths=widths, units=64)


def measure_detection(
    score: Score, data: DetectionData, *, threshold: float = 0.0
) -> dict[str, Any]:
    """Measures a detector on test pictures.

    Args:
        score: Function from pictures to log-odds.
        data: Test pictures; those of one source count as dependent in the intervals.
        threshold: Log-odds above which the object is detected.

    Returns:
        ``area_under_roc``; ``accuracy`` at the threshold, the mean of ``accuracy_with`` and
        ``accuracy_without``; each an ``Estimate`` as a dict.
    """
    scores = score(data.images)
    groups = data.groups
    right = (scores > threshold) == data.present
    parts = {
        name: share_with_interval(right[kind], groups[kind].tolist())
        for name, kind in (("accuracy_with", data.present), ("accuracy_without", ~data.present))
    }
    area = area_under_roc(data.present, scores, groups)
    figures = {"area_under_roc": area, "accuracy": balanced_accuracy(*parts.values()), **parts}
    return {name: asdict(value) for name, value in figures.items()}


def balanced_accuracy(first: Estimate, second: Estimate) -> Estimate:
    """The mean of the accuracies on two kinds of pictures.

    The pictures are independent, so the margins are added as squares (Newcombe 1998, method 10,
    https://pubmed.ncbi.nlm.nih.gov/9595617/).

    Args:
        first: Accuracy on one kind, in [0, 1].
        second: Accuracy on the other kind.

    Returns:
        The mean with its 95 % interval; its count is the smaller one.
    """
    halves = first, second
    below, above = (
        0.5 * float(np.hypot(*(getattr(half, end) - half.value for half in halves)))
        for end in ("low", "high")
    )
    mean = 0.5 * (first.value + second.value)
    return Estimate(mean, mean - below, mean + above, min(first.count, second.count))
