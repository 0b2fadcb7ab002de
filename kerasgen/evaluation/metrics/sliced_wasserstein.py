"""Sliced Wasserstein distance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from kerasgen.evaluation.metrics.intervals import (
    Estimate,
    check_features,
    estimate_from_halves,
    grouped_sets,
    halves,
)


def sliced_wasserstein_distance(
    first: np.ndarray,
    second: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    *,
    directions: int = 256,
    subsets: int = 50,
    seed: int = 0,
) -> Estimate:
    """Mean Wasserstein distance over random directions, in units of the features.

    Rabin et al., "Wasserstein Barycenter and its Application to Texture Mixing" (2012,
    https://doi.org/10.1007/978-3-642-24785-9_37), section 2.3, with distances instead of their
    squares: along each direction, the mean distance of the sorted samples. Sets of unequal sizes
    are compared at as many quantiles as the larger has samples.

    The value is above 0 for two sets of one distribution, too: show the real-vs-real baseline
    beside it.

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.
        groups: Names or numbers of the groups of the N and of the M samples, at least 4 of each:
            the interval draws whole groups. None if each sample is its own group.
        directions: Number of random directions.
        subsets: Number of random halves for the interval, see ``intervals.estimate_from_halves``.
        seed: Seed of the directions and halves.

    Returns:
        The distance with its 95 % interval.

    Raises:
        ValueError: If the shapes do not match, a set or its groups are too few, or a value is not
            finite.
    """
    check_features(first, second)
    grouped = grouped_sets((len(first), len(second)), groups)
    towards = np.random.default_rng(seed).standard_normal((first.shape[1], directions))
    towards /= np.linalg.norm(towards, axis=0)
    a, b = first.astype(np.float64) @ towards, second.astype(np.float64) @ towards
    found = [_distance(a[indices], b[others]) for indices, others in halves(grouped, subsets, seed)]
    return estimate_from_halves(_distance(a, b), found, min(len(a), len(b)), least=0.0)


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance of projections ``[N, K]`` and ``[M, K]``."""
    a, b = np.sort(first, axis=0), np.sort(second, axis=0)
    count = max(len(a), len(b))
    middles = (np.arange(count) + 0.5) / count
    # The quantile function of a sample is a step function.
    a, b = (one[np.floor(middles * len(one)).astype(int)] for one in (a, b))
    return float(np.abs(a - b).mean())
