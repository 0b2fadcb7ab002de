"""Simulation of a cheap camera: light, colour, blur, noise and JPEG, but no change of geometry.

No effect shifts pixels, so annotations remain valid. Picture i depends on `(seed, i)` alone, not on
the other pictures of a call.
"""

import dataclasses
import io

import cv2
import numpy as np
from PIL import Image

from kerasgen.io.channels import luminance

Range = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class CameraOptions:
    """Ranges from which the camera of each picture is drawn, uniformly.

    Raises:
        ValueError: If a range is not ordered or negative, or a probability is not in [0, 1].
    """

    blur: Range = (0.45, 0.95)  # sigma in pixels of a picture 64 pixels wide
    noise: Range = (2.0, 6.0)  # sigma at mid-grey, grey levels of 255
    jpeg_quality: Range = (55.0, 92.0)  # 1 (worst) to 95
    colour_cast: Range = (0.0, 0.12)  # largest relative gain of a channel, up or down
    light_gradient: Range = (0.0, 0.35)  # relative change from the centre to a border
    exposure: Range = (0.75, 1.12)  # gain on the whole picture
    contrast: Range = (0.75, 1.0)  # gain about the picture's mean
    gamma: Range = (0.85, 1.25)  # exponent on values in [0, 1]
    saturation: Range = (0.45, 0.95)  # gain of the distance from grey
    occlusion: float = 0.12  # probability of a dark blob or a glare at a border, not the centre

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for name, value in vars(self).items():
            low, high = (value, 1.0) if name == "occlusion" else value
            if not 0 <= low <= high:
                raise ValueError(
                    f"`{name}` must be ordered, not negative, and a probability at most 1. "
                    f"Received: {name}={value}"
                )


def apply_camera(
    images: np.ndarray, options: CameraOptions, seed: int, first_index: int = 0
) -> np.ndarray:
    """Applies a simulated cheap camera to clean pictures.

    Args:
        images: `[N, H, W, 3]` uint8.
        options: Ranges from which the camera of each picture is drawn.
        seed: Not negative.
        first_index: Index of `images[0]` in the endless series of `seed`.

    Returns:
        `[N, H, W, 3]` uint8; picture k is a function of `images[k]`, `options` and
        `(seed, first_index + k)`.

    Raises:
        ValueError: If `images` is not `[N, H, W, 3]` uint8.
    """
    _check_images("images", images)
    taken = np.empty_like(images)
    for k, image in enumerate(images):
        taken[k] = _photograph(image, options, np.random.default_rng([seed, first_index + k]))
    return taken


def match_colour(images: np.ndarray, references: np.ndarray, seed: int) -> np.ndarray:
    """Matches mean and standard deviation of each channel to those of a random reference.

    Reinhard et al. 2001, "Color Transfer between Images" (https://doi.org/10.1109/38.946629),
    section 3. Differs: in RGB, and clipped to [0, 255] at the end, which changes the two moments
    slightly where a picture saturates.

    Args:
        images: `[N, H, W, 3]` uint8.
        references: `[M, H', W', 3]` uint8, M at least 1.
        seed: Not negative; picture i's reference is a function of `(seed, i)` and M.

    Returns:
        `[N, H, W, 3]` uint8.

    Raises:
        ValueError: If either is not `[N, H, W, 3]` uint8, or there is no reference.
    """
    return _to_uint8(_recoloured(images, references, seed))


def cheap_realism(
    images: np.ndarray, references: np.ndarray, seed: int, blur: float = 0.7, noise: float = 4.0
) -> np.ndarray:
    """A baseline without learning: recolours as `match_colour`, blurs a little, adds noise.

    Args:
        images: As for `match_colour`.
        references: As for `match_colour`.
        seed: As for `match_colour`.
        blur: Standard deviation of the Gaussian blur in pixels.
        noise: Standard deviation of the white noise in grey levels of 255.

    Returns:
        `[N, H, W, 3]` uint8.
    """
    recoloured = _recoloured(images, references, seed)
    for i, image in enumerate(recoloured):
        grain = np.random.default_rng([seed, i, 1]).standard_normal(image.shape, np.float32)
        recoloured[i] = _blurred(image, blur) + noise * grain
    return _to_uint8(recoloured)


