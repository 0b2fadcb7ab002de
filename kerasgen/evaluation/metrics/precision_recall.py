"""How much of what is made looks real, and how much of what is real is made."""

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
    """Four shares; of two sets from one distribution, each is near the null's.

    Attributes:
        precision: Share of the made samples that lie within the k-th neighbour's distance of some
            real one.
        recall: Share of the real samples that lie so near some made one.
        density: How many such balls of real samples a made one lies in, over k; can exceed 1.
        coverage: Share of the real samples whose ball holds a made one.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


def manifold_scores(
    real: np.ndarray, made: np.ndarray, *, k: int = 5, seed: int = 0
) -> ManifoldScores:
    """Precision and recall, density and coverage.

    Kynkaanniemi et al., "Improved Precision and Recall Metric" (2019), section 2; Naeem et al.,
    "Reliable Fidelity and Diversity Metrics" (2020), section 3. One real sample far from all others
    has a ball so large that it holds much: that moves density and coverage less.

    Args:
        real: ``[N, D]`` features, N above k.
        made: ``[M, D]`` features, M above k.
        k: Which neighbour's distance is a ball's radius.
        seed: Of density's interval.

    Returns:
        The scores. Each is a mean over samples, with the interval of that mean; the balls are taken
        as they are.

    Raises:
        ValueError: If the forms do not fit, a set is too small, or a number is not finite.
    """
    if k < 1:
        raise ValueError(f"`k` must be at least 1. Received: k={k}")
    check_features(real, made, least=max(4, k + 1))
    of_real, of_made = neighbour_radii(real, k), neighbour_radii(made, k)
    balls = np.zeros(len(made))
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows, squared in squared_distances(real, made):
        within = squared < of_real[rows, None]
        balls += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
        recalled[rows] = (squared < of_made).any(axis=1)
    return ManifoldScores(
        share_with_interval(balls > 0),
        share_with_interval(recalled),
        bootstrap_mean(balls / k, seed=seed),
        share_with_interval(covered),
    )
