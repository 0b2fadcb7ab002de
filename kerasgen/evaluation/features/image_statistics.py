"""A set of pictures in plain numbers: light, colour, sharpness, noise, spectrum.

No network is needed. Each number is of one picture, so that two sets can be compared by how their
numbers are distributed; ``distribution_difference`` does, beside what chance alone would give.
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
"""Names of the sources of both sets' pictures."""

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

    Noise is Immerkaer's (1996, "Fast Noise Variance Estimation"): what a mask that no straight edge
    excites still sees. The slope is that of the radially averaged power spectrum between a
    sixteenth and a half of the sampling rate; photographs have about -2 (Field 1987). The grid is
    what transposed convolutions leave (Odena et al. 2016): the mean log power along the rows and
    columns of frequency 1/2 and 1/4, over that of the frequencies beside them.

    Args:
        images: ``[N, H, W, 1 | 3]`` uint8, sides of at least 16 pixels.

    Returns:
        For each name of ``STATISTICS``, ``[N]`` float64.

    Raises:
        ValueError: If the pictures are of another form.
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
    """Where the mask lies whole within the picture."""
    return cv2.filter2D(grey, cv2.CV_32F, mask)[1:-1, 1:-1]


def _spectral(grey: np.ndarray) -> dict[str, float]:
    side = min(grey.shape) // 4 * 4
    square = grey[:side, :side] - grey[:side, :side].mean()
    # A picture does not go on at its other edge: without the window, that step would be seen.
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
    """How far the axes of a power spectrum stand out at 1/2 and 1/4 of the sampling rate."""
    # The window spreads a line over its neighbours.
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
    """How far two sets' numbers are apart, and how far they would be by chance.

    Chance is what is left when pictures, or sources, are given to the two sets at random.

    Attributes:
        distance: Wasserstein distance of the two distributions, in the numbers' unit.
        null: The mean distance by chance.
        null_95: 95 % of such distances are at most so large.
        p: Chance of such a distance, or a larger one.
    """

    distance: Estimate
    null: float
    null_95: float
    p: float


def distribution_difference(
    real: np.ndarray,
    synthetic: np.ndarray,
    groups: Sources | None = None,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Difference:
    """How far a number is distributed elsewhere in a synthetic set than in the real one.

    Args:
        real: ``[N]`` numbers, one of each picture.
        synthetic: ``[M]``.
        groups: Names of N and of M sources, which are resampled whole; None if each picture is its
            own.
        resamples: Bootstrap samples of the interval, and permutations.
        seed: Of both.

    Raises:
        ValueError: If a set has fewer than two numbers, or one is not finite.
    """
    sets = [np.asarray(one, np.float64) for one in (real, synthetic)]
    if any(one.ndim != 1 or len(one) < 2 or not np.isfinite(one).all() for one in sets):
        raise ValueError(
            "Two rows of at least two finite numbers are needed. "
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
    """The same of pooled histograms; whole pictures, or sources, are resampled.

    Args:
        real: ``[N, 256]``, from ``grey_histograms``.
        synthetic: ``[M, 256]``.
        groups: As for ``distribution_difference``.
        resamples: The same.
        seed: The same.

    Returns:
        The distance in grey levels: how far the light must be moved, on average.
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
    # What belongs together stays together, drawn again or given to the other set.
    own = [Groups(len(one), names) for one, names in zip(sets, named, strict=True)]
    pooled = np.concatenate(sets)
    both = Groups(len(pooled), [(side, name) for side in (0, 1) for name in named[side]])

    def permuted() -> float:
        order = generator.permutation(len(both))
        parts = order[: len(own[0])], order[len(own[0]) :]
        return distance(*(pooled[both.samples(part)] for part in parts))

    value = float(distance(real, synthetic))
    drawn = zip(*(each.draws(resamples, generator) for each in own), strict=True)
    # A bootstrap sets the two sets further apart than they are: only its spread is of use.
    spread = 1.96 * float(np.std([distance(real[a], synthetic[b]) for a, b in drawn]))
    null = np.array([permuted() for _ in range(resamples)])
    return Difference(
        Estimate(value, max(0.0, value - spread), value + spread, min(len(real), len(synthetic))),
        float(null.mean()),
        float(np.percentile(null, 95)),
        float((1 + np.count_nonzero(null >= value)) / (1 + resamples)),
    )
