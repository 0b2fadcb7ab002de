"""Frechet distance of two sets of features, as if each were Gaussian."""

from __future__ import annotations

import warnings

import numpy as np

from kerasgen.evaluation.metrics.any_rank import cross_any_rank
from kerasgen.evaluation.metrics.full_rank import cross_full_rank
from kerasgen.evaluation.metrics.intervals import Estimate, check_features

_LEAST_ASKED, _NUMBERS_ASKED = 256, 2**18
"""Samples of a set whose influence is computed, and more while they have fewer numbers than this.
The variance of 256 is known to a tenth, unless their tails are heavy."""


def frechet_distance(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Squared Frechet distance of two Gaussians with the sets' means and covariances.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6; on Inception
    features it is FID. Nothing is added to a covariance that is not of full rank. All is float64,
    and the samples are taken in blocks: where there are more than features, and none of these
    depends on others, it needs the memory of both covariances and a few MiB.

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
    sets = first, second
    means = first.mean(axis=0, dtype=np.float64), second.mean(axis=0, dtype=np.float64)
    asked = _asked(*first.shape), _asked(*second.shape)
    crossed = cross_full_rank(sets, means, asked) if count > size > 1 else None
    # A feature is constant, a sum of others, or nearly so.
    crossed = crossed or cross_any_rank(sets, means, asked)
    apart = means[0] - means[1]
    variance = sum(
        _variance(one[places] - mean, toward, carried) / len(one)
        for one, mean, places, toward, carried in zip(
            sets, means, asked, (apart, -apart), crossed.carried, strict=True
        )
    )
    value, spread = float(apart @ apart) + crossed.distance, 1.96 * float(np.sqrt(variance))
    return Estimate(value, value - spread, value + spread, count)


def _asked(count: int, size: int) -> np.ndarray:
    most = max(_LEAST_ASKED, _NUMBERS_ASKED // size)
    return np.random.default_rng(0).permutation(count)[:most]


def _variance(centred: np.ndarray, apart: np.ndarray, carried: np.ndarray) -> float:
    """That of single samples' influence on the distance.

    Args:
        centred: ``[N, D]`` samples, less their mean.
        apart: ``[D]``: their mean, less that of the others.
        carried: ``[N]``: each one's product with what transport makes of it.
    """
    size = np.einsum("ij,ij->i", centred, centred)
    return float(np.var(2.0 * centred @ apart + size - carried, ddof=1))
