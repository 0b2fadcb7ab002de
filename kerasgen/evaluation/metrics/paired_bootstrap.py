"""How sure a score is that is the mean of a few classifiers on some test pictures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kerasgen.evaluation.metrics.intervals import Estimate, Groups, percentile_estimate

Name = TypeVar("Name", bound=Hashable)
Score = Callable[[np.ndarray, np.ndarray], float]
"""Labels ``[N]`` and predictions ``[N]`` -> a number in [0, 1]."""


@dataclass(frozen=True)
class Resampled:
    """The scores of a way to train, or of how much it is better than another.

    Other pictures and other classifiers would give another mean. What pictures do is resampled.
    What classifiers do is seen in the few there are: their variance is that of so few numbers, so
    the interval is Student's in their direction (as in Welch's test). Part of what they differ by
    is which pictures each gets right; that part is not counted twice.

    Attributes:
        values: ``[S]``, each classifier's score.
        draws: ``[B, S]``, the same in bootstrap draws of pictures.
        count: Test pictures, or their sources.
        limits: What a score, or a gain, can be: no interval goes beyond.
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
        """The gain over a way to train of the same seeds and draws."""
        limits = self.limits[0] - other.limits[1], self.limits[1] - other.limits[0]
        return Resampled(self.values - other.values, self.draws - other.draws, self.count, limits)

    def estimate(self) -> Estimate:
        """The mean with its 95 % interval; of one classifier over pictures only."""
        return percentile_estimate(self.value, np.clip(self.chances(), *self.limits), self.count)

    def chances(self) -> np.ndarray:
        """``[B]``: what the mean might have been; of the same seeds and draws in step."""
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
        """Root of the share of the pictures' variance that all classifiers have in common."""
        classifiers, whole = len(self.values), float(means.var())
        each = float(self.draws.var(axis=0).mean())
        alone = max(0.0, each - whole) / (classifiers - 1)
        return float(np.sqrt(max(0.0, 1.0 - alone / whole))) if whole > 0.0 else 0.0


def resampled_scores(
    score: Score,
    labels: np.ndarray,
    answers: Mapping[Name, np.ndarray],
    *,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[Name, Resampled]:
    """The scores of several ways to train, in the same bootstrap draws of pictures.

    All are scored on the same resampled pictures, so what makes a picture hard for all does not
    widen the interval of a difference.

    Args:
        score: ``share_right`` or ``mean_f1`` of ``classifiers.training``, or another.
        labels: ``[N]`` integers, the truth.
        answers: By name ``[S, N]``, the predicted classes; of the same seeds and pictures.
        groups: The source of each picture: those of one are drawn together. None for each its own.
        seed: Of the bootstrap.
        resamples: B, how many draws.

    Raises:
        ValueError: If they have different forms.
    """
    shapes = {name: each.shape for name, each in answers.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"All arms need the same seeds and pictures. Received: {shapes}")
    grouped = Groups(len(labels), groups)
    generator = np.random.default_rng(seed)
    draws: dict[Name, list[np.ndarray]] = {name: [] for name in answers}
    for indices in grouped.draws(resamples, generator):
        for name, predicted in answers.items():
            draws[name].append(_scores(score, labels[indices], predicted[:, indices]))
    return {
        name: Resampled(_scores(score, labels, predicted), np.stack(draws[name]), len(grouped))
        for name, predicted in answers.items()
    }


def _scores(score: Score, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.array([score(labels, row) for row in predicted])
