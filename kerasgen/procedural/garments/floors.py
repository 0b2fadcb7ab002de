"""Backgrounds for garments: planks, tiles, fabric, walls, blurred rooms."""

from collections.abc import Callable, Sequence

import numpy as np

from kerasgen.data.random_streams import DrawingStream
from kerasgen.procedural.textures import Map, grain, noise, to_bytes

Draw = Callable[[np.random.Generator, int], np.ndarray]

# Colours of floors and bedspreads, RGB in [0, 1].
_COLOURS = np.array(
    [
        *([0.93, 0.92, 0.9], [0.8, 0.79, 0.77], [0.55, 0.55, 0.56], [0.25, 0.25, 0.27]),
        *([0.72, 0.53, 0.34], [0.5, 0.33, 0.2], [0.85, 0.72, 0.54], [0.6, 0.66, 0.72]),
        *([0.82, 0.74, 0.7], [0.45, 0.5, 0.44], [0.35, 0.38, 0.5], [0.88, 0.84, 0.74]),
    ],
    np.float32,
)


def drawn_backgrounds(count: int, seed: int, size: int = 256) -> np.ndarray:
    """Draws floors, fabrics, walls and blurred rooms, to paste objects on.

    Args:
        count: Number of pictures, N.
        seed: Not negative.
        size: Side S of the pictures in pixels, at least 16.

    Returns:
        `[N, S, S, 3] uint8`, picture i a function of `(seed, i, size)`.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if min(count, seed) < 0 or size < 16:
        raise ValueError(
            "`count` and `seed` must not be negative and `size` at least 16. "
            f"Received: {count=}, {seed=}, {size=}"
        )
    images = np.empty((count, size, size, 3), np.uint8)
    for index in range(count):
        rng = np.random.default_rng([seed, DrawingStream.FLOORS, index])
        images[index] = to_bytes(backdrop(rng, size, tuple(_KINDS), floor_colour(rng)))
    return images


def floor_colour(rng: np.random.Generator) -> np.ndarray:
    """Draws the colour `[3]`, RGB in about [0, 1], of a floor or a bedspread."""
    colour = _COLOURS[rng.integers(len(_COLOURS))] * rng.uniform(0.85, 1.05)
    return colour + rng.uniform(-0.03, 0.03, 3)


def backdrop(
    rng: np.random.Generator,
    size: int,
    kinds: Sequence[str],
    colour: np.ndarray,
    contrast: float = 1.0,
) -> np.ndarray:
    """Draws one background as `[S, S, 3] float32`, about in [0, 1].

    Args:
        rng: Generator of everything else about it.
        size: Side S in pixels.
        kinds: Kinds to choose from: "planks", "tiles", "fabric", "wall", "room".
        colour: `[3]`, RGB in [0, 1].
        contrast: Factor of its pattern.
    """
    shade = _KINDS[kinds[int(rng.integers(len(kinds)))]](rng, size)
    x, y = _grid(rng, size, turned=True)
    light = rng.uniform(0.0, 0.25) * x - rng.uniform(0.0, 0.25) * (x * x + y * y)
    light = light + rng.uniform(0.0, 0.03) * grain(rng, size)
    picture = colour.astype(np.float32) * (1 + light)[..., None]
    shade = shade if shade.ndim == 3 else shade[..., None]
    return picture * (1 + np.float32(contrast) * shade)


def _grid(rng: np.random.Generator, size: int, *, turned: bool) -> tuple[Map, Map]:
    # From -0.5 to 0.5 across the picture.
    ticks = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    angle = rng.uniform(-np.pi, np.pi) if turned else rng.integers(2) * np.pi / 2
    angle = angle if turned else angle + rng.normal(0, 0.08)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cosine * ticks + sine * ticks[:, None], cosine * ticks[:, None] - sine * ticks


def _gaps(positions: Map, width: float, pixel: float) -> Map:
    # 1 in the gap around every whole number, softened over a pixel.
    distance = np.abs(positions - np.rint(positions))
    return np.clip((width - distance) / pixel + 0.5, 0, 1)


def _planks(rng: np.random.Generator, size: int) -> Map:
    x, y = _grid(rng, size, turned=False)
    across, length = rng.uniform(3, 9), rng.uniform(0.6, 1.4)
    row = y * across + rng.uniform(0, 1)
    number = np.floor(row).astype(int)
    joints = rng.uniform(0, 1, 32).astype(np.float32)
    along = x / np.float32(length) + joints[number % 32]
    board = (number * 7 + np.floor(along).astype(int) * 13) % 32
    tone = rng.uniform(-1, 1, 32).astype(np.float32)[board]
    # Long streaks, shifted from board to board.
    streaks = noise(rng, 64, 64, 5).ravel()
    cell = (row * 21).astype(int) % 64 * 64 + ((x + 0.8) * 40).astype(int) % 64
    shade = rng.uniform(0.04, 0.14) * tone + rng.uniform(0.02, 0.1) * streaks[cell]
    gap = _gaps(row, 0.02, across / size) + _gaps(along, 0.006, 1 / (length * size))
    return shade - rng.uniform(0.3, 0.6) * np.minimum(gap, 1)


def _tiles(rng: np.random.Generator, size: int) -> Map:
    x, y = _grid(rng, size, turned=rng.random() < 0.3)
    across, shape = rng.uniform(2, 7), rng.choice([1.0, 1.0, 2.0])
    row, column = y * across + rng.uniform(0, 1), x * across / shape + rng.uniform(0, 1)
    tile = (np.floor(row).astype(int) * 7 + np.floor(column).astype(int) * 13) % 32
    tone = rng.uniform(-0.09, 0.09, 32).astype(np.float32)
    if rng.random() < 0.25:  # a chessboard
        tile = (np.floor(row) + np.floor(column)).astype(int) % 2
        tone[:2] = [-0.22, 0.1]
    gap = np.maximum(
        _gaps(row, 0.018, across / size), _gaps(column, 0.018 / shape, across / shape / size)
    )
    marble = rng.uniform(0, 0.06) * noise(rng, size, 9, 9)
    return tone[tile] * (1 - gap) + marble + rng.uniform(-0.45, 0.25) * gap


def _fabric(rng: np.random.Generator, size: int) -> Map:
    x, y = _grid(rng, size, turned=True)
    folds = rng.uniform(0.05, 0.22) * noise(rng, size, *rng.integers(3, 7, 2))
    threads = 2 * np.pi * np.float32(rng.uniform(20, 60))
    weave = rng.uniform(0, 0.05) * np.sin(threads * x) * np.sin(threads * y)
    shade = folds + weave
    kind = rng.integers(4)
    if kind < 2:  # stripes, or checks
        bands = np.float32(rng.uniform(3, 12))
        share = rng.uniform(0.12, 0.3)
        stripes = _gaps(x * bands, share, bands / size)
        stripes = stripes + _gaps(y * bands, share, bands / size) if kind else stripes
        shade = shade + rng.uniform(-0.3, 0.2) * stripes
    return shade


def _wall(rng: np.random.Generator, size: int) -> Map:
    stains = rng.uniform(0.0, 0.06) * noise(rng, size, 4, 4)
    rough = rng.uniform(0.0, 0.04) * noise(rng, size, 40, 40)
    return stains + rough


def _room(rng: np.random.Generator, size: int) -> np.ndarray:
    strength, cells = rng.uniform(0.15, 0.4), int(rng.integers(3, 7))
    common = noise(rng, size, cells, cells)
    tints = [common + 0.25 * noise(rng, size, cells, cells) for _ in range(3)]
    return strength * np.stack(tints, axis=-1)


_KINDS: dict[str, Draw] = {
    "planks": _planks,
    "tiles": _tiles,
    "fabric": _fabric,
    "wall": _wall,
    "room": _room,
}
