"""Locate the dark disc of an eye (iris and pupil together) as a centroid of darkness.

In a small dark eye the pupil cannot be distinguished from the iris, and ``judges.pupil`` finds
nothing, or an edge. The disc as a whole can still be followed, and with it the gaze.
"""

from __future__ import annotations

import cv2
import numpy as np

from kerasgen.evaluation.judges.pupil import PupilDetections
from kerasgen.io.channels import luminance

# Lengths in pixels of a picture 64 pixels high; they grow with it.
_COARSE, _FINE = 2.5, 1.2
_DISC, _SURROUNDING = 8.0, 13.0
_MARGIN = (16, 12, 8, 6)
"""Margins left out at the top (brows), bottom, left and right."""
_CONTRAST = 0.04
"""Luminance in [0, 1] by which the disc must be darker than its surroundings."""
_ROUNDS = 4


def find_irises(images: np.ndarray) -> PupilDetections:
    """Finds the dark disc in pictures of one eye each, the eye in the middle.

    Starts at the darkest point of the blurred picture and iterates the centroid of darkness around
    it. Where no disc stands out, as in a dark picture, none is found.

    Args:
        images: ``[N, H, W, 3]`` uint8, H and W at least 32; tuned for 64.

    Returns:
        N detections; centres (x, y) in pixels, (0, 0) the top-left corner of the picture.

    Raises:
        ValueError: If the shape of ``images`` is wrong.
    """
    if images.ndim != 4 or images.shape[3] != 3 or min(images.shape[1:3]) < 32:
        raise ValueError(
            f"`images` must be [N, H >= 32, W >= 32, 3] uint8. Received: shape={images.shape}"
        )
    unit = images.shape[1] / 64.0
    light = luminance(images) / 255.0
    fine = _blurred(light, _FINE * unit)
    centres = _darkest(_blurred(light, _COARSE * unit), unit)
    for _ in range(_ROUNDS):
        centres = _centroid(fine, centres, unit)
    contrast = _contrast(fine, centres, unit)
    found = contrast >= _CONTRAST
    confidence = np.clip(contrast / (2.0 * _CONTRAST), 0.0, 1.0)
    return PupilDetections(np.where(found[:, None], centres + 0.5, np.nan), confidence, found)


def _blurred(light: np.ndarray, sigma: float) -> np.ndarray:
    side = 2 * int(3.0 * sigma + 0.5) + 1
    planes = light.astype(np.float64)
    blurred = [
        cv2.GaussianBlur(plane, (side, side), sigma, borderType=cv2.BORDER_REFLECT)
        for plane in planes
    ]
    return np.stack(blurred)


def _darkest(light: np.ndarray, unit: float) -> np.ndarray:
    top, bottom, left, right = (round(side * unit) for side in _MARGIN)
    inside = light[:, top : light.shape[1] - bottom, left : light.shape[2] - right]
    flat = inside.reshape(len(light), -1).argmin(axis=1)
    row, column = np.unravel_index(flat, inside.shape[1:])
    return np.stack([column + left, row + top], axis=1).astype(np.float64)


def _distances(light: np.ndarray, centres: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: light.shape[1], : light.shape[2]]
    across = columns[None] - centres[:, 0, None, None]
    return np.hypot(across, rows[None] - centres[:, 1, None, None])


def _centroid(light: np.ndarray, centres: np.ndarray, unit: float) -> np.ndarray:
    distances = _distances(light, centres)
    around = np.where(distances < _SURROUNDING * unit, light, np.nan)
    threshold = np.nanpercentile(around, 40, axis=(1, 2))[:, None, None]
    darkness = np.maximum(threshold - light, 0.0) * (distances < _DISC * unit)
    total = darkness.sum(axis=(1, 2))
    rows, columns = np.mgrid[: light.shape[1], : light.shape[2]]
    moments = [(darkness * grid).sum(axis=(1, 2)) for grid in (columns, rows)]
    moved = np.stack(moments, axis=1) / np.maximum(total, 1e-9)[:, None]
    return np.where(total[:, None] > 1e-6, moved, centres)


def _contrast(light: np.ndarray, centres: np.ndarray, unit: float) -> np.ndarray:
    distances = _distances(light, centres) / unit
    inner = np.where(distances < 5.0, light, np.nan)
    outer = np.where((distances > 9.0) & (distances < 16.0), light, np.nan)
    return np.nanmedian(outer, axis=(1, 2)) - np.nanmedian(inner, axis=(1, 2))
