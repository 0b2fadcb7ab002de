"""Physically based smoke for clean pictures: the baseline for learned smoke.

A turbulent volume (`volumes`) is lit from one side and blended with the picture: every pixel is the
light of the picture that passes the smoke plus the light that the smoke scatters (Koschmieder 1924,
as in Narasimhan and Nayar 2002, "Vision and the Atmosphere",
https://doi.org/10.1023/A:1016328200723, section 3). The hidden share is an exact mask.
"""

import dataclasses
import math
from typing import Any

import cv2
import numpy as np

from kerasgen.annotations.annotation import Annotation, tight_box
from kerasgen.data.random_streams import DrawingStream
from kerasgen.io.images import Pixels
from kerasgen.procedural.smoke import volumes

KINDS = ("plume", "cloud", "haze")
TONES = ("white", "grey", "black")

_CHOICES = {"kind": KINDS, "tone": TONES}
_SMALLEST = 16
_WORKING_SIDE, _WORKING_LENGTH = 128, 512
_THINNEST, _THICKEST = 0.008, 0.985
_BRIGHTNESS = {"white": (0.85, 1.15), "grey": (0.5, 0.8), "black": (0.07, 0.3)}
_SUN = {"white": 1.05, "grey": 1.05, "black": 2.6}
_SHADOW = {"white": 1.0, "grey": 1.0, "black": 3.0}
_EDGE = {"white": 1.0, "grey": 1.0, "black": 0.5}
_DRAW = {"plume": volumes.plumes, "cloud": volumes.clouds, "haze": volumes.haze}
_MANY_TIMES_SCATTERED = 0.4


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmokeOptions:
    """Ranges from which smoke is drawn, uniformly unless stated otherwise.

    Attributes:
        plume: Share of rising plumes and columns; the shares of the kinds need not sum to 1.
        cloud: Share of banks of billows.
        haze: Share of even layers.
        white: Share of white smoke, like steam; the shares of the tones need not sum to 1.
        grey: Share of grey smoke.
        black: Share of black smoke; haze is then grey.
        optical_depth: Optical depth of smoke as long as the short side, log-uniform; haze has 0.8
            to 3.
        roughness: Amplitude of the turbulence, relative to the thickness of the smoke.
        softness: Width of the transition at the edge, log-uniform; halved for black smoke.
        ambient: Share of the light that also reaches the shaded side.
        veil: Probability of a thin haze around a plume or cloud.
        grain: Standard deviation of the camera's noise in the smoke, grey levels of 255.
        least_change: Smallest mean change of the picture, in [0, 1); weaker smoke is drawn again.
        attempts: Largest number of draws.

    Raises:
        ValueError: If a range is not ordered or out of bounds, or all shares are 0.
    """

    plume: float = 0.45
    cloud: float = 0.45
    haze: float = 0.05
    white: float = 0.5
    grey: float = 0.25
    black: float = 0.25
    optical_depth: tuple[float, float] = (8.0, 40.0)
    roughness: tuple[float, float] = (0.5, 1.3)
    softness: tuple[float, float] = (1.0, 4.0)
    ambient: tuple[float, float] = (0.2, 0.55)
    veil: float = 0.5
    grain: tuple[float, float] = (0.0, 1.0)
    least_change: float = 0.1
    attempts: int = 20

    def __post_init__(self) -> None:
        """Checks the ranges."""
        bounds = {
            "optical_depth": (0.1, 1000.0),
            "roughness": (0.0, 5.0),
            "softness": (0.05, 10.0),
            "grain": (0.0, 50.0),
            "least_change": (0.0, 0.9),
            "attempts": (1, 1000),
        }
        for name, value in vars(self).items():
            low, high = bounds.get(name, (0.0, 1.0))
            ends = value if isinstance(value, tuple) else (value, value)
            if len(ends) != 2 or not low <= ends[0] <= ends[1] <= high:
                raise ValueError(
                    f"`{name}` must be ordered and between {low} and {high}. "
                    f"Received: {name}={value}"
                )
        for names in (KINDS, TONES):
            if not any(getattr(self, name) for name in names):
                raise ValueError(f"One of {names} must have a share. Received: {names}=(0, 0, 0)")


@dataclasses.dataclass(frozen=True, eq=False)
class SmokyPicture:
    """A picture with smoke, and the density of the smoke.

    In float32, `image` is `rint(clean + density * (airlight - clean))`, so it equals the clean
    picture exactly where `density` is 0.

    Attributes:
        image: `[H, W, 3]` uint8.
        density: `[H, W]` float32 in [0, 1): share of the picture's light that the smoke hides.
        airlight: `[H, W, 3]` float32 in [0, 255]: light of the smoke itself.
        parameters: All drawn parameters, and `mean_change` in [0, 1], JSON-ready.
    """

    image: Pixels
    density: np.ndarray
    airlight: np.ndarray
    parameters: dict[str, Any]

    def annotation(self, label: int | None = None, threshold: float = 0.1) -> Annotation:
        """Returns the mask of the smoke and its box; arguments as for `smoke_mask`."""
        mask = smoke_mask(self.density, threshold)
        return Annotation(label, tight_box(mask), mask)


