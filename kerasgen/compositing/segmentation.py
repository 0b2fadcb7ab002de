"""Estimates the mask of a photograph's main object, and the quality of the mask.

GrabCut (Rother et al. 2004, https://doi.org/10.1145/1015706.1015720, section 3) needs a rectangle
and corrections from a user. Here it starts from three guesses of the background instead. The object
is where two of the three results agree; the quality falls where they differ.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasgen.io.images import Pixels

Mask = NDArray[np.bool_]

SMALLEST_SIDE = 24
"""Smallest side of the working picture in pixels: fewer are too few for colour models."""

_WORKING_SIDE = 256
_ROUNDS = 5
_FRAME = 0.04
"""Width of the frame that shows background, as a share of the smaller side."""

_CLUSTERS = 4
_RARE = 0.08
"""Colours with a smaller share of the frame may be those of an object that touches it."""

_NO_RECTANGLE = (0, 0, 1, 1)
_BINS = [8, 22, 22]
_LAB_RANGE = [0.0, 100.0, -110.0, 110.0, -110.0, 110.0]


class Estimate(NamedTuple):
    """A mask found in a picture.

    Attributes:
        mask: ``[H, W]`` bool, of the picture's size.
        quality: In [0, 1], see ``judge``.
        fault: The worst fault in words, even if it is slight.
    """

    mask: Mask
    quality: float
    fault: str


class Measures(NamedTuple):
    """Properties of a mask in its picture, each a share in [0, 1].

    Attributes:
        area: Share of the picture that it covers.
        border: Share of the picture's border that it touches.
        agreement: Mean intersection over union of the three results with their majority.
        shared: Histogram intersection of the object's colours with those around it.
        smoothness: Intersection over union of the mask with itself after rounding its outline.
    """

    area: float
    border: float
    agreement: float
    shared: float
    smoothness: float


def working_size(size: tuple[int, ...]) -> tuple[int, int]:
    """The (height, width) at which a picture of a (height, width) is segmented."""
    ratio = min(1.0, _WORKING_SIDE / max(size))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def estimate(image: Pixels) -> Estimate:
    """Finds the main object: it differs from the picture's border and lies towards the centre.

    Args:
        image: ``[H, W, 3]`` uint8 in [0, 255]; both sides of its ``working_size`` at least
            ``SMALLEST_SIDE``.

    Returns:
        The mask and its quality; always the same for the same picture.
    """
    height, width = image.shape[:2]
    rows, columns = working_size((height, width))
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    # Single pixels of cloth or compression artefacts say little about colour.
    smooth = cv2.GaussianBlur(small, (0, 0), 0.8)
    colours = _lab(smooth)
    results = [_cleaned(_cut(smooth, start)) for start in _starts(colours)]
    mask = _cleaned(np.sum(results, axis=0) >= 2)
    quality, fault = judge(measure(colours, mask, results))
    if mask.shape != (height, width):
        soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        mask = soft > 0.5
    return Estimate(mask, quality, fault)


def feathered(mask: Mask) -> Pixels:
    """Makes a mask soft over two pixels.

    It is one half at half a pixel inside the outline, so that the outline's pixels, which mix
    object and background, count little.

    Args:
        mask: ``[H, W]`` bool.

    Returns:
        ``[H, W]`` uint8 in [0, 255]. In pictures above 256 pixels, which are segmented at that
        size, the edge is softer in proportion.
    """
    sigma = max(1.0, max(mask.shape) / _WORKING_SIDE)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    # A blurred edge is 0.69 at half a sigma inside: that is to become one half.
    return np.rint(np.clip((soft - 0.38) / 0.62, 0, 1) * 255).astype(np.uint8)


def shrunk(colours: Pixels, alpha: Pixels, max_side: int) -> tuple[Pixels, Pixels]:
    """Shrinks an object and its soft mask, with antialiasing, to a longest side.

    Args:
        colours: ``[H, W, 3]`` uint8 in [0, 255]; weighted by alpha.
        alpha: ``[H, W]`` uint8.
        max_side: Longest side in pixels.

    Returns:
        ``[h, w, 3]`` and ``[h, w]`` uint8; the arguments if they are small enough.
    """
    height, width = alpha.shape
    ratio = max_side / max(height, width)
    if ratio >= 1:
        return colours, alpha
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    weights = alpha.astype(np.float32)
    sums = cv2.resize(colours * weights[..., None], size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
    mean = sums / np.maximum(total, 1e-3)[..., None]
    return np.rint(mean).astype(np.uint8), np.rint(total).astype(np.uint8)


def spread_colours(colours: Pixels, alpha: Pixels, *, is_mixed: bool) -> Pixels:
    """Continues an object's colours beyond its edge, in place of the colours around it.

    Args:
        colours: ``[H, W, 3]`` uint8 in [0, 255].
        alpha: ``[H, W]`` uint8, not 0 everywhere.
        is_mixed: Whether pixels with an alpha between 0 and 255 also show the surroundings, as in a
            photograph, or the object alone, as in a picture with an alpha channel.

    Returns:
        ``[H, W, 3]`` uint8 in [0, 255]; unchanged where ``alpha`` is 255.
    """
    own = alpha >= min(230, int(alpha.max())) if is_mixed else alpha > 0
    solid = own.astype(np.float32)
    values = colours.astype(np.float32)
    spread = np.broadcast_to(values[own].mean(axis=0), values.shape).astype(np.float32)
    for sigma in (6.0, 1.5):
        total = np.asarray(cv2.GaussianBlur(solid, (0, 0), sigma))
        sums = np.asarray(cv2.GaussianBlur(values * solid[..., None], (0, 0), sigma))
        near = total > 0.02
        spread[near] = sums[near] / total[near][:, None]
    # The object's share in a mixed pixel, squared: once as its weight, once as the trust in it.
    mixed = (alpha / np.float32(255)) ** 2 if is_mixed else np.float32(0)
    share = np.where(own, np.float32(1), mixed)[..., None]
    return np.rint(values * share + spread * (1 - share)).astype(np.uint8)


def measure(colours: np.ndarray, mask: Mask, results: list[Mask]) -> Measures:
    """Measures a mask.

    Args:
        colours: ``[H, W, 3]`` float32, CIE L*a*b*.
        mask: ``[H, W]`` bool.
        results: The masks that should agree with it, each ``[H, W]`` bool.

    Returns:
        The measures.
    """
    rim = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    return Measures(
        float(mask.mean()),
        float(rim.mean()),
        float(np.mean([_overlap(result, mask) for result in results])),
        _shared_colours(colours, mask),
        _overlap(_rounded(mask), mask),
    )


def judge(measures: Measures) -> tuple[float, str]:
    """Combines a mask's measures into one number, and names the worst.

    Returns:
        The quality, a product of one factor in [0, 1] per measure, and the fault with the smallest
        factor in words.
    """
    area, border, agreement, shared, smoothness = measures
    factors = {
        f"covers {area:.0%} of the picture": _ramp(area, 0.01, 0.04) * _ramp(area, 0.95, 0.8),
        f"touches {border:.0%} of the picture's border": _ramp(border, 0.35, 0.05),
        f"three ways to find the object agree to {agreement:.0%}": _ramp(agreement, 0.7, 1.0),
        f"background and object have {shared:.0%} of their colours in common": (
            _ramp(shared, 0.5, 0.05)
        ),
        f"the outline is ragged, {smoothness:.0%} remain when it is rounded": (
            _ramp(smoothness, 0.8, 0.97)
        ),
    }
    return float(np.prod(list(factors.values()))), min(factors, key=lambda name: factors[name])


def _ramp(value: float, worst: float, best: float) -> float:
    return float(np.clip((value - worst) / (best - worst), 0.0, 1.0))


def _overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def _lab(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def _frame(size: tuple[int, int], share: float) -> Mask:
    margin = max(2, round(share * min(size)))
    frame = np.ones(size, bool)
    frame[margin:-margin, margin:-margin] = False
    return frame


def _starts(colours: np.ndarray) -> list[np.ndarray]:
    """Three guesses of the object: all but the frame, colours unlike the frame's, the centre."""
    size = (colours.shape[0], colours.shape[1])
    inner = np.where(_frame(size, _FRAME), cv2.GC_BGD, cv2.GC_PR_FGD)
    unlike = _unlike_frame(colours)
    by_colour = np.where(unlike, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    by_colour[_frame(size, 0.0) & ~unlike] = cv2.GC_BGD
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    x, y = columns / size[1] - 0.5, rows / size[0] - 0.5
    # An upright ellipse: photographed objects cover about half of the picture.
    central = np.where((x / 0.32) ** 2 + (y / 0.36) ** 2 < 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    return [start.astype(np.uint8) for start in (inner, by_colour, central)]


def _unlike_frame(colours: np.ndarray) -> Mask:
    samples = colours[_frame((colours.shape[0], colours.shape[1]), 1.5 * _FRAME)]
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    none = np.empty((0, 0), np.int32)
    _, clusters, centres = cv2.kmeans(samples, _CLUSTERS, none, stop, 2, cv2.KMEANS_PP_CENTERS)
    shares = np.bincount(clusters.ravel(), minlength=_CLUSTERS) / len(samples)
    # Light falls unevenly on a floor: brightness counts for less than hue.
    weights = np.array([0.7, 1.0, 1.0], np.float32)
    usual = centres[shares >= _RARE]
    distances = [np.linalg.norm((colours - centre) * weights, axis=-1) for centre in usual]
    nearest = cv2.GaussianBlur(np.min(distances, axis=0).astype(np.float32), (0, 0), 1.5)
    levels = np.clip(nearest * 4, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return levels > threshold


def _cut(image: np.ndarray, start: np.ndarray) -> Mask:
    certain = start & 1
    # GrabCut fits five colours to each side.
    if min(certain.sum(), certain.size - certain.sum()) < 16:
        return np.zeros(start.shape, bool)
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    labels = start.copy()
    cv2.grabCut(
        image, labels, _NO_RECTANGLE, background, foreground, _ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    return (labels & 1).astype(bool)


def _cleaned(mask: Mask) -> Mask:
    """The largest parts, without specks and threads, small holes filled."""
    side = max(3, round(0.025 * min(mask.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return opened.astype(bool)
    areas = stats[1:, cv2.CC_STAT_AREA]
    # A pair of shoes is two parts.
    kept = np.isin(parts, 1 + np.flatnonzero(areas >= 0.25 * areas.max()))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        (~kept).astype(np.uint8), connectivity=4
    )
    rim = set(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]).tolist())
    # Prints are small; larger holes are real, as between sleeve and body.
    small = stats[:, cv2.CC_STAT_AREA] < 0.015 * kept.sum()
    holes = [part for part in range(1, count) if small[part] and part not in rim]
    return kept | np.isin(parts, holes)


def _shared_colours(colours: np.ndarray, mask: Mask) -> float:
    inside = mask.astype(np.uint8)
    reach = max(3, round(0.13 * min(mask.shape)) | 1)
    around = cv2.dilate(inside, np.ones((reach, reach), np.uint8)) - inside
    histograms = []
    for part in (inside, around):
        counts = cv2.calcHist([colours], [0, 1, 2], part, _BINS, _LAB_RANGE).ravel()
        histograms.append(counts / max(1.0, float(counts.sum())))
    return float(np.minimum(*histograms).sum())


def _rounded(mask: Mask) -> Mask:
    side = max(3, round(0.08 * min(mask.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    padded = np.pad(mask.astype(np.uint8), side)
    rounded = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)
    rounded = cv2.morphologyEx(rounded, cv2.MORPH_CLOSE, kernel)
    return rounded[side:-side, side:-side].astype(bool)
