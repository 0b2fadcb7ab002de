"""Eyes drawn by rule, many at a time, with exact annotations.

There is one geometric model and two kinds of pictures: `rendered_eyes` are clean computer graphics;
`camera_eyes` are drawn from other distributions and pass through the module `camera`. They are the
two domains of an unpaired refiner, with annotations in both.

An eye is described in units of half its width, u from corner to corner (-1 to 1) and v down, before
it is scaled, rolled and shifted into the picture. After Wood et al. 2016, "Learning an appearance-
based gaze estimator from one million synthesised images" (https://doi.org/10.1145/2857491.2857492),
section 3. Differs: two curves and a sphere replace the face scan.
"""

import dataclasses
from typing import Literal, NamedTuple

import numpy as np

from kerasgen.annotations import annotation
from kerasgen.procedural import camera

Kind = Literal["rendered", "camera"]

LANDMARKS = ("corner_left", *(f"upper_{k}" for k in range(1, 6)))
LANDMARKS += ("corner_right", *(f"lower_{k}" for k in range(1, 6)))

_EYEBALL_HEIGHT = -0.07  # v of the eyeball's centre: the upper lid opens further than the lower
_IRIS_ORBIT = 0.70  # distance of the iris's plane from the eyeball's centre
_EYEBALL_RADIUS = 0.85
_CHUNK = 16  # pictures drawn together, so that the maps stay in cache
_DRAWS = 32  # uniforms per picture; a multiple of 4 as Philox counts in fours
_SKINS = np.array([[0.97, 0.86, 0.78], [0.82, 0.62, 0.48], [0.36, 0.24, 0.18]])
_IRISES = np.array([[0.36, 0.55, 0.74], [0.42, 0.5, 0.4], [0.55, 0.42, 0.22], [0.34, 0.2, 0.11]])

# name: ((low, high) rendered, (low, high) camera), each drawn uniformly.
# fmt: off
_RANGES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "pitch": ((-0.20, 0.20), (-0.30, 0.28)), "yaw": ((-0.38, 0.38), (-0.58, 0.58)),
    "x": ((-0.03, 0.03), (-0.08, 0.08)), "y": ((0.00, 0.06), (-0.04, 0.12)),
    "scale": ((0.29, 0.33), (0.25, 0.33)), "roll": ((-0.06, 0.06), (-0.20, 0.20)),
    "upper": ((0.42, 0.54), (0.30, 0.52)), "lower": ((0.26, 0.33), (0.22, 0.32)),
    "skew": ((-0.15, 0.15), (-0.22, 0.22)), "side": ((-1.0, 1.0), (-1.0, 1.0)),
    "iris_radius": ((0.36, 0.40), (0.34, 0.40)), "pupil_ratio": ((0.34, 0.46), (0.36, 0.58)),
    "iris_tone": ((0.0, 2.1), (0.0, 3.0)), "skin_tone": ((0.0, 0.6), (0.2, 1.9)),
    "tint": ((-0.02, 0.02), (-0.06, 0.06)), "sclera_shade": ((0.93, 0.99), (0.76, 0.93)),
    "highlight_x": ((0.25, 0.40), (-0.60, 0.60)), "highlight_y": ((-0.50, -0.32), (-0.65, 0.15)),
    "highlight_strength": ((0.85, 1.0), (0.3, 1.0)), "texture": ((0.0, 0.0), (0.01, 0.06)),
    "light_angle": ((-2.2, -0.9), (-3.14, 3.14)), "light_strength": ((0.05, 0.20), (0.1, 0.7)),
    "lashes": ((0.45, 0.65), (0.35, 0.85)), "brow": ((0.0, 0.0), (0.15, 0.7)),
    "shadow": ((0.25, 0.40), (0.35, 0.75)), "softness": ((0.55, 0.70), (0.8, 1.3)),
    "key": ((0.0, 2.0**52), (0.0, 2.0**52)),
}
# fmt: on


