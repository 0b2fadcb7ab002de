"""Strokes that drawings consist of, in units of the garment.

x goes to the right from the garment's middle, y down from its top; a long sleeve has a length of
about 1.
"""

from typing import NamedTuple

import numpy as np

Colour = tuple[float, float, float]
Points = np.ndarray  # [K, 2] (x, y)
SIDES = (-1.0, 1.0)
SEAM, DEEP = -0.28, -0.5


class Stroke(NamedTuple):
    """A filled polygon, or a line where `width` is above 0.

    `tone` is a colour in [0, 1], or how much to lighten (above 0) or darken (below 0) the pixels
    below, or None to paint nothing. A `part` adds its area to the garment's mask; other strokes are
    visible inside the mask only.
    """

    points: Points
    tone: float | Colour | None = None
    width: float = 0.0
    part: bool = False


def line(points: object, tone: float | Colour = SEAM, width: float = 0.02) -> Stroke:
    """Returns an open line `[K, 2]` that is no part of the mask."""
    return Stroke(np.asarray(points, float), tone, width)


def rounded(points: object) -> Points:
    """Rounds a closed polygon `[K, 2]`; repeated points remain corners.

    Cuts corners twice: Chaikin 1974, "An algorithm for high-speed curve generation"
    (https://doi.org/10.1016/0146-664X(74)90028-8).
    """
    corners = np.asarray(points, float)
    for _ in range(2):
        following = np.concatenate([corners[1:], corners[:1]])
        cut = [0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following]
        corners = np.stack(cut, axis=1).reshape(-1, 2)
    return corners


def mirrored(half: object) -> Points:
    """Returns the closed polygon of which `[K, 2]` is the right half, from top to bottom."""
    right = np.asarray(half, float)
    return np.concatenate([right, right[::-1] * [-1.0, 1.0]])


def ellipse(x: float, y: float, across: float, down: float) -> Points:
    """Returns an ellipse as a polygon; `across` and `down` are its semi-axes."""
    return np.array([x, y]) + _CIRCLE * [across, down]


def shaded(colour: Colour, share: float, lift: float = 0.0) -> Colour:
    """Returns `share` times a colour in [0, 1], plus `lift`."""
    red, green, blue = colour
    return share * red + lift, share * green + lift, share * blue + lift


def curve(points: object) -> Points:
    """Rounds an open line `[K, 2]`; its ends stay."""
    corners = np.asarray(points, float)
    for _ in range(2):
        before, after = corners[:-1], corners[1:]
        cut = [0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after]
        between = np.stack(cut, axis=1).reshape(-1, 2)[1:-1]
        corners = np.concatenate([corners[:1], between, corners[-1:]])
    return corners


_TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
