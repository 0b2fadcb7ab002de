"""Interiors: walls in perspective, windows, doors, furniture, lamps. Lengths are metres."""

from typing import Literal, NamedTuple

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

Wall = Literal["back", "left", "right"]

_PAINTS = np.array(
    [
        *([0.93, 0.91, 0.87], [0.86, 0.84, 0.8], [0.75, 0.77, 0.78], [0.55, 0.58, 0.62]),
        *([0.9, 0.82, 0.64], [0.8, 0.62, 0.45], [0.72, 0.3, 0.24], [0.45, 0.55, 0.42]),
        *([0.36, 0.46, 0.6], [0.66, 0.78, 0.84], [0.82, 0.7, 0.68], [0.3, 0.3, 0.33]),
    ]
)
_WOODS = np.array([[0.72, 0.53, 0.34], [0.5, 0.33, 0.2], [0.85, 0.72, 0.54], [0.32, 0.21, 0.14]])
_FLOORS = np.array([*_WOODS, [0.62, 0.61, 0.58], [0.8, 0.78, 0.74], [0.35, 0.33, 0.36]])
_CLOTHS = np.array(
    [
        *([0.6, 0.16, 0.16], [0.2, 0.3, 0.5], [0.25, 0.42, 0.3], [0.82, 0.78, 0.7]),
        *([0.42, 0.4, 0.4], [0.15, 0.15, 0.17], [0.78, 0.6, 0.25], [0.5, 0.35, 0.25]),
    ]
)
_WHITE, _DARK, _GREEN = colour(0.95, 0.94, 0.92), colour(0.1, 0.09, 0.09), colour(0.2, 0.38, 0.16)


class _Room(NamedTuple):
    stage: Stage
    width: float
    height: float
    depth: float

    def on_wall(
        self, wall: Wall, along: float, low: float, wide: float, tall: float
    ) -> list[Point]:
        """Corners of an upright rectangle; `along` is x on the back wall, else z."""
        if wall == "back":
            ends = [(along, self.depth), (along + wide, self.depth)]
        else:
            x = self.width / 2 * (1 if wall == "right" else -1)
            ends = [(x, along), (x, along + wide)]
        (x0, z0), (x1, z1) = ends
        return [(x0, low, z0), (x1, low, z1), (x1, low + tall, z1), (x0, low + tall, z0)]


def draw_interior(rng: np.random.Generator, size: int) -> Canvas:
    """Draws a living room, bedroom, kitchen or office on a new canvas of `size` pixels."""
    width, height, depth = rng.uniform(3.2, 6.5), rng.uniform(2.4, 3.2), rng.uniform(3.2, 6.0)
    x, eye = rng.uniform(-0.25, 0.25) * width, rng.uniform(1.2, 1.7)
    view = View(x, eye, rng.uniform(0.7, 1.0), rng.uniform(0.42, 0.58), rng.uniform(0.4, 0.6))
    room = _Room(Stage(Canvas(size), view), width, height, depth)
    _shell(rng, room)
    _openings(rng, room)
    for draw in (_rug, _pictures):
        if rng.random() < 0.6:
            draw(rng, room)
    furnish = (_living, _bedroom, _kitchen, _office)[rng.integers(4)]
    furnish(rng, room)
    if rng.random() < 0.5:
        _plant(rng, room)
    if rng.random() < 0.7:
        _lamp(rng, room)
    return room.stage.canvas


