"""A canvas and a camera: projects polygons in space to a picture with fourfold oversampling."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from kerasgen.procedural.textures import grain, noise, to_bytes

Colour = np.ndarray  # [3], RGB, about in [0, 1]
Point = tuple[float, float, float]  # x to the right, y up, z away from the camera

_OVERSAMPLING = 4
_NEAREST = 0.3  # smallest z; points in front of it are moved there


def colour(red: float, green: float, blue: float) -> Colour:
    """Returns a colour, RGB in [0, 1]."""
    return np.array([red, green, blue])


def tinted(rng: np.random.Generator, base: Colour, spread: float = 0.05) -> Colour:
    """Draws a colour near another."""
    return base * rng.uniform(0.85, 1.1) + rng.uniform(-spread, spread, 3)


def picked(rng: np.random.Generator, palette: np.ndarray, spread: float = 0.05) -> Colour:
    """Draws a colour near one of a palette `[K, 3]`."""
    return tinted(rng, palette[rng.integers(len(palette))], spread)


class View(NamedTuple):
    """A level pinhole camera along z; picture coordinates are in [0, 1] inside the frame."""

    x: float
    height: float
    focal: float
    horizon: float
    vanishing: float = 0.5

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Projects points `[K, 3]` to picture coordinates `[K, 2]`."""
        z = np.maximum(points[:, 2], _NEAREST)
        across = self.vanishing + self.focal * (points[:, 0] - self.x) / z
        return np.stack([across, self.horizon - self.focal * (points[:, 1] - self.height) / z], 1)


class Canvas:
    """A picture to paint on, in shares of its side; later strokes cover earlier ones."""

    def __init__(self, size: int) -> None:
        """Starts with black; the finished picture has `size` x `size` pixels."""
        self.size = size
        self._side = size * _OVERSAMPLING
        self._image = Image.new("RGB", (self._side, self._side))
        self._brush = ImageDraw.Draw(self._image, "RGBA")

    def polygon(self, points: np.ndarray, tone: Colour, share: float = 1.0) -> None:
        """Fills a polygon `[K, 2]` with opacity `share`."""
        self._brush.polygon((points * self._side).ravel().tolist(), _ink(tone, share))

    def line(self, points: np.ndarray, tone: Colour, width: float, share: float = 1.0) -> None:
        """Draws a line `[K, 2]`, at least a third of a pixel wide."""
        pixels = max(1, round(width * self._side))
        self._brush.line((points * self._side).ravel().tolist(), _ink(tone, share), pixels)

    def ellipse(
        self, centre: np.ndarray, across: float, down: float, tone: Colour, share: float = 1.0
    ) -> None:
        """Fills an ellipse; `across` and `down` are its semi-axes."""
        reach = np.array([across, down])
        box = np.concatenate([centre - reach, centre + reach]) * self._side
        self._brush.ellipse(box.tolist(), _ink(tone, share))

    def gradient(self, low: float, high: float, top: Colour, bottom: Colour) -> None:
        """Fills the rows from `low` to `high` with colours that change from `top` to `bottom`."""
        first, last = (round(np.clip(y, 0, 1) * self._side) for y in (low, high))
        if last <= first:
            return
        share = np.linspace(0, 1, last - first)[:, None, None]
        rows = to_bytes(np.clip(top + (bottom - top) * share, 0, 1))
        band = Image.fromarray(rows).resize((self._side, last - first), Image.Resampling.NEAREST)
        self._image.paste(band, (0, first))

    def finished(self, rng: np.random.Generator) -> np.ndarray:
        """Returns `[S, S, 3]` uint8: reduced, with uneven light, stains and grain."""
        picture = np.asarray(self._image.reduce(_OVERSAMPLING), np.float32) / 255
        ticks = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size - 0.5
        light = 1 + rng.uniform(-0.25, 0.25) * ticks + rng.uniform(-0.2, 0.2) * ticks[:, None]
        light = light - rng.uniform(0, 0.5) * (ticks**2 + ticks[:, None] ** 2)
        light = light + rng.uniform(0.01, 0.06) * noise(rng, self.size, *rng.integers(3, 9, 2))
        light = light + rng.uniform(0.005, 0.025) * noise(rng, self.size, 29, 29)
        warmth = rng.uniform(-0.06, 0.06) * np.array([1.0, 0.1, -1.0], np.float32)
        picture = picture * (light[..., None] * (rng.uniform(0.75, 1.1) + warmth))
        picture = np.clip(picture, 0, 1) ** np.float32(rng.uniform(0.85, 1.2))
        return to_bytes(picture + rng.uniform(0.002, 0.015) * grain(rng, self.size)[..., None])


class Stage(NamedTuple):
    """A canvas and the camera that projects onto it."""

    canvas: Canvas
    view: View

    def face(self, points: list[Point], tone: Colour, share: float = 1.0) -> None:
        """Fills a polygon in space."""
        self.canvas.polygon(self.view.seen(np.array(points, float)), tone, share)

    def edge(self, points: list[Point], tone: Colour, width: float, share: float = 1.0) -> None:
        """Draws a line in space; `width` is in shares of the picture."""
        self.canvas.line(self.view.seen(np.array(points, float)), tone, width, share)

    def box(self, low: Point, high: Point, tone: Colour, light: float = 0.25) -> None:
        """Fills the visible faces of a cuboid; the top is the lightest."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        if z0 < _NEAREST:
            return
        if y1 < self.view.height:
            self.face([(x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)], tone * (1 + light))
        for x, is_seen in ((x0, self.view.x < x0), (x1, self.view.x > x1)):
            if is_seen:
                side = [(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)]
                self.face(side, tone * (1 - 1.4 * light))
        self.face([(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)], tone)


def _ink(tone: Colour, share: float) -> tuple[int, ...]:
    return (*to_bytes(np.asarray(tone)).tolist(), round(255 * share))
