"""T-shirts, longsleeves, shirts, outwear and dresses, laid flat and seen from the front."""

from typing import NamedTuple

import numpy as np

from kerasgen.procedural.garments.bottoms import pleats
from kerasgen.procedural.garments.strokes import (
    DEEP,
    SIDES,
    Colour,
    Stroke,
    ellipse,
    line,
    mirrored,
    rounded,
    shaded,
)


class _Torso(NamedTuple):
    """Measures of the front of an upper garment; `depth` is that of the neckline."""

    chest: float
    length: float
    hem: float
    waist: float
    neck: float
    depth: float


def _torso(rng: np.random.Generator, torso: _Torso, *, tail: float = 0.0) -> list[Stroke]:
    drop = rng.uniform(0.07, 0.13)
    shoulder, armpit = torso.chest * rng.uniform(0.94, 1.02), rng.uniform(0.36, 0.44)
    hem, low = (torso.hem, torso.length), (0.0, torso.length + tail)
    half = [(0, 0.03), (torso.neck, 0), (torso.neck, 0), (shoulder, drop), (torso.chest, armpit)]
    half += [(torso.chest * torso.waist, 0.6 * torso.length), hem, hem, low]
    return [Stroke(rounded(mirrored(half)), part=True)]


def _neckline(torso: _Torso, pointed: bool) -> list[Stroke]:
    # The shaded back of the neck is visible above the edge of the front.
    reach = 0.55 if pointed else 0.95
    side, low = (torso.neck * reach, torso.depth * (0.5 if pointed else 0.8)), (0.0, torso.depth)
    front = [(torso.neck, 0), (torso.neck, 0), side, low, *([low] if pointed else [])]
    hole = rounded(mirrored([(0, 0.03), *front]))
    return [Stroke(hole, DEEP), line(np.concatenate([hole, hole[:1]]), -0.2, 0.045)]


class _Sleeve(NamedTuple):
    length: float
    angle: float  # from straight down, radians
    bend: float  # how much less of it below the elbow
    top: float  # half widths, at the arm hole and at the end
    end: float


def _sleeves(torso: _Torso, sleeves: list[_Sleeve], tone: Colour | None) -> list[Stroke]:
    strokes = []
    for side, sleeve in zip(SIDES, sleeves, strict=True):
        angles = np.array([sleeve.angle, sleeve.angle - sleeve.bend])
        along = np.stack([side * np.sin(angles), np.cos(angles)], axis=1) * sleeve.length / 2
        across = np.stack([side * np.cos(angles), -np.sin(angles)], axis=1)
        shoulder = np.array([side * 0.97 * torso.chest, 0.1])
        armpit = np.array([side * torso.chest, 0.1 + 2 * sleeve.top])
        elbow = (shoulder + armpit) / 2 + along[0]
        end = elbow + along[1]
        middle = (sleeve.top + sleeve.end) / 2
        outer, inner = end + across[1] * sleeve.end, end - across[1] * sleeve.end
        bends = [elbow + across[0] * middle, elbow - across[0] * middle]
        inside = armpit - [side * 0.06, 0.0]
        corners = [shoulder, shoulder, bends[0], outer, outer, inner, inner, bends[1], inside]
        strokes.append(Stroke(rounded([*corners, inside]), tone, part=True))
        strokes.append(line([shoulder, armpit], -0.22))
        strokes.append(line([armpit, bends[1], inner], -0.4, 0.025))
        cuff = -along[1] / np.hypot(*along[1]) * 0.06
        strokes.append(line([outer + cuff, inner + cuff], -0.2))
    return strokes


def _pair(
    rng: np.random.Generator,
    length: tuple[float, float],
    angle: tuple[float, float],
    top: tuple[float, float],
    end: tuple[float, float],
) -> list[_Sleeve]:
    # Left and right have the same cut but lie differently.
    same = (rng.uniform(*length), rng.uniform(*top), rng.uniform(*end))
    common = rng.uniform(*angle)
    sleeves = []
    for _ in SIDES:
        lies = common + rng.uniform(-0.08, 0.08)
        bend = rng.uniform(-0.1, 0.25) * (same[0] > 0.7)
        sleeves.append(_Sleeve(same[0], lies, bend, same[1], same[2]))
    return sleeves


def _long_sleeves(rng: np.random.Generator, wide: float = 1.0) -> list[_Sleeve]:
    top, end = (0.15 * wide, 0.19 * wide), (0.08 * wide, 0.11 * wide)
    return _pair(rng, (1.0, 1.3), (0.12, 0.55), top, end)


def _short_sleeves(rng: np.random.Generator) -> list[_Sleeve]:
    return _pair(rng, (0.32, 0.52), (0.5, 1.1), (0.16, 0.21), (0.14, 0.19))


