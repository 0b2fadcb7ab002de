"""Intervals of the mean score of several classifiers on test pictures, and of its gains."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kerasgen.evaluation.metrics.intervals import Estimate, Groups, percentile_estimate

Name = TypeVar("Name", bound=Hashable)
Score = Callable[[np.ndarray, np.ndarray], float]
"""Function of labels ``[N]`` and predictions ``[N]`` that returns a score in [0, 1]."""


@dataclass(frozen=True)
class Resampled:
    """Scores of the classifiers of one arm, or their gains over another arm.

    The mean varies with the test pictures and with the classifiers. Variation over pictures is
    estimated by the bootstrap, variation over classifiers from their few scores with Student's t
    (as in Welch's test). Part of the classifiers' variance comes from the pictures that each gets
    right; that part is not counted twice.

    Attributes:
        values: ``[S]``, each classifier's score.
        draws: ``[B, S]``, the same in bootstrap draws of pictures.
        count: Number of test pictures, or of their sources.
        limits: Range of the score or gain; intervals are clipped to it.
    """

    values: np.ndarray
    draws: np.ndarray
    count: int
    limits: tuple[float, float] = (0.0, 1.0)

    @property
    def value(self) -> float:
        """The mean over classifiers."""
        return float(self.values.mean())

    def minus(self, other: Resampled) -> Resampled:
        """The gain over another arm with the same seeds and draws."""
        limits = self.limits[0] - other.limits[1], self.limits[1] - other.limits[0]
        return Resampled(self.values - other.values, self.draws - other.draws, self.count, limits)

    def estimate(self) -> Estimate:
        """The mean with its 95 % interval; for one classifier, over pictures only."""
        return percentile_estimate(self.value, np.clip(self.chances(), *self.limits), self.count)

    def chances(self) -> np.ndarray:
        """``[B]``, draws of the mean; aligned between arms of the same seeds and draws."""
        classifiers = len(self.values)
        means = self.draws.mean(axis=1)
        moved = means - means.mean()
        if classifiers == 1:
            return self.value + moved
        own = self.values - self.value
        random = np.random.default_rng(0)
        steps = random.normal(size=self.draws.shape) @ own
        free = classifiers - 1
        steps *= np.sqrt(free / random.chisquare(free, len(means)) / (classifiers * free))
        return self.value + self._of_pictures(means) * moved + steps

    def _of_pictures(self, means: np.ndarray) -> float:
        """Root of the share of the pictures' variance that is common to all classifiers."""
        classifiers, whole = len(self.values), float(means.var())
        each = float(self.draws.var(axis=0).mean())
        alone = max(0.0, each - whole) / (classifiers - 1)
        return float(np.sqrt(max(0.0, 1.0 - alone / whole))) if whole > 0.0 else 0.0


def resampled_scores(
    score: Score,
    labels: np.ndarray,
    predictions: Mapping[Name, np.ndarray],
    *,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[Name, Resampled]:
    """Scores of several arms in the same bootstrap draws of pictures.

    All arms are scored on the same resampled pictures, so pictures that are hard for all do not
    widen the interval of a difference.

    Args:
        score: ``share_right`` or ``mean_f1`` of ``classifiers.training``, or another.
        labels: ``[N]`` integers, the truth.
        predictions: By arm ``[S, N]``, the predicted classes; of the same seeds and pictures.
        groups: Source of each picture: those of one source are drawn together. None if each picture
            is its own.
        seed: Seed of the bootstrap.
        resamples: Number of draws, B.

    Returns:
        The scores, by arm.

    Raises:
        ValueError: If the predictions have different shapes.
    """
    shapes = {name: each.shape for name, each in predictions.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"All arms need the same seeds and pictures. Received: {shapes}")
    grouped = Groups(len(labels), groups)
    generator = np.random.default_rng(seed)
    draws: dict[Name, list[np.ndarray]] = {name: [] for name in predictions}
    for indices in grouped.draws(resamples, generator):
        for name, predicted in predictions.items():
            draws[name].append(_scores(score, labels[indices], predicted[:, indices]))
    return {
        name: Resampled(_scores(score, labels, predicted), np.stack(draws[name]), len(grouped))
        for name, predicted in predictions.items()
    }


def _scores(score: Score, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.array([score(labels, row) for row in predicted])