@dataclasses.dataclass(frozen=True, eq=False)
class EyeParameters:
    """Parameters of N eyes; lengths without a unit are in half eye widths."""

    gaze: np.ndarray  # [N, 2] pitch (up) and yaw (to the right of the picture), radians
    offset: np.ndarray  # [N, 2] of the eye's middle from the picture's, fractions of the side
    scale: np.ndarray  # [N] half the distance of the corners, fraction of the side
    roll: np.ndarray  # [N] radians, clockwise as seen
    side: np.ndarray  # [N] -1 where the nose is on the left, 1 where it is on the right
    aperture: np.ndarray  # [N, 2] upper and lower lid from the line between the corners
    skew: np.ndarray  # [N] shift of the highest points of the lids to the right
    iris_radius: np.ndarray  # [N]
    pupil_ratio: np.ndarray  # [N] pupil radius over iris radius
    iris_colour: np.ndarray  # [N, 3] RGB in [0, 1]
    skin_colour: np.ndarray  # [N, 3] RGB in [0, 1]
    sclera_shade: np.ndarray  # [N] brightness in [0, 1]
    highlight: np.ndarray  # [N, 3] x, y from the iris's centre in iris radii, strength in [0, 1]
    light: np.ndarray  # [N, 3] direction it comes from (x, y), relative strength
    texture: np.ndarray  # [N] contrast of the skin's grain, 0 for smooth
    lashes: np.ndarray  # [N] darkness in [0, 1]
    brow: np.ndarray  # [N] darkness in [0, 1]
    shadow: np.ndarray  # [N] darkness in [0, 1] of what the upper lid casts on the eye
    softness: np.ndarray  # [N] half the width of the lids' edges, pixels of a 64 pixel picture
    key: np.ndarray  # [N] int64, seeds the grain


@dataclasses.dataclass(frozen=True, eq=False)
class EyeBatch:
    """N pictures of eyes and their annotations; coordinates as in `annotations`."""

    images: np.ndarray  # [N, S, S, 3] uint8
    pupil_centre: np.ndarray  # [N, 2] (x, y), pixels
    pupil_visible: np.ndarray  # [N] share of the pupil's disc between the lids, in [0, 1]
    iris_ellipse: np.ndarray  # [N, 5] x, y, semi-axes a >= b (pixels), angle of a (radians)
    lid_landmarks: np.ndarray  # [N, 12, 2] (x, y), pixels, in the order of `LANDMARKS`
    iris_mask: np.ndarray  # [N, S, S] bool, visible part of iris and pupil
    gaze: np.ndarray  # [N, 2] pitch and yaw, radians

    def annotation(self, index: int) -> annotation.Annotation:
        """Returns the mask and box of the visible iris, the pupil and the lids of one picture."""
        mask = self.iris_mask[index]
        points = np.concatenate([self.pupil_centre[index, None], self.lid_landmarks[index]])
        keypoints = dict(zip(("pupil", *LANDMARKS), map(tuple, points.tolist()), strict=True))
        return annotation.Annotation(None, annotation.tight_box(mask), mask, keypoints)


def rendered_eyes(count: int, seed: int, size: int = 64, first_index: int = 0) -> EyeBatch:
    """Draws eyes as clean computer graphics.

    Args:
        count: As for `camera_eyes`.
        seed: As for `camera_eyes`.
        size: As for `camera_eyes`.
        first_index: As for `camera_eyes`.

    Returns:
        N eyes, eye k a function of `(seed, first_index + k, size)`.
    """
    return render_eyes(sample_eye_parameters(count, seed, "rendered", first_index), size)


def camera_eyes(count: int, seed: int, size: int = 64, first_index: int = 0) -> EyeBatch:
    """Draws eyes of the same geometry, other distributions, and applies a simulated camera.

    Args:
        count: Number of eyes, N.
        seed: Not negative.
        size: Side of the pictures in pixels, at least 16.
        first_index: Index of the first eye in the endless series of `seed`.

    Returns:
        N eyes, eye k a function of `(seed, first_index + k, size)`.

    Raises:
        ValueError: If an argument is out of its range.
    """
    batch = render_eyes(sample_eye_parameters(count, seed, "camera", first_index), size)
    images = camera.apply_camera(batch.images, camera.CameraOptions(), seed, first_index)
    return dataclasses.replace(batch, images=images)


