"""Image statistics: light, colour, sharpness, noise and spectrum of each picture.

They need no network. ``distribution_difference`` compares the distributions of a statistic in two
sets, and gives the distance that chance alone would give.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.stats import wasserstein_distance

from kerasgen.evaluation.metrics.intervals import Estimate, Groups
from kerasgen.io.channels import luminance

_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], np.float32)
_NOISE_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
SMALLEST_SIDE = 16

Sources = tuple[Sequence[Hashable], Sequence[Hashable]]
"""Sources of the pictures of both sets."""

STATISTICS: dict[str, str] = {
    "brightness": "mean luminance, 0 black to 1 white",
    "contrast": "standard deviation of luminance, 0 to 0.5",
    "saturation": "mean HSV saturation, 0 grey to 1",
    "clipped_dark": "share of pixels whose channels are all at most 2 of 255",
    "clipped_bright": "share of pixels with a channel of at least 253 of 255",
    "sharpness": "mean absolute Laplacian of luminance, grey levels",
    "noise": "standard deviation of noise, grey levels",
    "spectrum_slope": "power of the frequency with which the spectrum falls, about -2",
    "grid": "decades by which frequencies of a grid of 2 or 4 pixels stand out",
}
"""Names of the statistics and their units."""


def appearance(images: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of each picture.

    Noise is estimated with a mask that does not respond to straight edges (Immerkaer 1996, "Fast
    Noise Variance Estimation", https://doi.org/10.1006/cviu.1996.0060). The slope is that of the
    radially averaged power spectrum between a sixteenth and a half of the sampling rate; for
    photographs it is about -2 (Field 1987, https://doi.org/10.1364/JOSAA.4.002379). The grid is a
    trace of transposed convolutions (Odena et al. 2016, https://doi.org/10.23915/distill.00003):
    the mean log power along the rows and columns of frequency 1/2 and 1/4, relative to neighbouring
    frequencies.

    Args:
        images: ``[N, H, W, 1 | 3]`` uint8, sides of at least 16 pixels.

    Returns:
        For each name of ``STATISTICS``, ``[N]`` float64.

    Raises:
        ValueError: If the shape or dtype is wrong.
    """
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must be [N, H, W, 1 or 3] uint8. "
            f"Received: shape={images.shape}, dtype={images.dtype}"
        )
    if not len(images) or min(images.shape[1:3]) < SMALLEST_SIDE:
        raise ValueError(
            f"Pictures with sides of at least {SMALLEST_SIDE} pixels are needed. "
            f"Received: shape={images.shape}"
        )
    rows = [_appearance(image) for image in images]
    return {name: np.array([row[name] for row in rows]) for name in STATISTICS}


def _appearance(image: np.ndarray) -> dict[str, float]:
    grey = luminance(image)
    lightest, darkest = image.max(axis=-1), image.min(axis=-1)
    spread = (lightest - darkest).astype(np.float64)
    return {
        "brightness": float(grey.mean()) / 255,
        "contrast": float(grey.std()) / 255,
        "saturation": float(np.mean(spread / np.maximum(lightest, 1))),
        "clipped_dark": float(np.mean(lightest <= 2)),
        "clipped_bright": float(np.mean(lightest >= 253)),
        "sharpness": float(np.abs(_filtered(grey, _LAPLACIAN)).mean()),
        "noise": float(np.sqrt(np.pi / 2) * np.abs(_filtered(grey, _NOISE_MASK)).mean() / 6),
        **_spectral(grey),
    }


