"""Frechet distance of two sets of features, as if each were Gaussian."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import linalg

from kerasgen.evaluation.metrics.intervals import SMALL_BLOCK, Estimate, blocks, check_features

_LEAST_SAMPLES, _NUMBERS = 256, 2**18
"""Samples of a set whose influence is computed, and more while they have fewer numbers than this.
The variance of 256 is known to a tenth, unless their tails are heavy."""

_ROUNDING = 1e-12
"""Of the largest singular value, below which one is nothing but rounding."""


def frechet_distance(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Squared Frechet distance of two Gaussians with the sets' means and covariances.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017, arXiv:1706.08500), equation
    6; on Inception features it is FID. Nothing is added to a covariance that is not of full rank:
    the trace of the root of the product of both is the sum of the singular values of the product of
    their roots. All is float64; the samples are taken in blocks.

    The value is too large, the more so the fewer the samples: compare values of equal sizes only,
    and with the null of these sizes. The interval is about the value and does not hold that bias.
    It is that of the delta method: each sample's influence on the value is known (the gradient of
    the distance of two Gaussians is their optimal transport map), and its variance over the samples
    (over 256 drawn ones, or more of few features) is that of the value. Where nothing differs
    it is wider than it need be, by up to a half.

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
    means = first.mean(axis=0, dtype=np.float64), second.mean(axis=0, dtype=np.float64)
    roots = _root(first, means[0]), _root(second, means[1])
    left, values, right = linalg.svd(roots[0] @ roots[1].T, full_matrices=False)
    offset = means[0] - means[1]
    value = float(offset @ offset + sum(np.sum(root**2) for root in roots) - 2.0 * values.sum())
    used = values > _ROUNDING * values.max()
    # Transport to the second set is R' V S^-1 V' R: R the second root, S and V the values used and
    # their right vectors. Back it is the same of the first root and the left vectors.
    scale = np.sqrt(values[used])[:, None]
    variance = _variance(first, means[0], offset, right[used] @ roots[1] / scale)
    variance += _variance(second, means[1], -offset, left[:, used].T @ roots[0] / scale)
    margin = 1.96 * float(np.sqrt(variance))
    return Estimate(value, value - margin, value + margin, count)


def _root(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """``[K, D]``, K at most D: its transpose times itself is the covariance."""
    count, size = features.shape
    if count <= size:
        return np.asarray((features - mean) / np.sqrt(count - 1.0))
    covariance = np.zeros((size, size))
    for rows in blocks(count, size, max(SMALL_BLOCK, size**2)):
        centred = features[rows] - mean
        covariance += centred.T @ centred
    # Pivoted Cholesky: exact where features are constant, or sums of others.
    factor, order, rank, _ = linalg.lapack.dpstrf(covariance / (count - 1.0))
    root = np.empty((max(rank, 1), size))
    root[:, order - 1] = np.triu(factor)[: len(root)]
    return root


def _variance(
    features: np.ndarray, mean: np.ndarray, offset: np.ndarray, transport: np.ndarray
) -> float:
    """Of the mean of the samples' influences on the distance.

    Args:
        features: ``[N, D]``.
        mean: ``[D]``, theirs.
        offset: ``[D]``: their mean, less that of the others.
        transport: ``[R, D]``; its transpose times itself is the map to the others.
    """
    count, size = features.shape
    most = max(_LEAST_SAMPLES, _NUMBERS // size)
    centred = features[np.random.default_rng(0).permutation(count)[:most]] - mean
    moved = np.sum((centred @ transport.T) ** 2, axis=1)
    influence = 2.0 * centred @ offset + np.sum(centred**2, axis=1) - moved
    return float(np.var(influence, ddof=1)) / count
