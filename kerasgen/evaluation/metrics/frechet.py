"""Frechet distance of two sets of features, as if each were Gaussian."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from kerasgen.evaluation.metrics.estimates import Estimate, blocks, check_features

_SMALLEST_SHARE = 1e-6
"""Of the largest singular value, below which a vector is nothing but rounding."""

_ASKED = 500
"""Samples of a set whose influence is computed: their variance is then known to a few per cent."""


def frechet_distance(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Squared Frechet distance of two Gaussians with the sets' means and covariances.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6; on Inception
    features it is FID. The trace of the root of the product of both covariances is the sum of the
    singular values of the product of their roots: nothing has to be added to a covariance that is
    not of full rank. All is float64, and the samples are taken in blocks.

    The value is too large, the more so the fewer the samples: compare values of equal sizes only,
    and with the null of these sizes. The interval is about the value and does not hold that bias.
    It is that of the delta method: each sample's influence on the value is known (the gradient of
    the distance of two Gaussians is their optimal transport map), and its variance over the samples
    (over 500 drawn ones, where there are more) is that of the value.

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.

    Warns:
        UserWarning: If a set has fewer samples than features: the bias is then large.

    Raises:
        ValueError: If the forms do not fit, a set is too small, or a number is not finite.
    """
    check_features(first, second)
    count, size = min(len(first), len(second)), first.shape[1]
    if count < size:
        warnings.warn(
            f"{count} samples of {size} features: the Frechet distance is much too large. Use "
            "kernel_distance, which has no such bias, or more samples.",
            stacklevel=2,
        )
    a, b = _Gaussian.of(first), _Gaussian.of(second)
    means = a.mean - b.mean
    left, crossed, right = _singular(a.root @ b.root.T)
    value = means @ means + np.sum(a.root**2) + np.sum(b.root**2) - 2.0 * crossed.sum()
    variance = _variance(first, a, b, right, crossed) + _variance(second, b, a, left, crossed)
    spread = 1.96 * float(np.sqrt(variance))
    return Estimate(float(value), float(value) - spread, float(value) + spread, count)


class _Gaussian(NamedTuple):
    """A set as what the distance sees of it.

    Attributes:
        mean: ``[D]``.
        root: ``[K, D]``, K at most D, with root' root the covariance.
    """

    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> _Gaussian:
        count, size = features.shape
        mean = features.mean(axis=0, dtype=np.float64)
        if count <= size:
            return cls(mean, (features - mean) / np.sqrt(count - 1.0))
        covariance = np.zeros((size, size))
        for rows in blocks(count, size):
            centred = features[rows] - mean
            covariance += centred.T @ centred
        covariance /= count - 1.0
        return cls(mean, _root(covariance))


def _root(covariance: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.cholesky(covariance).T
    # Not of full rank: a feature is constant, or a sum of others. Takes ten times as long.
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


def _variance(
    features: np.ndarray,
    own: _Gaussian,
    other: _Gaussian,
    vectors: np.ndarray,
    values: np.ndarray,
) -> float:
    """What chance in these samples adds to the variance of the distance.

    Args:
        features: ``[N, D]``.
        own: Their Gaussian.
        other: The one that it is compared with.
        vectors: ``[K, R]``, singular vectors of the product of the roots, on the other's side.
        values: ``[R]``, its singular values.
    """
    count = len(features)
    asked = np.random.default_rng(0).permutation(count)[:_ASKED]
    centred = features[asked] - own.mean
    # The transport map is R' V V' R, with the columns of V over the roots of the values and R the
    # other's root: nothing but the values has to be inverted.
    used = values > _SMALLEST_SHARE * values.max()
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=used)
    carried = (centred @ other.root.T @ vectors) ** 2 @ inverse
    size = np.einsum("ij,ij->i", centred, centred)
    influence = 2.0 * centred @ (own.mean - other.mean) + size - carried
    return float(np.var(influence, ddof=1)) / count
