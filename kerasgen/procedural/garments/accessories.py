"""Hats and shoes, seen from the side or from above."""

import numpy as np

from kerasgen.procedural.garments.strokes import (
    DEEP,
    SIDES,
    Colour,
    Stroke,
    curve,
    ellipse,
    line,
    mirrored,
    rounded,
    shaded,
)


def hat(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a cap, a knitted hat, a hat with a brim, or a bucket hat."""
    kind = rng.choice(4, p=[0.4, 0.2, 0.25, 0.15])
    draw = (_cap, _beanie, _brimmed, _bucket)[kind]
    return draw(rng, base, accent)


def _cap(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    height, reach = rng.uniform(0.5, 0.68), rng.uniform(0.85, 1.2)
    side = SIDES[rng.integers(2)]
    dome = [(-0.5, 0.6), (-0.5, 0.6), (-0.52, 0.25), (-0.3, 0.6 - height), (0.2, 0.58 - height)]
    dome += [(0.5, 0.25), (0.54, 0.55), (0.54, 0.55)]
    droop = rng.uniform(0.02, 0.14)
    brim = [(0.3, 0.5), (0.55, 0.44), (reach, 0.6 + droop), (reach, 0.68 + droop), (0.5, 0.66)]
    brim += [(0.0, 0.66), (-0.1, 0.6)]
    tone = accent if rng.random() < 0.3 else shaded(base, 0.8)
    top = 0.6 - 0.93 * height
    strokes = [Stroke(rounded(dome), part=True), Stroke(rounded(brim), tone, part=True)]
    strokes += [line(curve([(0.55, 0.45), (0.3, 0.52), (-0.1, 0.6)]), DEEP, 0.035)]
    strokes += [line(curve([(-0.02, top), (0.18, 0.2), (0.2, 0.55)]), -0.3, 0.025)]
    strokes += [line(curve([(-0.02, top), (-0.3, 0.3), (-0.32, 0.6)]), -0.3, 0.025)]
    strokes += [Stroke(ellipse(-0.02, top - 0.01, 0.05, 0.035), -0.4, part=True)]
    if rng.random() < 0.5:
        strokes.append(Stroke(ellipse(0.33, 0.33, 0.1, 0.12), accent))
    return [stroke._replace(points=stroke.points * [side, 1.0]) for stroke in strokes]


def _beanie(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    height, cuff = rng.uniform(0.75, 1.1), rng.uniform(0.18, 0.3)
    half = [(0, 0), (0.22, 0), (0.46, 0.35 * height), (0.5, height), (0.5, height), (0, height)]
    strokes = [Stroke(rounded(mirrored(half)), part=True)]
    for x in np.linspace(-0.42, 0.42, 7):
        strokes.append(line(curve([(0.4 * x, 0.02), (x, 0.4 * height), (x, height)]), -0.25, 0.03))
    fold = [(0.52, height - cuff), (0.53, height), (0.53, height), (0, height + 0.03)]
    tone = accent if rng.random() < 0.3 else shaded(base, 0.85, 0.08)
    strokes.append(Stroke(mirrored([(0, height - cuff + 0.02), *fold]), tone, part=True))
    strokes.append(line([(-1, height - cuff + 0.01), (1, height - cuff + 0.01)], DEEP, 0.03))
    for x in np.linspace(-0.48, 0.48, 12):
        strokes.append(line([(x, height - cuff + 0.03), (x, height + 0.1)], -0.2, 0.025))
    if rng.random() < 0.55:
        strokes.append(Stroke(ellipse(0, -0.08, 0.16, 0.15), accent, part=True))
    return strokes


def _brimmed(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    reach, height = rng.uniform(0.8, 1.15), rng.uniform(0.45, 0.65)
    tilt, dent = rng.uniform(0.08, 0.2), rng.uniform(-0.04, 0.1)
    brim = ellipse(0, height, reach, tilt)
    # The sides turn up or down.
    brim[:, 1] += rng.uniform(-0.12, 0.1) * (brim[:, 0] / reach) ** 2
    half = [(0, dent), (0.3, -0.02), (0.42, 0.1), (0.5, height), (0.5, height), (0, height + 0.08)]
    band = [(0.49, height - 0.16), (0.51, height - 0.02), (0.25, height + 0.04), (0, height + 0.05)]
    strokes = [Stroke(brim, part=True), line(brim[:13], -0.35, 0.03)]
    strokes += [Stroke(rounded(mirrored(half)), shaded(base, 0.92), part=True)]
    strokes += [Stroke(mirrored([(0, height - 0.1), *band]), accent)]
    strokes += [line(curve([(-0.2, 0.0), (0.0, dent + 0.12), (0.2, 0.0)]), -0.3, 0.04)]
    return strokes


def _bucket(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    height, reach, low = rng.uniform(0.4, 0.55), rng.uniform(0.72, 0.92), rng.uniform(0.25, 0.4)
    crown = [(0, 0), (0.32, 0.0), (0.38, 0.04), (0.48, height), (0.48, height), (0, height + 0.05)]
    brim = [(0.48, height), (0.48, height), (reach, height + low), (reach, height + low)]
    brim = [(0, height + 0.05), *brim, (0, height + low + 0.14)]
    tone = shaded(base, 0.88)
    strokes = [Stroke(rounded(mirrored(crown)), part=True)]
    strokes += [Stroke(rounded(mirrored(brim)), tone, part=True)]
    strokes += [line(curve([(-0.5, height), (0, height + 0.1), (0.5, height)]), DEEP, 0.04)]
    for share in (0.4, 0.7):
        x, y = 0.48 + share * (reach - 0.48), height + share * low
        strokes.append(line(curve([(-x, y), (0, y + 0.2), (x, y)]), -0.25, 0.02))
    return strokes


def shoes(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    """Draws a sneaker, a boot, a pump or a pair of shoes from above."""
    if rng.random() < 0.25:
        return _from_above(rng, base, accent)
    draw = (_sneaker, _boot, _pump)[rng.choice(3, p=[0.5, 0.28, 0.22])]
    shoe, side = draw(rng, base, accent), SIDES[rng.integers(2)]
    if draw is not _pump and rng.random() < 0.4:
        shift = [rng.uniform(-0.3, 0.3), -rng.uniform(0.12, 0.3)]
        behind = [stroke._replace(points=stroke.points + shift) for stroke in shoe]
        outline = np.concatenate([shoe[0].points, shoe[0].points[:1]])
        shoe = [*behind, line(outline, -0.6, 0.06), *shoe]
    return [stroke._replace(points=stroke.points * [side, 1.0]) for stroke in shoe]


def _sole(
    low: list[tuple[float, float]], thick: float, tone: Colour, heel: float = 0.0
) -> list[Stroke]:
    edge = curve(low)
    under = edge[::-1] + [0.0, thick]
    under[:, 1] += heel * (under[:, 0] < -0.45)
    return [Stroke(np.concatenate([edge, under]), tone, part=True), line(edge, DEEP, 0.025)]


def _sneaker(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    ankle, toe = rng.uniform(0.42, 0.62), rng.uniform(0.16, 0.24)
    low = [(-0.95, 0.7), (-0.5, 0.73), (0.3, 0.73), (0.95, 0.68)]
    body = [(-0.92, 0.72), (-0.92, 0.72), (-0.95, 0.5), (-0.88, 0.7 - ankle), (-0.88, 0.7 - ankle)]
    body += [(-0.6, 0.78 - ankle), (-0.22, 0.66 - ankle), (-0.14, 0.66 - ankle)]
    body += [(0.3, 0.5 - toe * 0.3), (0.75, 0.68 - toe), (0.98, 0.6), (0.95, 0.72), (0.95, 0.72)]
    white = (0.93, 0.92, 0.9) if sum(base) < 2.3 else shaded(accent, 0.5)
    strokes = [Stroke(rounded(body), base, part=True)]
    strokes += _sole(low, rng.uniform(0.1, 0.18), white if rng.random() < 0.75 else accent)
    light = -0.6 if sum(base) > 1.5 else 0.8
    for share in np.linspace(0.08, 0.85, 4):
        x, y = -0.16 + 0.5 * share, 0.68 - ankle + (ankle - 0.2) * share * 0.85
        strokes.append(line([(x - 0.08, y + 0.14), (x + 0.06, y - 0.02)], light, 0.05))
    mark = rng.integers(3)
    if mark == 0:
        strokes.append(line(curve([(-0.55, 0.5), (-0.2, 0.62), (0.3, 0.42)]), accent, 0.09))
    if mark == 1:
        for x in (-0.35, -0.18, -0.01):
            strokes.append(line([(x, 0.66), (x - 0.12, 0.36)], accent, 0.06))
    strokes += [line(curve([(0.45, 0.7), (0.5, 0.55), (0.72, 0.48)]), -0.35, 0.025)]
    return [*strokes, line(curve([(-0.5, 0.7), (-0.62, 0.5), (-0.9, 0.42)]), -0.35, 0.025)]


def _boot(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    shaft, width = rng.uniform(0.3, 0.9), rng.uniform(0.24, 0.32)
    low = [(-0.7, 0.72), (-0.3, 0.74), (0.2, 0.74), (0.72, 0.7)]
    body = [(-0.7, 0.74), (-0.7, 0.74), (-0.72, 0.4), (-0.66, -shaft), (-0.66, -shaft)]
    body += [(-0.68 + 2 * width, -shaft)] * 2 + [(-0.12, 0.2), (0.3, 0.38), (0.75, 0.5)]
    body += [(0.74, 0.73), (0.74, 0.73)]
    heel = rng.uniform(0.04, 0.16)
    sole = shaded(accent, 0.35)
    strokes = [Stroke(rounded(body), base, part=True), *_sole(low, 0.09, sole, heel)]
    right = -0.68 + 2 * width
    strokes += [line([(-0.7, 0.08 - shaft), (right, 0.08 - shaft)], -0.35, 0.03)]
    if rng.random() < 0.5:
        light = -0.6 if sum(base) > 1.5 else 0.7
        for y in np.arange(0.05 - min(shaft, 0.6), 0.35, 0.12):
            strokes.append(line([(-0.3, y + 0.05), (-0.04 + 0.2 * max(y, 0), y)], light, 0.04))
    else:
        strokes += [Stroke(np.array([(-0.5, -0.1), (-0.28, -0.1), (-0.38, 0.3)]), -0.45)]
    return strokes


def _pump(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    heel, lift = rng.uniform(0.08, 0.22), rng.uniform(0.08, 0.42)
    seat, top = 0.74 - lift, 0.24 - lift
    opening = [
        (-0.88, top),
        (-0.62, seat - 0.16),
        (-0.1, 0.5 - 0.5 * lift),
        (0.3, 0.36),
        (0.38, 0.4),
    ]
    body = [(-0.95, seat), (-0.95, seat), (-0.96, top + 0.1), (-0.88, top), *opening]
    body += [(0.75, 0.46), (1.06, 0.62), (1.0, 0.75), (1.0, 0.75), (0.3, 0.75)]
    body += [(-0.15, 0.74 - 0.3 * lift), (-0.6, seat + 0.02)]
    block = [(-0.95, seat - 0.04), (-0.5, seat), (-0.72 + heel, 0.78), (-0.88, 0.78)]
    dark = shaded(base, 0.6)
    strokes = [Stroke(rounded(body), base, part=True), Stroke(np.array(block), dark, part=True)]
    strokes += [line(curve(np.array(opening) + [0.0, 0.04]), DEEP, 0.05)]
    under = [(-0.55, seat + 0.02), (-0.1, 0.74 - 0.25 * lift), (0.3, 0.76), (1.0, 0.76)]
    strokes += [line(curve(under), dark, 0.06)]
    if rng.random() < 0.4:
        strokes += [Stroke(ellipse(0.45, 0.5, 0.12, 0.07), accent)]
    return strokes


def _from_above(rng: np.random.Generator, base: Colour, accent: Colour) -> list[Stroke]:
    toe, gap = rng.uniform(0.2, 0.32), rng.uniform(0.02, 0.1)
    opening, has_laces = rng.uniform(0.35, 0.6), rng.random() < 0.6
    light = -0.6 if sum(base) > 1.5 else 0.8
    pair = []
    for side in SIDES:
        shoe = [(0.3, 0), (0.42, 0.05), (0.6, 0.35), (0.52, 0.9), (0.54, 1.3), (0.3, 1.5)]
        shoe += [(0.08, 1.35), (0.06, 0.9), (0.02, 0.4), (0.02 + 0.3 * toe, 0.06)]
        hole = ellipse(0.3, 1.38 - opening / 2, 0.17, opening / 2 + 0.02)
        strokes = [Stroke(rounded(shoe), base, part=True), line(rounded(shoe), -0.3, 0.1)]
        strokes += [Stroke(hole, -0.65), Stroke(ellipse(0.3, 1.2, 0.11, 0.14), accent)]
        if has_laces:
            for y in np.linspace(0.5, 1.3 - opening, 4):
                strokes.append(line([(0.16, y), (0.44, y)], light, 0.05))
        turn = rng.uniform(-0.08, 0.12)
        matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        shift = [gap, rng.uniform(-0.05, 0.05)]
        for stroke in strokes:
            points = (stroke.points @ matrix + shift) * [side, 1.0]
            pair.append(stroke._replace(points=points))
    return pair
