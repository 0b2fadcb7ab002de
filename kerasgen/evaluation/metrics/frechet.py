"""Frechet distance of two sets of features, as if each were Gaussian."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from kerasgen.evaluation.metrics.estimates import Estimate, check_features

_SMALLEST_DEVIATION = 1e-6
"""Share of the largest deviation along an axis below which the samples have none."""


def frechet_distance(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Squared Frechet distance of two Gaussians with the sets' means and covariances.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6; on Inception
    features it is FID. The trace of the root of the product of both covariances is the sum of the
    singular values of a small matrix: no root of a matrix is taken, nothing has to be added to a
    covariance that is not of full rank.

    The value is too large, the more so the fewer the samples: compare values of equal sizes only,
    and with the null of these sizes. The interval is about the value and does not hold that bias.
    It is that of the delta method: each sample's influence on the value is known (the gradient of
    the distance of two Gaussians is their optimal transport map), and its variance over the samples
    is that of the value.

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
    left, crossed, right = np.linalg.svd(a.root @ b.root.T, full_matrices=False)
    value = means @ means + np.sum(a.root**2) + np.sum(b.root**2) - 2.0 * crossed.sum()
    spread = 1.96 * float(
        np.sqrt(a.variance(means, left, crossed) + b.variance(-means, right.T, crossed))
    )
    return Estimate(float(value), float(value) - spread, float(value) + spread, count)


class _Gaussian(NamedTuple):
    """A set as what the distance sees of it.

    Attributes:
        mean: ``[D]``.
        centred: ``[N, D]``, the samples without their mean.
        root: ``[K, D]``, K at most D, with root' root the covariance.
        whitening: ``[D, K]``, with which centred is turned into what the root makes samples of;
            None where that is a multiple of the identity.
    """

    mean: np.ndarray
    centred: np.ndarray
    root: np.ndarray
    whitening: np.ndarray | None

    @classmethod
    def of(cls, features: np.ndarray) -> _Gaussian:
        values = features.astype(np.float64)
        mean = values.mean(axis=0)
        values -= mean
        scale = np.sqrt(len(values) - 1.0)
        if len(values) <= values.shape[1]:
            return cls(mean, values, values / scale, None)
        variances, axes = np.linalg.eigh(values.T @ values / scale**2)
        deviations = np.sqrt(np.maximum(variances, 0.0))
        # Along the others there is nothing but rounding.
        seen = deviations > _SMALLEST_DEVIATION * deviations.max()
        inverse = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=seen)
        return cls(mean, values, deviations[:, None] * axes.T, axes * inverse)

    def variance(self, towards: np.ndarray, turned: np.ndarray, crossed: np.ndarray) -> float:
        """What chance in these samples adds to the variance of the distance.

        Args:
            towards: ``[D]``, this mean less the other's.
            turned: ``[K, R]``, singular vectors on this side.
            crossed: ``[R]``, singular values.
        """
        count = len(self.centred)
        if self.whitening is None:
            carried = (count - 1.0) * turned**2 @ crossed
        else:
            spread = self.whitening @ (turned * np.sqrt(crossed))
            carried = np.einsum("ij,ij->i", self.centred @ (spread @ spread.T), self.centred)
        own = np.einsum("ij,ij->i", self.centred, self.centred)
        influence = 2.0 * self.centred @ towards + own - carried
        return float(np.var(influence, ddof=1)) / count
