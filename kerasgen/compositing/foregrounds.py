"""Objects cut out of their pictures, to be pasted elsewhere.

The mask is the picture's alpha channel, a file beside it, or estimated (module ``segmentation``). A
poor estimate is rejected with a reason, because a wrong mask is worse than a missing picture.
"""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from kerasgen.annotations import annotation
from kerasgen.annotations.dossier import type_of_file
from kerasgen.annotations.sidecar_masks import mask_beside
from kerasgen.compositing import segmentation
from kerasgen.io.files import file_sha256
from kerasgen.io.images import ImageError, PathLike, Pixels, read_image
from kerasgen.io.names import unicode_name

Method = Literal["alpha", "mask", "estimated"]

MIN_QUALITY = 0.75
MAX_SIDE = 512

_MARGIN = 2
_SMALLEST_AREA = 32
# Rounded or damaged corners leave less of a picture transparent.
_LEAST_CUT = 0.01


@dataclass(frozen=True, eq=False)
class Foreground:
    """An object without its surroundings.

    Attributes:
        image: ``[h, w, 3]`` uint8 in [0, 255]. Where ``alpha`` is below 255, the object's own
            colours are continued, so that no interpolation shows the old surroundings.
        alpha: ``[h, w]`` uint8, 255 on the object, 0 off it, soft between.
        offset: ``(x, y)`` of the cut's corner in the source picture, pixels.
        extent: ``(width, height)`` of the cut in the source picture, pixels; larger than the cut
            itself if that was shrunk.
        label: Class index.
        path: Name of the source picture.
        sha256: Of the source file, or of the pixels if there is no file; hexadecimal.
        method: Where the mask comes from.
        quality: In [0, 1]; see ``segmentation.judge`` for estimated masks, 1 for others.
        made: The digital source type that the source file states, or None.
    """

    image: Pixels
    alpha: Pixels
    offset: tuple[int, int]
    extent: tuple[int, int]
    label: int
    path: str
    sha256: str
    method: Method
    quality: float
    made: str | None = None

    @property
    def matrix(self) -> np.ndarray:
        """``[3, 3]`` from pixels of the source picture to pixels of the cut."""
        height, width = self.alpha.shape
        shrink = annotation.scaling(width / self.extent[0], height / self.extent[1])
        return shrink @ annotation.translation(-self.offset[0], -self.offset[1])


@dataclass(frozen=True)
class Rejection:
    """A picture that gave no foreground.

    Attributes:
        path: As for ``Foreground``.
        label: Class index.
        reason: In words.
        quality: Of the mask that was found, in [0, 1]; 0 if none was.
    """

    path: str
    label: int
    reason: str
    quality: float = 0.0


class ExtractionError(ValueError):
    """A picture without an acceptable foreground.

    Attributes:
        reason: In words.
        quality: Of the mask that was found, in [0, 1]; 0 if none was.
    """

    def __init__(self, reason: str, quality: float, path: str) -> None:
        self.reason, self.quality = reason, quality
        super().__init__(
            f"No foreground: {reason}. Give a mask, or leave the picture out. Received: {path=}, "
            f"{quality=:.2f}"
        )


def extract(
    image: Pixels,
    mask: np.ndarray | None = None,
    *,
    label: int = 0,
    path: str = "picture",
    sha256: str = "",
    min_quality: float = MIN_QUALITY,
    max_side: int = MAX_SIDE,
) -> Foreground:
    """Cuts the object out of a picture.

    Args:
        image: ``[H, W]`` or ``[H, W, 1 | 3 | 4]`` uint8 in [0, 255]. An alpha channel is the mask
            if 1% of it or more is below 128; with less, nothing was cut out.
        mask: ``[H, W]``, bool or uint8 with 255 on the object; overrides the alpha channel.
        label: Class index.
        path: Name of the picture, for the record and for messages.
        sha256: Of the file; by default of the pixels.
        min_quality: In [0, 1]; poorer estimated masks are rejected, and always those of quality 0.
        max_side: Longest side in pixels; a larger cut is shrunk, with antialiasing.

    Returns:
        The foreground.

    Raises:
        ExtractionError: If the mask is empty or the estimate is poor.
        ValueError: If an argument is invalid.
    """
    if not 0 <= min_quality <= 1 or max_side < 1:
        raise ValueError(f"Out of range. Received: {min_quality=}, {max_side=}")
    colours, alpha, method, quality = _separated(image, mask, path, min_quality)
    x0, y0, x1, y1 = _padded_box(alpha)
    colours, alpha = colours[y0:y1, x0:x1], alpha[y0:y1, x0:x1]
    colours, alpha = segmentation.shrunk(colours, alpha, max_side)
    sha256 = sha256 or hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
    colours = segmentation.spread_colours(colours, alpha, is_mixed=method != "alpha")
    extent = (x1 - x0, y1 - y0)
    return Foreground(colours, alpha, (x0, y0), extent, label, path, sha256, method, quality)


