"""A number with its interval, and the ways to one: bootstrap of groups, Wilson's, and halves."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 2**22
"""Numbers that a block of a large matrix may have: 32 MiB of float64; larger ones are no faster."""

SMALL_BLOCK = 2**16
"""The same where little else is in memory."""


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


class Groups:
    """Which samples belong together: frames of one scene, pictures made of one source.

    Args:
        count: N, how many samples there are.
        names: N names or numbers, one of each sample's group. None: each sample is its own.

    Attributes:
        names: G names, in the order in which they first come.
        of_samples: ``[N]``, the index of each sample's group among the names.

    Raises:
        ValueError: If there is not a name for each sample.
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
        """G."""
        return len(self.names)

    def samples(self, groups: np.ndarray) -> np.ndarray:
        """Indices of the samples of some groups, one group after the other."""
        if len(self) == len(self.of_samples):
            # Each sample is its own group: the same, several times as fast.
            return groups
        sizes = self._sizes[groups]
        starts = self._starts[groups] - (np.cumsum(sizes) - sizes)
        return np.asarray(self._order[np.repeat(starts, sizes) + np.arange(sizes.sum())])

    def draws(self, resamples: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
        """Indices of the samples in bootstrap draws: G groups, with replacement."""
        for _ in range(resamples):
            yield self.samples(generator.integers(0, len(self), len(self)))


def bootstrap(
    statistic: Callable[[np.ndarray], float],
    groups: Groups,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Any statistic of some samples with a percentile bootstrap interval.

    Args:
        statistic: Indices of samples -> a number.
        groups: Of the samples: those of one are drawn together.
        resamples: Bootstrap draws.
        seed: Of the draws.
    """
    generator = np.random.default_rng(seed)
    count = len(groups.of_samples)
    found = [statistic(indices) for indices in groups.draws(resamples, generator)]
    return percentile_estimate(statistic(np.arange(count)), found, count)


def percentile_estimate(value: float, found: Sequence[float] | np.ndarray, count: int) -> Estimate:
    """A value with the middle 95 % of what was found in bootstrap draws; NaN does not count."""
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Estimate(value, float(low), float(high), count)


def bootstrap_mean(
    values: np.ndarray,
    groups: Iterable[Hashable] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """The mean of some values with a percentile bootstrap interval.

    Args:
        values: ``[N]`` numbers, N at least 2.
        groups: N names or numbers: values of one group are drawn together. None: all independent.
        resamples: Bootstrap draws.
        seed: Of the draws.

    Raises:
        ValueError: If there are fewer than two values, or not a group for each.
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


def share_with_interval(flags: np.ndarray) -> Estimate:
    """The share of samples for which something holds, with Wilson's interval.

    Args:
        flags: ``[N]`` bool, of independent samples.

    Raises:
        ValueError: If there is none.
    """
    if flags.ndim != 1 or not len(flags):
        raise ValueError(f"`flags` must be [N] with N above 0. Received: shape={flags.shape}")
    share = float(np.mean(flags))
    return Estimate(share, *wilson_interval(share, len(flags)), len(flags))


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of a share; unlike a bootstrap's it has a width at 0 and 1."""
    weight = 1.96**2 / count
    middle = (share + weight / 2) / (1 + weight)
    margin = float(np.sqrt(weight * share * (1 - share) + weight**2 / 4)) / (1 + weight)
    return max(0.0, middle - margin), min(1.0, middle + margin)


def blocks(rows: int, columns: int, most: int | None = None) -> Iterator[slice]:
    """Parts of the rows of a matrix too large to hold, each of ``most`` numbers, or ``BLOCK``."""
    height = max(1, (most or BLOCK) // max(columns, 1))
    for start in range(0, rows, height):
        yield slice(start, min(start + height, rows))


def halves(
    counts: tuple[int, int], subsets: int, seed: int | np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of random halves of two sets, drawn without replacement."""
    generator = np.random.default_rng(seed)
    for _ in range(subsets):
        first, second = (generator.permutation(count)[: count // 2] for count in counts)
        yield first, second


def estimate_from_halves(value: float, found: Sequence[float], count: int) -> Estimate:
    """A value with the interval that its estimates from halves of the samples give.

    A mean over half of a sample varies about its whole as the whole varies about the truth, so the
    spread of these estimates is that of the value itself (the half-sample, or delete-half
    jackknife, interval; Shao & Wu 1989). Only the spread is used: a bias that grows as the samples
    get fewer does not move the interval.
    """
    spread = 1.96 * float(np.std(found, ddof=1))
    return Estimate(value, value - spread, value + spread, count)


def check_features(*sets: np.ndarray, least: int = 4) -> None:
    """Checks sets of features before anything is computed.

    Args:
        *sets: Each ``[N, D]``, N of its own.
        least: Samples that each needs.

    Raises:
        ValueError: If the forms do not fit, a set is too small, or a number is not finite.
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
