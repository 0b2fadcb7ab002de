"""Precision and recall, density and coverage of a synthetic set."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from kerasgen.evaluation.metrics.intervals import (
    Estimate,
    Groups,
    check_features,
    grouped_sets,
    halves,
    spread_of_halves,
)
from kerasgen.evaluation.metrics.neighbours import squared_distances
from kerasgen.evaluation.metrics.shares import share_from_variance

_MOST = 500
"""Most groups of a set that the interval is computed from."""

_MARGIN = 2.1
"""Standard deviations of the density; with 1.96 the interval covers 0.92 of sets that differ."""


class ManifoldScores(NamedTuple):
    """Four scores; for two sets of one distribution, each is near its real-vs-real baseline.

    A sample's ball has the distance to its k-th nearest neighbour in its own set as radius, and
    holds what is at most as far away.

    Attributes:
        precision: Share of the synthetic samples that lie in the ball of some real one.
        recall: Share of the real samples that lie in the ball of some synthetic one.
        density: Mean number of real samples' balls that a synthetic one lies in, divided by k; can
            exceed 1.
        coverage: Share of the real samples whose ball contains a synthetic one.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def manifold_scores(
    real: np.ndarray,
    synthetic: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    *,
    k: int = 5,
    subsets: int = 50,
    seed: int = 0,
) -> ManifoldScores:
    """Precision and recall, density and coverage.

    Kynkaanniemi et al., "Improved Precision and Recall Metric" (2019, arXiv:1904.06991), section 2;
    Naeem et al., "Reliable Fidelity and Diversity Metrics" (2020, arXiv:2002.09797), section 3.
    Density and coverage are less sensitive to outliers, whose balls are very large.

    Differs: a ball holds its edge, so that equal samples are in each other's balls; a ball without
    a radius counts as much in the density as one that holds k samples.

    All four depend on the numbers of samples. The interval is for their mean over sets of the same
    sizes, where balls vary too: it comes from random halves of both sets (of at most 500 groups).

    Args:
        real: ``[N, D]`` features, N above k.
        synthetic: ``[M, D]`` features, M above k.
        groups: Names or numbers of the groups of the N and of the M samples, at least 4 of each:
            the interval draws whole groups. None if each sample is its own group.
        k: Which neighbour gives a ball's radius.
        subsets: Number of random halves for the interval.
        seed: Seed of the halves.

    Returns:
        The scores with their 95 % intervals.

    Raises:
        ValueError: If the shapes do not match, a set or its groups are too few, or a value is not
            finite.
    """
    if k < 1:
        raise ValueError(f"`k` must be at least 1. Received: k={k}")
    check_features(real, synthetic, least=max(4, k + 1))
    grouped = grouped_sets((len(real), len(synthetic)), groups)
    values = _scores(real, synthetic, k)
    spreads = _spreads((real, synthetic), grouped, k, subsets, seed)
    fewest = min(map(len, grouped))
    counts = len(synthetic), len(real), len(synthetic), len(real)
    shares = [
        share_from_variance(value, spread**2, fewest, count, most=fewest)
        for value, spread, count in zip(values, spreads, counts, strict=True)
    ]
    shares[2] = _density(values[2], spreads[2], shares[0])
    return ManifoldScores(*shares)


def _density(value: float, spread: float, precision: Estimate) -> Estimate:
    """The density with its interval, on a log scale: it has no upper limit."""
    if value == 0.0:
        # No sample lies in a ball: as many may as the precision has room for.
        return precision
    factor = float(np.exp(_MARGIN * spread / value))
    return Estimate(value, value / factor, value * factor, precision.count)


def _scores(real: np.ndarray, synthetic: np.ndarray, k: int) -> tuple[float, ...]:
    """Precision, recall, density and coverage."""
    (radii, weights), (of_synthetic, _) = _balls(real, k), _balls(synthetic, k)
    balls, recalled, covered = np.zeros(len(synthetic)), 0, 0
    held = np.zeros(len(synthetic), bool)
    for rows, squared in squared_distances(real, synthetic):
        within = squared <= radii[rows, None]
        balls += weights[rows] @ within
        held |= within.any(axis=0)
        covered += within.any(axis=1).sum()
        recalled += (squared <= of_synthetic).any(axis=1).sum()
    count = len(real)
    found = held.mean(), recalled / count, balls.mean() / k, covered / count
    return tuple(map(float, found))


def _balls(features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared radius of each sample's ball, and how much the ball counts in the density.

    A sample with more than k equal ones has no radius, but all of them in its ball.
    """
    radii, weights = np.empty(len(features)), np.ones(len(features))
    for rows, squared in squared_distances(features, features):
        equal = np.count_nonzero(squared == 0.0, axis=1) - 1
        squared.partition(k, axis=1)
        radii[rows] = squared[:, k]
        weights[rows] = k / np.maximum(equal, k)
    return radii, weights


def _spreads(
    sets: tuple[np.ndarray, np.ndarray],
    groups: tuple[Groups, Groups],
    k: int,
    subsets: int,
    seed: int,
) -> list[float]:
    """Standard deviations of the four scores."""
    generator = np.random.default_rng(seed)
    kept = min(1.0, _MOST / max(map(len, groups)))
    parts = []
    for features, own in zip(sets, groups, strict=True):
        # At least four, to be halved; as a share, so that the sets keep their proportion.
        most = max(4, round(kept * len(own)))
        used = own.samples(np.sort(generator.permutation(len(own))[:most]))
        parts.append((features[used], Groups(len(used), own.of_samples[used])))
    (real, of_real), (synthetic, of_synthetic) = parts
    found = [
        _scores(real[a], synthetic[b], min(k, len(a) - 1, len(b) - 1))
        for a, b in halves((of_real, of_synthetic), subsets, generator)
    ]
    return [float(np.sqrt(kept)) * spread_of_halves(each) for each in zip(*found, strict=True)]
