"""Square crops of masked pictures: with the marked object and without, from the same scene.

A classifier tested on such pairs cannot use the scene to separate them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Crops(NamedTuple):
    """Top-left corners (y, x) of squares, ``[N, 2]`` int."""

    marked: np.ndarray
    free: np.ndarray


def crop_corners(
    mask: np.ndarray,
    side: int,
    *,
    least: float = 0.4,
    margin: int = 0,
    most: int = 1,
    seed: int = 0,
) -> Crops:
    """Chooses random squares that show the marked object, and as many that do not.

    Squares of one kind do not overlap by more than half of their side in both directions.

    Args:
        mask: ``[H, W]`` bool.
        side: Side of the squares in pixels.
        least: Smallest marked share of a marked square, in (0, 1].
        margin: Pixels around a free square that must be free too: masks drawn by hand end early.
        most: Largest number of squares of each kind.
        seed: Seed of the choice.

    Returns:
        Equally many marked and free squares; none if the picture does not have both.

    Raises:
        ValueError: If the mask is not ``[H, W]`` bool, the square does not fit, or a number is out
            of range.
    """
    if mask.ndim != 2 or mask.dtype != bool or side > min(mask.shape):
        raise ValueError(
            "`mask` must be [H, W] bool and `side` fit in. "
            f"Received: shape={mask.shape}, dtype={mask.dtype}, side={side}"
        )
    if side < 1 or not 0 < least <= 1 or margin < 0 or most < 1:
        raise ValueError(
            "`side` and `most` must be at least 1, `least` in (0, 1], `margin` 0 or more. "
            f"Received: side={side}, least={least}, margin={margin}, most={most}"
        )
    covered = _sums(mask, side) / side**2
    around = _sums(np.pad(mask, margin), side + 2 * margin)
    random = np.random.default_rng(seed)
    kinds = [
        _apart(np.argwhere(where), side, most, random) for where in (covered >= least, around == 0)
    ]
    count = min(map(len, kinds))
    return Crops(*(corners[:count] for corners in kinds))


def cut(image: np.ndarray, corners: np.ndarray, side: int) -> np.ndarray:
    """Cuts squares from a picture.

    Args:
        image: ``[H, W, C]``.
        corners: ``[N, 2]`` top-left corners (y, x).
        side: Side of the squares in pixels.

    Returns:
        ``[N, side, side, C]``.
    """
    parts = [image[y : y + side, x : x + side] for y, x in corners]
    return np.stack(parts) if parts else np.empty((0, side, side, image.shape[2]), image.dtype)


def _sums(mask: np.ndarray, side: int) -> np.ndarray:
    """The sum of each square, ``[H - side + 1, W - side + 1]``."""
    total = np.pad(mask.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]


def _apart(corners: np.ndarray, side: int, most: int, random: np.random.Generator) -> np.ndarray:
    chosen: list[np.ndarray] = []
    for corner in random.permutation(corners):
        if len(chosen) == most:
            break
        if all(np.abs(corner - other).max() >= side / 2 for other in chosen):
            chosen.append(corner)
    return np.array(chosen, int).reshape(-1, 2)
