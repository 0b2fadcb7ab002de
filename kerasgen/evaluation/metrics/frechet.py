"""Frechet distance of two sets of features, each taken as Gaussian."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np
from scipy import linalg

from kerasgen.evaluation.metrics.additive_sums import Moments
from kerasgen.evaluation.metrics.intervals import (
    NORMAL,
    SMALL_BLOCK,
    Estimate,
    Groups,
    blocks,
    check_features,
    grouped_sets,
    variance_of_mean,
)

_LEAST_SAMPLES, _NUMBERS = 256, 2**18
"""Fewest samples of a set whose influence is computed; more while they hold fewer values than the
second number. With 256 the variance is known to a tenth, unless the tails are heavy."""

_ROUNDING = 1e-12
"""Share of the largest singular value below which a singular value is rounding error."""


def frechet_distance(
    first: np.ndarray,
    second: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> Estimate:
    """Squared Frechet distance of two Gaussians with the sets' means and covariances.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017, arXiv:1706.08500), equation
    6; on Inception features it is FID. Covariances without full rank need no regularisation: the
    trace of the root of the product of both is the sum of the singular values of the product of
    their roots. Computed in float64, in blocks of samples.

    The value is biased upwards, more so with fewer samples: compare values of equal set sizes only,
    and with the real-vs-real baseline of these sizes. The interval is centred on the value and does
    not include that bias. It comes from the delta method: each sample's influence on the value is
    known (the gradient of the distance of two Gaussians is their optimal transport map), and the
    variance of the influences (over 256 random samples, or more with few features) gives that of
    the value. Where the sets do not differ it is too wide, by up to a half.

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.
        groups: Names or numbers of the groups of the N and of the M samples, at least 4 of each:
            influences of one group are added before their variance is taken. None if each sample
            is its own group.

    Returns:
        The squared distance with its 95 % interval.

    Warns:
        UserWarning: If a set has fewer samples than features, as the bias is then large.

    Raises:
        ValueError: If the shapes do not match, a set or its groups are too few, or a value is not
            finite.
    """
    check_features(first, second)
    grouped = grouped_sets((len(first), len(second)), groups)
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
    value = _distance(offset, roots, values)
    used = values > _ROUNDING * values.max()
    # Transport to the second set is R' V S^-1 V' R: R the second root, S and V the values used and
    # their right vectors. Back it is the same of the first root and the left vectors.
    scale = np.sqrt(values[used])[:, None]
    variance = _variance(first, means[0], offset, right[used] @ roots[1] / scale, grouped[0])
    variance += _variance(second, means[1], -offset, left[:, used].T @ roots[0] / scale, grouped[1])
    margin = NORMAL * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - margin), value + margin, count)


def frechet_distance_of_moments(first: Moments, second: Moments) -> float:
    """The value of ``frechet_distance`` from the moments of two sets, which need not be in memory.

    Args:
        first: Moments of the one set.
        second: Those of the other, of as many features.

    Returns:
        The squared distance; larger than that of few samples would be by rounding where a set has
        fewer samples than features.
    """
    roots = _root_of(first.covariance), _root_of(second.covariance)
    values = linalg.svd(roots[0] @ roots[1].T, compute_uv=False)
    return _distance(first.mean - second.mean, roots, values)


def _distance(
    offset: np.ndarray, roots: tuple[np.ndarray, np.ndarray], values: np.ndarray
) -> float:
    return float(offset @ offset + sum(np.sum(root**2) for root in roots) - 2.0 * values.sum())


def _root(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """A root of the covariance: ``[K, D]``, K at most D; its transpose times itself."""
    count, size = features.shape
    if count <= size:
        return np.asarray((features - mean) / np.sqrt(count - 1.0))
    covariance = np.zeros((size, size))
    for rows in blocks(count, size, max(SMALL_BLOCK, size**2)):
        centred = features[rows] - mean
        covariance += centred.T @ centred
    return _root_of(covariance / (count - 1.0))


def _root_of(covariance: np.ndarray) -> np.ndarray:
    # Pivoted Cholesky: exact where features are constant, or sums of others.
    factor, order, rank, _ = linalg.lapack.dpstrf(covariance)
    root = np.empty((max(rank, 1), len(covariance)))
    root[:, order - 1] = np.triu(factor)[: len(root)]
    return root


def _variance(
    features: np.ndarray,
    mean: np.ndarray,
    offset: np.ndarray,
    transport: np.ndarray,
    groups: Groups,
) -> float:
    """Variance of the mean of the samples' influences on the distance.

    Args:
        features: ``[N, D]``.
        mean: ``[D]``, their mean.
        offset: ``[D]``, their mean minus that of the other set.
        transport: ``[R, D]``; its transpose times itself is the map to the other set.
        groups: Groups of the samples.
    """
    most = max(_LEAST_SAMPLES, _NUMBERS // features.shape[1])
    drawn = np.random.default_rng(0).permutation(len(groups))[:most]
    used = groups.samples(drawn)
    centred = features[used] - mean
    moved = np.sum((centred @ transport.T) ** 2, axis=1)
    influence = 2.0 * centred @ offset + np.sum(centred**2, axis=1) - moved
    own = Groups(len(used), groups.of_samples[used])
    return variance_of_mean(influence, own) * len(own) / len(groups)
