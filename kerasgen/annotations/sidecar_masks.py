"""Masks beside their pictures: ``shirt.mask.png`` or ``shirt_mask.png`` beside ``shirt.jpg``."""

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from kerasgen.io.folders import masks_beside
from kerasgen.io.images import ImageError, Pixels, read_image
from kerasgen.io.orientation import picture_orientation

MASK_ENDING = ".mask.png"
UPRIGHT = 1
"""The EXIF orientation of a picture whose pixels are stored as they are shown."""

_ON_ITS_SIDE = range(5, 9)
"""EXIF orientations that swap width and height."""


def mask_beside(path: Path, size: tuple[int, ...]) -> Pixels | None:
    """Reads the mask of a picture, if it has one.

    A mask of the stored pixels of a photograph that its EXIF data turn is turned like it, if the
    sizes tell; where they do not, the mask must have an EXIF orientation of its own.

    Args:
        path: The picture.
        size: Its (height, width) in pixels, upright.

    Returns:
        `[H, W]` uint8, white on the object and black where the mask is transparent; None if there
        is no mask.

    Raises:
        ImageError: If the mask cannot be read, has another size, covers everything or may be of the
            stored pixels, or if there are two.
    """
    found = masks_beside(path)
    if not found:
        return None
    beside = found[0]
    received = f"Received: path={str(beside)!r}"
    if len(found) > 1:
        names = " and ".join(repr(each.name) for each in found)
        raise ImageError(f"has several masks, {names}: keep one. {received}")
    try:
        mask = read_image(beside, channels=1, background=(0, 0, 0))[..., 0]
    except ImageError as error:
        raise ImageError(f"has a mask {beside.name!r} that cannot be read: {error}") from error
    turn = _orientation(path)
    if turn != UPRIGHT and not states_orientation(beside):
        if mask.shape == size and (turn not in _ON_ITS_SIDE or size[0] == size[1]):
            raise ImageError(
                f"is turned by its EXIF orientation ({turn}), and its mask {beside.name!r} may be "
                f"of the upright or of the stored pixels: save the picture upright, or set the "
                f"orientation of the mask, 1 if it is upright. {received}"
            )
        if mask.shape == size[::-1] and turn in _ON_ITS_SIDE:
            mask = _turned(mask, turn)
    if mask.shape != size:
        there, needed = (f"{width} x {height}" for height, width in (mask.shape, size))
        # Continues "the picture ...", as all reasons do.
        raise ImageError(
            f"has a mask {beside.name!r} of {there} pixels, where the picture is {needed}: "
            f"resize the mask, or delete it. {received}"
        )
    if (mask > 127).all():
        raise ImageError(
            f"has a mask {beside.name!r} that covers all of it: make it black or transparent "
            f"around the object. {received}"
        )
    return mask


def states_orientation(path: Path) -> bool:
    """Whether the EXIF data of a readable picture state an orientation, upright included."""
    with Image.open(path) as image:
        try:
            return image.getexif().get(ExifTags.Base.Orientation) in range(1, 9)
        except (SyntaxError, ValueError, TypeError, LookupError, OSError):
            # Damaged EXIF data says nothing about the pixels.
            return False


def _orientation(path: Path) -> int:
    with Image.open(path) as image:
        return picture_orientation(image, path.read_bytes())


def _turned(mask: Pixels, orientation: int) -> Pixels:
    image = Image.fromarray(mask)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))
