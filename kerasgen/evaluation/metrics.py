"""Features -> numbers, with numpy only; every number with an interval and its sample counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number, how sure it is, and from how much.

    Attributes:
        value: The estimate.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        count: Samples it rests on (of the smaller set, where there are two).
    """

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """As ``0.52 [0.48, 0.57] (n=95)``."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}] (n={self.count})"


def kernel_distance(
    first: np.ndarray,
    second: np.ndarray,
    *,
    subsets: int = 200,
    seed: int = 0,
) -> Estimate:
    """Kernel Inception distance on any features: squared MMD, cubic polynomial kernel, unbiased.

    Binkowski et al., "Demystifying MMD GANs" (2018), section 4: kernel ``(x.y / D + 1)^3``. The
    value uses all samples; it can be slightly negative when the two sets come from one
    distribution.

    Differs: the interval. It comes from subsets of half of each set, drawn without replacement.
    A mean over half of a sample varies about its whole as the whole varies about the truth, so
    the spread of these estimates is that of the value itself (the half-sample, or delete-half
    jackknife, interval; Shao & Wu 1989).

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.
        subsets: How many subsets the interval rests on.
        seed: Of the subsets.

    Raises:
        ValueError: If the forms do not fit or a set is too small.
    """
    _check_features(first, second)
    kernels = _Kernels.of(first, second)
    generator = np.random.default_rng(seed)
    value = kernels.distance(np.arange(len(first)), np.arange(len(second)))
    halves = [
        kernels.distance(
            generator.permutation(len(first))[: len(first) // 2],
            generator.permutation(len(second))[: len(second) // 2],
        )
        for _ in range(subsets)
    ]
    spread = 1.96 * float(np.std(halves, ddof=1))
    return Estimate(value, value - spread, value + spread, min(len(first), len(second)))


@dataclass(frozen=True)
class _Kernels:
    """The three kernel matrices, computed once; subsets only index them."""

    within_first: np.ndarray
    within_second: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> _Kernels:
        a, b = first.astype(np.float64), second.astype(np.float64)
        return cls(_cubic(a, a), _cubic(b, b), _cubic(a, b))

    def distance(self, rows: np.ndarray, columns: np.ndarray) -> float:
        within_first = _off_diagonal_mean(self.within_first[np.ix_(rows, rows)])
        within_second = _off_diagonal_mean(self.within_second[np.ix_(columns, columns)])
        between = self.between[np.ix_(rows, columns)].mean()
        return float(within_first + within_second - 2.0 * between)


def _cubic(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1.0) ** 3


def _off_diagonal_mean(kernel: np.ndarray) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))


def bootstrap_mean(values: np.ndarray, *, resamples: int = 2000, seed: int = 0) -> Estimate:
    """The mean of independent values with a percentile bootstrap interval.

    Args:
        values: ``[N]`` numbers, N at least 2.
        resamples: Bootstrap samples.
        seed: Of the resampling.

    Raises:
        ValueError: If there are fewer than two values.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"`values` must be [N] with N above 1. Received: shape={values.shape}")
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def nearest_neighbours(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """For each query the place of the reference with the smallest Euclidean distance.

    Args:
        queries: ``[N, D]``.
        references: ``[M, D]``.

    Returns:
        ``[N]`` integers.
    """
    queries, references = queries.astype(np.float64), references.astype(np.float64)
    squared = (references**2).sum(axis=1)[None, :] - 2.0 * queries @ references.T
    return squared.argmin(axis=1)


def _check_features(first: np.ndarray, second: np.ndarray) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"Features must be [N, D] and [M, D]. Received: shapes {first.shape} and {second.shape}"
        )
    if min(len(first), len(second)) < 4:
        raise ValueError(
            f"Each set needs at least 4 samples. Received: {len(first)} and {len(second)} samples"
        )


