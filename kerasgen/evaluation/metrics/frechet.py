"""Frechet distance of two sets of features, as if each were Gaussian."""

from __future__ import annotations

import warnings

import numpy as np

from kerasgen.evaluation.metrics.estimates import (
    Estimate,
    check_features,
    estimate_from_halves,
    halves,
)


def frechet_distance(
    first: np.ndarray, second: np.ndarray, *, subsets: int = 20, seed: int = 0
) -> Estimate:
    """Squared Frechet distance of two Gaussians with the sets' means and covariances.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6; on Inception
    features it is FID. The trace of the root of the product of both covariances is the sum of the
    singular values of a small matrix: no root of a matrix is taken, nothing has to be added to a
    covariance that is not of full rank.

    The value is too large, the more so the fewer the samples: compare values of equal sizes only,
    and with the null of these sizes. The interval is about the value and does not hold that bias.

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.
        subsets: How many halves the interval rests on, see ``estimates.estimate_from_halves``.
        seed: Of the halves.

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
    a, b = first.astype(np.float64), second.astype(np.float64)
    found = [
        _distance(a[places], b[others])
        for places, others in halves((len(a), len(b)), subsets, seed)
    ]
    return estimate_from_halves(_distance(a, b), found, count)


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    means = first.mean(axis=0) - second.mean(axis=0)
    roots = [_root(one) for one in (first, second)]
    traces = sum(float(np.sum(root**2)) for root in roots)
    crossed = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return float(means @ means + traces - 2.0 * crossed)


def _root(features: np.ndarray) -> np.ndarray:
    """A matrix R of at most D rows with R'R the covariance."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1.0)
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))
