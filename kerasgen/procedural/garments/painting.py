"""Rendering of strokes: fit, colour, pattern, draw, reduce, shade, paste on a floor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kerasgen.data.random_streams import DrawingStream
from kerasgen.io.channels import luminance
from kerasgen.procedural.garments import accessories, bottoms, tops
from kerasgen.procedural.garments.floors import backdrop, floor_colour
from kerasgen.procedural.garments.strokes import Colour, Stroke, ellipse, line
from kerasgen.procedural.textures import grain, noise, to_bytes

_SHAPES = {
    "dress": tops.dress,
    "hat": accessories.hat,
    "longsleeve": tops.longsleeve,
    "outwear": tops.outwear,
    "pants": bottoms.pants,
    "shirt": tops.shirt,
    "shoes": accessories.shoes,
    "shorts": bottoms.shorts,
    "skirt": bottoms.skirt,
    "t-shirt": tops.t_shirt,
}
GARMENTS = tuple(_SHAPES)
_OVERSAMPLING = 4
_COLOURS = [
    *((0.1, 0.1, 0.12), (0.93, 0.93, 0.92), (0.55, 0.55, 0.57), (0.3, 0.31, 0.34)),
    *((0.13, 0.17, 0.33), (0.25, 0.4, 0.68), (0.62, 0.76, 0.9), (0.68, 0.12, 0.15)),
    *((0.9, 0.55, 0.6), (0.2, 0.36, 0.26), (0.5, 0.52, 0.32), (0.85, 0.76, 0.6)),
    *((0.45, 0.3, 0.2), (0.92, 0.78, 0.25), (0.48, 0.3, 0.52), (0.88, 0.45, 0.2)),
]
_DENIM = [(0.2, 0.28, 0.42), (0.38, 0.5, 0.66), (0.62, 0.72, 0.82), (0.12, 0.14, 0.2)]
# Shares of checks, and of stripes and dots.
_PATTERNED = {
    "shoes": (0.0, 0.0),
    "hat": (0.0, 0.0),
    "shirt": (0.35, 0.3),
    "outwear": (0.08, 0.06),
    "t-shirt": (0.05, 0.25),
}


@dataclass(frozen=True, eq=False)
class GarmentBatch:
    """N pictures of garments with their masks and labels."""

    images: np.ndarray  # [N, S, S, 3] uint8, on backgrounds
    foregrounds: np.ndarray  # [N, S, S, 4] uint8 RGBA, not premultiplied
    labels: np.ndarray  # [N] int32, indices into `GARMENTS`

    @property
    def alpha(self) -> np.ndarray:
        """`[N, S, S] uint8`: the share of each pixel that the garment covers, times 255."""
        return self.foregrounds[..., 3]


def drawn_garments(
    count: int, seed: int, size: int = 64, labels: Sequence[int] | np.ndarray | None = None
) -> GarmentBatch:
    """Draws garments, laid flat or hung, each on its own background.

    Args:
        count: Number of garments, N.
        seed: Not negative.
        size: Side S of the pictures in pixels, at least 16.
        labels: `[N]` integers, indices into `GARMENTS`; by default each ten pictures in a row show
            all ten kinds, in random order.

    Returns:
        N garments. Picture i is a function of `(seed, i, size)` and its label; it shows the same
        garment at every size.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if min(count, seed) < 0 or size < 16:
        raise ValueError(
            "`count` and `seed` must not be negative and `size` at least 16. "
            f"Received: {count=}, {seed=}, {size=}"
        )
    kinds = _balanced_labels(count, seed) if labels is None else _checked(labels, count)
    images = np.empty((count, size, size, 3), np.uint8)
    foregrounds = np.empty((count, size, size, 4), np.uint8)
    for index, kind in enumerate(kinds):
        rng = np.random.default_rng([seed, DrawingStream.GARMENTS, index])
        images[index], foregrounds[index] = _picture(rng, GARMENTS[kind], size)
    return GarmentBatch(images, foregrounds, kinds)


