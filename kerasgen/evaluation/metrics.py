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