def t_shirt(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws short sleeves and a round or pointed neckline; a print on some."""
    chest, length = rng.uniform(0.4, 0.54), rng.uniform(1.15, 1.5)
    torso = _Torso(chest, length, chest * rng.uniform(0.92, 1.12), 0.97, *_neck(rng))
    contrast = accent if rng.random() < 0.15 else None
    strokes = _torso(rng, torso) + _sleeves(torso, _short_sleeves(rng), contrast)
    strokes += _neckline(torso, pointed=rng.random() < 0.3) + [_hem(torso)]
    return strokes + (_print(rng, torso, accent) if rng.random() < 0.45 else [])


def _neck(rng: np.random.Generator) -> tuple[float, float]:
    neck = rng.uniform(0.16, 0.23)
    return neck, neck * rng.uniform(0.6, 1.1)


def _hem(torso: _Torso) -> Stroke:
    y = torso.length - 0.06
    return line([(-torso.hem - 0.1, y), (torso.hem + 0.1, y)], -0.18)


def _print(rng: np.random.Generator, torso: _Torso, accent: Colour) -> list[Stroke]:
    # A print on the chest: a disc, a block of lines like text, or a band.
    y, across = rng.uniform(0.45, 0.6), torso.chest * rng.uniform(0.35, 0.6)
    kind = rng.integers(3)
    if kind == 0:
        return [Stroke(ellipse(0, y, across, across * rng.uniform(0.6, 1.1)), accent)]
    if kind == 1:
        ends = across * rng.uniform(0.4, 1.0, 3)
        rows = [y + 0.11 * row for row in range(3)]
        pairs = zip(ends, rows, strict=True)
        return [line([(-x, row), (x, row)], accent, 0.06) for x, row in pairs]
    return [line([(-1, y), (1, y)], accent, rng.uniform(0.12, 0.3))]


def longsleeve(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a t-shirt's body with long sleeves, some with a turtleneck."""
    chest, length = rng.uniform(0.38, 0.5), rng.uniform(1.25, 1.6)
    torso = _Torso(chest, length, chest * rng.uniform(0.88, 1.08), 0.96, *_neck(rng))
    contrast = accent if rng.random() < 0.15 else None
    strokes = _torso(rng, torso) + _sleeves(torso, _long_sleeves(rng), contrast)
    strokes += [_hem(torso)]
    if rng.random() < 0.2:  # a turtleneck
        neck = torso.neck
        collar, edge = mirrored([(neck, -0.12), (neck, 0.06)]), [(-neck, 0.02), (0, 0.08)]
        strokes += [Stroke(collar, part=True), line([*edge, (neck, 0.02)], -0.35, 0.03)]
        return strokes
    strokes += _neckline(torso, pointed=rng.random() < 0.25)
    return strokes + (_print(rng, torso, accent) if rng.random() < 0.2 else [])


def shirt(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a collar, a placket with buttons, long or short sleeves, a pocket on some."""
    chest, neck = rng.uniform(0.4, 0.52), rng.uniform(0.14, 0.18)
    torso = _Torso(chest, rng.uniform(1.15, 1.4), chest * rng.uniform(0.92, 1.05), 0.95, neck, 0.14)
    sleeves = _long_sleeves(rng) if rng.random() < 0.65 else _short_sleeves(rng)
    strokes = _torso(rng, torso, tail=rng.uniform(0.0, 0.12)) + _sleeves(torso, sleeves, None)
    placket = [(0.05, torso.depth), (0.05, torso.length + 0.2)]
    strokes += [line(placket, -0.35), line(np.array(placket) * [-1.0, 1.0], -0.15)]
    light = -0.75 if sum(base) > 1.2 else 0.75
    for y in np.arange(torso.depth + 0.1, torso.length - 0.08, rng.uniform(0.15, 0.2)):
        strokes.append(Stroke(ellipse(0, y, 0.03, 0.03), light))
    if rng.random() < 0.5:
        x, y = torso.chest * 0.5, 0.42
        pocket = mirrored([(0.1, 0), (0.1, 0.18), (0, 0.23)]) + [x, y]
        strokes.append(line([*pocket, pocket[0]], -0.3))
    return strokes + _collar(neck, torso.depth, base, rng.uniform(0.9, 1.3))


def _collar(neck: float, depth: float, colour: Colour, size: float) -> list[Stroke]:
    inside = [(-neck, -0.02), (neck, -0.02), (0.02, depth), (-0.02, depth)]
    strokes = [Stroke(np.array(inside), -0.55, part=True)]
    for side in SIDES:
        tip = (side * neck * 0.62, depth + 0.1 * size)
        leaf = [(side * neck * 0.8, -0.05), (side * (neck + 0.06), 0.03), tip, (0, depth - 0.01)]
        strokes.append(Stroke(np.array(leaf), shaded(colour, 0.9, 0.1), part=True))
        strokes.append(line([leaf[1], tip, leaf[3], leaf[0]], -0.5, 0.022))
    return strokes


def outwear(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a wide jacket or coat: quilted, with lapels, or with a hood; open or closed."""
    chest, length = rng.uniform(0.5, 0.6), rng.uniform(1.3, 2.0)
    hem, neck, depth = (rng.uniform(*ends) for ends in ((0.95, 1.15), (0.17, 0.22), (0.3, 0.6)))
    torso = _Torso(chest, length, chest * hem, 0.98, neck, depth)
    strokes = _torso(rng, torso) + _sleeves(torso, _long_sleeves(rng, wide=1.3), None)
    kind = rng.integers(3)
    if kind == 0:  # quilted
        for y in np.arange(0.2, length, rng.uniform(0.13, 0.2)):
            strokes += [line([(-2, y + 0.02), (2, y + 0.02)], -0.3, 0.035)]
            strokes += [line([(-2, y - 0.04), (2, y - 0.04)], 0.15, 0.03)]
    strokes += _front(rng, torso, accent, is_open=rng.random() < 0.4)
    if kind == 1:
        return strokes + _lapels(torso, base)
    # A collar that stands, or a hood.
    height, across = (0.12, neck) if kind == 0 else (rng.uniform(0.22, 0.3), neck * 1.5)
    top = [(across, 0.12), (across, -0.5 * height), (0.6 * across, -height), (0, -height)]
    mouth = ellipse(0, -0.02, 0.75 * across, 0.5 * height)
    return [*strokes, Stroke(rounded(mirrored(top)), part=True), Stroke(mouth, -0.6)]


def _front(rng: np.random.Generator, torso: _Torso, accent: Colour, is_open: bool) -> list[Stroke]:
    low = torso.length + 0.1
    strokes = [line([(0, 0), (0, low)], DEEP, 0.035)]
    if is_open:
        spread = torso.hem * rng.uniform(0.2, 0.5)
        inside = [(-torso.neck * 0.8, 0), (torso.neck * 0.8, 0), (spread, low), (-spread, low)]
        strokes = [Stroke(np.array(inside), accent), line([*inside[1:], inside[0]], DEEP, 0.04)]
    for side in SIDES:
        x, y = side * torso.hem * 0.6, torso.length * rng.uniform(0.62, 0.7)
        strokes.append(line([(x - side * 0.08, y + 0.22), (x + side * 0.08, y)], DEEP, 0.03))
    return strokes


def _lapels(torso: _Torso, base: Colour) -> list[Stroke]:
    strokes = []
    for side in SIDES:
        leaf = [(torso.neck * 0.6, -0.04), (torso.neck * 1.3, 0.05), (torso.chest * 0.62, 0.3)]
        leaf += [(0.03, torso.depth + 0.2)]
        points = np.array(leaf) * [side, 1.0]
        strokes.append(Stroke(points, shaded(base, 0.88, 0.04), part=True))
        strokes.append(line(points[[1, 2, 3, 0]], DEEP, 0.03))
    for row in range(3):
        y = torso.depth + 0.28 + 0.2 * row
        strokes += [Stroke(ellipse(0.09, y, 0.035, 0.035), -0.65)]
    return strokes


def dress(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a bodice with straps or sleeves, a waist, and a skirt that flares."""
    chest, length = rng.uniform(0.3, 0.38), rng.uniform(1.55, 2.3)
    waist, hem = rng.uniform(0.72, 0.95), chest * rng.uniform(1.1, 2.3)
    middle = rng.uniform(0.62, 0.8)
    neck, depth = chest * rng.uniform(0.45, 0.62), rng.uniform(0.12, 0.3)
    has_sleeves = rng.random() < 0.4
    shoulder = chest * 0.97 if has_sleeves else neck + rng.uniform(0.03, 0.14)
    edge = [(chest * waist, middle), (chest * waist * 1.02, middle + 0.1)]
    skirt = [*edge, ((hem + chest) / 2, (middle + length) / 2), (hem, length), (hem, length)]
    neckline = [(0, depth), (neck * 0.8, depth * 0.85), (neck, 0), (neck, 0)]
    top = [(shoulder, 0.06), (shoulder, 0.06), (chest, 0.36), (chest, 0.4)]
    outline = rounded(mirrored([*neckline, *top, *skirt, (0, length + 0.05)]))
    strokes = [Stroke(outline, part=True)]
    if has_sleeves:
        torso = _Torso(chest, length, hem, waist, neck, depth)
        lengths = (0.15, 0.4) if rng.random() < 0.7 else (0.9, 1.1)
        pair = _pair(rng, lengths, (0.3, 0.8), (0.13, 0.16), (0.08, 0.14))
        strokes += _sleeves(torso, pair, None)
    belt: float | Colour = accent if rng.random() < 0.3 else -0.3
    strokes += [line([(-1, middle), (1, middle)], belt, rng.uniform(0.02, 0.07))]
    return strokes + pleats(rng, chest * waist, hem, middle, length)