def _shell(rng: np.random.Generator, room: _Room) -> None:
    stage, x, h, d = room.stage, room.width / 2, room.height, room.depth
    paint, lit = picked(rng, _PAINTS), rng.uniform(0.75, 1.05, 3)
    accent = picked(rng, _PAINTS) if rng.random() < 0.3 else paint
    ceiling, floor = tinted(rng, _WHITE, 0.02) * rng.uniform(0.85, 1.0), picked(rng, _FLOORS)
    stage.face([(-x, h, 0), (x, h, 0), (x, h, d), (-x, h, d)], ceiling)
    stage.face([(-x, 0, 0), (x, 0, 0), (x, 0, d), (-x, 0, d)], floor)
    _boards(rng, room, floor)
    stage.face(room.on_wall("back", -x, 0, 2 * x, h), accent * lit[0])
    stage.face(room.on_wall("left", 0, 0, d, h), paint * lit[1])
    stage.face(room.on_wall("right", 0, 0, d, h), paint * lit[2])
    if rng.random() < 0.2:  # wallpaper
        for position in np.arange(-x, x, rng.uniform(0.15, 0.4)):
            stage.edge([(position, 0, d), (position, h, d)], accent * 0.8, 0.006, 0.6)
    skirting = tinted(rng, _WHITE if rng.random() < 0.6 else _WOODS[1])
    corners: list[Point] = [(-x, 0.05, 0), (-x, 0.05, d), (x, 0.05, d), (x, 0.05, 0)]
    stage.edge(corners, skirting, 0.012)
    stage.edge([(-x, h, 0), (-x, h, d), (x, h, d), (x, h, 0)], ceiling * 0.8, 0.006)
    for position in np.linspace(-0.6, 0.6, rng.integers(0, 4)):  # spotlights
        for far in (0.35, 0.75):
            spot = stage.view.seen(np.array([[position * x, h, far * d]]))[0]
            stage.canvas.ellipse(spot, 0.02, 0.008, _WHITE * 1.05)


def _boards(rng: np.random.Generator, room: _Room, floor: Colour) -> None:
    x, d, step = room.width / 2, room.depth, rng.uniform(0.15, 0.6)
    joint, kind = floor * rng.uniform(0.6, 0.9), rng.integers(4)
    if kind == 3:
        return
    for position in np.arange(-x, x, step):
        shade = floor * rng.uniform(0.9, 1.1)
        strip = [
            (position, 0, 0),
            (position + step, 0, 0),
            (position + step, 0, d),
            (position, 0, d),
        ]
        room.stage.face([*strip], shade, 0.8)
        room.stage.edge([(position, 0, 0.3), (position, 0, d)], joint, 0.003, 0.7)
    if kind < 2:
        for position in np.arange(0.5, d, step):
            room.stage.edge([(-x, 0, position), (x, 0, position)], joint, 0.003, 0.7)


def _wall_of(rng: np.random.Generator) -> Wall:
    walls: tuple[Wall, ...] = ("back", "left", "right")
    return walls[rng.choice(3, p=[0.5, 0.25, 0.25])]


def _position_on(rng: np.random.Generator, room: _Room, wall: Wall, wide: float) -> float:
    if wall == "back":
        reach = max(room.width / 2 - wide, 0)
        return float(rng.uniform(-reach, reach) - wide / 2)
    return float(rng.uniform(0.25, 0.6)) * room.depth


def _openings(rng: np.random.Generator, room: _Room) -> None:
    for _ in range(rng.integers(0, 3)):
        _window(rng, room)
    if rng.random() < 0.5:
        wall, wood = _wall_of(rng), picked(rng, _WOODS) if rng.random() < 0.5 else _WHITE * 0.9
        along = _position_on(rng, room, wall, 0.9)
        room.stage.face(room.on_wall(wall, along - 0.08, 0, 1.06, 2.1), wood * 0.8)
        room.stage.face(room.on_wall(wall, along, 0, 0.9, 2.02), wood)
        for low in (0.2, 1.1):
            room.stage.face(room.on_wall(wall, along + 0.15, low, 0.6, 0.75), wood * 0.9)
        room.stage.face(room.on_wall(wall, along + 0.78, 1.0, 0.08, 0.06), _DARK)


