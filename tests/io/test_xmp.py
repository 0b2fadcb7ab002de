"""Digital source types in picture files: stated and read, pixels and all else untouched."""

import io
import zlib
from xml.etree import ElementTree

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


IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAME = f"{{{IPTC}}}DigitalSourceType"


def described(attributes="", content="", rdf="rdf"):
    """XMP with attributes and properties of the picture, and a description around them."""
    return (
        f'<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><{rdf}:RDF '
        f'xmlns:{rdf}="{RDF}"> <{rdf}:Description {rdf}:about="" xmlns:a="{IPTC}" {attributes} '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{content}<dc:title>\xe9 &amp; "x"</dc:title>'
        f"</{rdf}:Description></{rdf}:RDF></x:xmpmeta>\n\n<?xpacket end='w'?>\0"
    )


def stated(content):
    """All that a JPEG file states, as another parser reads it."""
    start = content.index(b"<?xpacket begin")
    text = content[start : content.index(b"<?xpacket end", start)]
    found = []
    for node in ElementTree.fromstring(text).find(f"{{{RDF}}}RDF"):
        found += [value for key, value in node.attrib.items() if key == NAME]
        found += [each.text for each in node if each.tag == NAME]
    return found


@pytest.mark.parametrize(
    ("attributes", "content", "term"),
    [
        (f'a:DigitalSourceType="https{SOURCE_TYPES[4:]}print"', "", "print"),
        ("a:DigitalSourceType = 'https://c2pa.org/x'", "", "https://c2pa.org/x"),
        ("a:DigitalSourceType='&#112;rint'", "", "print"),
        ("a:DigitalSourceType=''", "", None),
        ("", f"<a:DigitalSourceType>\n{SOURCE_TYPES}print\n</a:DigitalSourceType>", "print"),
        ("", f"<a:DigitalSourceType rdf:resource='{SOURCE_TYPES}print'/>", "print"),
        (
            "",
            f"<a:DigitalSourceType rdf:resource='{SOURCE_TYPES}print'></a:DigitalSourceType>",
            "print",
        ),
        ("", "<a:DigitalSourceType>&#112;r<![CDATA[int]]></a:DigitalSourceType>", "print"),
        ("", "<a:DigitalSourceType/>", None),
        ("", "<a:DigitalSourceType> </a:DigitalSourceType>", None),
        (
            "",
            "<a:DigitalSourceType><rdf:Description><rdf:value>print</rdf:value></rdf:Description>"
            "</a:DigitalSourceType>",
            "print",
        ),
        ("", f"<b:DigitalSourceType xmlns:b='{IPTC}' rdf:resource='print' />", "print"),
        ("", "<a:DigitalSourceType/><a:DigitalSourceType>print</a:DigitalSourceType>", "print"),
        ("a:DigitalSourceType='print'", "<a:DigitalSourceType>x</a:DigitalSourceType>", "print"),
        ("", 'a:DigitalSourceType = "print"', None),
        ("dc:description='a:DigitalSourceType=&quot;print&quot;'", "", None),
        ("xmlns:b='http://other/' b:DigitalSourceType='print'", "", None),
        ("", "<!-- <a:DigitalSourceType>print</a:DigitalSourceType> -->", None),
        ("", "<dc:source><rdf:Description a:DigitalSourceType='print'/></dc:source>", None),
    ],
)
def test_statements_of_other_programs_are_read_and_replaced(attributes, content, term):
    xmp = described(attributes, content)
    file = encoded("JPEG", xmp=xmp.encode())
    assert source_type(file) == term
    marked = with_source_type(file, DRAWN)
    assert source_type(marked) == DRAWN and stated(marked) == [SOURCE_TYPES + DRAWN]
    # All else is as it was.
    assert '<dc:title>\xe9 &amp; "x"</dc:title></rdf:Description>'.encode() in marked
    assert marked.count(b"dc:") == file.count(b"dc:")
    np.testing.assert_array_equal(pixels(marked), pixels(file))


def test_a_statement_of_another_vocabulary_keeps_its_uri():
    marked = with_source_type(FILES["jpeg"], "http://example.org/?a=1&b='2'")
    assert stated(marked) == ["http://example.org/?a=1&b='2'"]
    assert source_type(marked) == "http://example.org/?a=1&b='2'"


def test_rdf_may_have_another_prefix():
    for content in ("", "<a:DigitalSourceType r:resource='print'/>"):
        file = encoded("JPEG", xmp=described("", content, rdf="r").encode())
        assert source_type(file) == ("print" if content else None)
        assert stated(with_source_type(file, DRAWN)) == [SOURCE_TYPES + DRAWN]


BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>" + OTHER
SEVERAL = FILES["jpeg"][:2] + b"\xff\xe2\0\x08MPF\0xx" + FILES["jpeg"][2:]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encoded("JPEG", xmp=BOMB.encode()), "document type"),
        (encoded("JPEG", xmp=described().encode("latin-1", "replace")), "not XML in UTF-8"),
        (encoded("JPEG", xmp=described().encode("utf-16")), "not XML in UTF-8"),
        (encoded("JPEG", xmp=b"<x/>"), "no end"),
        (encoded("JPEG", xmp=f"<rdf:RDF xmlns:rdf='{RDF}'/>".encode()), "no end"),
        (encoded("JPEG", xmp=OTHER.encode().ljust(65_400)), "full"),
        (SEVERAL, "several pictures"),
    ],
)
def test_files_that_cannot_hold_it_are_left(content, message):
    with pytest.raises(ImageError, match=message):
        with_source_type(content, DRAWN)
    assert source_type(content) is None


def test_two_packets_are_read_and_not_written():
    marked = with_source_type(FILES["jpeg"], DRAWN)
    plain = encoded("JPEG", xmp=OTHER.encode())
    both = plain[:20] + plain[20 : plain.index(b"</x:xmpmeta>") + 12] + marked[20:]
    assert source_type(both) == DRAWN
    with pytest.raises(ImageError, match="several packets"):
        with_source_type(both, CAPTURED)


def test_a_packet_that_grows_without_end_is_not_unpacked():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", " " * 2**25, zip=True)
    with pytest.raises(ImageError, match="cut off or too long"):
        with_source_type(encoded("PNG", pnginfo=info), DRAWN)


def test_what_follows_a_picture_is_kept():
    for name in ("png", "jpeg"):
        marked = with_source_type(FILES[name] + b"\n", DRAWN)
        assert marked == with_source_type(FILES[name], DRAWN) + b"\n"
        assert source_type(marked) == DRAWN


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


def test_the_chunk_of_a_png_is_whole():
    marked = with_source_type(FILES["png"], DRAWN)
    length = int.from_bytes(marked[33:37], "big")
    assert marked[37:41] == b"iTXt"
    crc = int.from_bytes(marked[41 + length : 45 + length], "big")
    assert crc == zlib.crc32(marked[37 : 41 + length])
