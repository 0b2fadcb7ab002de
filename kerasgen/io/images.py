"""Reading pictures: NHWC, uint8 in [0, 255] in files, float32 in [-1, 1] in networks."""

import io
import os
import re
import stat
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from kerasgen.io.folders import list_images
from kerasgen.io.names import PathLike
from kerasgen.io.orientation import picture_orientation
from kerasgen.io.resizing import Fit, ImageError, fit_image

Pixels = NDArray[np.uint8]
Size = int | tuple[int, int]
_MOST_NAMED = 3
MAX_PIXELS = 64_000_000
WHITE = (255, 255, 255)
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# What undoes each EXIF orientation, by its name in Pillow: 1 is upright.
_TURNS = "- - FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE ROTATE_90"


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (ImageError, "{0}"),
    (FileNotFoundError, "There is no such file, or a link leads nowhere: check the name."),
    (PermissionError, "The file may not be read: check its permissions."),
    (UnidentifiedImageError, "No PNG, JPEG, WebP, BMP or TIFF, or a damaged one: export it again."),
    (Image.DecompressionBombError, "Too many pixels ({0}): shrink the picture."),
    (Exception, "The picture is damaged or cut off ({0!r}): copy or export it again."),
)


@dataclass(frozen=True, eq=False)
class PictureFolder:
    """A folder's pictures `[N, H, W, C] uint8 in [0, 255]`, their paths, and (path, reason)s."""

    images: Pixels
    paths: tuple[Path, ...]
    rejected: tuple[tuple[Path, str], ...]


@contextmanager
def _quiet() -> Iterator[None]:
    # `catch_warnings` restores the whole list of filters, which undoes changes by other threads; a
    # filter of each thread's own can be added and removed at any time.
    module = rf"PIL\.|{threading.get_ident()}$"
    warnings.filterwarnings("ignore", module=module)
    try:
        yield
    finally:
        with suppress(ValueError):
            entry = ("ignore", None, Warning, re.compile(module), 0)
            cast(list[Any], warnings.filters).remove(entry)


def to_float(images: Any) -> Any:
    """Convert pictures `[N, H, W, C] uint8 in [0, 255]` to float32 in [-1, 1].

    Args:
        images: numpy array or (also symbolic) TensorFlow tensor, uint8, of any shape.

    Returns:
        The same kind of array as float32 in [-1, 1]; `to_uint8` restores it exactly.

    Raises:
        ValueError: If the dtype is not uint8.
    """
    tf = _tensorflow(images, "uint8")
    values = tf.cast(images, tf.float32) if tf else images.astype(np.float32)
    # Graphs replace a division by a multiplication with the reciprocal; so do all others here.
    return (values - np.float32(127.5)) * np.float32(1 / 127.5)


def to_uint8(images: Any) -> Any:
    """Convert pictures `[N, H, W, C] float in [-1, 1]` to uint8 in [0, 255].

    Args:
        images: numpy array or (also symbolic) TensorFlow tensor, any float dtype and shape.

    Returns:
        The same kind of array as uint8: clipped, halves rounded to even. NaN becomes 0 in a graph.

    Raises:
        ValueError: If the dtype is not a float, or, outside a graph, if a value is NaN.
    """
    tf = _tensorflow(images, "float")
    unknown = tf.math.is_nan(images) if tf else np.isnan(images)
    if (not tf or tf.executing_eagerly()) and np.any(unknown):
        raise ValueError("Pictures must not hold NaN: did training diverge? Received: images=NaN")
    if not tf:
        values = np.clip(images, -1.0, 1.0).astype(np.float32)
        return np.rint((values + np.float32(1.0)) * np.float32(127.5)).astype(np.uint8)
    images = tf.where(unknown, tf.constant(-1.0, images.dtype), images)
    values = tf.cast(tf.clip_by_value(images, -1.0, 1.0), tf.float32)
    return tf.cast(tf.round((values + 1.0) * 127.5), tf.uint8)


def _tensorflow(images: Any, kind: str) -> Any:
    # A tensor exists only if TensorFlow is loaded already.
    tf = None if isinstance(images, np.ndarray) else sys.modules.get("tensorflow")
    is_known = tf.is_tensor(images) if tf else isinstance(images, np.ndarray)
    if not is_known or kind not in images.dtype.name:
        received = f"type={type(images)}, dtype={getattr(images, 'dtype', None)}"
        raise ValueError(f"Pictures must be a {kind} array or tensor. Received: {received}")
    return tf


