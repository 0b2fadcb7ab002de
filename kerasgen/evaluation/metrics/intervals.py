"""Estimates with intervals: group bootstrap, and random halves.

``docs/statistics.md`` has their simulated coverage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NORMAL = 1.96
"""Half the width of a 95 % interval, in standard deviations of a normal distribution."""

FEWEST_GROUPS = 4
"""Groups of a set that random halves of its groups need."""

BLOCK = 2**22
"""Values in a block of a large matrix: 32 MiB of float64; larger blocks are no faster."""

SMALL_BLOCK = 2**16
"""Values in a block where little else is in memory."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % interval and sample count.

    Attributes:
        value: The estimate.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        count: Number of samples (of the smaller set, where there are two).
    """

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """Text such as ``0.52 [0.48, 0.57] (n=95)``."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}] (n={self.count})"


class Groups:
    """Groups of dependent samples: frames of one scene, pictures generated from one source.

    Args:
        count: N, the number of samples.
        names: Name or number of each sample's group; None if each sample is its own group.

    Attributes:
        names: G names, in order of first occurrence.
        of_samples: ``[N]``, the index of each sample's group among the names.

    Raises:
        ValueError: If the number of names is not N.
    """

    def __init__(self, count: int, names: Iterable[Hashable] | None = None) -> None:
        listed = list(range(count) if names is None else names)
        if len(listed) != count:
            raise ValueError(
                f"Each sample needs a group. Received: {len(listed)} for {count} samples"
            )
        self.names = list(dict.fromkeys(listed))
        numbers = {name: number for number, name in enumerate(self.names)}
        self.of_samples = np.array([numbers[name] for name in listed], int)
        self._order = np.argsort(self.of_samples, kind="stable")
        self._sizes = np.bincount(self.of_samples)
        self._starts = np.cumsum(self._sizes) - self._sizes

    def __len__(self) -> int:
        """Number of groups, G."""
        return len(self.names)

    def samples(self, groups: np.ndarray) -> np.ndarray:
        """Indices of the samples of the groups ``[K]``, one group after the other."""
        if len(self) == len(self.of_samples):
            # Each sample is its own group: same result, several times as fast.
            return groups
        sizes = self._sizes[groups]
        starts = self._starts[groups] - (np.cumsum(sizes) - sizes)
        return np.asarray(self._order[np.repeat(starts, sizes) + np.arange(sizes.sum())])

    def draws(self, resamples: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """Yields sample indices of bootstrap draws: G groups, with replacement."""
        for _ in range(resamples):
            yield self.samples(generator.integers(0, len(self), len(self)))


def bootstrap(
    statistic: Callable[[np.ndarray], float],
    groups: Groups,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A statistic with its percentile bootstrap interval.

    Args:
        statistic: Function of sample indices ``[K]`` that returns a number.
        groups: Groups of the samples: those of one group are drawn together.
        resamples: Number of bootstrap draws.
        seed: Seed of the draws.

    Returns:
        The statistic of all samples, with its 95 % interval.
    """
    generator = np.random.default_rng(seed)
    count = len(groups.of_samples)
    found = [statistic(indices) for indices in groups.draws(resamples, generator)]
    return percentile_estimate(statistic(np.arange(count)), found, count)


def percentile_estimate(value: float, found: Sequence[float] | np.ndarray, count: int) -> Estimate:
    """A value with the middle 95 % of its values in bootstrap draws, NaN left out."""
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Estimate(value, float(low), float(high), count)


def bootstrap_mean(
    values: np.ndarray,
    groups: Iterable[Hashable] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """The mean with its percentile bootstrap interval.

    Args:
        values: ``[N]`` numbers, N at least 2.
        groups: Name or number of each value's group: values of one group are drawn together. None
            if all are independent.
        resamples: Number of bootstrap draws.
        seed: Seed of the draws.

    Returns:
        The mean with its 95 % interval.

    Raises:
        ValueError: If there are fewer than two values, or the number of groups is not N.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"`values` must be [N] with N above 1. Received: shape={values.shape}")
    return bootstrap(
        lambda indices: float(values[indices].mean()),
        Groups(len(values), groups),
        resamples=resamples,
        seed=seed,
    )


def variance_of_mean(values: np.ndarray, groups: Groups) -> float:
    """Variance of the mean of ``[N]`` values, of which those of one group are dependent.

    NaN with fewer than two groups.
    """
    sums = np.bincount(groups.of_samples, values - values.mean())
    factor = len(groups) / (len(groups) - 1) if len(groups) > 1 else float("nan")
    return factor * float(sums @ sums) / len(values) ** 2


def blocks(rows: int, columns: int, most: int | None = None) -> Iterator[slice]:
    """Yields blocks of the rows of a large matrix, of at most ``most`` or ``BLOCK`` values."""
    height = max(1, (most or BLOCK) // max(columns, 1))
    for start in range(0, rows, height):
        yield slice(start, min(start + height, rows))


def halves(
    groups: tuple[Groups, Groups], subsets: int, seed: int | np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields sample indices of random halves of the groups of two sets, without replacement."""
    generator = np.random.default_rng(seed)
    for _ in range(subsets):
        first, second = (
            each.samples(generator.permutation(len(each))[: len(each) // 2]) for each in groups
        )
        yield first, second


def grouped_sets(
    counts: tuple[int, int], names: Sequence[Iterable[Hashable] | None] | None
) -> tuple[Groups, Groups]:
    """Groups of the samples of two sets, for random halves.

    Args:
        counts: Numbers of samples.
        names: Names of the groups of each set; None if each sample is its own.

    Raises:
        ValueError: If a set has too few groups to be halved, or a number of names is wrong.
    """
    of_first, of_second = (None, None) if names is None else names
    found = Groups(counts[0], of_first), Groups(counts[1], of_second)
    if min(map(len, found)) < FEWEST_GROUPS:
        raise ValueError(
            f"Each set needs at least {FEWEST_GROUPS} groups. "
            f"Received: {len(found[0])} and {len(found[1])} groups"
        )
    return found


def estimate_from_halves(
    value: float, found: Sequence[float], count: int, *, least: float = -math.inf
) -> Estimate:
    """A value with the interval that its estimates from random halves of the groups give.

    A mean over half of the groups varies about the mean of all as that varies about the true mean,
    so the spread of these estimates is that of the value itself (delete-half jackknife; Shao & Wu
    1989, https://doi.org/10.1214/aos/1176347263). Only the spread is used: a bias that grows with
    fewer samples does not move the interval.

    A distance of two sets that do not differ is no such mean: its variance falls with the square of
    the number of samples, and the interval is too wide by a factor of up to the root of 3. It ends
    at `least`, the smallest value that there can be.
    """
    spread = NORMAL * spread_of_halves(found)
    return Estimate(value, max(least, value - spread), value + spread, count)


def spread_of_halves(found: Sequence[float]) -> float:
    """Standard deviation of estimates from halves; a half that is too small to measure has NaN."""
    return float(np.nanstd(found, ddof=1))


def check_features(*sets: np.ndarray, least: int = 4) -> None:
    """Checks shapes and values of sets of features.

    Args:
        *sets: Sets of features, each ``[N, D]`` with its own N.
        least: Fewest samples of a set.

    Raises:
        ValueError: If the shapes do not match, a set is too small, or a value is not finite.
    """
    shapes = [one.shape for one in sets]
    if any(len(shape) != 2 or shape[1] != shapes[0][-1] for shape in shapes):
        listed = " and ".join(map(str, shapes))
        raise ValueError(f"Features must be [N, D] and [M, D]. Received: shapes {listed}")
    if not shapes[0][1]:
        raise ValueError("A sample needs at least one feature. Received: 0")
    if min(map(len, sets)) < least:
        listed = " and ".join(str(len(one)) for one in sets)
        raise ValueError(f"Each set needs at least {least} samples. Received: {listed} samples")
    for one in sets:
        finite = [
            np.isfinite(one[part]).all(axis=1)
            for part in blocks(len(one), shapes[0][1], SMALL_BLOCK)
        ]
        bad = ~np.concatenate(finite)
        if bad.any():
            raise ValueError(
                "Features must be finite: check what computed them. "
                f"Received: {bad.sum()} of {len(one)} rows that are not, the first is row "
                f"{int(bad.argmax())}"
            )
