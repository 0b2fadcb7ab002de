"""Noise for drawn pictures, and conversion of colours to bytes."""

import numpy as np
from PIL import Image

Map = np.ndarray  # [S, S] float32


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Converts `[..., 3] float in [0, 1]` to uint8; values outside are clipped."""
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def grain(rng: np.random.Generator, size: int) -> Map:
    """Draws standard normal numbers.

    Args:
        rng: Generator; one draw is taken from it at any size.
        size: Side S in pixels.

    Returns:
        `[S, S]` float32.
    """
    bits = np.random.SFC64(int(rng.integers(2**62)))
    return np.random.Generator(bits).standard_normal((size, size), np.float32)


def noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Map:
    """Draws smooth noise in about [-1, 1].

    Args:
        rng: Generator.
        size: Side S in pixels.
        rows: Number of blobs down.
        columns: Number of blobs across.

    Returns:
        `[S, S]` float32.
    """
    cells = Image.fromarray(rng.uniform(-1, 1, (rows, columns)).astype(np.float32))
    return np.asarray(cells.resize((size, size), Image.Resampling.BICUBIC))
