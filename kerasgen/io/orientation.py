"""The orientation that the EXIF data of a PNG, JPEG or WebP file states.

Kept so simple that the graph of an exported model follows the same rules, see
``deployment.preprocessing.orientation``: the first EXIF block before the pixels (JPEG), in a chunk
``eXIf`` (PNG) or ``EXIF`` (WebP), and in it the tag of the first image file directory. As in web
browsers, what XMP says does not count.

References: EXIF 2.32, section 4.6.4 (tag 0x0112); PNG (https://www.w3.org/TR/png-3/#eXIf); WebP
(RFC 9649, section 2.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from PIL import Image

TAG, MOST_ENTRIES, MOST_BLOCKS = 0x0112, 512, 1000
"""The tag, and how many entries of a directory and blocks of a file are looked at."""

PREFIX = b"Exif\0\0"


def exif_orientation(file: bytes) -> int:
    """Finds the orientation of a file.

    Args:
        file: A PNG, JPEG or WebP file; only its start and the headers of its blocks are read.

    Returns:
        1 (upright) to 8; 1 as well if nothing, or something damaged, is stated.
    """
    blocks = _jpeg if file[:2] == b"\xff\xd8" else _png if file[:4] == b"\x89PNG" else _webp
    start = next(blocks(file), -1)
    if start < 0:
        return 1
    for _ in range(2):
        start += len(PREFIX) if file.startswith(PREFIX, start) else 0
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(file[start : start + 4])
    return 1 if order is None else _tag(file, start, order == "little")


def picture_orientation(image: Image.Image, file: bytes) -> int:
    """Finds the orientation of an open picture of any kind that is read.

    Args:
        image: The picture, opened by Pillow.
        file: Its bytes.

    Returns:
        1 (upright) to 8.
    """
    if image.format in ("PNG", "JPEG", "MPO", "WEBP"):
        return exif_orientation(file)
    found = 1
    # Damaged EXIF data says nothing about the pixels.
    with suppress(SyntaxError, ValueError, TypeError, LookupError, OSError):
        found = int(image.getexif().get(TAG, 1)) if image.format == "TIFF" else 1
    return found if 1 <= found <= 8 else 1


def _number(file: bytes, start: int, size: int, little: bool) -> int:
    # Beyond the end are zeros.
    piece = file[start : start + size].ljust(size, b"\0")
    return int.from_bytes(piece, "little" if little else "big")


def _tag(file: bytes, start: int, little: bool) -> int:
    directory = start + _number(file, start + 4, 4, little)
    count = min(_number(file, directory, 2, little), MOST_ENTRIES)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if _number(file, entry, 2, little) == TAG:
            kind, values = _number(file, entry + 2, 2, little), _number(file, entry + 4, 4, little)
            size = {3: 2, 4: 4}.get(kind, 0)
            value = _number(file, entry + 8, size, little)
            return value if values == 1 and 1 <= value <= 8 else 1
    return 1


def _jpeg(file: bytes) -> Iterator[int]:
    """Where each EXIF block starts, among the segments before the pixels."""
    position = 2
    for _ in range(MOST_BLOCKS):
        marker = _number(file, position, 2, False)
        if marker == 0xFFFF:  # A fill byte.
            position += 1
            continue
        if marker < 0xFF00 or marker in (0xFFDA, 0xFFD9):
            return
        if marker == 0xFFE1 and file.startswith(PREFIX, position + 4):
            yield position + 4
        position += 2 + max(_number(file, position + 2, 2, False), 2)


def _png(file: bytes) -> Iterator[int]:
    position = 8
    for _ in range(MOST_BLOCKS):
        name, size = file[position + 4 : position + 8], _number(file, position, 4, False)
        if name == b"eXIf" and size:
            yield position + 8
        if len(name) < 4 or name == b"IEND":
            return
        position += 12 + size


def _webp(file: bytes) -> Iterator[int]:
    position = 12
    for _ in range(MOST_BLOCKS):
        name, size = file[position : position + 4], _number(file, position + 4, 4, True)
        if name == b"EXIF":
            yield position + 8
        if len(name) < 4:
            return
        position += 8 + size + size % 2