def _window(rng: np.random.Generator, room: _Room) -> None:
    wall, wide, tall = _wall_of(rng), rng.uniform(0.8, 2.2), rng.uniform(0.9, 1.5)
    along, low = _position_on(rng, room, wall, wide), rng.uniform(0.6, 0.95)
    frame = tinted(rng, _WHITE if rng.random() < 0.7 else _WOODS[1], 0.02)
    is_night = rng.random() < 0.15
    sky = colour(0.1, 0.12, 0.25) if is_night else colour(0.75, 0.88, 1.0) * rng.uniform(0.8, 1.1)
    ground = picked(rng, np.array([[0.4, 0.5, 0.35], [0.6, 0.6, 0.6]])) * (0.2 if is_night else 1)
    stage = room.stage
    stage.face(room.on_wall(wall, along - 0.08, low - 0.08, wide + 0.16, tall + 0.16), frame)
    stage.face(room.on_wall(wall, along, low, wide, tall), sky)
    stage.face(room.on_wall(wall, along, low, wide, tall * rng.uniform(0.15, 0.5)), ground)
    for position in np.linspace(0, wide, rng.integers(2, 5))[1:-1]:
        stage.face(room.on_wall(wall, along + position - 0.02, low, 0.04, tall), frame)
    kind = rng.integers(4)
    if kind == 0:  # curtains
        cloth = picked(rng, _CLOTHS)
        for side in (-0.3, wide - 0.1):
            for fold in range(5):
                shade = cloth * (1 - 0.12 * (fold % 2))
                position = along + side + 0.08 * fold
                stage.face(room.on_wall(wall, position, 0.1, 0.08, low + tall + 0.1), shade)
    if kind == 1:  # blinds
        for slat in np.arange(0, tall * rng.uniform(0.3, 1.0), 0.08):
            stage.face(room.on_wall(wall, along, low + tall - slat, wide, 0.04), frame * 0.9)
    if wall != "back" and not is_night:  # sunlight on the floor
        x, side = room.width / 2, 1 if wall == "right" else -1
        patch: list[Point] = [(side * x * 0.8, 0, along), (side * x * 0.8, 0, along + wide)]
        patch += [(side * x * 0.1, 0, along + wide + 0.4), (side * x * 0.1, 0, along + 0.4)]
        stage.face(patch, _WHITE * 1.1, 0.25)


def _pictures(rng: np.random.Generator, room: _Room) -> None:
    for _ in range(rng.integers(1, 4)):
        wall, wide, tall = _wall_of(rng), rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.8)
        along, low = _position_on(rng, room, wall, wide), rng.uniform(1.3, 1.6)
        frame = picked(rng, np.array([_DARK, _WHITE, _WOODS[1]]))
        room.stage.face(room.on_wall(wall, along - 0.05, low - 0.05, wide + 0.1, tall + 0.1), frame)
        room.stage.face(room.on_wall(wall, along, low, wide, tall), picked(rng, _CLOTHS))
        part = rng.uniform(0.2, 0.7)
        room.stage.face(room.on_wall(wall, along, low, wide, tall * part), picked(rng, _PAINTS))


def _rug(rng: np.random.Generator, room: _Room) -> None:
    x, z = rng.uniform(-0.3, 0.3) * room.width, rng.uniform(0.45, 0.6) * room.depth
    cloth = picked(rng, _CLOTHS)
    for part, tone in ((1.0, cloth * 0.75), (0.85, cloth), (0.5, picked(rng, _CLOTHS))):
        wide, deep = part * 1.2, part * 0.8
        corners: list[Point] = [(x - wide, 0, z - deep), (x + wide, 0, z - deep)]
        room.stage.face([*corners, (x + wide, 0, z + deep), (x - wide, 0, z + deep)], tone)


def _table(stage: Stage, x: float, z: float, wide: float, tall: float, wood: Colour) -> None:
    for far in (0.65, 0.0):
        for side in (x, x + wide - 0.07):
            stage.box((side, 0, z + far), (side + 0.07, tall, z + far + 0.07), wood * 0.7)
    stage.box((x, tall - 0.06, z), (x + wide, tall, z + 0.75), wood)


def _shelf(rng: np.random.Generator, room: _Room, x: float, wide: float, tall: float) -> None:
    wood, z = picked(rng, _WOODS), room.depth - 0.4
    room.stage.box((x, 0, z), (x + wide, tall, room.depth), wood)
    rows, across = rng.integers(1, 6), rng.integers(1, 4)
    is_open = rng.random() < 0.5
    for row in range(rows):
        for column in range(across):
            low, left = tall * (row + 0.08) / rows, x + wide * (column + 0.05) / across
            right, top = left + wide * 0.9 / across, low + tall * 0.84 / rows
            tone = wood * 0.35 if is_open else wood * 1.08
            room.stage.face(
                [(left, low, z), (right, low, z), (right, top, z), (left, top, z)], tone
            )
            while is_open and (left := left + rng.uniform(0.03, 0.09)) < right - 0.05:
                top = low + tall / rows * rng.uniform(0.45, 0.75)
                book: list[Point] = [(left, low, z), (left + 0.04, low, z)]
                room.stage.face(
                    [*book, (left + 0.04, top, z), (left, top, z)], picked(rng, _CLOTHS)
                )


