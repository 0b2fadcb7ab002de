"""Diversity of the samples of a class."""

from __future__ import annotations

import numpy as np

from kerasgen.evaluation.metrics.intervals import Estimate, check_features, estimate_from_halves
from kerasgen.evaluation.metrics.neighbours import squared_distances

_MOST = 2000
"""Most samples of a class that are compared with each other."""


def class_diversity(
    features: np.ndarray, labels: np.ndarray, *, subsets: int = 100, seed: int = 0
) -> dict[int, Estimate]:
    """Mean Euclidean distance between two samples of one class, for each class.

    If it is much less than among real samples of the class, the generator has collapsed there.

    Args:
        features: ``[N, D]``.
        labels: ``[N]`` integers.
        subsets: Number of random halves for each interval, see ``intervals.estimate_from_halves``.
        seed: Seed of the halves, and of the choice among more than 2,000 samples of a class.

    Returns:
        The distance by class, for classes with at least four samples.

    Raises:
        ValueError: If the shapes do not match, a set is too small, or a value is not finite.
    """
    check_features(features)
    if labels.shape != (len(features),):
        raise ValueError(
            f"`labels` must be [N]. Received: {labels.shape} for {len(features)} samples"
        )
    generator = np.random.default_rng(seed)
    found = {}
    for label in np.unique(labels).tolist():
        own = generator.permutation(features[labels == label])[:_MOST]
        if len(own) >= 4:
            found[label] = _diversity(own, subsets, generator)
    return found


def _diversity(features: np.ndarray, subsets: int, generator: np.random.Generator) -> Estimate:
    rows = [np.sqrt(squared) for _, squared in squared_distances(features, features)]
    distances = np.concatenate(rows)
    np.fill_diagonal(distances, 0.0)
    count = len(features)

    def mean(indices: np.ndarray) -> float:
        pairs = len(indices) * (len(indices) - 1)
        return float(distances[np.ix_(indices, indices)].sum() / pairs)

    halves = [mean(generator.permutation(count)[: count // 2]) for _ in range(subsets)]
    return estimate_from_halves(mean(np.arange(count)), halves, count)
