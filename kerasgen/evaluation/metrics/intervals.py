"""A number with its interval, and the two ways to one: the bootstrap, and halves of the samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    means = []
    for rows in blocks(resamples, len(values)):
        picks = generator.integers(0, len(values), size=(rows.stop - rows.start, len(values)))
        means.append(values[picks].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


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
    """Places of random halves of two sets, drawn without replacement."""
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
                "Features must be finite: look at what made them. "
                f"Received: {bad.sum()} of {len(one)} rows that are not, the first is row "
                f"{int(bad.argmax())}"
            )
