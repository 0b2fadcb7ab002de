"""Smoke as a volume: turbulent density, transmitted light, and the view of a camera.

A volume is `[h, w, Z]` float32, rows down, columns to the right, slices towards the camera. Lengths
are in short sides of the picture; the origin is its centre.
"""

import math
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
Draws = dict[str, Any]
"""Drawn parameters by name, as JSON values."""

DEPTH = 0.8  # thickness of a volume, short sides
SLICES = 12

_OCTAVES = 6
_FINEST = 1.5  # pixels; smaller cells are invisible
_STEEPEST = 0.25  # of the light's direction, downwards; a lower sun is raised to it
_OUTSIDE = 0.15  # short sides by which smoke goes on above the picture's upper border


class Grid(NamedTuple):
    """Coordinates of a volume's pixels `[h, w]` and slices `[Z]`, in short sides."""

    x: Array
    y: Array
    z: Array

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width in short sides."""
        height, width = self.x.shape
        return height / min(height, width), width / min(height, width)


class Shape(NamedTuple):
    """Smoke before turbulence: `core` `[h, w, Z]` is above 0 inside, at most 1.

    `width` `[h, w]` is the local size of the largest eddies, None if it is unlimited; `strength`
    scales the density.
    """

    core: Array
    width: Array | None
    strength: Array | float


def pixel_grid(height: int, width: int) -> Grid:
    """Returns the grid of a picture of `height` x `width` pixels."""
    side = min(height, width)
    x = ((np.arange(width) + 0.5 - width / 2) / side).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / side).astype(np.float32)
    z = (((np.arange(SLICES) + 0.5) / SLICES - 0.5) * DEPTH).astype(np.float32)
    return Grid(np.tile(x, (height, 1)), np.tile(y[:, None], (1, width)), z)


def uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    """Draws a number between two ends."""
    return float(rng.uniform(*ends))


def log_uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    """Draws a number between two ends above 0, uniformly in its logarithm."""
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))


def plumes(rng: np.random.Generator, grid: Grid, draws: Draws) -> Shape:
    """Draws one wide column or up to three narrow plumes, inclined by the same wind.

    The width of a plume and the size of its eddies grow in proportion to the distance from its
    source, and its density falls (Morton, Taylor and Turner 1956, "Turbulent gravitational
    convection from maintained and instantaneous sources", https://doi.org/10.1098/rspa.1956.0011,
    section 2).
    """
    wind = uniform(rng, (-1.3, 1.3))
    is_column = bool(rng.random() < 0.5)
    widening = uniform(rng, (1.5, 5.0)) if is_column else 1.0
    draws.update(wind=wind, sources=[])
    core, width, fade = _plume(rng, grid, wind, widening, draws)
    for _ in range(0 if is_column else int(rng.integers(3))):
        other, other_width, other_fade = _plume(rng, grid, wind, 1.0, draws)
        is_nearer = other.max(axis=2) > core.max(axis=2)
        core = np.maximum(core, other)
        width, fade = np.where(is_nearer, other_width, width), np.where(is_nearer, other_fade, fade)
    return Shape(core, width, fade * np.minimum(width.mean() / width, 4.0))


def _plume(
    rng: np.random.Generator, grid: Grid, wind: float, widening: float, draws: Draws
) -> tuple[Array, Array, Array]:
    mouth, spread = uniform(rng, (0.015, 0.06)) * widening, uniform(rng, (0.18, 0.45))
    lean, bend = wind + uniform(rng, (-0.2, 0.2)), wind * uniform(rng, (-0.1, 0.35))
    # Upwind of the middle, so that the plume crosses the picture.
    x = uniform(rng, (-0.4, 0.4)) * grid.extent[1] - 0.3 * math.sin(lean)
    y = uniform(rng, (-0.05, 0.5)) * grid.extent[0]
    draws["sources"].append({"x": x, "y": y, "lean": lean, "mouth": mouth, "spread": spread})
    right, up = grid.x - np.float32(x), np.float32(y) - grid.y
    cosine, sine = np.float32(math.cos(lean)), np.float32(math.sin(lean))
    along = cosine * up + sine * right
    way = np.maximum(along, 0)
    across = cosine * right - sine * up - np.float32(bend) * way * way
    width = np.float32(mouth) + np.float32(spread) * way
    behind = np.minimum(along, 0) * np.float32(2 / mouth)
    flat = 1 - (across / width) ** 2 + behind
    # At least a slice thick, or it would fall between two slices.
    thick = np.maximum(width, np.float32(DEPTH / SLICES))
    core = flat[..., None] - (grid.z / thick[..., None]) ** 2
    return core, width, np.exp(-np.float32(uniform(rng, (0.0, 1.0))) * way)


def clouds(rng: np.random.Generator, grid: Grid, draws: Draws) -> Shape:
    """Draws a bank of one to four ellipsoids at about one height."""
    height, width = grid.extent
    level, core = uniform(rng, (-0.5, 0.4)) * height, None
    count = int(rng.integers(1, 5))
    draws.update(level=level, lobes=count)
    for _ in range(count):
        wide = uniform(rng, (0.25, 0.7)) * width
        tall = wide * uniform(rng, (0.4, 1.0))
        x = np.float32(uniform(rng, (-0.6, 0.6)) * width)
        y = np.float32(level + uniform(rng, (-0.25, 0.25)))
        flat = 1 - ((grid.x - x) / np.float32(wide)) ** 2 - ((grid.y - y) / tall) ** 2
        lobe = flat[..., None] - (grid.z / np.float32(max(0.25, wide / 2))) ** 2
        core = lobe if core is None else np.maximum(core, lobe)
    return Shape(np.asarray(core, np.float32), None, 1.0)


def haze(rng: np.random.Generator, grid: Grid, draws: Draws) -> Shape:
    """Draws an even layer, thickest at a horizon, where the path through it is longest."""
    horizon, reach = uniform(rng, (-0.5, 0.2)), uniform(rng, (0.25, 1.0))
    draws.update(horizon=horizon, reach=reach)
    layer = 1.2 * _layer(grid, horizon, reach, uniform(rng, (0.0, 1.0)))
    return Shape(np.repeat(layer[..., None], SLICES, axis=2), None, 1.0)


def veil(rng: np.random.Generator, grid: Grid) -> Array:
    """Draws a thin layer `[h, w]`, at most 1, for the surroundings of thicker smoke."""
    horizon, reach = uniform(rng, (-0.5, 0.3)), uniform(rng, (0.2, 0.8))
    return _layer(grid, horizon, reach, 1.0)


def _layer(grid: Grid, horizon: float, reach: float, above: float) -> Array:
    # With `above` 0 the density does not decrease upwards.
    distance = (grid.y - np.float32(horizon)) / np.float32(reach)
    return np.exp(-np.maximum(distance, -np.float32(above) * distance))


def turbulence(
    rng: np.random.Generator, grid: Grid, coarsest: float, gain: float, width: Array | None
) -> Array:
    """Draws billows: round lumps with creases between them, finer ones on coarser ones.

    The negative sum of the absolute values of octaves of noise (Perlin 1985, "An Image
    Synthesizer", https://doi.org/10.1145/325165.325247, the section on marble: "turbulence").
    Differs: the noise is a cubic B-spline on random numbers.

    Args:
        rng: Generator; the number of draws does not depend on the size.
        grid: The grid.
        coarsest: Size of the first octave's cells, short sides; it halves with each octave.
        gain: Factor of each octave relative to the one before.
        width: As in `Shape`; octaves with larger cells fade.

    Returns:
        `[h, w, Z]`, mean 0, the first octave of variance 1.
    """
    seeds = rng.integers(2**62, size=_OCTAVES)
    total = np.zeros((*grid.x.shape, len(grid.z)), np.float32)
    for octave, seed in enumerate(seeds.tolist()):
        cell = coarsest / 2**octave
        if cell * min(grid.x.shape) < _FINEST:
            break
        lumps = _noise(np.random.Generator(np.random.SFC64(seed)), grid, cell)
        np.abs(lumps, out=lumps)
        # The mean of |noise| is 0.265, its standard deviation 0.2.
        lumps *= np.float32(-4.8 * gain**octave)
        lumps += np.float32(1.27 * gain**octave)
        if width is not None:
            lumps *= np.minimum(1, width * np.float32(1.2 / cell))[..., None]
        total += lumps
    return total


def _noise(rng: np.random.Generator, grid: Grid, cell: float) -> Array:
    lengths = (*grid.extent, DEPTH)
    cells = (cell, cell, max(cell, DEPTH / SLICES))
    counts = [math.ceil(length / part) + 4 for length, part in zip(lengths, cells, strict=True)]
    down, right, near = (
        _spline((np.arange(size) + 0.5) * (length / (size * part)) + 1 + shift, count)
        for size, length, part, shift, count in zip(
            (*grid.x.shape, SLICES), lengths, cells, rng.random(3), counts, strict=True
        )
    )
    knots = rng.standard_normal(counts, np.float32)
    slices = (knots.reshape(-1, counts[2]) @ near.T).reshape(counts[0], counts[1], SLICES)
    columns = right @ slices
    return (down @ columns.reshape(counts[0], -1)).reshape(*grid.x.shape, SLICES)


def _spline(at: Array, count: int) -> Array:
    # [K, count]: the weight of each of `count` knots at K positions.
    distance = np.abs(at[:, None] - np.arange(count)).astype(np.float32)
    inner = np.float32(2 / 3) - distance * distance * (1 - distance / 2)
    return np.where(distance < 1, inner, np.maximum(2 - distance, 0) ** 3 / 6)


def light_through(density: Array, light: Array) -> Array:
    """Computes the share of a distant light that reaches each voxel, row by row downwards.

    Interpolation spreads the light to neighbouring pixels in each row, which softens shadows like
    scattering.

    Args:
        density: `[h, w, Z]`, optical depth of one pixel's length for the light.
        light: `[3]`, unit vector towards it: to the right, down, towards the camera.

    Returns:
        `[h, w, Z]` in [0, 1].
    """
    height, width, slices = density.shape
    side = min(height, width)
    step = 1 / max(-float(light[1]), _STEEPEST)
    shift_x, shift_z = float(light[0]) * step, float(light[2]) * step * slices / (DEPTH * side)
    passing = np.exp(density * np.float32(-step))
    columns, part_x = _shifted(width, shift_x)
    layers, part_z = _shifted(slices + 2, shift_z)
    # The two outermost slices are clear air, so that light enters from the front and the back.
    air = np.ones((width, slices + 2), np.float32)
    air[:, 1:-1] = passing[0] ** np.float32(_OUTSIDE * side)
    through = np.empty_like(density)
    for row in range(height):
        through[row] = air[:, 1:-1]
        air[:, 1:-1] *= passing[row]
        near = air[:, layers[0]] * (1 - part_z) + air[:, layers[1]] * part_z
        air = near[columns[0]] * (1 - part_x) + near[columns[1]] * part_x
    return through


def _shifted(count: int, shift: float) -> tuple[Array, np.float32]:
    # [2, count]: the two indices to interpolate between, and the weight of the second.
    whole = math.floor(shift)
    first = np.arange(count) + whole
    return np.clip([first, first + 1], 0, count - 1), np.float32(shift - whole)


def seen(depth: Array, through: Array) -> tuple[Array, Array]:
    """Renders a volume: its opacity, and the light on its visible part.

    Emission and absorption, front to back (Max 1995, "Optical Models for Direct Volume Rendering",
    https://doi.org/10.1109/2945.468400, section 5).

    Args:
        depth: `[h, w, Z]`, optical depth of each slice.
        through: `[h, w, Z]`, light that reaches it.

    Returns:
        The opacity `[h, w]` in [0, 1) and the mean light on the visible smoke `[h, w]` in [0, 1].
    """
    before = np.cumsum(depth[..., ::-1], axis=2)[..., ::-1]
    shares = np.exp(depth - before) - np.exp(-before)
    opacity = shares.sum(axis=2)
    return opacity, np.einsum("hwz,hwz->hw", shares, through) / np.maximum(opacity, 1e-6)
