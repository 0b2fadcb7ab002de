"""Distances and nearest neighbours between two sets, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerasgen.evaluation.metrics.intervals import blocks

_ROUNDING = 1e-13
"""Share of the squared lengths below which a squared distance is rounding error."""


def squared_distances(
    queries: np.ndarray, references: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared Euclidean distances of all queries to all references, in blocks of queries.

    Args:
        queries: ``[N, D]``.
        references: ``[M, D]``.

    Yields:
        The slice of the queries, and ``[n, M]`` float64, not negative.
    """
    # Far from the origin, small distances would be lost in rounding of large products.
    middle = references.mean(axis=0, dtype=np.float64)
    b = references - middle
    lengths = np.einsum("ij,ij->i", b, b)
    for rows in blocks(len(queries), len(b)):
        a = queries[rows] - middle
        squared = (-2.0 * a) @ b.T
        squared += lengths
        own = np.einsum("ij,ij->i", a, a)[:, None]
        squared += own
        # Distances of equal samples are rounding error, which would order them arbitrarily.
        squared *= squared > _ROUNDING * (own + lengths.max())
        yield rows, squared


def nearest_neighbours(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Index of the nearest reference of each query, by Euclidean distance.

    Args:
        queries: ``[N, D]``.
        references: ``[M, D]``.

    Returns:
        ``[N]`` integers.
    """
    found = [squared.argmin(axis=1) for _, squared in squared_distances(queries, references)]
    return np.concatenate(found)


def nearest_distances(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Euclidean distance of each query to its nearest reference.

    Args:
        queries: ``[N, D]``.
        references: ``[M, D]``.

    Returns:
        ``[N]`` float64, computed from differences, so exact also for small distances.
    """
    indices = nearest_neighbours(queries, references)
    return np.asarray(
        np.linalg.norm(queries.astype(np.float64) - references[indices].astype(np.float64), axis=1)
    )


def neighbour_radii(features: np.ndarray, k: int) -> np.ndarray:
    """Squared Euclidean distance of each sample to its k-th nearest other sample.

    Args:
        features: ``[N, D]``, N above k.
        k: Which neighbour, from 1.

    Returns:
        ``[N]`` float64.
    """
    radii = np.empty(len(features))
    for rows, squared in squared_distances(features, features):
        squared.partition(k, axis=1)
        radii[rows] = squared[:, k]
    return radii
