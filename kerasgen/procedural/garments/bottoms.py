"""Skirts, pants and shorts, laid flat and seen from the front."""

import numpy as np

from kerasgen.procedural.garments.strokes import SIDES, Colour, Stroke, line, mirrored, rounded


def pleats(
    rng: np.random.Generator, top: float, bottom: float, start: float, end: float
) -> list[Stroke]:
    """Draws folds that spread from the waist to the hem.

    Args:
        rng: Generator of their number, length and depth.
        top: Half the width at their start.
        bottom: Half the width at the hem.
        start: y of their start.
        end: y of the hem.
    """
    positions = np.linspace(-0.8, 0.8, rng.integers(2, 8)) + rng.uniform(-0.05, 0.05)
    ends = start + (end - start) * rng.uniform(0.7, 1.05, len(positions))
    tone = rng.uniform(-0.3, -0.08)
    lines = [[(x * top, start), (x * bottom, y)] for x, y in zip(positions, ends, strict=True)]
    return [line(ends, tone, 0.03) for ends in lines]


def skirt(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a waistband over anything from a pencil skirt to a flared one, short or long."""
    waist, length = rng.uniform(0.32, 0.46), rng.uniform(0.7, 1.5)
    hem, band = waist * rng.uniform(1.15, 2.4), rng.uniform(0.06, 0.13)
    bulge = waist + (hem - waist) * rng.uniform(0.3, 0.65)
    low = rng.uniform(0.02, 0.1)
    half = [(0, 0.02), (waist, 0), (waist, 0), (bulge, 0.4 * length), (hem, length), (hem, length)]
    strokes = [Stroke(rounded(mirrored([*half, (hem * 0.5, length + low)])), part=True)]
    strokes += pleats(rng, waist, hem, band, length)
    strokes += [line([(-1, band), (1, band)], -0.4, 0.03)]
    hem_y = length - 0.08
    return strokes + ([line([(-2, hem_y), (2, hem_y)])] if rng.random() < 0.5 else [])


def _trousers(
    rng: np.random.Generator, waist: float, length: float, outer: float, width: float
) -> list[Stroke]:
    hip, crotch = waist * rng.uniform(1.12, 1.25), rng.uniform(0.5, 0.62)
    right = [(waist, 0), (waist, 0), (hip, 0.35), ((hip + outer) / 2, (crotch + length) / 2)]
    right += [(outer, length)] * 2 + [(outer - width, length)] * 2 + [(0.03, crotch), (0.0, crotch)]
    left = np.array(right[::-1]) * [-1.0, 1.0] + [0.0, rng.uniform(-0.03, 0.03)]
    strokes = [Stroke(rounded([*right, *left]), part=True)]
    band = rng.uniform(0.08, 0.12)
    fly = [(0.0, band), (0.09, band), (0.08, 0.3), (0.0, 0.38)]
    strokes += [line([(0, band), (0, crotch)], -0.4, 0.025), line(fly[1:], -0.25)]
    for side in SIDES:
        strokes.append(line([(side * waist * 0.55, band), (side * hip, 0.3)], -0.35, 0.025))
        crease = [(side * outer * 0.55, crotch), (side * (outer - width / 2), length)]
        strokes.append(line(crease, rng.uniform(-0.15, 0.12), 0.04))
    strokes += [line([(-1, band), (1, band)], -0.4, 0.03)]
    y = length - 0.07
    return strokes + [line([(-2, y), (2, y)], -0.25)]


def pants(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws long legs, narrow or wide, straight or spread."""
    waist, width = rng.uniform(0.32, 0.4), rng.uniform(0.17, 0.33)
    return _trousers(rng, waist, rng.uniform(1.7, 2.2), width + rng.uniform(0.04, 0.3), width)


def shorts(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws short, wide legs."""
    waist, width = rng.uniform(0.36, 0.44), rng.uniform(0.36, 0.46)
    return _trousers(rng, waist, rng.uniform(0.8, 1.15), width + rng.uniform(0.04, 0.14), width)
