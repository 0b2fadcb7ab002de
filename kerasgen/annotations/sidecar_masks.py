"""Masks beside their pictures: `shirt.mask.png` beside `shirt.jpg`."""

from pathlib import Path

from kerasgen.io.images import ImageError, Pixels, read_image

MASK_ENDING = ".mask.png"


def mask_beside(path: Path, size: tuple[int, ...]) -> Pixels | None:
    """Reads the mask of a picture, if it has one.

    Args:
        path: The picture.
        size: Its (height, width) in pixels, upright.

    Returns:
        `[H, W]` uint8, white on the object; None if there is no mask.

    Raises:
        ImageError: If the mask cannot be read or has another size.
    """
    beside = path.with_name(path.stem + MASK_ENDING)
    if not beside.exists():
        return None
    try:
        mask = read_image(beside, channels=1)[..., 0]
    except ImageError as error:
        raise ImageError(f"has a mask {beside.name!r} that cannot be read: {error}") from error
    if mask.shape != size:
        there, needed = (f"{width} x {height}" for height, width in (mask.shape, size))
        # Continues "the picture ...", as all reasons do.
        raise ImageError(
            f"has a mask {beside.name!r} of {there} pixels, where the picture is {needed}: "
            f"resize the mask, or delete it. Received: path={str(beside)!r}"
        )
    return mask
