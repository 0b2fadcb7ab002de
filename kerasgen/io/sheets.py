"""PNG files, contact sheets and labelled sheets."""

import io
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Resampling

from kerasgen.io.files import write_file
from kerasgen.io.images import PathLike, Pixels, to_uint8

WHITE = (255, 255, 255)
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The last bytes of every PNG file."""

_CHANNELS = (1, 3, 4)


def save_png(path: PathLike, image: Any) -> None:
    """Write one picture as PNG, atomically; missing parent folders are created.

    Args:
        path: The file.
        image: `[H, W]` or `[H, W, 1 | 3 | 4]`, uint8 in [0, 255] or float in [-1, 1].

    Raises:
        ValueError: If the picture has another shape or dtype, or the file cannot be written.
    """
    write_file(path, encode_png(image))


def encode_png(image: Any, compress_level: int = 6) -> bytes:
    """Encode a picture as PNG.

    Args:
        image: As for `save_png`.
        compress_level: 0 (fast) to 9 (small).

    Returns:
        The bytes of the file.

    Raises:
        ValueError: If the picture has another shape or dtype.
    """
    stream = io.BytesIO()
    _picture(image).save(stream, "PNG", compress_level=compress_level)
    return stream.getvalue()


def is_intact_png(content: bytes) -> bool:
    """Whether a PNG file is complete and its checksums are right; its pixels are not decoded."""
    with suppress(OSError, SyntaxError, ValueError):
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            image.verify()  # All checksums but the last one.
        return content.endswith(PNG_END)
    return False


def _picture(image: Any) -> Image.Image:
    pixels = np.asarray(image)
    if not pixels.size or pixels.ndim not in (2, 3) or (*pixels.shape, 1)[2] not in _CHANNELS:
        raise ValueError(f"Not [H, W] or [H, W, 1 | 3 | 4]. Received: shape={pixels.shape}")
    pixels = pixels if pixels.dtype == np.uint8 else to_uint8(pixels)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def contact_sheet(images: Any, columns: int = 8, *, scale: int = 1, margin: int = 2) -> Pixels:
    """Arrange pictures in rows, on white, as one `[H, W, 3] uint8 in [0, 255]`.

    Args:
        images: `[N, H, W, 1 | 3 | 4]`, uint8 in [0, 255] or float in [-1, 1].
        columns: Pictures per row, at most; the last row may be partial.
        scale: Whole factor of enlargement, pixel by pixel.
        margin: White pixels around each picture.

    Returns:
        The sheet.

    Raises:
        ValueError: If there is no picture, or an argument is invalid.
    """
    shape = np.shape(images)
    if len(shape) != 4 or not shape[0] or min(columns, scale, margin + 1) < 1:
        raise ValueError(f"Nothing to lay out. Received: {shape=}, {columns=}, {scale=}, {margin=}")
    width, height, columns = shape[2] * scale, shape[1] * scale, min(columns, shape[0])
    across = columns * (width + margin) + margin
    down = -(-shape[0] // columns) * (height + margin) + margin
    sheet = Image.new("RGB", (across, down), WHITE)
    for index, picture in enumerate(map(_picture, np.asarray(images))):
        picture = picture.resize((width, height), Resampling.NEAREST)
        row, column = divmod(index, columns)
        corner = (margin + column * (width + margin), margin + row * (height + margin))
        sheet.paste(picture, corner, picture if picture.mode == "RGBA" else None)
    return np.array(sheet)


def labelled_sheet(columns: Mapping[str, Any], *, scale: int = 2, margin: int = 4) -> Pixels:
    """Arrange named sets of pictures side by side, with titles, as `[H, W, 3] uint8`.

    Args:
        columns: Title to pictures, as for `contact_sheet`: a column per set, a row per picture.
        scale: Whole factor of enlargement, pixel by pixel.
        margin: White pixels around each picture.

    Returns:
        The sheet.

    Raises:
        ValueError: If the sets differ in length or height, or an argument is invalid.
    """
    shapes = {title: np.shape(images)[:2] for title, images in columns.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"The sets must be equal in length and height. Received: {shapes}")
    font = ImageFont.load_default()
    head = margin + max(int(font.getbbox(title)[3]) for title in columns)
    blocks = []
    for title, images in columns.items():
        strip = contact_sheet(images, 1, scale=scale, margin=margin)
        across = max(strip.shape[1], int(font.getbbox(title)[2]) + 2 * margin)
        block = Image.new("RGB", (across, head + len(strip)), WHITE)
        ImageDraw.Draw(block).text((margin, margin), title, (0, 0, 0), font)
        block.paste(Image.fromarray(strip), (0, head))
        blocks.append(np.asarray(block))
    return np.concatenate(blocks, axis=1)