def _front(
    stage: Stage, left: float, right: float, low: float, top: float, z: float, tone: Colour
) -> None:
    stage.face([(left, low, z), (right, low, z), (right, top, z), (left, top, z)], tone)


def _living(rng: np.random.Generator, room: _Room) -> None:
    wide, cloth = rng.uniform(1.4, 2.3), picked(rng, _CLOTHS)
    x, z = rng.uniform(-0.5, 0.5) * (room.width - wide) - wide / 2, room.depth - 0.95
    if rng.random() < 0.5:
        _shelf(rng, room, -x - wide / 2, rng.uniform(0.8, 1.6), rng.uniform(0.6, 2.0))
    stage = room.stage
    stage.box((x, 0, z + 0.6), (x + wide, 0.85, z + 0.9), cloth * 0.9)
    stage.box((x, 0.1, z), (x + wide, 0.45, z + 0.6), cloth)
    for side in (x - 0.2, x + wide):
        stage.box((side, 0.05, z), (side + 0.2, 0.62, z + 0.9), cloth * 0.85)
    for position in rng.uniform(0, wide - 0.4, rng.integers(0, 4)):
        low, high = (x + position, 0.45, z + 0.45), (x + position + 0.4, 0.78, z + 0.58)
        stage.box(low, high, picked(rng, _CLOTHS))
    wood, shift = picked(rng, _WOODS), rng.uniform(-0.3, 0.8)
    _table(stage, x + shift, z - rng.uniform(1.1, 1.5), rng.uniform(0.7, 1.2), 0.42, wood)


def _bedroom(rng: np.random.Generator, room: _Room) -> None:
    wide, wood = rng.uniform(1.0, 1.8), picked(rng, _WOODS)
    x, end = rng.uniform(-0.5, 0.5) * (room.width - wide) - wide / 2, room.depth
    stage, cover = room.stage, picked(rng, _CLOTHS)
    for side in (x - 0.55, x + wide + 0.1):
        stage.box((side, 0, end - 0.45), (side + 0.45, 0.5, end - 0.05), wood * 0.9)
    stage.box((x - 0.05, 0, end - 0.1), (x + wide + 0.05, rng.uniform(0.9, 1.3), end), wood)
    stage.box((x, 0.1, end - 2.0), (x + wide, 0.5, end - 0.1), _WHITE * 0.92)
    stage.box((x - 0.02, 0.15, end - 2.02), (x + wide + 0.02, 0.54, end - 0.75), cover)
    for position in (0.08, 0.54):
        low = (x + position * wide, 0.5, end - 0.55)
        stage.box(low, (low[0] + 0.38 * wide, 0.68, end - 0.2), _WHITE * 0.97)


