"""Grey and colour: luminance, and conversion to one or three channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from PIL import Image

from kerasgen.io.images import Pixels

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luminance: ITU-R BT.601, section 2.5.1
(https://www.itu.int/rec/R-REC-BT.601), as in JPEG."""


def luminance(colours: ArrayLike, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Computes the luminance of RGB colours, in their own range.

    Args:
        colours: `[..., 3]` RGB or `[..., 1]` grey, any dtype.
        dtype: Dtype of the computation and of the result.

    Returns:
        `[...]`.
    """
    values = np.asarray(colours, dtype)
    return values[..., 0] if values.shape[-1] == 1 else values @ np.array(LUMA, dtype)


def with_channels(image: Pixels, channels: int) -> Pixels:
    """Converts a picture to grey or RGB.

    Args:
        image: `[H, W, 1 | 3] uint8`.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        `[H, W, channels] uint8`.
    """
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]