def sample_eye_parameters(
    count: int, seed: int, kind: Kind = "rendered", first_index: int = 0
) -> EyeParameters:
    """Draws the parameters of N eyes; `count`, `seed`, `first_index` as for `camera_eyes`.

    The kind "camera" has a wider range of gaze, more skin tones, narrower lids and harder light.
    Eye k is a function of `(seed, first_index + k, kind)`.

    Raises:
        ValueError: If `kind` is unknown or a number is negative.
    """
    if kind not in ("rendered", "camera"):
        raise ValueError(f"`kind` must be 'rendered' or 'camera'. Received: kind={kind!r}")
    if min(count, seed, first_index) < 0:
        received = f"count={count}, seed={seed}, first_index={first_index}"
        raise ValueError(f"Numbers must not be negative. Received: {received}")
    column = int(kind == "camera")
    philox = np.random.Philox(np.random.SeedSequence([seed, column]))
    philox.advance(first_index * _DRAWS // 4)
    uniforms = np.random.Generator(philox).random((count, _DRAWS))
    low, high = np.array([ranges[column] for ranges in _RANGES.values()]).T
    drawn = low + (high - low) * uniforms[:, : len(low)]
    return _from_draws(dict(zip(_RANGES, drawn.T, strict=True)))


def _from_draws(draws: dict[str, np.ndarray]) -> EyeParameters:
    # The lids follow the gaze, which also keeps the pupil visible.
    follow = np.stack([0.5 * draws["pitch"], -0.4 * draws["pitch"]], axis=1)
    tint = draws["tint"][:, None] * [1.0, -0.2, -1.0]
    toward = [np.cos(draws["light_angle"]), np.sin(draws["light_angle"])]
    highlight = [draws[f"highlight_{name}"] for name in ("x", "y", "strength")]
    same = draws.keys() & EyeParameters.__annotations__.keys() - {"key", "side"}
    return EyeParameters(
        gaze=np.stack([draws["pitch"], draws["yaw"]], axis=1),
        offset=np.stack([draws["x"], draws["y"]], axis=1),
        side=np.where(draws["side"] < 0, -1.0, 1.0),
        aperture=np.stack([draws["upper"], draws["lower"]], axis=1) + follow,
        iris_colour=_toned(_IRISES, draws["iris_tone"]) + tint,
        skin_colour=_toned(_SKINS, draws["skin_tone"]) + tint,
        highlight=np.stack(highlight, axis=1),
        light=np.stack([*toward, draws["light_strength"]], axis=1),
        key=draws["key"].astype(np.int64),
        **{name: draws[name] for name in same},
    )


def _toned(palette: np.ndarray, tone: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(tone, range(len(palette)), row) for row in palette.T], axis=1)


