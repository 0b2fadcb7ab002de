"""The digital source type of a picture file: how it came to be, as IPTC's XMP property states it.

Only the metadata of a file changes, never its pixels. PNG holds XMP in an ``iTXt`` chunk, JPEG in
an ``APP1`` segment: Adobe, "XMP Specification Part 3", 2020, sections 1.1.3 and 1.1.5.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from PIL import Image

from kerasgen.io.resizing import ImageError

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""IPTC's vocabulary; a term at its end is the URI of the term."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_HEAD = b"XML:com.adobe.xmp\0"
_JPEG_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_LARGEST_SEGMENT = 65_533
_BARE_MARKERS = (0x01, *range(0xD0, 0xD8))
_VALUE = re.compile(r"""DigitalSourceType\s*(?:=\s*["']|>)\s*([^"'<\s]*)""")
_STATEMENT = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPES}%s"/>'
)
_END = "</rdf:RDF>"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{_END}</x:xmpmeta>'
    '<?xpacket end="w"?>'
)


class _Block(NamedTuple):
    """A chunk of a PNG or a segment of a JPEG file: its kind, extent and content."""

    kind: bytes
    start: int
    end: int
    body: bytes


def source_type(content: bytes) -> str | None:
    """Reads the digital source type of a picture.

    Args:
        content: The bytes of a file of any kind that ``read_image`` reads.

    Returns:
        The term, such as ``trainedAlgorithmicMedia``, or the URI of another vocabulary; None if the
        file states none, or is damaged.
    """
    text = ""
    if content.startswith((_PNG, _JPEG)):
        with suppress(ImageError):
            found = _packet(content)
            text = found[1] if found else ""
    else:
        with suppress(Exception), Image.open(io.BytesIO(content)) as image:
            packet = image.info.get("xmp", b"")
            text = packet if isinstance(packet, str) else packet.decode(errors="replace")
    match = _VALUE.search(text)
    # Some programs write the URI with https.
    return match[1].replace("https://", "http://").removeprefix(SOURCE_TYPES) if match else None


def is_signed(content: bytes) -> bool:
    """Whether a PNG or JPEG file holds a C2PA manifest, valid or not."""
    with suppress(ImageError):
        return any(
            block.kind == b"caBX" or (block.kind == b"\xeb" and b"c2pa" in block.body)
            for block in _blocks(content)
        )
    return False


def media_type(content: bytes) -> str:
    """The media type of a file that can be marked.

    Raises:
        ImageError: If it is neither a PNG nor a JPEG file.
    """
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(_JPEG):
        return "image/jpeg"
    raise ImageError("Only PNG and JPEG files can be marked: convert the picture to PNG.")


def with_source_type(content: bytes, term: str) -> bytes:
    """States the digital source type in a PNG or JPEG file; its pixels and other data are kept.

    Args:
        content: The bytes of the file.
        term: A term of IPTC's vocabulary; it replaces one that the file states.

    Returns:
        The bytes of the file with it; they depend on the arguments only.

    Raises:
        ImageError: If the file is of another kind or damaged, or its XMP cannot be extended.
    """
    media_type(content)
    found = _packet(content)
    text = found[1] if found else _PACKET
    match = _VALUE.search(text)
    if match:
        text = text[: match.start(1)] + SOURCE_TYPES + term + text[match.end(1) :]
    elif _END in text:
        text = text.replace(_END, _STATEMENT % term + _END)
    else:
        raise ImageError("The XMP of the picture has no end (</rdf:RDF>): export it again.")
    start, end = found[0] if found else (_place(content),) * 2
    return content[:start] + _encoded(content, text.encode()) + content[end:]


def _packet(content: bytes) -> tuple[tuple[int, int], str] | None:
    """Where the XMP of a PNG or JPEG file is, and its text."""
    for block in _blocks(content):
        if block.kind == b"\xe1" and block.body.startswith(_JPEG_HEAD):
            packet = block.body[len(_JPEG_HEAD) :]
        elif block.kind == b"iTXt" and block.body.startswith(_PNG_HEAD):
            flags, rest = block.body[len(_PNG_HEAD) :][:2], block.body[len(_PNG_HEAD) + 2 :]
            # Language and translated keyword.
            packet = rest.split(b"\0", 2)[-1]
            packet = _inflated(packet) if flags[:1] == b"\1" else packet
        else:
            continue
        return (block.start, block.end), packet.decode(errors="replace")
    return None


def _inflated(packet: bytes) -> bytes:
    try:
        return zlib.decompress(packet)
    except zlib.error as error:
        raise ImageError(
            f"The XMP of the picture is damaged ({error}): export it again."
        ) from error


def _place(content: bytes) -> int:
    """Where XMP is inserted: first, but after what must be first."""
    leading = (b"IHDR",) if content.startswith(_PNG) else (b"\xe0", b"\xe1")
    place = 0
    for block in _blocks(content):
        if block.kind not in leading:
            break
        place = block.end
    if place or content.startswith(_JPEG):
        return place or len(_JPEG)
    raise ImageError("The PNG file does not begin with its header: export it again.")


def _encoded(content: bytes, packet: bytes) -> bytes:
    """The chunk or segment that holds a packet."""
    if content.startswith(_PNG):
        body = b"iTXt" + _PNG_HEAD + b"\0\0\0\0" + packet
        return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    body = _JPEG_HEAD + packet
    if len(body) > _LARGEST_SEGMENT:
        raise ImageError("The XMP of the JPEG file is full: convert the picture to PNG.")
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


def _blocks(content: bytes) -> Iterator[_Block]:
    """The chunks of a PNG file, or the segments of a JPEG file before its pixels."""
    if content.startswith(_PNG):
        start = len(_PNG)
        while start < len(content):
            end = start + 12 + int.from_bytes(content[start : start + 4], "big")
            _check(content, end)
            yield _Block(content[start + 4 : start + 8], start, end, content[start + 8 : end - 4])
            start = end
    elif content.startswith(_JPEG):
        start = len(_JPEG)
        while content[start : start + 1] == b"\xff" and start + 1 < len(content):
            marker = content[start + 1]
            if marker in (0xDA, 0xD9):
                return
            if marker == 0xFF or marker in _BARE_MARKERS:
                start += 1 if marker == 0xFF else 2
                continue
            end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
            _check(content, end)
            yield _Block(bytes([marker]), start, end, content[start + 4 : end])
            start = end


def _check(content: bytes, end: int) -> None:
    if end > len(content):
        raise ImageError(f"The picture is cut off after {len(content)} bytes: export it again.")
