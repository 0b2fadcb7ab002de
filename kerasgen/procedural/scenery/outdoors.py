"""Streets and open country: sky, hills, roads, houses, trees, cars. Lengths are metres."""

import numpy as np

from kerasgen.procedural.scenery.painting import (
    Canvas,
    Colour,
    Point,
    Stage,
    View,
    colour,
    picked,
    tinted,
)

# Sky at the top and at the horizon: clear, overcast, dusk, night.
_SKIES = [
    (colour(0.25, 0.48, 0.85), colour(0.72, 0.85, 0.97)),
    (colour(0.66, 0.7, 0.75), colour(0.88, 0.89, 0.9)),
    (colour(0.3, 0.32, 0.5), colour(0.95, 0.62, 0.38)),
    (colour(0.03, 0.04, 0.1), colour(0.12, 0.15, 0.28)),
]
_GROUNDS = np.array([[0.36, 0.5, 0.22], [0.55, 0.5, 0.3], [0.72, 0.62, 0.45], [0.85, 0.87, 0.9]])
_HOUSES = np.array(
    [
        *([0.65, 0.33, 0.24], [0.85, 0.8, 0.7], [0.7, 0.68, 0.66], [0.9, 0.75, 0.5]),
        *([0.55, 0.58, 0.62], [0.75, 0.5, 0.4], [0.93, 0.93, 0.92], [0.4, 0.25, 0.2]),
    ]
)
_ROOFS = np.array([[0.45, 0.2, 0.15], [0.25, 0.25, 0.28], [0.5, 0.35, 0.25], [0.35, 0.4, 0.42]])
_LEAVES = np.array([[0.2, 0.36, 0.14], [0.33, 0.45, 0.18], [0.6, 0.4, 0.12], [0.14, 0.26, 0.18]])
_PAINTS = np.array(
    [[0.7, 0.1, 0.1], [0.92, 0.92, 0.92], [0.12, 0.12, 0.14], [0.15, 0.3, 0.6], [0.85, 0.7, 0.2]]
)
_ASPHALT, _WHITE, _DARK = colour(0.33, 0.33, 0.35), colour(0.92, 0.92, 0.9), colour(0.08, 0.08, 0.1)


def draw_street(rng: np.random.Generator, size: int) -> Canvas:
    """Draws houses along a road, with trees, cars and lamp posts, on a canvas of `size` pixels."""
    stage, day = _scene(rng, size)
    if rng.random() < 0.5:
        _hills(rng, stage, day)
    road = rng.uniform(3.0, 6.0)
    pavement = tinted(rng, colour(0.6, 0.59, 0.57)) * day
    if rng.random() < 0.6:
        stage.face([(-40, 0, 0), (40, 0, 0), (40, 0, 150), (-40, 0, 150)], pavement)
    stage.face([(-road, 0, 0), (road, 0, 0), (road, 0, 150), (-road, 0, 150)], _ASPHALT * day)
    for position in np.arange(1.5, 90, 6):
        mark: list[Point] = [(-0.1, 0, position), (0.1, 0, position), (0.1, 0, position + 3)]
        stage.face([*mark, (-0.1, 0, position + 3)], _WHITE * day)
    stage.edge([(-road, 0.05, 0.3), (-road, 0.05, 120)], pavement * 1.15, 0.006)
    stage.edge([(road, 0.05, 0.3), (road, 0.05, 120)], pavement * 1.15, 0.006)
    edge, far = road + rng.uniform(1.5, 4.0), rng.uniform(40, 70)
    while far > 5:
        deep = rng.uniform(6, 14)
        for side in (-1, 1):
            if rng.random() < 0.85:
                _house(rng, stage, day, side * edge, far, deep)
        if rng.random() < 0.4:
            _tree(rng, stage, day, rng.choice([-1, 1]) * (road + 0.8), far - 1)
        if rng.random() < 0.35:
            _car(rng, stage, day, rng.choice([-0.55, 0.55]) * road, far - 2)
        if rng.random() < 0.3:
            _post(rng, stage, day, rng.choice([-1, 1]) * (road + 0.3), far - 2)
        far -= deep + rng.uniform(0, 3)
    return stage.canvas


def draw_country(rng: np.random.Generator, size: int) -> Canvas:
    """Draws hills, fields or a lake, with trees and a few houses, on a canvas of `size` pixels."""
    stage, day = _scene(rng, size)
    _hills(rng, stage, day)
    horizon = stage.view.horizon
    if rng.random() < 0.35:
        water = colour(0.25, 0.42, 0.55) * day * rng.uniform(0.7, 1.3)
        low = horizon + rng.uniform(0.1, 0.35)
        stage.canvas.gradient(horizon, low, water * 1.3, water)
        for row in np.arange(horizon + 0.01, low, 0.02):
            left = rng.uniform(0, 0.8)
            ends = np.array([[left, row], [left + rng.uniform(0.05, 0.3), row]])
            stage.canvas.line(ends, water * 1.5, 0.004, 0.5)
    else:
        _fields(rng, stage, day)
    if rng.random() < 0.4:
        bend, wide = rng.uniform(-0.5, 0.5), rng.uniform(0.04, 0.25)
        ends = np.array([[0.5 + bend, 1.0], [0.5 + bend + wide, 1.0], [0.5, horizon]])
        stage.canvas.polygon(ends, tinted(rng, colour(0.6, 0.55, 0.48)) * day)
    for far in np.sort(rng.uniform(4, 60, rng.integers(2, 16)))[::-1].tolist():
        x = rng.uniform(-0.6, 0.6) * far / stage.view.focal
        if rng.random() < 0.2:
            _house(rng, stage, day, x, far, 7.0)
        else:
            _tree(rng, stage, day, x, far)
    return stage.canvas