def render_eyes(parameters: EyeParameters, size: int = 64) -> EyeBatch:
    """Draws eyes.

    Args:
        parameters: Parameters of N eyes.
        size: Side of the pictures in pixels, at least 16.

    Returns:
        Pictures and annotations; each depends on its own row of `parameters` alone.

    Raises:
        ValueError: If `size` is below 16.
    """
    if size < 16:
        raise ValueError(f"`size` must be at least 16. Received: size={size}")
    count = len(parameters.scale)
    images, visible = np.empty((count, size, size, 3), np.uint8), np.empty(count)
    masks = np.empty((count, size, size), bool)
    for start in range(0, count, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        eyes = EyeParameters(**{name: rows[chunk] for name, rows in vars(parameters).items()})
        scene = _scene(eyes, size)
        images[chunk] = np.rint(255 * np.clip(_painted(eyes, scene), 0, 1)).astype(np.uint8)
        masks[chunk] = (scene.iris > 0) & (scene.opening > 0)
        pupil = scene.pupil > 0
        visible[chunk] = (pupil & (scene.opening > 0)).sum((1, 2)) / pupil.sum((1, 2)).clip(1)
    ellipse = _iris_ellipse(parameters)
    points = np.concatenate([ellipse[:, None, :2], _lid_points(parameters)], axis=1)
    points = _to_pixels(parameters, points, size)
    axes = ellipse[:, 2:4] * parameters.scale[:, None] * size
    angle = ellipse[:, 4:] + parameters.roll[:, None]
    iris = np.concatenate([points[:, 0], axes, angle], axis=1)
    return EyeBatch(images, iris[:, :2], visible, iris, points[:, 1:], masks, parameters.gaze)


def _to_pixels(eyes: EyeParameters, points: np.ndarray, size: int) -> np.ndarray:
    cosine, sine = np.cos(eyes.roll)[:, None], np.sin(eyes.roll)[:, None]
    u, v = points[..., 0], points[..., 1]
    turned = np.stack([cosine * u - sine * v, sine * u + cosine * v], axis=-1)
    return size * (0.5 + eyes.offset[:, None] + eyes.scale[:, None, None] * turned)


def _iris_ellipse(eyes: EyeParameters) -> np.ndarray:
    # A disc on a sphere in orthographic projection: shortened in the direction of the rotation.
    sine, cosine = np.sin(eyes.gaze), np.cos(eyes.gaze)
    x, y = sine[:, 1] * cosine[:, 0], -sine[:, 0]
    short = eyes.iris_radius * cosine[:, 0] * cosine[:, 1]
    centre = [_IRIS_ORBIT * x, _EYEBALL_HEIGHT + _IRIS_ORBIT * y]
    return np.stack([*centre, eyes.iris_radius, short, np.arctan2(y, x) + np.pi / 2], axis=1)


def _lid_points(eyes: EyeParameters) -> np.ndarray:
    u = np.concatenate([np.linspace(-1, 1, 7)[:6], np.linspace(1, -1, 7)[:6]])
    arch = (1 - u**2) * (1 + eyes.skew[:, None] * u)
    height = np.where(np.arange(12) < 6, -eyes.aperture[:, :1], eyes.aperture[:, 1:])
    return np.stack([np.broadcast_to(u, arch.shape), height * arch], axis=-1)


class _Scene(NamedTuple):
    """Maps `[n, S, S]` float32 of a few eyes; distances in half eye widths, positive inside."""

    u: np.ndarray
    v: np.ndarray
    upper: np.ndarray  # below the upper lid
    lower: np.ndarray  # above the lower lid
    opening: np.ndarray
    rho: np.ndarray  # 1 on the iris's border, 0 in its centre
    phi: np.ndarray
    iris: np.ndarray
    pupil: np.ndarray
    pixel: np.ndarray  # [n, 1, 1] side of a pixel


def _scene(eyes: EyeParameters, size: int) -> _Scene:
    grid = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    scale, roll, skew = _map(eyes.scale), _map(eyes.roll), _map(eyes.skew)
    x = (grid[None, None, :] - _map(eyes.offset[:, 0])) / scale
    y = (grid[None, :, None] - _map(eyes.offset[:, 1])) / scale
    u, v = np.cos(roll) * x + np.sin(roll) * y, np.cos(roll) * y - np.sin(roll) * x
    arch = (1 - u * u) * (1 + skew * u)
    slope = skew * (1 - u * u) - 2 * u * (1 + skew * u)
    top, bottom = _map(eyes.aperture[:, 0]), _map(eyes.aperture[:, 1])
    upper = (v + top * arch) / np.sqrt(1 + (top * slope) ** 2)
    lower = (bottom * arch - v) / np.sqrt(1 + (bottom * slope) ** 2)
    centre_u, centre_v, long, short, angle = (_map(column) for column in _iris_ellipse(eyes).T)
    du, dv = u - centre_u, v - centre_v
    along, across = np.cos(angle) * du + np.sin(angle) * dv, np.cos(angle) * dv - np.sin(angle) * du
    rho = np.sqrt((along / long) ** 2 + (across / short) ** 2)
    radius = np.sqrt(long * short)
    iris, pupil = (1 - rho) * radius, (_map(eyes.pupil_ratio) - rho) * radius
    opening = np.minimum(upper, lower)
    phi = np.arctan2(dv, du)
    return _Scene(u, v, upper, lower, opening, rho, phi, iris, pupil, 1 / (size * scale))


def _painted(eyes: EyeParameters, scene: _Scene) -> np.ndarray:
    opening = _edge(scene.opening / scene.pixel, _map(eyes.softness) * scene.u.shape[1] / 64)
    picture = _skin(eyes, scene)
    picture += opening[..., None] * (_eye(eyes, scene) - picture)
    reach = np.clip(1.08 - scene.u**2, 0, 1)
    line = _bump(scene.upper + 0.02, 0.05) + 0.3 * _bump(scene.upper + 0.06, 0.09)
    dark = np.maximum(line * np.sqrt(reach), 0.35 * _bump(scene.lower, 0.035) * reach)
    return picture * (1 - _map(eyes.lashes) * np.clip(dark, 0, 1))[..., None]


def _skin(eyes: EyeParameters, scene: _Scene) -> np.ndarray:
    strength = _map(eyes.light[:, 2])
    toward = _map(eyes.light[:, 0]) * scene.u + _map(eyes.light[:, 1]) * scene.v
    reach = np.clip(1.15 - scene.u**2, 0, 1)
    nose = scene.u * _map(eyes.side)
    grain = _grain(eyes.key, scene.u.shape[1])
    shade = 1 + 0.3 * strength * toward + _map(eyes.texture) * grain
    shade -= (0.12 + 0.2 * strength) * _bump(nose - 1.15, 0.5) * _bump(scene.v + 0.25, 0.55)
    shade -= (0.10 + 0.2 * strength) * _bump(scene.upper + 0.32, 0.16) * reach
    shade -= (0.18 + 0.2 * strength) * _bump(scene.upper + 0.22, 0.05) * reach
    shade += 0.07 * _bump(scene.upper + 0.11, 0.06) * reach
    shade -= (0.05 + 0.15 * strength) * _bump(scene.lower + 0.24, 0.10) * reach
    height = scene.v + 1.02 - 0.28 * (scene.u + 0.25 * _map(eyes.side)) ** 2
    hairs = _bump(height, 0.17) * np.clip(2.2 - scene.u**2, 0, 1)
    shade *= 1 - _map(eyes.brow) * hairs * np.clip(0.8 + 0.25 * grain, 0, 1)
    return shade[..., None] * eyes.skin_colour[:, None, None].astype(np.float32)


def _eye(eyes: EyeParameters, scene: _Scene) -> np.ndarray:
    nose = scene.u * _map(eyes.side)
    ball = (scene.u**2 + (scene.v - _EYEBALL_HEIGHT) ** 2) / _EYEBALL_RADIUS**2
    white = _map(eyes.sclera_shade) * (1 - 0.28 * ball)
    pink = np.clip(0.9 * _bump(nose - 1.0, 0.13) + 0.10 * scene.u**2, 0, 1)
    picture = white[..., None] * (1 - pink[..., None] * np.array([0.02, 0.35, 0.35], np.float32))
    one, two = (_map((eyes.key >> shift) % 629 / 100) for shift in (8, 24))
    fibres = np.cos(9 * scene.phi + one) * np.cos(14 * scene.phi + two + 5 * scene.rho)
    ring = 1 - 0.6 * np.clip((scene.rho - 0.72) / 0.28, 0, 1) ** 2
    glow = 0.25 * (scene.rho * np.cos(scene.phi - np.pi / 2)).clip(-1, 1)
    tone = (0.95 + 0.16 * fibres + glow) * ring
    colour = tone[..., None] * eyes.iris_colour[:, None, None].astype(np.float32)
    picture += _edge(scene.iris / scene.pixel, 0.7)[..., None] * (colour - picture)
    picture += _edge(scene.pupil / scene.pixel, 0.6)[..., None] * (0.03 - picture)
    cast = 1 - _map(eyes.shadow) * _bump(np.maximum(scene.upper, 0), 0.14)
    picture *= cast[..., None]
    x, y = scene.rho * np.cos(scene.phi), scene.rho * np.sin(scene.phi)
    right, down, strength = (_map(column) for column in eyes.highlight.T)
    main = _bump((x - right) ** 2 + (y - down) ** 2, 0.04)
    other = 0.35 * _bump((x + right) ** 2 + (y + 0.7 * down) ** 2, 0.02)
    return picture + (strength * np.maximum(main, other))[..., None] * (1 - picture)


def _grain(keys: np.ndarray, size: int) -> np.ndarray:
    offsets = (np.arange(size)[:, None] + 0.5) / size * 23 - np.arange(24)
    enlarge = np.clip(1 - np.abs(offsets), 0, 1).astype(np.float32)
    cells = [np.random.Generator(np.random.Philox(key)).random((24, 24)) for key in keys]
    return enlarge @ (4 * np.stack(cells).astype(np.float32) - 2) @ enlarge.T


def _map(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None, None]


def _edge(distance: np.ndarray, half_width: np.ndarray | float) -> np.ndarray:
    part = np.clip(0.5 + distance / (2 * half_width), 0, 1)
    return part * part * (3 - 2 * part)


def _bump(distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((distance / np.float32(width)) ** 2))