def _balanced_labels(count: int, seed: int) -> np.ndarray:
    kinds = len(GARMENTS)
    orders = [
        np.random.default_rng([seed, DrawingStream.GARMENT_ORDER, block]).permutation(kinds)
        for block in range(-(-count // kinds))
    ]
    return np.concatenate([*orders, np.empty(0)]).astype(np.int32)[:count]


def _checked(labels: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (count,) or (count and labels.dtype.kind not in "iu"):
        received = f"shape={labels.shape}, dtype={labels.dtype}"
        raise ValueError(f"`labels` must be [{count}] integers. Received: labels of {received}")
    if count and not (0 <= labels.min() and labels.max() < len(GARMENTS)):
        received = f"labels from {labels.min()} to {labels.max()}"
        raise ValueError(f"`labels` must be from 0 to {len(GARMENTS) - 1}. Received: {received}")
    return labels.astype(np.int32)


def _picture(rng: np.random.Generator, name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    base, accent = _cloth(rng, name)
    strokes = [*_pattern(rng, name, base, accent), *_SHAPES[name](rng, base, accent)]
    frame = _frame(rng, strokes, size * _OVERSAMPLING)
    paint, mask = _drawn(strokes, frame, size * _OVERSAMPLING, base)
    mask = mask.reduce(_OVERSAMPLING)
    colours = np.asarray(paint.reduce(_OVERSAMPLING), np.float32) / 255
    colours = colours * _folds(rng, mask, size)[..., None]
    foreground = np.dstack([to_bytes(colours), np.asarray(mask)])
    return _laid(rng, foreground, mask, base), foreground


def _cloth(rng: np.random.Generator, name: str) -> tuple[Colour, Colour]:
    is_denim = name in ("pants", "shorts", "skirt", "outwear") and rng.random() < 0.3
    colours = _DENIM if is_denim else _COLOURS
    base = np.array(colours[rng.integers(len(colours))]) + rng.uniform(-0.06, 0.06, 3)
    accent = np.array(_COLOURS[rng.integers(len(_COLOURS))])
    # An accent of the brightness of the cloth would be invisible.
    if abs(luminance(base - accent, np.float64)) < 0.25:
        accent = accent + (0.4 if luminance(base, np.float64) < 0.5 else -0.4)
    return _colour(base), _colour(accent)


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.04, 0.96).tolist()
    return red, green, blue


def _pattern(rng: np.random.Generator, name: str, base: Colour, accent: Colour) -> list[Stroke]:
    checks, others = _PATTERNED.get(name, (0.12, 0.3))
    kind = rng.random()
    if kind > checks + others:
        return []
    period = rng.uniform(0.12, 0.34)
    positions = np.arange(-2.5, 2.8, period).tolist()
    # Translucent bands darken where they cross, as woven checks do.
    band = (0.3 if sum(accent) > sum(base) else -0.35) if sum(base) > 0.9 else 0.3
    width, is_upright = period * rng.uniform(0.2, 0.55), rng.random() < 0.3
    rows = [[(-2, y), (2, y)] for y in positions]
    columns = [[(x, -3), (x, 3)] for x in positions]
    if kind < checks:
        return [line(ends, band, width) for ends in rows + columns]
    tone = accent if rng.random() < 0.6 else band
    if kind < checks + 0.67 * others:
        return [line(ends, tone, width) for ends in (columns if is_upright else rows)]
    radius = period * rng.uniform(0.15, 0.28)
    dots = [(x + period / 2 * (row % 2), y) for row, y in enumerate(positions) for x in positions]
    return [Stroke(ellipse(x, y, radius, radius), tone) for x, y in dots if abs(x) < 1.3]


def _frame(rng: np.random.Generator, strokes: list[Stroke], side: int) -> np.ndarray:
    # [3, 2]: rows for x, y and 1; fits the bounding box of all parts into the picture.
    points = np.concatenate([stroke.points for stroke in strokes if stroke.part])
    angle = rng.normal(0, 0.09)
    stretch = np.exp(rng.normal(0, 0.05))
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = matrix * [[stretch], [1 / stretch]]
    turned = points @ matrix
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = side * rng.uniform(0.74, 0.95) / (high - low).max()
    room = side * 0.98 - scale * (high - low)
    shift = side / 2 - scale * (high + low) / 2 + 0.35 * room * rng.uniform(-1, 1, 2) / 2
    return np.concatenate([scale * matrix, shift[None]])


def _drawn(
    strokes: list[Stroke], frame: np.ndarray, side: int, base: Colour
) -> tuple[Image.Image, Image.Image]:
    paint = Image.new("RGB", (side, side), _bytes(base))
    mask = Image.new("L", (side, side))
    brush, stencil = ImageDraw.Draw(paint, "RGBA"), ImageDraw.Draw(mask)
    scale = np.hypot(*frame[0])
    for stroke in strokes:
        points = (stroke.points @ frame[:2] + frame[2]).ravel().tolist()
        if stroke.part:
            stencil.polygon(points, 255)
        if stroke.tone is None:
            continue
        if stroke.width:
            # Rounded joints are drawn twice, which would be visible in a translucent line.
            joint = "curve" if isinstance(stroke.tone, tuple) else None
            brush.line(points, _ink(stroke.tone), max(round(stroke.width * scale), 1), joint)
        else:
            brush.polygon(points, _ink(stroke.tone))
    return paint, mask


def _bytes(colour: Colour) -> tuple[int, ...]:
    return tuple(round(255 * min(max(part, 0), 1)) for part in colour)


def _ink(tone: float | Colour) -> tuple[int, ...]:
    if isinstance(tone, tuple):
        return (*_bytes(tone), 255)
    return (0, 0, 0, round(-255 * tone)) if tone < 0 else (255, 255, 255, round(255 * tone))


def _folds(rng: np.random.Generator, mask: Image.Image, size: int) -> np.ndarray:
    # Light from one side, soft creases, and a darker rim.
    ticks = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    toward, steep = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.1)
    creases = rng.uniform(0.03, 0.12) * noise(rng, size, *rng.integers(3, 8, 2))
    rough = rng.uniform(0, 0.03) * grain(rng, size)
    inner = np.asarray(mask.filter(ImageFilter.BoxBlur(size / 22)), np.float32) / 255
    rim = rng.uniform(0.15, 0.45) * (1 - inner)
    return 1.05 + toward * ticks + steep * ticks[:, None] + creases + rough - rim


def _laid(
    rng: np.random.Generator, foreground: np.ndarray, mask: Image.Image, base: Colour
) -> np.ndarray:
    size = mask.width
    colour, cloth = floor_colour(rng), float(luminance(base, np.float64))
    brighter = luminance(colour, np.float64) - cloth
    # Cloth on a floor of the same brightness would be invisible.
    if abs(brighter) < 0.25:
        colour = colour - brighter + (0.35 if cloth < 0.5 else -0.35)
    kinds = ("wall", "wall", "fabric", "planks", "tiles")
    floor = backdrop(rng, size, kinds, colour, contrast=0.4)
    angle, far = rng.uniform(-np.pi, np.pi), size * rng.uniform(0.01, 0.035)
    moved = mask.rotate(0, translate=(round(far * np.cos(angle)), round(far * np.sin(angle))))
    shadow = np.asarray(moved.filter(ImageFilter.BoxBlur(size / 30)), np.float32) / 255
    floor = floor * (1 - rng.uniform(0.1, 0.5) * shadow)[..., None]
    share = np.asarray(mask, np.float32)[..., None] / 255
    cover = foreground[..., :3].astype(np.float32) / 255
    return to_bytes(cover * share + np.clip(floor, 0, 1) * (1 - share))