def read_image(
    path: PathLike,
    size: Size | None = None,
    channels: int = 3,
    fit: Fit = "crop",
    *,
    background: tuple[int, int, int] = WHITE,
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Read the first frame of a picture, upright; returns `[H, W, C] uint8 in [0, 255]`.

    16-bit grey is scaled from [0, 65535]; float from the smallest of [0, 1], [0, 255] and
    [0, 65535] that holds all values.

    Args:
        path: A PNG, JPEG, WebP, BMP or TIFF file, whatever its ending.
        size: Side, or (height, width), to scale to with antialiasing; None keeps the size.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        fit: "crop" covers and cuts the centre, "pad" adds black (transparent for 4 channels),
            "stretch" ignores the proportions.
        background: Colour behind transparent pixels, for 1 and 3 channels.
        max_pixels: Largest width x height decoded; Pillow itself stops at 178 million.

    Raises:
        ImageError: If the file is no readable picture.
        ValueError: If an argument is invalid.
    """
    target = None if size is None else _target(size)
    if channels not in _MODES or fit not in ("crop", "pad", "stretch") or len(background) != 3:
        raise ValueError(f"Unknown choice. Received: {channels=}, {fit=}, {background=}")
    path = Path(path)
    try:
        status = path.stat()
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            kind = "empty (0 bytes)" if stat.S_ISREG(status.st_mode) else "a folder or a pipe"
            raise ImageError(f"The file is {kind}: put a picture in its place, or remove it.")
        data, formats = path.read_bytes(), ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
        with _quiet(), Image.open(io.BytesIO(data), formats=formats) as image:
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError(f"{image.width} x {image.height}")
            picture = _plain(_upright(image, data), channels, (*background, 255))
            picture = fit_image(picture, target, fit) if target else picture
            return np.array(picture).reshape(picture.height, picture.width, channels)
    except MemoryError:
        raise
    except Exception as error:
        reason = next(text for kind, text in _REASONS if isinstance(error, kind)).format(error)
        raise ImageError(f"{reason} Received: path={str(path)!r}") from error


def _target(size: Any) -> tuple[int, int]:
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ValueError(f"size must be a side or (height, width). Received: {size=}")
    return sides


def _upright(image: Image.Image, data: bytes) -> Image.Image:
    image.load()
    orientation = picture_orientation(image, data)
    if image.format == "BMP" and image.mode == "1" and data[28] == 8:
        # Pillow takes such bytes for bits where the palette is black and white alone.
        levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        image = Image.fromarray(np.asarray(levels, np.uint8))
    if orientation in range(2, 9):
        image = image.transpose(Transpose[_TURNS.split()[orientation]])
    return image


def _plain(image: Image.Image, channels: int, background: tuple[int, ...]) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels != 4:
            image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    # CMYK, LAB and the like convert to RGB only.
    return (image if image.mode in ("1", "L") else image.convert("RGBA")).convert(_MODES[channels])


def _eight_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    for top in (1, 255, 65535) if image.mode == "F" else (65535,):
        if values.min() >= -0.5 and values.max() <= top + 0.5:
            scaled = np.clip(values, 0, top) * np.float32(255 / top)
            return Image.fromarray(np.rint(scaled).astype(np.uint8))
    raise ImageError(f"Values {values.min()} to {values.max()} are no brightness: scale to [0, 1].")


def read_folder(
    folder: PathLike, size: Size, channels: int = 3, fit: Fit = "crop"
) -> PictureFolder:
    """Read all pictures that `list_images` finds; returns them as `read_pictures` does.

    Args:
        folder: The folder, see `list_images`.
        size: Side, or (height, width), in pixels.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        fit: "crop", "pad" or "stretch", see `read_image`.
    """
    paths = list_images(folder, count_others=True)
    return read_pictures(folder, paths, size, channels, fit)


def read_pictures(
    folder: PathLike, paths: Sequence[Path], size: Size, channels: int = 3, fit: Fit = "crop"
) -> PictureFolder:
    """Read some pictures of a folder; unreadable ones are left out with one warning.

    Args:
        folder: The folder, for messages.
        paths: Paths of the pictures, at least one.
        size: Side, or (height, width), in pixels.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        fit: "crop", "pad" or "stretch", see `read_image`.

    Returns:
        The pictures `[N, H, W, C] uint8 in [0, 255]` with their paths, and the files rejected.

    Raises:
        ValueError: If an argument is invalid, or no picture can be read.
    """
    target = _target(size)

    def read(path: Path) -> Pixels:
        return read_image(path, target, channels, fit)

    return collect_pictures(folder, paths, (*target, channels), read)


def collect_pictures(
    folder: PathLike,
    paths: Sequence[Path],
    shape: tuple[int, int, int],
    read: Callable[[Path], Pixels],
) -> PictureFolder:
    """Reads some pictures of a folder in threads; unreadable ones are left out with one warning.

    Args:
        folder: The folder, for messages.
        paths: Paths of the pictures, at least one.
        shape: (height, width, channels) of each.
        read: Reads one; raises `ImageError` if it cannot be read.

    Returns:
        The pictures `[N, H, W, C] uint8 in [0, 255]` with their paths, and the files rejected.

    Raises:
        ValueError: If no picture can be read.
    """
    images = np.empty((len(paths), *shape), np.uint8)

    def attempt(index: int) -> str:
        try:
            images[index] = read(paths[index])
        except ImageError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        reasons = list(pool.map(attempt, range(len(paths))))
    good = [index for index, reason in enumerate(reasons) if not reason]
    bad = [(path, reason) for path, reason in zip(paths, reasons, strict=True) if reason]
    if not good:
        first = f"None of {len(bad)} picture(s) can be read, for the first: {reasons[0]}"
        raise ValueError(f"{first} Received: folder={str(folder)!r}")
    if bad:
        named = [reason for _, reason in bad[:_MOST_NAMED]]
        named += [f"and {len(bad) - _MOST_NAMED} more"] if len(bad) > _MOST_NAMED else []
        warnings.warn(
            f"{len(bad)} of {len(paths)} pictures left out: {'; '.join(named)}", stacklevel=3
        )
        images = images[good]
    return PictureFolder(images, tuple(paths[index] for index in good), tuple(bad))
