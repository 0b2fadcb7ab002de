"""The digital source type of a picture file: how it came to be, as IPTC's XMP property states it.

Only the metadata of a file changes, never its pixels. PNG holds XMP in an ``iTXt`` chunk, JPEG in
an ``APP1`` segment: Adobe, "XMP Specification Part 3", 2020, sections 1.1.3 and 1.1.5.
"""

from __future__ import annotations

import functools
import io
import itertools
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

from PIL import Image

from kerasgen.io.resizing import ImageError

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""IPTC's vocabulary; a term at its end is the URI of the term."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_HEAD = b"XML:com.adobe.xmp\0"
_JPEG_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_SEVERAL = b"\xe2"
_LARGEST_SEGMENT = 65_533
_BARE_MARKERS = (0x01, *range(0xD0, 0xD8))
_MOST_BYTES = 2**24
"""Of a packet: no honest one is as large."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_NODE = 2
"""Depth of a description below ``rdf:RDF``, which is 1."""

_ROOT, _PROPERTY = f"{_RDF} RDF", f"{_IPTC} DigitalSourceType"
_VALUES = f"{_RDF} resource", f"{_RDF} value"
_STATEMENT = (
    f'<rdf:Description rdf:about=""%s xmlns:Iptc4xmpExt="{_IPTC}" '
    'Iptc4xmpExt:DigitalSourceType="%s"/>'
)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()
_ATTRIBUTE = re.compile(rb"""\s+([^\s=<>/]+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG = re.compile(rb"<([^\s=<>/]+)((?:%s)*)\s*/?>" % _ATTRIBUTE.pattern)


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
    packets: list[bytes] = []
    if content.startswith((_PNG, _JPEG)):
        with suppress(ImageError):
            packets = [packet for _, packet in _packets(content)]
    else:
        with suppress(Exception), Image.open(io.BytesIO(content)) as image:
            packet = image.info.get("xmp", b"")
            packets = [packet.encode() if isinstance(packet, str) else packet]
    for packet in packets:
        with suppress(ImageError):
            for each in _packet(packet).statements:
                if each.value:
                    return each.value
    return None


def source_type_term(uri: str) -> str:
    """The term that a URI stands for; the URI itself if it is of another vocabulary than IPTC's."""
    # Some programs write the URI with https.
    plain = re.sub(f"^https{SOURCE_TYPES[4:]}", SOURCE_TYPES, uri.strip())
    return plain.removeprefix(SOURCE_TYPES)


def source_type_uri(term: str) -> str:
    """The URI of a digital source type.

    Args:
        term: From ``source_type``: a term of IPTC's, or the URI of another vocabulary.
    """
    return term if "://" in term else SOURCE_TYPES + term


def is_signed(content: bytes) -> bool:
    """Whether a PNG, JPEG or WebP file holds a C2PA manifest, valid or not."""
    with suppress(ImageError):
        return any(
            block.kind in (b"caBX", b"C2PA") or (block.kind == b"\xeb" and b"c2pa" in block.body)
            for block in _blocks(content)
        )
    return False


def media_type(content: bytes) -> str:
    """The media type of a file that can be marked.

    Raises:
        ImageError: If it is neither a PNG nor a JPEG file, damaged, or of several pictures.
    """
    if content.startswith(_PNG):
        return "image/png"
    if content.startswith(_JPEG):
        if any(block.kind == _SEVERAL and block.body[:4] == b"MPF\0" for block in _blocks(content)):
            raise ImageError("The JPEG file holds several pictures (MPO): save the first alone.")
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
    found = list(_packets(content)) or [((_place(content),) * 2, _PACKET)]
    if len(found) > 1:
        raise ImageError("The picture holds several packets of XMP: export it again.")
    (start, end), packet = found[0]
    stated = _packet(packet).stating(source_type_uri(term))
    return content[:start] + _encoded(content, stated) + content[end:]


class _Statement(NamedTuple):
    """A statement of the digital source type: its extent, its term, the bytes around that."""

    start: int
    end: int
    value: str
    before: bytes
    after: bytes


class _Packet:
    """A packet of XMP, and where it states the digital source type of the picture.

    A text that looks like a statement is none, nor are those of ingredients, which lie deeper.

    Raises:
        ImageError: If it is not XML in UTF-8, has no ``rdf:RDF``, or has a document type, whose
            entities may grow to any length.
    """

    def __init__(self, content: bytes) -> None:
        self.statements: list[_Statement] = []
        self._content, self._place, self._declared = content, -1, ""
        self._open: list[str] = []
        # Of the property that is open: its opening tag, and what may be its value.
        self._property: re.Match[bytes] | None = None
        self._found: list[str] = []
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._begin, self._finish
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._read, _refuse
        try:
            # A mark of byte order would tell the parser otherwise.
            content.decode()
            # Some programs end it with zeros.
            parser.Parse(content.rstrip(b"\0"), True)
        except (UnicodeDecodeError, expat.ExpatError) as error:
            raise ImageError(
                f"The XMP of the picture is not XML in UTF-8 ({error}): export it again."
            ) from error
        if self._place < 0:
            raise ImageError("The XMP of the picture has no end (</rdf:RDF>): export it again.")

    def stating(self, uri: str) -> bytes:
        """The packet with one statement, where the first was; all else is kept."""
        content, text = self._content, escape(uri, {'"': "&quot;", "'": "&apos;"})
        if not self.statements:
            statement = (_STATEMENT % (self._declared, text)).encode()
            return content[: self._place] + statement + content[self._place :]
        for each in reversed(self.statements):
            new = each.before + text.encode() + each.after if each is self.statements[0] else b""
            content = content[: each.start] + new + content[each.end :]
        return content

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        tag = _TAG.match(self._content, self._parser.CurrentByteIndex)
        if tag is None:
            raise ImageError("The XMP of the picture cannot be read: export it again.")
        self._open.append(_expanded(name))
        if self._depth() == _NODE:
            for each in _ATTRIBUTE.finditer(self._content, *tag.span(2)):
                for key, value in attributes.items():
                    if _expanded(key) == _PROPERTY and _prefixed(key) == each[1]:
                        before, after = self._content[each.start() : each.start(2) + 1], each[2][:1]
                        self.statements.append(
                            _Statement(*each.span(), source_type_term(value), before, after)
                        )
        elif self._depth() == _NODE + 1 and self._open[-1] == _PROPERTY:
            self._property, self._found = tag, []
        if self._property is not None:
            self._found += [value for key, value in attributes.items() if _expanded(key) in _VALUES]

    def _read(self, text: str) -> None:
        if self._property is not None:
            self._found.append(text)

    def _finish(self, name: str) -> None:
        place, tag = self._parser.CurrentByteIndex, self._property
        if self._depth() == _NODE - 1 and self._content.startswith(b"</", place):
            self._place = place
            # The statement is written with this prefix.
            self._declared = "" if _prefixed(name) == b"rdf:RDF" else f' xmlns:rdf="{_RDF}"'
        elif self._depth() == _NODE + 1 and tag is not None:
            end = tag.end() if tag[0].endswith(b"/>") else self._content.index(b">", place) + 1
            value = next(filter(None, map(source_type_term, self._found)), "")
            spaces = [each[0] for each in _ATTRIBUTE.finditer(tag[2]) if each[1][:5] == b"xmlns"]
            before, after = b"<%s%s>" % (tag[1], b"".join(spaces)), b"</%s>" % tag[1]
            self.statements.append(_Statement(tag.start(), end, value, before, after))
            self._property = None
        self._open.pop()

    def _depth(self) -> int:
        """1 for ``rdf:RDF``, more below it, 0 elsewhere."""
        return len(self._open) - self._open.index(_ROOT) if _ROOT in self._open[:2] else 0


# All pictures of a set hold the same packet.
_packet = functools.lru_cache(16)(_Packet)


def _expanded(name: str) -> str:
    """Namespace and name, of namespace, name and prefix."""
    return " ".join(name.split(" ")[:2])


def _prefixed(name: str) -> bytes:
    """The name as the file has it."""
    return ":".join(name.split(" ")[:0:-1]).encode()


def _refuse(*doctype: object) -> None:
    raise ImageError("The XMP of the picture has a document type: export it again.")


def _packets(content: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The packets of XMP in a PNG or JPEG file, and where their chunks or segments are."""
    for block in _blocks(content):
        if block.kind == b"\xe1" and block.body.startswith(_JPEG_HEAD):
            yield (block.start, block.end), block.body[len(_JPEG_HEAD) :]
        elif block.kind == b"iTXt" and block.body.startswith(_PNG_HEAD):
            flags, rest = block.body[len(_PNG_HEAD) :][:2], block.body[len(_PNG_HEAD) + 2 :]
            # Language and translated keyword.
            packet = rest.split(b"\0", 2)[-1]
            yield (block.start, block.end), _inflated(packet) if flags[:1] == b"\1" else packet


def _inflated(packet: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packet, _MOST_BYTES)
    except zlib.error as error:
        raise ImageError(
            f"The XMP of the picture is damaged ({error}): export it again."
        ) from error
    if not inflater.eof:
        raise ImageError("The XMP of the picture is cut off or too long: export it again.")
    return text


def _place(content: bytes) -> int:
    """Where XMP is inserted: first, but after what must be first."""
    leading = (b"IHDR",) if content.startswith(_PNG) else (b"\xe0", b"\xe1")
    first = itertools.takewhile(lambda block: block.kind in leading, _blocks(content))
    place = max((block.end for block in first), default=0)
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
    """The chunks of a PNG or WebP file, or the segments of a JPEG file before its pixels."""
    if content.startswith(_PNG):
        start = len(_PNG)
        while start < len(content):
            end = start + 12 + int.from_bytes(content[start : start + 4], "big")
            _check(content, end)
            kind = content[start + 4 : start + 8]
            yield _Block(kind, start, end, content[start + 8 : end - 4])
            # What some programs append is no part of the picture.
            start = end if kind != b"IEND" else len(content)
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
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        start = 12
        while start + 8 <= len(content):
            end = start + 8 + int.from_bytes(content[start + 4 : start + 8], "little")
            _check(content, end)
            yield _Block(content[start : start + 4], start, end, content[start + 8 : end])
            # Chunks begin at even places.
            start = end + end % 2


def _check(content: bytes, end: int) -> None:
    if end > len(content):
        raise ImageError(f"The picture is cut off after {len(content)} bytes: export it again.")