def _scene(rng: np.random.Generator, size: int) -> tuple[Stage, float]:
    """Paints sky and ground; returns the stage and the brightness of the day."""
    view = View(
        rng.uniform(-1.5, 1.5),
        rng.uniform(1.5, 4.0),
        rng.uniform(0.7, 1.1),
        rng.uniform(0.35, 0.65),
        rng.uniform(0.3, 0.7),
    )
    stage = Stage(Canvas(size), view)
    kind = rng.choice(4, p=[0.48, 0.3, 0.15, 0.07])
    day = (1.0, 0.85, 0.6, 0.3)[kind] * rng.uniform(0.85, 1.1)
    top, bottom = (tinted(rng, tone, 0.03) for tone in _SKIES[kind])
    stage.canvas.gradient(0, view.horizon, top, bottom)
    if kind != 3 and rng.random() < 0.5:
        _fair_weather(rng, stage, bottom)
    ground = picked(rng, _GROUNDS) * day
    stage.canvas.gradient(view.horizon, 1, ground * 1.1, ground * 0.85)
    return stage, float(day)


def _fair_weather(rng: np.random.Generator, stage: Stage, sky: Colour) -> None:
    # Small clouds, which a classifier must not mistake for smoke.
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(0, 1), rng.uniform(0, 0.75) * stage.view.horizon
        wide = rng.uniform(0.05, 0.2)
        for _ in range(14):
            dx, dy = rng.normal(0, wide, 2) * [1.0, 0.18]
            reach = wide * rng.uniform(0.25, 0.6)
            tone = sky + (1.02 - sky) * rng.uniform(0.5, 1.0)
            stage.canvas.ellipse(np.array([x + dx, y + dy]), reach, reach * 0.4, tone, 0.35)


def _hills(rng: np.random.Generator, stage: Stage, day: float) -> None:
    layers = int(rng.integers(1, 4))
    base = picked(rng, np.array([[0.25, 0.38, 0.25], [0.45, 0.4, 0.33], [0.35, 0.42, 0.5]])) * day
    for layer in range(layers):
        x = np.linspace(-0.02, 1.02, 33)
        ridge = np.zeros(33)
        for octave in range(4):
            wave = rng.uniform(2, 4) * 2**octave
            ridge += np.sin(wave * x + rng.uniform(0, 6.3)) / 2**octave
        height = rng.uniform(0.05, 0.3) * (layers - layer) / layers
        y = stage.view.horizon - height * (0.5 + 0.4 * ridge).clip(0.02)
        # Air lightens distant hills.
        away = (layers - layer - 1) / layers
        tone = base * (1 - 0.5 * away) + colour(0.68, 0.76, 0.86) * day * 0.5 * away
        line = np.stack([x, y], axis=1)
        floor = stage.view.horizon + 0.01
        stage.canvas.polygon(np.concatenate([line, [[1.02, floor], [-0.02, floor]]]), tone)
        if height > 0.15 and rng.random() < 0.4:  # snow
            low = y.min() + 0.35 * (stage.view.horizon - y.min())
            edge = np.maximum(y, low - 0.01 * np.abs(np.sin(40 * x)))
            snow = np.concatenate([line, np.stack([x, np.maximum(edge, y)], axis=1)[::-1]])
            stage.canvas.polygon(snow, _WHITE * day)


def _fields(rng: np.random.Generator, stage: Stage, day: float) -> None:
    far = np.sort(rng.uniform(3, 80, 6))[::-1]
    for near, away in zip(far[1:], far[:-1], strict=True):
        tone = picked(rng, _GROUNDS[:3]) * day
        left = rng.uniform(-80, 10)
        wide = rng.uniform(20, 90)
        strip: list[Point] = [(left, 0, near), (left + wide, 0, near), (left + wide, 0, away)]
        stage.face([*strip, (left, 0, away)], tone)
    for _ in range(60):
        x, y = rng.uniform(0, 1), stage.view.horizon + rng.uniform(0.02, 0.6) ** 1.5
        tall = 0.05 * (y - stage.view.horizon)
        blade = np.array([[x, y], [x + rng.uniform(-0.5, 0.5) * tall, y - tall]])
        stage.canvas.line(blade, picked(rng, _LEAVES) * day, 0.004, 0.6)


