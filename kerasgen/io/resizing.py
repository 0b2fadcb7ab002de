"""Resizing with an antialiased Lanczos kernel: the same pixels with every version of Pillow."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image
from PIL.Image import Resampling

Fit = Literal["crop", "pad", "stretch"]


class ImageError(ValueError):
    """A picture file that cannot be read; the message names it, the reason and a remedy."""


def fit_image(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """Resizes a Pillow picture.

    Args:
        image: The picture, of mode L, RGB or RGBA.
        size: (height, width) in pixels.
        fit: "crop" covers and cuts the centre, "pad" adds black (transparent for RGBA), "stretch"
            ignores the proportions.

    Returns:
        The picture in the new size.

    Raises:
        ImageError: If it is so thin that padding would leave nothing of it.
    """
    height, width = size
    if fit == "stretch":
        return _resized(image, size, (0, 0, *image.size))
    if fit == "crop":
        ratio = max(width / image.width, height / image.height)
        across, down = width / ratio, height / ratio
        left, top = (image.width - across) / 2, (image.height - down) / 2
        return _resized(image, size, (left, top, left + across, top + down))
    inner, corner = _inner(image.size[::-1], size)
    padded = Image.new(image.mode, (width, height))
    padded.paste(_resized(image, inner, (0, 0, *image.size)), corner[::-1])
    return padded


def fit_matrix(size: tuple[int, int], new: tuple[int, int], fit: Fit) -> np.ndarray:
    """Finds where ``fit_image`` moves each point.

    Args:
        size: (height, width) before, in pixels.
        new: (height, width) after, in pixels.
        fit: "crop", "pad" or "stretch", see ``fit_image``.

    Returns:
        ``[3, 3]`` float64, from homogeneous (x, y, 1) before to those after; (0, 0) is the corner
        of the picture.

    Raises:
        ImageError: If it is so thin that padding would leave nothing of it.
    """
    old, target = np.array(size[::-1], float), np.array(new[::-1], float)
    scale, shift = target / old, np.zeros(2)
    if fit == "crop":
        scale = np.full(2, max(scale))
        shift = (target - old * scale) / 2
    elif fit == "pad":
        inner, corner = _inner(size, new)
        scale, shift = np.array(inner[::-1]) / old, np.array(corner[::-1], float)
    return np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]], [0, 0, 1]])


def _inner(size: tuple[int, int], new: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(height, width) of a padded picture without its borders, and its (top, left)."""
    ratio = min(new[0] / size[0], new[1] / size[1])
    if min(size) * ratio <= 0.5:
        raise ImageError(f"{size[1]} x {size[0]} is too thin to pad: use fit='crop'.")
    height, width = round(size[0] * ratio), round(size[1] * ratio)
    return (height, width), (round((new[0] - height) / 2), round((new[1] - width) / 2))


def _resized(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]
) -> Image.Image:
    """The box (left, top, right, bottom) of a picture in a new size: rows, then columns.

    Pillow rounds and clips between the two, and its version decides which comes first.
    """
    plain = image.convert("RGBa") if image.mode == "RGBA" else image
    left, top, right, bottom = box
    across = plain.resize(
        (size[1], image.height), Resampling.LANCZOS, (left, 0, right, image.height)
    )
    both = across.resize(size[::-1], Resampling.LANCZOS, (0, top, size[1], bottom))
    return both.convert(image.mode) if image.mode == "RGBA" else both
