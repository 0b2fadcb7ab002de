"""How a foreground meets the picture it is pasted on.

A detector learns to see a pasted edge unless it has seen edges of several kinds around objects and
around other things: the blending is drawn anew for each paste, after Dwibedi et al. 2017, "Cut,
Paste and Learn: Surprisingly Easy Synthesis for Instance Detection", section 5.2.
"""

from typing import Literal, NamedTuple, get_args

import cv2
import numpy as np

from kerasgen.io.images import Pixels

Blending = Literal["hard", "soft", "feathered", "poisson"]
BLENDINGS: tuple[Blending, ...] = get_args(Blending)

_FEATHER = 1.0
_POISSON_SIDE = 40
_PAD = 8
_LARGEST_SHIFT = 40.0
_CONTRAST = 24.0
"""Levels, in [0, 255], of difference to the background that are enough to be seen."""


class Shadow(NamedTuple):
    """A soft shadow.

    Attributes:
        x: Shift to the right, pixels.
        y: Shift down, pixels.
        reach: Pixels around the shifted mask over which it fades out.
        strength: Share of the light that it takes, in [0, 1].
    """

    x: int
    y: int
    reach: int
    strength: float


def edge(alpha: Pixels, blending: Blending) -> Pixels:
    """The soft mask as a way of blending wants it.

    Args:
        alpha: `[h, w]` uint8, at least 4 pixels of 0 around the object.
        blending: "hard" has no pixel in between, "soft" leaves the mask as it is, "feathered" and
            "poisson" blur it.

    Returns:
        `[h, w]` uint8.
    """
    if blending == "hard":
        return np.asarray(cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)
    if blending == "soft":
        return alpha
    return np.asarray(cv2.GaussianBlur(alpha, (5, 5), _FEATHER), np.uint8)


def matched(colours: Pixels, alpha: Pixels, place: Pixels, share: float) -> Pixels:
    """Moves an object's mean and spread of colour towards those of a place.

    After Reinhard et al. 2001, "Color Transfer between Images". Differs: part of the way only, at
    most 64 levels; in RGB, with half as much for colour as for brightness, so that it fits into one
    table a channel.

    Args:
        colours: `[h, w, 3]` uint8, the object.
        alpha: `[h, w]` uint8, its mask.
        place: `[h, w, 3]` uint8, what it will cover.
        share: Of the way, in [0, 1].

    Returns:
        `[h, w, 3]` uint8.
    """
    if share == 0:
        return colours
    inside = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1]
    own, own_spread = (values[:, 0] for values in cv2.meanStdDev(colours, mask=inside))
    other, other_spread = (values[:, 0] for values in cv2.meanStdDev(place, mask=inside))
    difference = other - own
    brightness = difference.mean()
    shift = share * np.clip(brightness + 0.5 * (difference - brightness), -64, 64)
    ratio = np.clip((other_spread.mean() + 1) / (own_spread.mean() + 1), 0.5, 2.0)
    gain = 1 + 0.5 * share * (ratio - 1)
    levels = np.arange(256)[:, None]
    table = np.clip(np.rint((levels - own) * gain + own + shift), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(colours, table[None]), np.uint8)


def mix(place: Pixels, colours: Pixels, alpha: Pixels) -> None:
    """Lays an object over a place, in that array: `alpha` parts of it and the rest of the place.

    Args:
        place: `[h, w, 3]` uint8, changed; the same where `alpha` is 0.
        colours: `[h, w, 3]` uint8; exactly these where `alpha` is 255.
        alpha: `[h, w]` uint8.
    """
    share = alpha.astype(np.float32) * np.float32(1 / 255)
    place[...] = cv2.blendLinear(colours, place, share, 1 - share)


def shade(place: Pixels, alpha: Pixels, part: tuple[slice, slice], shadow: Shadow) -> None:
    """Darkens a place, in that array, where an object takes the light.

    Args:
        place: `[h, w, 3]` uint8, changed.
        alpha: `[H, W]` uint8, the object's mask, already where the shadow lies.
        part: Of `alpha`, `[h, w]`; the rest lies out of the frame.
        shadow: Its reach and strength; shifting is up to the caller.
    """
    # Two boxes fall off as a tent does. Their time does not grow with the reach, and unlike
    # OpenCV's stack blur they give the same with any number of threads.
    first = shadow.reach // 2
    second = shadow.reach - first
    soft = cv2.blur(alpha, (2 * first + 1, 2 * first + 1))
    soft = cv2.blur(soft, (2 * second + 1, 2 * second + 1))[part]
    light = cv2.merge([cv2.convertScaleAbs(soft, alpha=-shadow.strength, beta=255)] * 3)
    place[...] = cv2.multiply(place, light, scale=1 / 255)


def harmonised(colours: Pixels, alpha: Pixels, place: Pixels) -> tuple[Pixels, str]:
    """Gives an object the light of its place by Poisson blending.

    Perez et al. 2003, "Poisson Image Editing", section 3 (seamless cloning): the object keeps its
    gradients and takes its surroundings' values at the edge. Differs: the change is computed at 40
    pixels or below, as it is smooth; it is held to 40 levels, as without a limit it dissolves what
    differs from its surroundings; and the edge itself is mixed by `alpha`.

    Args:
        colours: `[h, w, 3]` uint8, the object, its colours going on beyond its mask.
        alpha: `[h, w]` uint8, its mask, which may reach the border.
        place: `[h, w, 3]` uint8, what it will cover, with what lies around.

    Returns:
        The object's new colours `[h, w, 3]` uint8 and an empty text; or its old ones and why.
    """
    height, width = alpha.shape
    ratio = min(1.0, _POISSON_SIDE / max(height, width))
    small = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    mask, source, target = (
        _padded(cv2.resize(plane, small, interpolation=cv2.INTER_AREA))
        for plane in (alpha, colours, place)
    )
    # The solver leaves out the three outermost pixels of the mask.
    mask = cv2.dilate((mask > 127).astype(np.uint8) * 255, np.ones((9, 9), np.uint8))
    # It also leaves out the outermost pixels of the picture, and centres the rest.
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    x, y, across, down = cv2.boundingRect(mask)
    if not across:
        return colours, "too small"
    centre = (x + across // 2, y + down // 2)
    clone = cv2.seamlessClone(source, target, mask, centre, cv2.NORMAL_CLONE)
    change = cv2.subtract(clone, source, dtype=cv2.CV_32F)[_PAD:-_PAD, _PAD:-_PAD]
    change = np.clip(change, -_LARGEST_SHIFT, _LARGEST_SHIFT)
    change = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
    result = np.asarray(cv2.add(colours, change, dtype=cv2.CV_8U), np.uint8)
    before, after = (_contrast(picture, alpha, place) for picture in (colours, result))
    if after < min(_CONTRAST, 0.6 * before):
        return colours, f"contrast would fall from {before:.0f} to {after:.0f} levels"
    return result, ""


def _padded(plane: np.ndarray) -> np.ndarray:
    # The solver needs pixels around the object, also where it leaves the frame.
    return cv2.copyMakeBorder(plane, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_REPLICATE)


def _contrast(colours: Pixels, alpha: Pixels, place: Pixels) -> float:
    """Mean difference to the place, along the inner side of the object's edge."""
    inside = (alpha > 127).astype(np.uint8)
    band = inside - cv2.erode(inside, np.ones((5, 5), np.uint8))
    return float(np.mean(cv2.mean(cv2.absdiff(colours, place), mask=band)[:3]))