def _filtered(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Filtered picture, where the mask lies completely inside."""
    return cv2.filter2D(grey, cv2.CV_32F, mask)[1:-1, 1:-1]


def _spectral(grey: np.ndarray) -> dict[str, float]:
    side = min(grey.shape) // 4 * 4
    square = grey[:side, :side] - grey[:side, :side].mean()
    # The window avoids the step between opposite edges.
    window = np.hanning(side + 1)[:-1]
    power = np.abs(np.fft.fft2(square * np.outer(window, window))) ** 2 + 1e-6
    frequencies = np.abs(np.fft.fftfreq(side))
    radius = np.hypot(frequencies[:, None], frequencies[None])
    rings = np.rint(radius * side).astype(int)
    mean = np.bincount(rings.ravel(), power.ravel()) / np.maximum(np.bincount(rings.ravel()), 1)
    used = np.arange(max(side // 16, 1), side // 2)
    slope = np.polyfit(np.log10(used), np.log10(mean[used]), 1)[0]
    return {"spectrum_slope": float(slope), "grid": _grid(power)}


def _grid(power: np.ndarray) -> float:
    """Excess log power along the axes at 1/2 and 1/4 of the sampling rate."""
    # The window spreads a spectral line over its neighbours.
    axes = [np.log10(each[[-1, 0, 1]].mean(axis=0)) for each in (power, power.T)]
    side = len(power)
    found = []
    for axis in axes:
        for line in (side // 2, side // 4):
            beside = np.r_[line - 6 : line - 2, line + 3 : line + 7] % side
            found.append(axis[line - 1 : line + 2].mean() - axis[beside].mean())
    return float(np.mean(found))


def grey_histograms(images: np.ndarray) -> np.ndarray:
    """The histogram of luminance of each picture.

    Args:
        images: ``[N, H, W, 1 | 3]`` uint8.

    Returns:
        ``[N, 256]`` float64, shares of the picture's pixels.
    """
    found = [
        np.bincount(np.rint(luminance(image)).astype(int).ravel(), minlength=256)
        for image in images
    ]
    return np.stack(found) / np.prod(images.shape[1:3])


@dataclass(frozen=True)
class Difference:
    """Distance between the distributions of a statistic in two sets, and its baseline.

    The baseline is the distance when pictures, or sources, are assigned to the two sets at random.

    Attributes:
        distance: Wasserstein distance of the two distributions, in units of the statistic.
        baseline: Mean distance of random assignments.
        baseline_95: 95th percentile of these distances.
        p: Probability of at least this distance in a random assignment.
    """

    distance: Estimate
    baseline: float
    baseline_95: float
    p: float


def distribution_difference(
    real: np.ndarray,
    synthetic: np.ndarray,
    groups: Sources | None = None,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Difference:
    """Wasserstein distance between the distributions of a statistic in two sets.

    Args:
        real: ``[N]``, the statistic of each real picture.
        synthetic: ``[M]``, that of each synthetic picture.
        groups: Sources of the N and of the M pictures, which are resampled whole; None if each
            picture is its own source.
        resamples: Number of bootstrap draws for the interval, and of permutations.
        seed: Seed of both.

    Returns:
        The distance with its interval, and its baseline.

    Raises:
        ValueError: If a set has fewer than two values, or one is not finite.
    """
    sets = [np.asarray(one, np.float64) for one in (real, synthetic)]
    if any(one.ndim != 1 or len(one) < 2 or not np.isfinite(one).all() for one in sets):
        raise ValueError(
            "Two arrays [N] of at least two finite values are needed. "
            f"Received: shapes {sets[0].shape} and {sets[1].shape}"
        )
    return _difference(sets[0], sets[1], wasserstein_distance, groups, resamples, seed)


def histogram_difference(
    real: np.ndarray,
    synthetic: np.ndarray,
    groups: Sources | None = None,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Difference:
    """Wasserstein distance between the pooled histograms of two sets.

    Args:
        real: ``[N, 256]``, from ``grey_histograms``.
        synthetic: ``[M, 256]``.
        groups: See ``distribution_difference``.
        resamples: See ``distribution_difference``.
        seed: See ``distribution_difference``.

    Returns:
        The distance in grey levels, and its baseline.
    """

    def distance(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.abs(np.cumsum(first.mean(axis=0) - second.mean(axis=0))).sum())

    return _difference(real, synthetic, distance, groups, resamples, seed)


def _difference(
    real: np.ndarray,
    synthetic: np.ndarray,
    distance: Callable[[np.ndarray, np.ndarray], float],
    groups: Sources | None,
    resamples: int,
    seed: int,
) -> Difference:
    generator = np.random.default_rng(seed)
    sets = real, synthetic
    named = groups or tuple(range(len(one)) for one in sets)
    # Groups stay together in bootstrap draws and in permutations.
    own = [Groups(len(one), names) for one, names in zip(sets, named, strict=True)]
    pooled = np.concatenate(sets)
    both = Groups(len(pooled), [(side, name) for side in (0, 1) for name in named[side]])

    def permuted() -> float:
        order = generator.permutation(len(both))
        parts = order[: len(own[0])], order[len(own[0]) :]
        return distance(*(pooled[both.samples(part)] for part in parts))

    value = float(distance(real, synthetic))
    drawn = zip(*(each.draws(resamples, generator) for each in own), strict=True)
    # Bootstrap draws are biased towards larger distances: only their spread is used.
    spread = 1.96 * float(np.std([distance(real[a], synthetic[b]) for a, b in drawn]))
    baseline = np.array([permuted() for _ in range(resamples)])
    return Difference(
        Estimate(value, max(0.0, value - spread), value + spread, min(len(real), len(synthetic))),
        float(baseline.mean()),
        float(np.percentile(baseline, 95)),
        float((1 + np.count_nonzero(baseline >= value)) / (1 + resamples)),
    )
