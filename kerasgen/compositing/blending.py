"""How a foreground is blended into the picture it is pasted on.

A detector learns to see pasted edges unless several kinds of them appear around objects and around
distractors: the blending is drawn anew for each paste, after Dwibedi et al. 2017, "Cut, Paste and
Learn: Surprisingly Easy Synthesis for Instance Detection" (arXiv:1708.01642), section 5.2.
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
"""Difference to the background, in levels of [0, 255], that is enough to be seen."""


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
    """Sharpens or blurs a soft mask as the blending requires.

    Args:
        alpha: ``[h, w]`` uint8, at least 4 pixels of 0 around the object.
        blending: "hard" makes it binary, "soft" leaves it as it is, "feathered" and "poisson" blur
            it.

    Returns:
        ``[h, w]`` uint8.
    """
    if blending == "hard":
        return np.asarray(cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)
    if blending == "soft":
        return alpha
    return np.asarray(cv2.GaussianBlur(alpha, (5, 5), _FEATHER), np.uint8)


def matched(colours: Pixels, alpha: Pixels, region: Pixels, share: float) -> Pixels:
    """Moves an object's mean and spread of colour towards those of the background.

    After Reinhard et al. 2001, "Color Transfer between Images"
    (https://doi.org/10.1109/38.946629). Differs: a share of the way only, at most 64 levels; in
    RGB, half as much for colour as for brightness, as one lookup table per channel.

    Args:
        colours: ``[h, w, 3]`` uint8, the object.
        alpha: ``[h, w]`` uint8, its mask.
        region: ``[h, w, 3]`` uint8, what it will cover.
        share: Of the way, in [0, 1].

    Returns:
        ``[h, w, 3]`` uint8.
    """
    if share == 0:
        return colours
    inside = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1]
    own, own_spread = (values[:, 0] for values in cv2.meanStdDev(colours, mask=inside))
    other, other_spread = (values[:, 0] for values in cv2.meanStdDev(region, mask=inside))
    difference = other - own
    brightness = difference.mean()
    shift = share * np.clip(brightness + 0.5 * (difference - brightness), -64, 64)
    ratio = np.clip((other_spread.mean() + 1) / (own_spread.mean() + 1), 0.5, 2.0)
    gain = 1 + 0.5 * share * (ratio - 1)
    levels = np.arange(256)[:, None]
    table = np.clip(np.rint((levels - own) * gain + own + shift), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(colours, table[None]), np.uint8)


def mix(region: Pixels, colours: Pixels, alpha: Pixels) -> None:
    """Pastes an object over a region, in place: ``alpha`` of it and the rest of the region.

    Args:
        region: ``[h, w, 3]`` uint8, changed; the same where ``alpha`` is 0.
        colours: ``[h, w, 3]`` uint8; exactly these where ``alpha`` is 255.
        alpha: ``[h, w]`` uint8.
    """
    share = alpha.astype(np.float32) * np.float32(1 / 255)
    region[...] = cv2.blendLinear(colours, region, share, 1 - share)


def shade(region: Pixels, alpha: Pixels, part: tuple[slice, slice], shadow: Shadow) -> None:
    """Darkens a region, in place, where the shadow of an object falls.

    Args:
        region: ``[h, w, 3]`` uint8, changed.
        alpha: ``[H, W]`` uint8, the object's mask, shifted to the shadow.
        part: The ``[h, w]`` part of ``alpha`` that lies in the frame.
        shadow: Its reach and strength are used.
    """
    # Two box blurs make a linear fall-off. Their time does not grow with the reach, and unlike
    # OpenCV's stack blur they give the same result on any number of threads.
    first = shadow.reach // 2
    second = shadow.reach - first
    soft = cv2.blur(alpha, (2 * first + 1, 2 * first + 1))
    soft = cv2.blur(soft, (2 * second + 1, 2 * second + 1))[part]
    light = cv2.merge([cv2.convertScaleAbs(soft, alpha=-shadow.strength, beta=255)] * 3)
    region[...] = cv2.multiply(region, light, scale=1 / 255)


def harmonised(colours: Pixels, alpha: Pixels, region: Pixels) -> tuple[Pixels, str]:
    """Adapts an object to the light of its region by Poisson blending.

    Perez et al. 2003, "Poisson Image Editing" (https://doi.org/10.1145/882262.882269), section 3
    (seamless cloning): the object keeps its gradients and takes the values around it at the edge.
    Differs: the change, which is smooth, is computed at no more than 40 pixels; it is limited to 40
    levels, so that objects unlike their surroundings remain; the edge is mixed by ``alpha``.

    Args:
        colours: ``[h, w, 3]`` uint8, the object, its colours going on beyond its mask.
        alpha: ``[h, w]`` uint8, its mask, which may reach the border.
        region: ``[h, w, 3]`` uint8, what it will cover, and what lies around.

    Returns:
        The new colours ``[h, w, 3]`` uint8 and an empty text, or the old ones and the reason.
    """
    height, width = alpha.shape
    ratio = min(1.0, _POISSON_SIDE / max(height, width))
    small = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    mask, source, target = (
        _padded(cv2.resize(plane, small, interpolation=cv2.INTER_AREA))
        for plane in (alpha, colours, region)
    )
    # The solver ignores the three outermost pixels of the mask.
    mask = cv2.dilate((mask > 127).astype(np.uint8) * 255, np.ones((9, 9), np.uint8))
    # It also ignores the outermost pixels of the picture, and centres the rest.
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
    before, after = (_contrast(picture, alpha, region) for picture in (colours, result))
    if after < min(_CONTRAST, 0.6 * before):
        return colours, f"contrast would fall from {before:.0f} to {after:.0f} levels"
    return result, ""


def _padded(plane: np.ndarray) -> np.ndarray:
    # The solver needs pixels around the object, also where it leaves the frame.
    return cv2.copyMakeBorder(plane, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_REPLICATE)


def _contrast(colours: Pixels, alpha: Pixels, region: Pixels) -> float:
    """Mean difference to the region along the inner side of the object's edge."""
    inside = (alpha > 127).astype(np.uint8)
    band = inside - cv2.erode(inside, np.ones((5, 5), np.uint8))
    return float(np.mean(cv2.mean(cv2.absdiff(colours, region), mask=band)[:3]))