def _house(
    rng: np.random.Generator, stage: Stage, day: float, x: float, far: float, deep: float
) -> None:
    wide, floors = rng.uniform(6, 11), int(rng.integers(1, 6))
    tall, tone = 0.5 + 2.8 * floors, picked(rng, _HOUSES) * day
    x0, x1 = (x - wide, x) if x < 0 else (x, x + wide)
    stage.box((x0, 0, far), (x1, tall, far + deep), tone)
    pane = colour(0.95, 0.8, 0.45) if day < 0.5 and rng.random() < 0.7 else _DARK * 2 * day
    pane = pane if rng.random() < 0.7 else colour(0.5, 0.62, 0.72) * day
    across = int(rng.integers(2, 6))
    wall = x1 if x < 0 else x0
    for floor in range(floors):
        low = 0.9 + 2.8 * floor
        for position in (np.arange(across) + 0.3) / across:
            left = x0 + position * wide
            _pane(stage, [(left, low, far), (left + 0.45 * wide / across, low, far)], pane)
            back = far + position * deep
            _pane(stage, [(wall, low, back), (wall, low, back + 0.45 * deep / across)], pane)
    if floors < 3:
        ridge = tall + rng.uniform(1.5, 3.5)
        roof, middle = picked(rng, _ROOFS) * day, (x0 + x1) / 2
        stage.face(
            [(x0 - 0.3, tall, far), (x1 + 0.3, tall, far), (middle, ridge, far)], tone * 0.95
        )
        eaves = wall + (0.3 if x < 0 else -0.3)
        slope: list[Point] = [(eaves, tall, far), (eaves, tall, far + deep)]
        stage.face([*slope, (middle, ridge, far + deep), (middle, ridge, far)], roof)


def _pane(stage: Stage, low: list[Point], tone: Colour) -> None:
    (x0, y, z0), (x1, _, z1) = low
    if min(z0, z1) < 1:
        return
    stage.face([(x0, y, z0), (x1, y, z1), (x1, y + 1.4, z1), (x0, y + 1.4, z0)], tone)


def _tree(rng: np.random.Generator, stage: Stage, day: float, x: float, far: float) -> None:
    if far < 2:
        return
    tall, leaf = rng.uniform(3, 9), picked(rng, _LEAVES) * day
    foot, top = stage.view.seen(np.array([[x, 0, far], [x, tall, far]], float))
    scale = float(foot[1] - top[1])
    stage.canvas.line(
        np.stack([foot, (foot + top) / 2]), colour(0.3, 0.22, 0.16) * day, 0.07 * scale
    )
    if rng.random() < 0.3:  # a conifer
        for part in np.linspace(0, 0.7, 6):
            low, half = top[1] + (part + 0.3) * scale, (0.08 + 0.3 * part) * scale
            tip = [top[0], top[1] + part * scale]
            points = np.array([tip, [top[0] + half, low], [top[0] - half, low]])
            stage.canvas.polygon(points, leaf * rng.uniform(0.7, 1.0))
        return
    clumps = 30 + round(120 * min(scale, 1))
    for fine in np.linspace(1.0, 0.35, clumps).tolist():
        dx, dy = np.clip(rng.normal(0, 0.16, 2), -0.38, 0.3) * scale
        reach = rng.uniform(0.06, 0.14) * scale * fine
        shade = leaf * (1 - 1.6 * dy / scale) * rng.uniform(0.65, 1.25)
        centre = top + np.array([dx, dy + 0.32 * scale])
        stage.canvas.ellipse(centre, reach, 0.8 * reach, shade)


def _car(rng: np.random.Generator, stage: Stage, day: float, x: float, far: float) -> None:
    if far < 4:
        return
    paint, glass = picked(rng, _PAINTS) * day, colour(0.25, 0.3, 0.35) * day
    stage.face([(x - 1, 0.01, far), (x + 1, 0.01, far), (x + 1, 0.01, far + 4)], _DARK, 0.6)
    stage.box((x - 0.85, 0.3, far), (x + 0.85, 0.9, far + 4), paint)
    stage.box((x - 0.7, 0.9, far + 0.6), (x + 0.7, 1.45, far + 3), paint * 0.9)
    window: list[Point] = [(x - 0.6, 0.95, far + 0.6), (x + 0.6, 0.95, far + 0.6)]
    stage.face([*window, (x + 0.55, 1.38, far + 0.6), (x - 0.55, 1.38, far + 0.6)], glass)
    for side in (-0.85, 0.6):
        stage.box((x + side, 0, far - 0.01), (x + side + 0.25, 0.4, far + 0.3), _DARK)
        lamp = colour(0.9, 0.2, 0.1) if rng.random() < 0.5 else colour(1, 0.95, 0.7)
        light: list[Point] = [(x + side, 0.6, far), (x + side + 0.25, 0.6, far)]
        stage.face([*light, (x + side + 0.25, 0.75, far), (x + side, 0.75, far)], lamp)


def _post(rng: np.random.Generator, stage: Stage, day: float, x: float, far: float) -> None:
    if far < 3:
        return
    tall, steel = rng.uniform(4, 7), colour(0.3, 0.3, 0.32) * day
    reach = -np.sign(x) * rng.uniform(0.5, 1.5)
    stage.edge([(x, 0, far), (x, tall, far), (x + reach, tall, far)], steel, 0.12 / far)
