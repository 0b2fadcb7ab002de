"""Does a scene show a foreground where a matrix says so? Measured on the pixels, by fine detail.

Detail is what two blurs of the luminance, a small and a large one, differ in. Changes of light,
shadows and blending are smooth, so they leave it alone; and it is another for each picture and each
place.

Nothing here is shared with the modules that place and warp: a fault of theirs would not show.
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
"""Pixels by which a place is moved, to see whether the foreground fits worse there."""

# Pixels. The finest detail depends on how a picture is made smaller, the coarsest on the light.
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
    """How well foregrounds explain what an object's mask shows; correlations, in [-1, 1].

    Attributes:
        own: Of the foreground at its place.
        shifted: The highest at places `SHIFTS` pixels away, and which, (x, y) in pixels.
        other: The highest of the other foregrounds, and which; -1 and None without others.
    """

    own: float
    shifted: tuple[float, tuple[int, int]]
    other: tuple[float, Foreground | None]


class Masks(NamedTuple):
    """What the pixels say against the masks.

    Attributes:
        unexplained: Share of the visible pixels that do not show the foreground.
        overlooked: Correlation of the foreground with the pixels said to be hidden.
    """

    unexplained: float
    overlooked: float


def luminance(image: Pixels) -> Plane:
    """Returns `[H, W]` float32 in [0, 255] of `[H, W, 3]` uint8."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def outline(foreground: Foreground, matrix: np.ndarray, box: Box) -> Mask:
    """Where the foreground's mask falls.

    Args:
        foreground: What was placed.
        matrix: `[3, 3]` from pixels of its source picture to pixels of the scene.
        box: Of the scene, which may reach out of the frame; whole pixels.

    Returns:
        `[h, w]` bool, of the box's size.
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
    """How many pixels two masks differ in, further than `reach` from the first one's outline."""
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
    """Compares what a mask shows with a foreground at its place, elsewhere, and with others.

    Args:
        scene: `[H, W]` float32, luminance.
        visible: `[H, W]` bool.
        foreground: What was placed.
        matrix: As for `outline`.
        others: Placed for comparison so that their boxes fall where its box does.

    Returns:
        The correlations, or None where too few pixels are seen or they have no detail.
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
    places = [place for step in SHIFTS for place in ((step, 0), (-step, 0), (0, step), (0, -step))]
    shifted = max((_correlation(shown, seen(*place), part), place) for place in places)
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
        scene: `[H, W]` float32, luminance.
        visible: `[H, W]` bool.
        hidden: `[H, W]` bool, what is said to be covered by something that has no mask.
        foreground: What was placed.
        matrix: As for `outline`.

    Returns:
        The measures, 0 where there is too little to tell.
    """
    seen, covered = (_views(scene, mask, foreground, matrix) for mask in (visible, hidden))
    unexplained = 0.0 if seen is None else float(_differs(seen)[seen.part].mean())
    overlooked = 0.0 if covered is None or _is_faded(covered) else _correlation(*covered[:3])
    return Masks(unexplained, overlooked)


class _Views(NamedTuple):
    """Details of the scene and of the foreground, in a part of a box; how far they are in tone."""

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
    # Light may have been added to all of it.
    difference = _blurred(shown - own, part, _COARSE)
    return _Views(*details, part, np.abs(difference - np.median(difference[part])))


def _is_faded(views: _Views) -> bool:
    """Whether the scene has less detail than any blending would leave of the foreground's."""
    return bool(views.shown[views.part].std() < _FADED * views.own[views.part].std())


def _differs(views: _Views) -> Mask:
    """Where the details around a pixel are strong and unlike each other, and so are the tones."""
    shown, own, part, apart = views
    products = (shown * own, shown**2, own**2)
    both, one, other = (_blurred(values, part, _COARSE) for values in products)
    unlike = (np.maximum(one, other) > _TEXTURE) & (both < _UNLIKE * np.sqrt(one * other))
    return unlike & (apart > _APART)


def _sampled(
    plane: Plane, foreground: Foreground, matrix: np.ndarray, box: Box, border: int
) -> Plane:
    """A plane of the foreground's cut, looked up for every pixel centre of a box of the scene."""
    to_cut = foreground.matrix @ np.linalg.inv(matrix)
    height, width = foreground.alpha.shape
    middle = np.linalg.inv(to_cut) @ (width / 2, height / 2, 1.0)
    near = to_cut @ (middle / middle[2] + np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])).T
    # Pixels of the cut that one step in the scene leads over: as many samples are averaged.
    steps = np.linalg.norm(np.diff((near[:2] / near[2])[:, [1, 0, 2]], axis=1), axis=0)
    samples = int(np.clip(np.ceil(steps.max()), 1, _MOST_SAMPLES))
    x0, y0, x1, y1 = map(int, box)
    columns = x0 + (np.arange((x1 - x0) * samples) + 0.5) / samples
    rows = y0 + (np.arange((y1 - y0) * samples)[:, None] + 0.5) / samples
    x, y, weight = (row[0] * columns + row[1] * rows + row[2] for row in to_cut)
    # Nothing lies beyond the horizon of a tilted plane.
    weight = np.where(weight * near[2, 0] > 0, weight, np.nan)
    x, y = (np.nan_to_num(place / weight, nan=-1e6) - 0.5 for place in (x, y))
    places = (x.astype(np.float32), y.astype(np.float32))
    fine = cv2.remap(plane, *places, cv2.INTER_LINEAR, borderMode=border)
    size = (x1 - x0, y1 - y0)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.float32)


def _box_to_box(other: Foreground, foreground: Foreground) -> np.ndarray:
    """From pixels of another's source to those of this source, box onto box."""
    grown = scaling(*(own / its for own, its in zip(foreground.extent, other.extent, strict=True)))
    back = translation(-other.offset[0], -other.offset[1])
    return translation(*foreground.offset) @ grown @ back


def _detail(plane: Plane, part: Mask) -> Plane:
    """What is left between two blurs."""
    fine, coarse = (_blurred(plane, part, sigma) for sigma in (_FINE, _COARSE))
    return np.asarray((fine - coarse) * part, np.float32)


def _blurred(plane: Plane, part: Mask, sigma: float) -> Plane:
    """Blur in which only the pixels of the part count."""
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
