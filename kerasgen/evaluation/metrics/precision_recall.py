"""Precision and recall, density and coverage of a synthetic set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kerasgen.evaluation.metrics.intervals import (
    Estimate,
    bootstrap_mean,
    check_features,
    share_with_interval,
)
from kerasgen.evaluation.metrics.neighbours import neighbour_radii, squared_distances


class ManifoldScores(NamedTuple):
    """Four scores; for two sets of one distribution, each is near its real-vs-real baseline.

    A sample's ball has the distance to its k-th nearest neighbour in its own set as radius.

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
    real: np.ndarray, synthetic: np.ndarray, *, k: int = 5, seed: int = 0
) -> ManifoldScores:
    """Precision and recall, density and coverage.

    Kynkaanniemi et al., "Improved Precision and Recall Metric" (2019, arXiv:1904.06991), section 2;
    Naeem et al., "Reliable Fidelity and Diversity Metrics" (2020, arXiv:2002.09797), section 3.
    Density and coverage are less sensitive to outliers, whose balls are very large.

    Args:
        real: ``[N, D]`` features, N above k.
        synthetic: ``[M, D]`` features, M above k.
        k: Which neighbour gives a ball's radius.
        seed: Seed of the interval of density.

    Returns:
        The scores. Each is a mean over samples, with the interval of that mean for fixed balls.

    Raises:
        ValueError: If the shapes do not match, a set is too small, or a value is not finite.
    """
    if k < 1:
        raise ValueError(f"`k` must be at least 1. Received: k={k}")
    check_features(real, synthetic, least=max(4, k + 1))
    of_real, of_synthetic = neighbour_radii(real, k), neighbour_radii(synthetic, k)
    balls = np.zeros(len(synthetic))
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows, squared in squared_distances(real, synthetic):
        within = squared < of_real[rows, None]
        balls += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
        recalled[rows] = (squared < of_synthetic).any(axis=1)
    return ManifoldScores(
        share_with_interval(balls > 0),
        share_with_interval(recalled),
        bootstrap_mean(balls / k, seed=seed),
        share_with_interval(covered),
    )
