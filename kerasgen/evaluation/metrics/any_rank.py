"""Two covariances of any rank, crossed through the singular values of the product of their roots.

As exact as the roots are, whatever their scales, in twice the time of full rank or more, and about
five times its memory.
"""

from __future__ import annotations

import numpy as np

from kerasgen.evaluation.metrics.full_rank import Crossed
from kerasgen.evaluation.metrics.intervals import blocks

_SMALLEST_SHARE = 1e-6
"""Of the largest singular value, below which a vector is nothing but rounding."""


def cross_any_rank(
    sets: tuple[np.ndarray, np.ndarray],
    means: tuple[np.ndarray, np.ndarray],
    asked: tuple[np.ndarray, np.ndarray],
) -> Crossed:
    """As ``cross_full_rank``, of any two sets."""
    first, second = (_root_of(*each) for each in zip(sets, means, strict=True))
    left, values, right = _singular(first @ second.T)
    distance = float(np.sum(first**2) + np.sum(second**2) - 2.0 * values.sum())
    there, back = (
        _carried(one[places] - mean, other, vectors, values)
        for one, mean, places, other, vectors in zip(
            sets, means, asked, (second, first), (right, left), strict=True
        )
    )
    return Crossed(distance, (there, back))


def _root_of(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """``[K, D]``, K at most D: its product with itself is the covariance."""
    count, size = features.shape
    if count <= size:
        return np.asarray((features - mean) / np.sqrt(count - 1.0))
    covariance = np.zeros((size, size))
    for rows in blocks(count, size):
        centred = features[rows] - mean
        covariance += centred.T @ centred
    covariance /= count - 1.0
    try:
        return np.asarray(np.linalg.cholesky(covariance).T)
    # Takes ten times as long.
    except np.linalg.LinAlgError:
        variances, axes = np.linalg.eigh(covariance)
        return np.asarray(np.sqrt(np.maximum(variances, 0.0))[:, None] * axes.T)


def _singular(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left singular vectors in columns, singular values, right vectors in columns.

    In half the time of ``np.linalg.svd``. The vectors of values below ``_SMALLEST_SHARE`` of the
    largest are of no use.
    """
    left = np.linalg.eigh(matrix @ matrix.T)[1]
    right = matrix.T @ left
    values = np.linalg.norm(right, axis=0)
    # The eigenvalues are squares: among vectors of small ones these columns are not orthogonal, and
    # their lengths too large.
    small = values <= _SMALLEST_SHARE * values.max()
    exact = np.linalg.svd(right[:, small], compute_uv=False)
    # Of a matrix with more rows than columns there are more left vectors than values.
    values[small] = np.pad(exact, (0, np.count_nonzero(small) - len(exact)))
    return left, values, np.divide(right, values, out=right, where=values > 0.0)


def _carried(
    centred: np.ndarray, other: np.ndarray, vectors: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """``[N]``: the product of each sample and what transport makes of it.

    Args:
        centred: ``[N, D]`` samples, less their mean.
        other: ``[K, D]``, the root of the covariance to which they are carried.
        vectors: ``[K, R]``, singular vectors of the product of the roots, on the other's side.
        values: ``[R]``, its singular values.
    """
    # The transport map is R' V V' R, with the columns of V over the roots of the values and R the
    # other's root: nothing but the values has to be inverted.
    used = values > _SMALLEST_SHARE * values.max()
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=used)
    return np.asarray((centred @ other.T @ vectors) ** 2 @ inverse)
