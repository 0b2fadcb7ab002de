"""Measures on the pixels whether a scene shows a foreground at a given matrix, by fine detail.

Detail is the difference of two blurs of the luminance, a small and a large one. It differs between
pictures and positions, but not with light, shadows and blending, which are smooth.

Nothing is shared with the modules that place and warp, whose faults would not be found otherwise.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasgen.annotations.annotation import Box, scaling, translation
from kerasgen.compositing.foregrounds import Foreground
from kerasgen.io.images import Pixels

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

SHIFTS = (3, 12)
"""Pixels by which the foreground is shifted; it must fit worse there."""

# Pixels. The finest detail depends on how a picture is shrunk, the coarsest on the light.
_FINE, _COARSE = 0.8, 2.0
_EDGE = 3
_SMALLEST_AREA = 150
_MOST_SAMPLES = 8
_FAINTEST = 2.0
_TEXTURE = 4.0
_APART = 10.0
_FADED = 0.4
_UNLIKE = 0.5
_KERNEL = np.ones((3, 3), np.uint8)


class Fit(NamedTuple):
    """How well foregrounds match the pixels of an object's mask; correlations in [-1, 1].

    Attributes:
        own: Of the foreground at its matrix.
        shifted: The highest of those ``SHIFTS`` pixels away, and its (x, y) shift in pixels.
        other: The highest of the other foregrounds, and which; -1 and None without others.
    """

    own: float
    shifted: tuple[float, tuple[int, int]]
    other: tuple[float, Foreground | None]


class Masks(NamedTuple):
    """Disagreement of the pixels with the masks.

    Attributes:
        unexplained: Share of the visible pixels that do not show the foreground.
        overlooked: Correlation of the foreground with the pixels marked as hidden.
    """

    unexplained: float
    overlooked: float


def luminance(image: Pixels) -> Plane:
    """Returns ``[H, W]`` float32 in [0, 255] of ``[H, W, 3]`` uint8."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def outline(foreground: Foreground, matrix: np.ndarray, box: Box) -> Mask:
    """The foreground's mask in the scene.

    Args:
        foreground: The placed foreground.
        matrix: ``[3, 3]`` from pixels of its source picture to pixels of the scene.
        box: Box in the scene, which may reach out of the frame; whole pixels.

    Returns:
        ``[h, w]`` bool, of the box's size.
    """
    alpha = foreground.alpha.astype(np.float32)
    return _sampled(alpha, foreground, matrix, box, cv2.BORDER_CONSTANT) > 127


def moved_box(foreground: Foreground, matrix: np.ndarray) -> Box:
    """The whole pixels that hold all of the placed foreground, in the frame and out of it."""
    (x, y), (width, height) = foreground.offset, foreground.extent
    corners = np.array(
        [[x, y, 1], [x + width, y, 1], [x, y + height, 1], [x + width, y + height, 1]]
    )
    moved = corners @ matrix.T
    points = moved[:, :2] / moved[:, 2:]
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def beyond(expected: Mask, found: Mask, reach: int) -> int:
    """Counts the pixels that differ, further than ``reach`` from the outline of ``expected``."""
    inside, outside = (
        cv2.dilate(side.astype(np.uint8), _KERNEL, iterations=reach).astype(bool)
        for side in (expected, ~expected)
    )
    return int(np.count_nonzero((expected ^ found) & ~(inside & outside)))


def fit(
    scene: Plane,
    visible: Mask,
    foreground: Foreground,
    matrix: np.ndarray,
    others: Sequence[Foreground],
) -> Fit | None:
    """Compares the pixels of a mask with a foreground at its matrix and shifted, and with others.

    Args:
        scene: ``[H, W]`` float32, luminance.
        visible: ``[H, W]`` bool.
        foreground: The placed foreground.
        matrix: As for ``outline``.
        others: Other foregrounds; their boxes are moved onto its box.

    Returns:
        The correlations, or None if too few pixels are visible or they have no detail.
    """
    inner = _shrunk(visible)
    box = _box(inner)
    if box is None or inner.sum() < _SMALLEST_AREA:
        return None
    part = _cut(inner, box)
    shown = _detail(_cut(scene, box), part)
    reach = max(SHIFTS)
    wide = (box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach)
    grey = luminance(foreground.image)
    warped = _sampled(grey, foreground, matrix, wide, cv2.BORDER_REPLICATE)
    height, width = part.shape

    def seen(x: int, y: int) -> Plane:
        window = warped[reach - y : reach - y + height, reach - x : reach - x + width]
        return _detail(window, part)

    own = seen(0, 0)
    if own[part].std() < _FAINTEST:
        return None
    shifts = [shift for step in SHIFTS for shift in ((step, 0), (-step, 0), (0, step), (0, -step))]
    shifted = max((_correlation(shown, seen(*shift), part), shift) for shift in shifts)
    best: tuple[float, Foreground | None] = (-1.0, None)
    for other in others:
        there = matrix @ _box_to_box(other, foreground)
        plane = _sampled(luminance(other.image), other, there, box, cv2.BORDER_REPLICATE)
        value = _correlation(shown, _detail(plane, part), part)
        best = max(best, (value, other), key=lambda pair: pair[0])
    return Fit(_correlation(shown, own, part), shifted, best)