@dataclasses.dataclass(frozen=True, eq=False)
class SmokyBatch:
    """N pictures with smoke and its density, see `SmokyPicture`."""

    images: np.ndarray  # [N, H, W, 3] uint8
    density: np.ndarray  # [N, H, W] float32 in [0, 1)
    parameters: tuple[dict[str, Any], ...]  # N, JSON-ready


def smoke_mask(density: np.ndarray, threshold: float = 0.1) -> np.ndarray:
    """Returns the pixels where smoke hides more than a share of the light, `[H, W]` bool.

    Args:
        density: `[H, W]` float, see `SmokyPicture`.
        threshold: In [0, 1); 0 selects all pixels that smoke may have changed. Smoke becomes
            visible at about 0.1.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if density.ndim != 2 or density.dtype.kind != "f":
        received = f"density of shape={density.shape}, dtype={density.dtype}"
        raise ValueError(f"`density` must be [H, W] float. Received: {received}")
    if not 0 <= threshold < 1:
        raise ValueError(f"`threshold` must be in [0, 1). Received: threshold={threshold}")
    return np.asarray(density > threshold)


def add_smoke(
    image: Pixels, seed: int, options: SmokeOptions | None = None, index: int = 0
) -> SmokyPicture:
    """Adds smoke to a clean picture.

    Args:
        image: `[H, W, 3]` uint8, sides of at least 16 pixels.
        seed: Not negative.
        options: Ranges to draw from; None for the defaults.
        index: Not negative; distinguishes the pictures of one seed.

    Returns:
        The smoky picture, a function of the arguments. The smoke is the same at every size of the
        picture, up to its detail: it is computed with a shorter side of at most 128 pixels and
        enlarged.

    Raises:
        ValueError: If an argument is out of range, or no draw changes the picture by
            `options.least_change`.
    """
    options = options or SmokeOptions()
    _check(image, seed, index)
    for attempt in range(options.attempts):
        rng = np.random.default_rng([seed, DrawingStream.SMOKE, index, attempt])
        smoky = _smoky(rng, image, options)
        if smoky.parameters["mean_change"] >= options.least_change:
            return smoky
    raise ValueError(
        "No smoke changed the picture enough: lower `least_change`, or allow other tones and "
        f"thicker smoke. Received: {options}, {seed=}, {index=}"
    )


def smoky_copies(
    images: np.ndarray, seed: int, options: SmokeOptions | None = None, first_index: int = 0
) -> SmokyBatch:
    """Adds smoke to clean pictures, a different one to each.

    Args:
        images: `[N, H, W, 3]` uint8, sides of at least 16 pixels.
        seed: As for `add_smoke`.
        options: As for `add_smoke`.
        first_index: Index of `images[0]` in the endless series of `seed`.

    Returns:
        Pictures and densities; copy k is `add_smoke(images[k], seed, options, first_index + k)`.

    Raises:
        ValueError: As for `add_smoke`, or if `images` is not `[N, H, W, 3]` uint8.
    """
    if images.ndim != 4:
        received = f"images of shape={images.shape}, dtype={images.dtype}"
        raise ValueError(f"`images` must be [N, H, W, 3] uint8. Received: {received}")
    smoky, density = np.empty_like(images), np.empty(images.shape[:3], np.float32)
    parameters = []
    for k, image in enumerate(images):
        copy = add_smoke(image, seed, options, first_index + k)
        smoky[k], density[k] = copy.image, copy.density
        parameters.append(copy.parameters)
    return SmokyBatch(smoky, density, tuple(parameters))


def _check(image: Pixels, seed: int, index: int) -> None:
    is_picture = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    if not is_picture or min(image.shape[:2]) < _SMALLEST:
        received = f"image of shape={image.shape}, dtype={image.dtype}"
        raise ValueError(
            f"`image` must be [H, W, 3] uint8, H and W at least {_SMALLEST}. Received: {received}"
        )
    if min(seed, index) < 0:
        raise ValueError(f"`seed` and `index` must be 0 or more. Received: {seed=}, {index=}")


def _smoky(rng: np.random.Generator, image: Pixels, options: SmokeOptions) -> SmokyPicture:
    draws: volumes.Draws = {name: _one_of(rng, options, names) for name, names in _CHOICES.items()}
    if draws["kind"] == "haze" and draws["tone"] == "black":
        draws["tone"] = "grey"
    height, width = image.shape[:2]
    volume = _volume(rng, volumes.pixel_grid(*_working_size(height, width)), options, draws)
    opacity, light = _lit(rng, volume, draws)
    if opacity.shape != (height, width):
        opacity, light = (cv2.resize(plane, (width, height)) for plane in (opacity, light))
    density = np.where(opacity < _THINNEST, 0, np.minimum(opacity, _THICKEST)).astype(np.float32)
    airlight = _airlight(rng, image, light, options, draws)
    clean = image.astype(np.float32)
    smoky = np.rint(clean + density[..., None] * (airlight - clean)).astype(np.uint8)
    draws["mean_change"] = float(cv2.absdiff(image, smoky).mean() / 255)
    return SmokyPicture(smoky, density, airlight, draws)


def _one_of(rng: np.random.Generator, options: SmokeOptions, names: tuple[str, ...]) -> str:
    shares = np.cumsum([getattr(options, name) for name in names])
    return names[int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]


def _working_size(height: int, width: int) -> tuple[int, int]:
    short, long = min(height, width), max(height, width)
    ratio = min(1.0, _WORKING_SIDE / short, _WORKING_LENGTH / long)
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def _volume(
    rng: np.random.Generator, grid: volumes.Grid, options: SmokeOptions, draws: volumes.Draws
) -> np.ndarray:
    """Returns the optical depth per length of a short side, `[h, w, Z]`."""
    is_haze = draws["kind"] == "haze"
    shape = _DRAW[draws["kind"]](rng, grid, draws)
    roughness = volumes.uniform(rng, (0.05, 0.25) if is_haze else options.roughness)
    softness = volumes.log_uniform(rng, options.softness) * _EDGE[draws["tone"]]
    depth = volumes.log_uniform(rng, (0.8, 3.0) if is_haze else options.optical_depth)
    if draws["kind"] == "plume":
        depth *= 2
    draws.update(roughness=roughness, softness=softness, optical_depth=depth)
    coarsest, gain = volumes.uniform(rng, (0.35, 0.7)), volumes.uniform(rng, (0.5, 0.65))
    volume = volumes.turbulence(rng, grid, coarsest, gain, shape.width)
    volume *= np.float32(roughness)
    if is_haze:
        volume = np.maximum(volume + 1, 0.1) * shape.core
    else:
        volume = np.clip((volume + shape.core) * np.float32(1 / softness), 0, 1)
    volume *= np.float32(depth) * np.asarray(shape.strength, np.float32)[..., None]
    if not is_haze and rng.random() < options.veil:
        draws["veil"] = volumes.uniform(rng, (0.1, 0.8))
        volume += (np.float32(draws["veil"]) * volumes.veil(rng, grid))[..., None]
    return volume


def _lit(
    rng: np.random.Generator, volume: np.ndarray, draws: volumes.Draws
) -> tuple[np.ndarray, np.ndarray]:
    angle, toward = volumes.uniform(rng, (-1.3, 1.3)), volumes.uniform(rng, (-0.3, 0.9))
    light = np.array([math.sin(angle), -math.cos(angle), toward]) / math.hypot(1, toward)
    # Smoke scatters mostly forwards: the light is attenuated less than the view.
    share = volumes.uniform(rng, (0.3, 0.7)) * _SHADOW[draws["tone"]]
    draws.update(light=light.tolist(), shadow=share)
    through = volumes.light_through(volume * np.float32(share / min(volume.shape[:2])), light)
    # Multiply scattered light reaches deeper, as if smoke were a quarter as thick (Wrenninge et al.
    # 2013, "Oz: The Great and Volumetric", https://doi.org/10.1145/2504459.2504518).
    scattered = np.sqrt(np.sqrt(through))
    through += np.float32(_MANY_TIMES_SCATTERED) * (scattered - through)
    return volumes.seen(volume * np.float32(volumes.DEPTH / volumes.SLICES), through)


def _airlight(
    rng: np.random.Generator,
    image: Pixels,
    light: np.ndarray,
    options: SmokeOptions,
    draws: volumes.Draws,
) -> np.ndarray:
    tone = draws["tone"]
    brightness = volumes.uniform(rng, _BRIGHTNESS[tone])
    ambient = volumes.uniform(rng, (0.6, 0.9) if draws["kind"] == "haze" else options.ambient)
    warmth, coolness = volumes.uniform(rng, (0.0, 0.15)), volumes.uniform(rng, (0.0, 0.1))
    sun, sky = np.array([1, 1 - 0.4 * warmth, 1 - warmth]), np.array([1 - coolness, 1, 1])
    # The smoke is lit by the light of the scene.
    scene = np.percentile(image[::4, ::4].reshape(-1, 3), 90, axis=0)
    share = volumes.uniform(rng, (0.0, 0.3))
    colour = 255 * brightness * (1 - share + share * scene / max(float(scene.max()), 75.0))
    noise = volumes.uniform(rng, options.grain)
    draws.update(brightness=brightness, ambient=ambient, warmth=warmth, coolness=coolness)
    draws.update(scene_light=share, grain=noise)
    lit = (colour * sun * (_SUN[tone] - ambient)).astype(np.float32)
    airlight = light[..., None] * lit + (colour * sky * ambient).astype(np.float32)
    bits = np.random.SFC64(int(rng.integers(2**62)))
    grain = np.random.Generator(bits).standard_normal(light.shape, np.float32)
    return np.clip(airlight + (np.float32(noise) * grain)[..., None], 0, 255)
