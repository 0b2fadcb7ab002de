"""Estimates the mask of an object in its box, and the quality of the mask.

The ground is what lies around the box and in no other box. Pixels unlike it are the object, at the
threshold whose mask fills the box best: that the box is tight is known, unlike in ``segmentation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from kerasgen.annotations.annotation import Box, tight_box
from kerasgen.compositing.segmentation import Mask
from kerasgen.io.images import Pixels

_MARGIN = 0.3
"""Width of the ground around a box, as a share of its longer side."""

_LEAST_MARGIN = 6
_LEAST_SIDE = 8
_LEAST_GROUND = 40
_GROUND_COLOURS = 3
_RARE = 0.1
"""Colours with a smaller share of the ground may be those of objects without a box."""

_SHARES = (0.35, 0.5, 0.65, 0.8, 1.0, 1.2)
"""Thresholds that are tried, as shares of Otsu's (1979, doi:10.1109/TSMC.1979.4310076)."""

_LEAST_DIFFERENCE = 2.0
"""Smallest threshold, in units of CIE L*a*b*."""

_RIM = (0.5, 0.9)
"""Where an object shows its colour: distance from the centre, 1 on the box's inscribed ellipse."""

_UNLIKE = 0.5
"""Colours of the ground differ from the object's by this share of the largest difference."""

_BLUR = 0.012
"""Sigma of the blur before pixels are compared, as a share of the crop's shorter side."""

_OVERLAPPED = 0.35
"""Largest share of a box that may lie in other boxes."""


class BoxMask(NamedTuple):
    """A mask found in a box.

    Attributes:
        mask: ``[H, W]`` bool, of the picture's size; False outside the box.
        quality: In [0, 1], see ``_judge``.
        fault: The worst fault in words, even if it is slight.
    """

    mask: Mask
    quality: float
    fault: str


class _Measures(NamedTuple):
    """Properties of a mask, each in [0, 1].

    Attributes:
        fit: Intersection over union of the mask's tight box with the box.
        area: Share of the box that it covers.
        solid: Share of its convex hull that it covers.
        edge: Share of its outline beyond which the ground lies.
        contrast: How far its pixels are from the ground, over that plus the ground's own spread.
    """

    fit: float
    area: float
    solid: float
    edge: float
    contrast: float


def mask_in_box(image: Pixels, box: Box, others: Sequence[Box] = ()) -> BoxMask:
    """Finds the object that a tight box shows; its holes are filled.

    Args:
        image: ``[H, W, 3]`` uint8 in [0, 255].
        box: ``(x0, y0, x1, y1)`` in pixels.
        others: The boxes of the picture's other objects: their pixels are no ground, and those
            nearer to the centre of another box, in its own measure, are no part of the object.

    Returns:
        The mask and its quality; the quality is 0 and the mask empty if none was found.
    """
    size = image.shape[:2]
    inner = _pixels(box, size, 0)
    if min(inner.stop_x - inner.x, inner.stop_y - inner.y) < _LEAST_SIDE:
        return _nothing(size, f"has a box with a side below {_LEAST_SIDE} pixels")
    margin = max(_LEAST_MARGIN, round(_MARGIN * max(box[2] - box[0], box[3] - box[1])))
    outer = _pixels(box, size, margin)
    foreign = np.zeros(size, bool)[outer.slices]
    taken = np.zeros(foreign.shape, bool)
    own = _ellipse_distance(box, outer)
    for other in others:
        covered = _inside(other, outer)
        foreign |= covered
        taken |= covered & (_ellipse_distance(other, outer) < own)
    within = _inside(box, outer)
    overlapped = float(foreign[within].mean())
    if overlapped > _OVERLAPPED:
        return _nothing(size, f"has a box of which {overlapped:.0%} lies in other boxes")
    ground = ~within & ~foreign
    if ground.sum() < _LEAST_GROUND:
        return _nothing(size, "has no ground around its box, only other boxes")
    rim = within & ~taken & (own > _RIM[0]) & (own < _RIM[1])
    if not rim.any():
        return _nothing(size, "has a box whose middle lies in other boxes")
    distance = _distance(image[outer.slices], ground, rim)
    found = _best(distance, within & ~taken, ground, box, outer)
    mask = np.zeros(size, bool)
    mask[outer.slices] = found.mask
    return BoxMask(mask, found.quality, found.fault)


class _Window(NamedTuple):
    x: int
    y: int
    stop_x: int
    stop_y: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y, self.stop_y), slice(self.x, self.stop_x)


def _pixels(box: Box, size: tuple[int, ...], margin: int) -> _Window:
    x0, y0, x1, y1 = (round(value) for value in box)
    return _Window(
        max(0, x0 - margin),
        max(0, y0 - margin),
        min(size[1], x1 + margin),
        min(size[0], y1 + margin),
    )


def _inside(box: Box, window: _Window) -> Mask:
    x0, y0, x1, y1 = (round(value) for value in box)
    mask = np.zeros((window.stop_y - window.y, window.stop_x - window.x), bool)
    left, top = max(0, x0 - window.x), max(0, y0 - window.y)
    mask[top : max(0, y1 - window.y), left : max(0, x1 - window.x)] = True
    return mask


