"""Grey and colour: luminance, and pictures brought to one channel or three."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from PIL import Image

from kerasgen.io.images import Pixels

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luminance: ITU-R BT.601, section 2.5.1, as JPEG has them."""


def luminance(colours: ArrayLike, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Luminance of `[..., 3]` colours, or of `[..., 1]` grey, in the range of the colours.

    Args:
        colours: Any dtype.
        dtype: What is computed in, and the dtype of the result.

    Returns:
        `[...]`.
    """
    values = np.asarray(colours, dtype)
    return values[..., 0] if values.shape[-1] == 1 else values @ np.array(LUMA, dtype)


def with_channels(image: Pixels, channels: int) -> Pixels:
    """A picture `[H, W, 1 | 3] uint8` as grey, `[H, W, 1]`, or RGB, `[H, W, 3]`."""
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]