def through_jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    """Compresses pictures as JPEG and decodes them again, which removes fine hidden patterns.

    A generator may leave an invisible pattern that a classifier learns in place of the object (Chu
    et al. 2017, "CycleGAN, a Master of Steganography", arXiv:1712.02950). Apply it to all pictures,
    never to one class only.

    Args:
        images: ``[N, H, W, 3]`` uint8.
        quality: 1 (worst) to 95.

    Returns:
        ``[N, H, W, 3]`` uint8.

    Raises:
        ValueError: If an argument is of another shape, dtype or range.
    """
    _check_images("images", images)
    if not 1 <= quality <= 95:
        raise ValueError(f"`quality` must be in 1 to 95. Received: quality={quality}")
    return np.stack([_through_jpeg(image, quality) for image in images])


def _check_images(name: str, images: np.ndarray) -> None:
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        received = f"{name} of shape={images.shape}, dtype={images.dtype}"
        raise ValueError(f"`{name}` must be [N, H, W, 3] uint8. Received: {received}")


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _recoloured(images: np.ndarray, references: np.ndarray, seed: int) -> np.ndarray:
    _check_images("images", images)
    _check_images("references", references)
    count = len(references)
    if count == 0:
        raise ValueError("`references` must hold a picture. Received: references of length 0")
    choice = [np.random.default_rng([seed, i]).integers(count) for i in range(len(images))]
    target = references.mean(axis=(1, 2), keepdims=True)[choice]
    spread = references.std(axis=(1, 2), keepdims=True)[choice]
    gain = spread / np.maximum(images.std(axis=(1, 2), keepdims=True), 1e-6)
    moved = (images - images.mean(axis=(1, 2), keepdims=True)) * gain + target
    return moved.astype(np.float32)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    side = 2 * int(np.ceil(4 * sigma)) + 1
    # OpenCV would replace a deviation of 0 by a default.
    if side == 1:
        return image
    return cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)


def _photograph(
    image: np.ndarray, options: CameraOptions, generator: np.random.Generator
) -> np.ndarray:
    light = _relit(image.astype(np.float32) / 255.0, options, generator)
    if generator.random() < options.occlusion:
        light = _occluded(light, generator)
    light = 255 * _blurred(light, generator.uniform(*options.blur) * image.shape[1] / 64)
    # Shot noise grows with the square root of the light; `noise` is its value at 128.
    amount = generator.uniform(*options.noise) * np.sqrt(np.maximum(light, 16.0) / 128.0)
    shared = generator.standard_normal((*image.shape[:2], 1), np.float32)
    own = generator.standard_normal(image.shape, np.float32)
    noisy = light + amount * (0.8 * shared + 0.6 * own)
    return _through_jpeg(_to_uint8(noisy), round(generator.uniform(*options.jpeg_quality)))


def _relit(light: np.ndarray, options: CameraOptions, generator: np.random.Generator) -> np.ndarray:
    height, width, _ = light.shape
    angle, strength = generator.uniform(0, 2 * np.pi), generator.uniform(*options.light_gradient)
    ys = (np.arange(height, dtype=np.float32)[:, None, None] + 0.5) / height * 2 - 1
    xs = (np.arange(width, dtype=np.float32)[None, :, None] + 0.5) / width * 2 - 1
    light = light * (1 + strength * (np.cos(angle) * xs + np.sin(angle) * ys))
    cast = generator.uniform(*options.colour_cast) * generator.uniform(-1, 1, 3)
    light = light * ((1 + cast) * generator.uniform(*options.exposure)).astype(np.float32)
    light = light.mean() + generator.uniform(*options.contrast) * (light - light.mean())
    grey = luminance(light)[..., None]
    light = grey + generator.uniform(*options.saturation) * (light - grey)
    return np.clip(light, 0, 1) ** np.float32(generator.uniform(*options.gamma))


def _occluded(light: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    height, width, _ = light.shape
    ys = (np.arange(height)[:, None] + 0.5) / height - 0.5
    xs = (np.arange(width)[None, :] + 0.5) / width - 0.5
    angle = generator.uniform(0, 2 * np.pi)
    # The centre, up to 0.36 of the side, stays free: an occlusion must not hide the object.
    away = np.cos(angle) * xs + np.sin(angle) * ys - generator.uniform(0.36, 0.5)
    along = np.cos(angle) * ys - np.sin(angle) * xs - generator.uniform(-0.4, 0.4)
    reach = 1 / (1 + np.exp(-away / 0.025)) * np.exp(-((along / generator.uniform(0.1, 0.4)) ** 2))
    colour = generator.choice([0.08, 0.95]) * generator.uniform(0.8, 1.0, 3)
    alpha = (generator.uniform(0.5, 0.9) * reach)[..., None]
    return (light + alpha * (colour - light)).astype(np.float32)


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "JPEG", quality=quality)
    with Image.open(memory) as decoded:
        return np.asarray(decoded.convert("RGB"))