def _ellipse_distance(box: Box, window: _Window) -> np.ndarray:
    """Distance from the centre of a box, 1 on its inscribed ellipse."""
    x0, y0, x1, y1 = box
    x = np.arange(window.x, window.stop_x) + 0.5 - (x0 + x1) / 2
    y = np.arange(window.y, window.stop_y) + 0.5 - (y0 + y1) / 2
    return np.hypot(x[None] / max(x1 - x0, 1) * 2, y[:, None] / max(y1 - y0, 1) * 2)


def _distance(crop: Pixels, ground: Mask, rim: Mask) -> np.ndarray:
    """How unlike the ground each pixel is: its distance in CIE L*a*b* from the ground's colours."""
    sigma = max(0.8, _BLUR * min(crop.shape[:2]))
    smooth = cv2.GaussianBlur(crop, (0, 0), sigma).astype(np.float32) / 255
    colours = cv2.cvtColor(smooth, cv2.COLOR_RGB2Lab)
    samples = np.ascontiguousarray(colours[ground])
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    none = np.empty((0, 0), np.int32)
    _, clusters, centres = cv2.kmeans(
        samples, _GROUND_COLOURS, none, stop, 2, cv2.KMEANS_PP_CENTERS
    )
    shares = np.bincount(clusters.ravel(), minlength=_GROUND_COLOURS) / len(samples)
    usual = centres[shares >= _RARE]
    # Objects without a box may lie around it: a colour of the ground is unlike the object's.
    unlike = np.linalg.norm(usual - np.median(colours[rim], axis=0), axis=-1)
    usual = usual[unlike >= _UNLIKE * unlike.max()]
    return np.min([np.linalg.norm(colours - each, axis=-1) for each in usual], axis=0)


def _best(distance: np.ndarray, allowed: Mask, ground: Mask, box: Box, window: _Window) -> BoxMask:
    """The mask at the threshold where quality times the slope of its outline is largest."""
    levels = np.clip(distance * 2, 0, 255).astype(np.uint8)
    samples = levels[allowed | ground].reshape(-1, 1)
    otsu, _ = cv2.threshold(samples, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    slope = np.hypot(*np.gradient(distance))
    best = _nothing(levels.shape, "has nothing in its box that differs from what is around it")
    most = -1.0
    for share in _SHARES:
        threshold = max(_LEAST_DIFFERENCE, share * otsu / 2)
        mask = _cleaned((distance > threshold) & allowed)
        if not mask.any():
            continue
        quality, fault = _judge(_measure(mask, distance, threshold, ground, box, window))
        outline = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        score = quality * float(slope[outline].mean())
        if score > most:
            most, best = score, BoxMask(mask, quality, fault)
    return best


def _cleaned(mask: Mask) -> Mask:
    """The largest part, without threads, its holes filled."""
    side = max(3, round(0.06 * min(mask.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    filled = _filled(mask.astype(np.uint8))
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, kernel)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, bool)
    return parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def _filled(mask: np.ndarray) -> np.ndarray:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(mask), outlines, -1, 1, cv2.FILLED)


def _measure(
    mask: Mask, distance: np.ndarray, threshold: float, ground: Mask, box: Box, window: _Window
) -> _Measures:
    found, (x0, y0, x1, y1) = tight_box(mask) or (0.0, 0.0, 0.0, 0.0), box
    moved = (x0 - window.x, y0 - window.y, x1 - window.x, y1 - window.y)
    kernel = np.ones((5, 5), np.uint8)
    rim = cv2.dilate(mask.astype(np.uint8), kernel).astype(bool) & ~mask
    outer = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    beyond = rim & ~outer
    even = distance[ground & (distance < threshold)]
    spread = float(np.median(even)) if even.size else float("inf")
    inside = float(np.median(distance[mask]))
    return _Measures(
        _overlap(found, moved),
        float(mask.sum() / max(1.0, (x1 - x0) * (y1 - y0))),
        _solidity(mask),
        float((distance[beyond] < threshold).mean()) if beyond.any() else 0.0,
        inside / max(1e-6, inside + spread),
    )


def _solidity(mask: Mask) -> float:
    points = np.argwhere(mask).astype(np.float32)
    if len(points) < 3:
        return 1.0
    # The hull of the pixels' centres lacks half a pixel on each side.
    hull = cv2.convexHull(points)
    area = cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1
    return float(min(1.0, mask.sum() / area))


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other))
    return common / max(1e-6, areas - common)


def _judge(measures: _Measures) -> tuple[float, str]:
    """The product of one factor in [0, 1] per measure, and the fault with the smallest factor."""
    fit, area, solid, edge, contrast = measures
    factors = {
        f"has a mask whose own box overlaps the given one to {fit:.0%} only": _ramp(fit, 0.45, 0.7),
        f"has a mask that covers {area:.0%} of its box": _ramp(area, 0.1, 0.35),
        f"has a mask that covers {solid:.0%} of its convex hull": _ramp(solid, 0.55, 0.75),
        f"has the ground beyond {edge:.0%} of its outline only": _ramp(edge, 0.5, 0.85),
        f"differs from the ground by {contrast:.0%} of the difference and the ground's own": (
            _ramp(contrast, 0.55, 0.75)
        ),
    }
    return float(np.prod(list(factors.values()))), min(factors, key=lambda name: factors[name])


def _ramp(value: float, worst: float, best: float) -> float:
    return float(np.clip((value - worst) / (best - worst), 0.0, 1.0))


def _nothing(size: tuple[int, ...], fault: str) -> BoxMask:
    return BoxMask(np.zeros(size[:2], bool), 0.0, fault)