def _kitchen(rng: np.random.Generator, room: _Room) -> None:
    front, top = picked(rng, _PAINTS), picked(rng, np.array([_DARK, _WOODS[0], _WHITE * 0.8]))
    left, right = -room.width / 2 + 0.02, room.width / 2 - rng.uniform(0.02, 1.5)
    stage, z = room.stage, room.depth - 0.6
    tiles = picked(rng, _PAINTS)
    stage.face(room.on_wall("back", left, 0.9, right - left, 0.6), tiles)
    for position in np.arange(left, right, 0.15):
        stage.edge([(position, 0.9, room.depth), (position, 1.5, room.depth)], tiles * 0.85, 0.002)
    hob = rng.uniform(left, right - 0.6)
    for position in np.arange(left, right - 0.3, 0.6):
        for low, tall, back in ((0.1, 0.78, 0.0), (1.5, 0.7, 0.25)):
            if low > 1 and abs(position - hob) < 0.5:
                continue
            stage.box(
                (position, low, z + back), (position + 0.58, low + tall, room.depth), front, 0.12
            )
            grip = position + rng.choice([0.06, 0.46])
            stage.edge([(grip, low + 0.4, z + back), (grip, low + 0.6, z + back)], _DARK, 0.006)
    stage.box((left, 0.88, z - 0.02), (right, 0.93, room.depth), top)
    stage.box((hob, 0.15, z - 0.03), (hob + 0.6, 0.86, z), _DARK * 1.5)
    stage.box((hob + 0.05, 0.93, z + 0.05), (hob + 0.55, 0.95, z + 0.5), _DARK)
    hood: list[Point] = [(hob, 1.6, z + 0.2), (hob + 0.6, 1.6, z + 0.2), (hob + 0.4, 1.9, z + 0.3)]
    stage.face([*hood, (hob + 0.2, 1.9, z + 0.3)], _WHITE * 0.75)
    pot = hob + rng.uniform(0.05, 0.3)
    stage.box((pot, 0.95, z + 0.15), (pot + 0.24, 1.1, z + 0.4), picked(rng, _CLOTHS))
    if rng.random() < 0.6:
        _table(stage, rng.uniform(-1.2, 0.4), 1.6, rng.uniform(0.8, 1.4), 0.74, picked(rng, _WOODS))


def _office(rng: np.random.Generator, room: _Room) -> None:
    if rng.random() < 0.7:
        _shelf(rng, room, rng.uniform(-0.5, 0.1) * room.width, rng.uniform(0.8, 2), 2.0)
    wood = picked(rng, np.array([*_WOODS, _WHITE * 0.9]))
    for z in np.arange(room.depth - 1.4, 1.4, -rng.uniform(1.2, 1.7)):
        for x in np.arange(-room.width / 2 + 0.3, room.width / 2 - 1.2, rng.uniform(1.5, 2.4)):
            _table(room.stage, x, z, 1.2, 0.74, wood)
            screen = x + rng.uniform(0.1, 0.6)
            glow = picked(rng, np.array([_DARK, [0.5, 0.65, 0.85], _WHITE]))
            low, high = (screen, 0.85, z + 0.5), (screen + 0.55, 1.18, z + 0.54)
            room.stage.box((screen + 0.22, 0.74, z + 0.5), (screen + 0.33, 0.9, z + 0.55), _DARK)
            room.stage.box(low, high, _DARK)
            _front(room.stage, screen + 0.03, screen + 0.52, 0.88, 1.15, z + 0.5, glow)


def _plant(rng: np.random.Generator, room: _Room) -> None:
    x, z = rng.choice([-1, 1]) * (room.width / 2 - 0.4), rng.uniform(0.5, 0.9) * room.depth
    room.stage.box((x - 0.15, 0, z), (x + 0.15, 0.3, z + 0.3), picked(rng, _CLOTHS))
    leaf = tinted(rng, _GREEN)
    for angle in rng.uniform(-1.1, 1.1, 14):
        far = rng.uniform(0.4, 1.0)
        tip: Point = (x + far * np.sin(angle), 0.3 + far * np.cos(angle), z)
        shade = leaf * rng.uniform(0.6, 1.4)
        room.stage.face([(x - 0.06, 0.3, z), tip, (x + 0.06, 0.35, z)], shade)


def _lamp(rng: np.random.Generator, room: _Room) -> None:
    x, z = rng.uniform(-0.3, 0.3) * room.width, rng.uniform(0.5, 0.8) * room.depth
    low, wide = room.height - rng.uniform(0.3, 0.9), rng.uniform(0.12, 0.3)
    shade = picked(rng, np.array([_WHITE, [0.95, 0.85, 0.6], _DARK, _CLOTHS[0]]))
    room.stage.edge([(x, room.height, z), (x, low, z)], _DARK, 0.004)
    shape: list[Point] = [(x - wide / 2, low, z), (x + wide / 2, low, z), (x + wide, low - 0.25, z)]
    room.stage.face([*shape, (x - wide, low - 0.25, z)], shade)
    centre = room.stage.view.seen(np.array([[x, low - 0.28, z]]))[0]
    if rng.random() < 0.6:
        for reach in (0.14, 0.09, 0.05):
            room.stage.canvas.ellipse(centre, reach, reach * 0.8, _WHITE, 0.1)
