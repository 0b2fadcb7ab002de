"""Diversity of the samples of a class."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from kerasgen.evaluation.metrics.intervals import (
    FEWEST_GROUPS,
    Estimate,
    Groups,
    check_features,
    estimate_from_halves,
)
from kerasgen.evaluation.metrics.neighbours import squared_distances

_MOST = 2000
"""Most samples of a class that are compared with each other."""


def class_diversity(
    features: np.ndarray,
    labels: np.ndarray,
    groups: Sequence[Hashable] | None = None,
    *,
    subsets: int = 100,
    seed: int = 0,
) -> dict[int, Estimate]:
    """Mean Euclidean distance between two samples of one class, for each class.

    If it is much less than among real samples of the class, the generator has collapsed there.

    Args:
        features: ``[N, D]``.
        labels: ``[N]`` integers.
        groups: Names or numbers of the groups of the N samples: the intervals of classes with at
            least four groups draw whole ones. None if each sample is its own group.
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
        indices = generator.permutation(np.flatnonzero(labels == label))[:_MOST]
        if len(indices) >= 4:
            own = Groups(len(indices), None if groups is None else [groups[i] for i in indices])
            if len(own) < FEWEST_GROUPS:
                own = Groups(len(indices))
            found[label] = _diversity(features[indices], own, subsets, generator)
    return found


def _diversity(
    features: np.ndarray, groups: Groups, subsets: int, generator: np.random.Generator
) -> Estimate:
    rows = [np.sqrt(squared) for _, squared in squared_distances(features, features)]
    distances = np.concatenate(rows)
    np.fill_diagonal(distances, 0.0)
    count = len(features)

    def mean(indices: np.ndarray) -> float:
        pairs = len(indices) * (len(indices) - 1)
        return float(distances[np.ix_(indices, indices)].sum() / pairs)

    halves = [
        mean(groups.samples(generator.permutation(len(groups))[: len(groups) // 2]))
        for _ in range(subsets)
    ]
    return estimate_from_halves(mean(np.arange(count)), halves, count, least=0.0)
