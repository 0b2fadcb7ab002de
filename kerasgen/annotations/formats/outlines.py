"""Polygons along the borders of a mask's pixels, which give the same mask when they are filled."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kerasgen.annotations.annotation import tight_box

Ring = list[tuple[int, int]]


def polygons_of(mask: np.ndarray) -> list[list[float]]:
    """Returns one polygon for each part of a mask, a hole being joined to its part by a bridge.

    A bridge is a line there and back: filled by the even-odd rule it adds nothing.

    Args:
        mask: `[H, W]` bool.

    Returns:
        Polygons of x and y in turn, in pixels, along the borders of pixels.
    """
    return [joined(rings) for rings in _rings(mask)]


def polygon_of(mask: np.ndarray) -> list[float]:
    """Returns one polygon of all parts of a mask that is not empty, see ``polygons_of``."""
    return joined([ring for rings in _rings(mask) for ring in rings])


def joined(rings: Sequence[Ring]) -> list[float]:
    """Returns one polygon of several: from the start of the first to each of the others and back.

    Args:
        rings: Their corners, `(x, y)`.
    """
    first, *others = rings
    path = list(first)
    for ring in others:
        path += [first[0], *ring, ring[0]]
    if others:
        path.append(first[0])
    return [float(value) for point in path for value in point]


def _rings(mask: np.ndarray) -> list[list[Ring]]:
    """The outer ring of each part, with those of its holes."""
    x0, y0, x1, y1 = (int(value) for value in tight_box(mask) or (0, 0, 0, 0))
    if x0 == x1:
        return []
    # Three pixels for one: a contour through their centres tells the sides of a pixel apart.
    large = mask[y0:y1, x0:x1].astype(np.uint8).repeat(3, axis=0).repeat(3, axis=1)
    outlines, tree = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found: dict[int, list[Ring]] = {}
    parents = tree[0][:, 3]
    for index in np.argsort(parents, kind="stable").tolist():
        points = outlines[index].reshape(-1, 2)
        corners = (points + (points % 3 == 2)) // 3 + (x0, y0)
        ring = [(int(x), int(y)) for x, y in corners]
        kept = [
            point for point, before in zip(ring, [ring[-1], *ring], strict=False) if point != before
        ]
        found.setdefault(index if parents[index] < 0 else int(parents[index]), []).append(kept)
    return list(found.values())