def area_under_roc(
    positive: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    baseline: np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Area under the ROC curve, or its gain on a baseline, with a percentile bootstrap interval.

    The chance that a positive has a higher score than a negative, ties counted half (Hanley &
    McNeil 1982). Samples of one group (frames of one scene, crops of one picture) are drawn
    together: they are not independent. Of several scorers the areas are averaged, and they are
    drawn, too.

    Args:
        positive: ``[N]`` bool, the truth.
        scores: ``[N]`` numbers, the higher the more positive; or ``[S, N]``, of S scorers.
        groups: ``[N]`` names or numbers; None if each sample is its own group.
        baseline: Scores of the same form: the result is the difference of the areas, and both are
            asked about the same samples each time (a paired interval).
        resamples: Bootstrap samples; those without a positive or a negative do not count.
        seed: Of the resampling.

    Returns:
        The area in [0, 1] or the difference in [-1, 1]; its count is that of the rarer kind.

    Raises:
        ValueError: If the forms differ, a score is not finite, or one kind is missing.
    """
    positive = np.asarray(positive, bool)
    rarer = _rarer_kind(positive)
    added = [(1.0, _scorers(positive, scores))]
    if baseline is not None:
        added.append((-1.0, _scorers(positive, baseline)))
        if added[0][1].shape != added[1][1].shape:
            raise ValueError(
                "`scores` and `baseline` must be of one form. "
                f"Received: shapes {added[0][1].shape} and {added[1][1].shape}"
            )
    scorers = len(added[0][1])

    def value(weights: np.ndarray, rows: np.ndarray) -> float:
        return sum(
            sign * float(np.mean([roc_area(positive, told[row], weights) for row in rows]))
            for sign, told in added
        )

    members = (
        np.arange(len(positive)) if groups is None else np.unique(groups, return_inverse=True)[1]
    )
    generator = np.random.default_rng(seed)
    count = members.max() + 1
    areas = []
    for _ in range(resamples):
        # How often each group was drawn weighs its samples: nothing is copied.
        drawn = np.bincount(generator.integers(0, count, count), minlength=count)
        rows = generator.integers(0, scorers, scorers) if scorers > 1 else np.zeros(1, int)
        areas.append(value(drawn[members].astype(np.float64), rows))
    low, high = np.nanpercentile(areas, [2.5, 97.5])
    whole = value(np.ones(len(positive)), np.arange(scorers))
    return Estimate(whole, float(low), float(high), rarer)


def _rarer_kind(positive: np.ndarray) -> int:
    """How many there are of the rarer kind."""
    rarer = int(min(positive.sum(), (~positive).sum()))
    if not rarer:
        raise ValueError(
            "Positives and negatives are needed. "
            f"Received: {positive.sum()} positives of {len(positive)}"
        )
    return rarer


def _scorers(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """``[S, N]`` float64."""
    scores = np.asarray(scores, np.float64)
    fits = positive.ndim == 1 and scores.ndim in (1, 2) and scores.shape[-1:] == positive.shape
    if not fits or not scores.size or not np.isfinite(scores).all():
        raise ValueError(
            "`positive` must be [N], and scores [N] or [S, N], finite. "
            f"Received: shapes {positive.shape} and {scores.shape}"
        )
    return np.atleast_2d(scores)


def roc_area(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The area under the ROC curve alone, see ``area_under_roc``.

    Args:
        positive: ``[N]`` bool, the truth.
        scores: ``[N]`` numbers.
        weights: ``[N]``, how much each sample counts; None for all alike.

    Returns:
        The area in [0, 1]; NaN if one kind is missing or weighs nothing.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    levels, place = np.unique(scores, return_inverse=True)
    above = np.bincount(place, weights * positive, len(levels))
    below = np.bincount(place, weights * ~positive, len(levels))
    if not above.sum() or not below.sum():
        return float("nan")
    beaten = np.cumsum(below) - 0.5 * below
    return float(above @ beaten / (above.sum() * below.sum()))
