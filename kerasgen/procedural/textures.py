"""Noise that drawn pictures share, and the step from colours to bytes."""

import numpy as np
from PIL import Image

Map = np.ndarray  # [S, S] float32


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Rounds `[..., 3] float in [0, 1]` to uint8; what lies outside is clipped."""
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def grain(rng: np.random.Generator, size: int) -> Map:
    """Draws `[size, size]` standard normal numbers; `rng` moves on by one draw at any size."""
    bits = np.random.SFC64(int(rng.integers(2**62)))
    return np.random.Generator(bits).standard_normal((size, size), np.float32)


def noise(rng: np.random.Generator, size: int, rows: int, columns: int) -> Map:
    """Draws soft noise in about [-1, 1], `rows` blobs down and `columns` across."""
    cells = Image.fromarray(rng.uniform(-1, 1, (rows, columns)).astype(np.float32))
    return np.asarray(cells.resize((size, size), Image.Resampling.BICUBIC))
