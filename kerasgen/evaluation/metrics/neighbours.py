"""Distances between all pairs of two sets, in blocks: the memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerasgen.evaluation.metrics.intervals import blocks

_ROUNDING = 1e-13
"""Of the squared lengths of two samples: a smaller squared distance is none."""


def squared_distances(
    queries: np.ndarray, references: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared Euclidean distances of some queries to all references, until all queries had theirs.

    Args:
        queries: ``[N, D]``.
        references: ``[M, D]``.

    Yields:
        Which queries, and ``[n, M]`` float64, not negative.
    """
    # Far from the origin, small distances would drown in the rounding of large products.
    middle = references.mean(axis=0, dtype=np.float64)
    b = references - middle
    lengths = np.einsum("ij,ij->i", b, b)
    for rows in blocks(len(queries), len(b)):
        a = queries[rows] - middle
        squared = (-2.0 * a) @ b.T
        squared += lengths
        own = np.einsum("ij,ij->i", a, a)[:, None]
        squared += own
        # Of equal samples nothing but rounding is left, which would order them by chance.
        squared *= squared > _ROUNDING * (own + lengths.max())
        yield rows, squared


def nearest_neighbours(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """For each query the index of the reference with the smallest Euclidean distance.

    Args:
        queries: ``[N, D]``.
        references: ``[M, D]``.

    Returns:
        ``[N]`` integers.
    """
    found = [squared.argmin(axis=1) for _, squared in squared_distances(queries, references)]
    return np.concatenate(found)


def nearest_distances(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """For each query the Euclidean distance to its nearest reference; arguments as above.

    Returns:
        ``[N]`` float64, exact: from differences, not from products.
    """
    indices = nearest_neighbours(queries, references)
    return np.asarray(
        np.linalg.norm(queries.astype(np.float64) - references[indices].astype(np.float64), axis=1)
    )


def neighbour_radii(features: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each sample to its k-th nearest other one, ``[N]`` float64."""
    radii = np.empty(len(features))
    for rows, squared in squared_distances(features, features):
        squared.partition(k, axis=1)
        radii[rows] = squared[:, k]
    return radii
