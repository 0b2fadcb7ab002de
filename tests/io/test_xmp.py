"""Digital source types in picture files: stated and read, pixels and all else untouched."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from kerasgen.io.resizing import ImageError
from kerasgen.io.xmp import SOURCE_TYPES, is_signed, source_type, with_source_type

DRAWN, CAPTURED = "algorithmicMedia", "digitalCapture"
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
OTHER = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/x"/></rdf:RDF></x:xmpmeta>'
)


def encoded(kind, **options):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind, **options)
    return stream.getvalue()


def pixels(content):
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def packet(content):
    """The XMP as Pillow reads it."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        found = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
    return found if isinstance(found, str) else found.decode()


def without(content, addition):
    """The bytes of a file without what was inserted, which is one piece of it."""
    length = len(addition) - len(content)
    start = next(
        (n for n, pair in enumerate(zip(content, addition, strict=False)) if pair[0] != pair[1]), 0
    )
    # The first bytes of a piece may equal those after it.
    for begin in range(start, start - 9, -1):
        if addition[:begin] + addition[begin + length :] == content:
            return content
    return None


def exif():
    tags = Image.Exif()
    tags[0x0112] = 6
    return tags


FILES = {
    "png": encoded("PNG"),
    "resolved": encoded("PNG", dpi=(72, 72)),
    "jpeg": encoded("JPEG"),
    "progressive": encoded("JPEG", progressive=True, exif=exif(), icc_profile=b"x" * 400),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mark_is_one_piece_more_and_pillow_reads_it(name):
    content = FILES[name]
    assert source_type(content) is None
    marked = with_source_type(content, DRAWN)
    assert marked == with_source_type(content, DRAWN)
    assert source_type(marked) == DRAWN
    assert f'DigitalSourceType="{SOURCE_TYPES}{DRAWN}"' in packet(marked)
    np.testing.assert_array_equal(pixels(marked), pixels(content))
    assert without(content, marked) == content
    # What other readers expect first, IHDR or JFIF or EXIF, stays first.
    assert marked[:20] == content[:20]
    assert not is_signed(marked)
    with Image.open(io.BytesIO(marked)) as image:
        assert image.getexif().get(0x0112) == (6 if name == "progressive" else None)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_second_mark_replaces_the_first(kind):
    marked = with_source_type(encoded(kind), DRAWN)
    assert with_source_type(marked, CAPTURED) == with_source_type(encoded(kind), CAPTURED)


def test_what_else_the_xmp_says_is_kept():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", OTHER, zip=True)
    for content in (encoded("PNG", pnginfo=info), encoded("JPEG", xmp=OTHER.encode())):
        marked = with_source_type(content, DRAWN)
        assert source_type(marked) == DRAWN
        text = packet(marked)
        assert 'dc:format="image/x"' in text and text.count("</rdf:RDF>") == 1
        np.testing.assert_array_equal(pixels(marked), pixels(content))


@pytest.mark.parametrize(
    ("statement", "term"),
    [
        (f'a:DigitalSourceType="https{SOURCE_TYPES[4:]}print"', "print"),
        (f"><a:DigitalSourceType>{SOURCE_TYPES}print</a:DigitalSourceType><b ", "print"),
        ("a:DigitalSourceType='http://c2pa.org/x'", "http://c2pa.org/x"),
    ],
)
def test_marks_of_other_programs_are_read_and_replaced(statement, term):
    content = encoded("JPEG", xmp=OTHER.replace("dc:format", f"{statement} dc:format").encode())
    assert source_type(content) == term
    marked = with_source_type(content, DRAWN)
    assert source_type(marked) == DRAWN and packet(marked).count("DigitalSourceType") <= 2


def test_other_kinds_are_read_but_not_written():
    content = encoded(
        "WEBP", lossless=True, xmp=packet(with_source_type(FILES["png"], DRAWN)).encode()
    )
    assert source_type(content) == DRAWN
    assert source_type(b"no picture") is None
    for other in (content, b"no picture", b""):
        with pytest.raises(ImageError, match="Only PNG and JPEG files can be marked"):
            with_source_type(other, DRAWN)


def test_files_that_cannot_hold_it_are_refused():
    for cut in (FILES["png"][:60], FILES["jpeg"][:60]):
        with pytest.raises(ImageError, match="cut off"):
            with_source_type(cut, DRAWN)
    headless = FILES["png"][:8] + FILES["png"][33:]
    with pytest.raises(ImageError, match="begin with its header"):
        with_source_type(headless, DRAWN)
    with pytest.raises(ImageError, match="full"):
        with_source_type(encoded("JPEG", xmp=OTHER.encode().ljust(65_400)), DRAWN)
    with pytest.raises(ImageError, match="no end"):
        with_source_type(encoded("JPEG", xmp=b"<x/>"), DRAWN)


def test_the_chunk_of_a_png_is_whole():
    marked = with_source_type(FILES["png"], DRAWN)
    length = int.from_bytes(marked[33:37], "big")
    assert marked[37:41] == b"iTXt"
    crc = int.from_bytes(marked[41 + length : 45 + length], "big")
    assert crc == zlib.crc32(marked[37 : 41 + length])
