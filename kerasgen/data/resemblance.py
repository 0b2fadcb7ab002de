"""Does a scene show a foreground where a matrix says so? Measured on the pixels, by fine detail.

Detail is what is left of the luminance when its own blur is taken away. Changes of light, shadows
and blending are smooth, so they leave it alone; and it is another for each picture and each place.

Nothing here is shared with the modules that place and warp: a fault of theirs would not show.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasgen.data.annotations import Box, scaling, translation
from kerasgen.data.foregrounds import Foreground
from kerasgen.data.images import Pixels

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]

SHIFTS = (3, 12)
"""Pixels by which a place is moved, to see whether the foreground fits worse there."""

_SIGMA = 2.0
_EDGE = 3
_SMALLEST_AREA = 100
_FAINTEST = 1.0
_TEXTURE = 9.0
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
        The measures, 0 where there are too few pixels to tell.
    """
    grey = luminance(foreground.image)
    seen, covered = (_both(scene, mask, foreground, grey, matrix) for mask in (visible, hidden))
    unexplained = 0.0 if seen is None else float(_differs(*seen)[seen[2]].mean())
    return Masks(unexplained, 0.0 if covered is None else _correlation(*covered))


def _both(
    scene: Plane, mask: Mask, foreground: Foreground, grey: Plane, matrix: np.ndarray
) -> tuple[Plane, Plane, Mask] | None:
    """Details of the scene and of the foreground within a mask, in the mask's box."""
    inner = _shrunk(mask)
    box = _box(inner)
    if box is None or inner.sum() < _SMALLEST_AREA:
        return None
    part = _cut(inner, box)
    own = _sampled(grey, foreground, matrix, box, cv2.BORDER_REPLICATE)
    return _detail(_cut(scene, box), part), _detail(own, part), part


def _differs(shown: Plane, own: Plane, part: Mask) -> Mask:
    """Where the details around a pixel are strong and unlike each other."""
    both, one, other = (_blurred(values, part) for values in (shown * own, shown**2, own**2))
    return (np.maximum(one, other) > _TEXTURE) & (both < _UNLIKE * np.sqrt(one * other))


def _sampled(
    plane: Plane, foreground: Foreground, matrix: np.ndarray, box: Box, border: int
) -> Plane:
    """A plane of the foreground's cut, looked up for every pixel centre of a box of the scene."""
    to_cut = foreground.matrix @ np.linalg.inv(matrix)
    height, width = foreground.alpha.shape
    middle = np.linalg.inv(to_cut) @ (width / 2, height / 2, 1.0)
    near = to_cut @ (middle / middle[2] + np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])).T
    # Pixels of the cut that one step in the scene leads over: more than one must be averaged.
    steps = np.linalg.norm(np.diff((near[:2] / near[2])[:, [1, 0, 2]], axis=1), axis=0)
    if steps.max() > 1:
        plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.4 * float(steps.max())), np.float32)
    x0, y0, x1, y1 = map(int, box)
    rows, columns = np.mgrid[y0:y1, x0:x1] + 0.5
    x, y, weight = (row[0] * columns + row[1] * rows + row[2] for row in to_cut)
    # Nothing lies beyond the horizon of a tilted plane.
    weight = np.where(weight * near[2, 0] > 0, weight, np.nan)
    x, y = (np.nan_to_num(place / weight, nan=-1e6) - 0.5 for place in (x, y))
    places = (x.astype(np.float32), y.astype(np.float32))
    return np.asarray(cv2.remap(plane, *places, cv2.INTER_LINEAR, borderMode=border), np.float32)


def _box_to_box(other: Foreground, foreground: Foreground) -> np.ndarray:
    """From pixels of another's source to those of this source, box onto box."""
    grown = scaling(*(own / its for own, its in zip(foreground.extent, other.extent, strict=True)))
    back = translation(-other.offset[0], -other.offset[1])
    return translation(*foreground.offset) @ grown @ back


def _detail(plane: Plane, part: Mask) -> Plane:
    return np.asarray((plane - _blurred(plane, part)) * part, np.float32)


def _blurred(plane: Plane, part: Mask) -> Plane:
    """Blur in which only the pixels of the part count."""
    weights = part.astype(np.float32)
    total = cv2.GaussianBlur(weights, (0, 0), _SIGMA)
    blurred = cv2.GaussianBlur(plane * weights, (0, 0), _SIGMA) / np.maximum(total, 1e-3)
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