def masks(
    scene: Plane, visible: Mask, hidden: Mask, foreground: Foreground, matrix: np.ndarray
) -> Masks:
    """Compares masks with the pixels.

    Args:
        scene: ``[H, W]`` float32, luminance.
        visible: ``[H, W]`` bool.
        hidden: ``[H, W]`` bool, marked as covered by something without a mask.
        foreground: The placed foreground.
        matrix: As for ``outline``.

    Returns:
        The measures, 0 if there is too little to compare.
    """
    seen, covered = (_views(scene, mask, foreground, matrix) for mask in (visible, hidden))
    unexplained = 0.0 if seen is None else float(_differs(seen)[seen.part].mean())
    overlooked = 0.0 if covered is None or _is_faded(covered) else _correlation(*covered[:3])
    return Masks(unexplained, overlooked)


class _Views(NamedTuple):
    """Details of the scene and the foreground in a part of a box, and their difference in tone."""

    shown: Plane
    own: Plane
    part: Mask
    apart: Plane


def _views(scene: Plane, mask: Mask, foreground: Foreground, matrix: np.ndarray) -> _Views | None:
    inner = _shrunk(mask)
    box = _box(inner)
    if box is None or inner.sum() < _SMALLEST_AREA:
        return None
    part, shown = _cut(inner, box), _cut(scene, box)
    grey = luminance(foreground.image)
    own = _sampled(grey, foreground, matrix, box, cv2.BORDER_REPLICATE)
    details = (_detail(shown, part), _detail(own, part))
    if details[1][part].std() < _FAINTEST:
        return None
    # Without the difference in light, which is the same everywhere.
    difference = _blurred(shown - own, part, _COARSE)
    return _Views(*details, part, np.abs(difference - np.median(difference[part])))


def _is_faded(views: _Views) -> bool:
    """Whether the scene has less detail than any blending would leave of the foreground's."""
    return bool(views.shown[views.part].std() < _FADED * views.own[views.part].std())


def _differs(views: _Views) -> Mask:
    """Where the details around a pixel are strong and uncorrelated, and the tones differ."""
    shown, own, part, apart = views
    products = (shown * own, shown**2, own**2)
    both, one, other = (_blurred(values, part, _COARSE) for values in products)
    unlike = (np.maximum(one, other) > _TEXTURE) & (both < _UNLIKE * np.sqrt(one * other))
    return unlike & (apart > _APART)


def _sampled(
    plane: Plane, foreground: Foreground, matrix: np.ndarray, box: Box, border: int
) -> Plane:
    """A plane of the foreground's cut, sampled for every pixel of a box of the scene."""
    to_cut = foreground.matrix @ np.linalg.inv(matrix)
    height, width = foreground.alpha.shape
    middle = np.linalg.inv(to_cut) @ (width / 2, height / 2, 1.0)
    near = to_cut @ (middle / middle[2] + np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])).T
    # Pixels of the cut per pixel of the scene: as many samples are averaged.
    steps = np.linalg.norm(np.diff((near[:2] / near[2])[:, [1, 0, 2]], axis=1), axis=0)
    samples = int(np.clip(np.ceil(steps.max()), 1, _MOST_SAMPLES))
    x0, y0, x1, y1 = map(int, box)
    columns = x0 + (np.arange((x1 - x0) * samples) + 0.5) / samples
    rows = y0 + (np.arange((y1 - y0) * samples)[:, None] + 0.5) / samples
    x, y, weight = (row[0] * columns + row[1] * rows + row[2] for row in to_cut)
    # Nothing lies beyond the horizon of a tilted plane.
    weight = np.where(weight * near[2, 0] > 0, weight, np.nan)
    x, y = (np.nan_to_num(value / weight, nan=-1e6) - 0.5 for value in (x, y))
    positions = (x.astype(np.float32), y.astype(np.float32))
    fine = cv2.remap(plane, *positions, cv2.INTER_LINEAR, borderMode=border)
    size = (x1 - x0, y1 - y0)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.float32)


def _box_to_box(other: Foreground, foreground: Foreground) -> np.ndarray:
    """From pixels of the other's source to those of this one's, box onto box."""
    grown = scaling(*(own / its for own, its in zip(foreground.extent, other.extent, strict=True)))
    back = translation(-other.offset[0], -other.offset[1])
    return translation(*foreground.offset) @ grown @ back


def _detail(plane: Plane, part: Mask) -> Plane:
    """The difference of two blurs."""
    fine, coarse = (_blurred(plane, part, sigma) for sigma in (_FINE, _COARSE))
    return np.asarray((fine - coarse) * part, np.float32)


def _blurred(plane: Plane, part: Mask, sigma: float) -> Plane:
    """A blur of the pixels of the part alone."""
    weights = part.astype(np.float32)
    total = cv2.GaussianBlur(weights, (0, 0), sigma)
    blurred = cv2.GaussianBlur(plane * weights, (0, 0), sigma) / np.maximum(total, 1e-3)
    return np.asarray(blurred, np.float32)


def _correlation(one: Plane, other: Plane, part: Mask) -> float:
    first, second = (values[part] - values[part].mean() for values in (one, other))
    scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / scale if scale else 0.0


def _shrunk(mask: Mask) -> Mask:
    # Pixels of the edge are mixed with the background; the frame is no edge.
    return cv2.erode(mask.astype(np.uint8), _KERNEL, iterations=_EDGE).astype(bool)


def _box(mask: Mask) -> tuple[int, int, int, int] | None:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return (x, y, x + width, y + height) if width else None


def _cut(plane: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    return plane[box[1] : box[3], box[0] : box[2]]