def on_plain_background(
    image: Pixels,
    colour: tuple[int, int, int] = (255, 255, 255),
    *,
    mask: np.ndarray | None = None,
    min_quality: float = MIN_QUALITY,
) -> Pixels:
    """Replaces the background of a picture by a plain colour.

    Args:
        image: As for ``extract``.
        colour: RGB in [0, 255].
        mask: As for ``extract``.
        min_quality: As for ``extract``.

    Returns:
        ``[H, W, 3]`` uint8 in [0, 255].

    Raises:
        ExtractionError: If there is no acceptable foreground.
        ValueError: If an argument is invalid.
    """
    if len(colour) != 3 or not all(0 <= level <= 255 for level in colour):
        raise ValueError(f"`colour` must be RGB in [0, 255]. Received: {colour=}")
    colours, alpha, method, _ = _separated(image, mask, "", min_quality)
    share = alpha[..., None].astype(np.float32) / 255
    mixed = segmentation.spread_colours(
        colours, alpha, is_mixed=method != "alpha"
    ) * share + np.array(colour, np.float32) * (1 - share)
    return np.rint(mixed).astype(np.uint8)


def read_foreground(
    path: PathLike,
    *,
    label: int = 0,
    root: PathLike | None = None,
    min_quality: float = MIN_QUALITY,
    max_side: int = MAX_SIDE,
) -> Foreground | Rejection:
    """Reads a picture, and its mask if there is one beside it, see ``mask_beside``.

    Args:
        path: The picture, in any format that ``images.read_image`` reads; turned upright.
        label: Class index.
        root: Folder that the recorded path is relative to; None records the file's name.
        min_quality: As for ``extract``.
        max_side: As for ``extract``.

    Returns:
        The foreground, or the reason why there is none.
    """
    path = Path(path)
    name = unicode_name(path.relative_to(root).as_posix() if root is not None else path.name)
    try:
        image = read_image(path, channels=4)
        mask = mask_beside(path, image.shape[:2])
        found = extract(
            image,
            mask,
            label=label,
            path=name,
            sha256=file_sha256(path),
            min_quality=min_quality,
            max_side=max_side,
        )
        return dataclasses.replace(found, made=type_of_file(path))
    except ExtractionError as error:
        return Rejection(name, label, error.reason, error.quality)
    except ImageError as error:
        return Rejection(name, label, str(error))


def _separated(
    image: Pixels, mask: np.ndarray | None, path: str, min_quality: float
) -> tuple[Pixels, Pixels, Method, float]:
    """The picture's RGB and soft mask, both of its own size."""
    shape = np.shape(image)
    is_picture = isinstance(image, np.ndarray) and image.dtype == np.uint8 and 0 not in shape
    if not is_picture or len(shape) not in (2, 3) or (*shape, 1)[2] not in (1, 3, 4):
        received = f"shape={shape}, dtype={getattr(image, 'dtype', None)}, {path=}"
        raise ValueError(f"Not [H, W] or [H, W, 1 | 3 | 4] uint8. Received: {received}")
    image = image.reshape(*shape[:2], -1)
    colours = np.ascontiguousarray(image[..., :3] if shape[2:] else image)
    colours = colours.repeat(3, axis=-1) if colours.shape[-1] == 1 else colours
    if mask is not None:
        return colours, _checked_alpha(mask, shape[:2], path), "mask", 1.0
    if image.shape[-1] == 4:
        alpha = image[..., 3]
        if (alpha < 128).mean() >= _LEAST_CUT:
            return colours, _checked_alpha(alpha, shape[:2], path), "alpha", 1.0
        colours = _on_white(colours, alpha)
    if min(segmentation.working_size(shape[:2])) < segmentation.SMALLEST_SIDE:
        reason = f"is {shape[1]} x {shape[0]} pixels, too small or too thin to find an object in"
        raise ExtractionError(reason, 0.0, path)
    estimate = segmentation.estimate(colours)
    if estimate.quality == 0 or estimate.quality < min_quality:
        raise ExtractionError(estimate.fault, estimate.quality, path)
    return colours, segmentation.feathered(estimate.mask), "estimated", estimate.quality


def _on_white(colours: Pixels, alpha: Pixels) -> Pixels:
    share = alpha[..., None].astype(np.float32) / 255
    return np.rint(colours * share + 255 * (1 - share)).astype(np.uint8)


def _checked_alpha(mask: np.ndarray, size: tuple[int, ...], path: str) -> Pixels:
    if mask.shape != size or mask.dtype not in (np.bool_, np.uint8):
        raise ValueError(
            "A mask must be bool or uint8, of its picture's size. Received: mask of "
            f"shape={mask.shape}, dtype={mask.dtype}, picture of size={size}, {path=}"
        )
    alpha = mask.astype(np.uint8) * 255 if mask.dtype == np.bool_ else mask
    if (alpha > 127).sum() < _SMALLEST_AREA:
        reason = f"has a mask with {(alpha > 127).sum()} pixels above 127, below {_SMALLEST_AREA}"
        raise ExtractionError(reason, 0.0, path)
    return alpha


def _padded_box(alpha: Pixels) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    x0, y0 = max(0, x - _MARGIN), max(0, y - _MARGIN)
    x1, y1 = x + width + _MARGIN, y + height + _MARGIN
    return x0, y0, min(alpha.shape[1], x1), min(alpha.shape[0], y1)
