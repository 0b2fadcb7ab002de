"""Good, odd and bad picture files, each built here: what is read, and what is refused and how."""

import os
import struct
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from kerasgen.io.images import ImageError, list_images, read_folder, read_image

RED, BLUE = (255, 0, 0), (0, 0, 255)


def rgb(colour=RED, size=(6, 4)):
    return Image.new("RGB", size, colour)


def noise(size=64):
    pixels = np.random.default_rng(7).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height, *chunks, colour_type=0):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def saved(path, image, kind=None, **options):
    image.save(path, kind, **options)
    return path.read_bytes()


def cut(path, image, kind):
    data = saved(path, image, kind)
    path.write_bytes(data[: len(data) // 2])


def exif_bytes(orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif.tobytes()


def pages(path, kind, **options):
    rgb().save(path, kind, save_all=True, append_images=[rgb(BLUE), rgb(BLUE)], **options)


def palette(path):
    image = Image.new("P", (6, 4), 0)
    image.putpalette([10, 20, 30, 255, 0, 0])
    image.putpixel((1, 0), 1)
    image.save(path, transparency=b"\x00\xff")


def bits(path):
    image = Image.new("1", (6, 4), 1)
    image.putpixel((5, 3), 0)
    image.save(path)


def rotated(path):
    # Orientation 6: turned clockwise for show, so that the stored left bottom comes first.
    pixels = np.full((32, 64, 3), 255, np.uint8)
    pixels[16:, :32] = 0
    Image.fromarray(pixels).save(path, exif=exif_bytes(6), quality=95)


def damaged_notes(path):
    # An entry that points far behind the end: Pillow warns of it.
    entry = struct.pack("<HHII", 0x010E, 2, 4000, 60000)
    notes = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + b"\0\0\0\0"
    rgb().save(path, exif=notes, quality=95)


def junk_notes(path):
    rgb().save(path, exif=b"Exif\0\0" + bytes(range(1, 256)) * 200, quality=95)


def huge_notes(path):
    scanlines = zlib.compress(b"\0\xff\0\0" * 1)
    junk = chunk(b"eXIf", os.urandom(3_000_000))
    path.write_bytes(png_of(1, 1, junk, chunk(b"IDAT", scanlines), colour_type=2))


def top_down_bmp(path):
    rows = bytes([0, 0, 255, 0, 0, 255, 0, 0]) + bytes([255, 0, 0, 255, 0, 0, 0, 0])
    info = struct.pack("<IiiHHIIiiII", 40, 2, -2, 1, 24, 0, len(rows), 0, 0, 0, 0)
    path.write_bytes(b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + info + rows)


def long_thin(path):
    image = rgb(BLUE, (20000, 10))
    image.paste(RED, (9990, 0, 10010, 10))
    image.save(path)


def grey16(path, dtype=np.uint16, value=32768):
    Image.fromarray(np.full((4, 6), value, dtype)).save(path)


def bomb(side):
    def build(path):
        rows = zlib.compressobj(9)
        data = b"".join(rows.compress(bytes(side + 1)) for _ in range(64)) + rows.flush()
        path.write_bytes(png_of(side, side, chunk(b"IDAT", data)))

    return build


def corrupt(path):
    data = bytearray(saved(path, noise()))
    start = data.index(b"IDAT") + 2000
    data[start : start + 400] = bytes(400)
    path.write_bytes(bytes(data))


def linked(path):
    source = path.parent / ".source.png"
    rgb().save(source)
    path.symlink_to(source)


# Name: builder, shape, pixel at the top left.
GOOD = {
    "plain.png": (lambda p: rgb().save(p), (4, 6), RED),
    "UPPER.JPG": (lambda p: rgb(BLUE).save(p, quality=95), (4, 6), BLUE),
    "Mixed.TiF": (lambda p: rgb().save(p, "TIFF"), (4, 6), RED),
    "jpeg_inside.png": (lambda p: rgb().save(p, "JPEG", quality=95), (4, 6), RED),
    "progressive.jpeg": (lambda p: rgb().save(p, quality=95, progressive=True), (4, 6), RED),
    "one_pixel.png": (lambda p: rgb(BLUE, (1, 1)).save(p), (1, 1), BLUE),
    "long_thin.png": (long_thin, (10, 20000), BLUE),
    "animated.webp": (lambda p: pages(p, "WEBP", lossless=True), (4, 6), RED),
    "animated.png": (lambda p: pages(p, "PNG"), (4, 6), RED),
    "pages.tiff": (lambda p: pages(p, "TIFF"), (4, 6), RED),
    "lossless.webp": (lambda p: rgb().save(p, lossless=True), (4, 6), RED),
    "cmyk.jpg": (lambda p: Image.new("CMYK", (6, 4)).save(p), (4, 6), (255, 255, 255)),
    "grey16.png": (grey16, (4, 6), (128, 128, 128)),
    "grey16.tif": (lambda p: grey16(p, value=65535), (4, 6), (255, 255, 255)),
    "grey32.tif": (lambda p: grey16(p, np.int32, 25700), (4, 6), (100, 100, 100)),
    "float.tiff": (lambda p: grey16(p, np.float32, 0.2), (4, 6), (51, 51, 51)),
    "float255.tiff": (lambda p: grey16(p, np.float32, 200), (4, 6), (200, 200, 200)),
    "bits.png": (bits, (4, 6), (255, 255, 255)),
    "grey_alpha.png": (lambda p: Image.new("LA", (6, 4), (9, 0)).save(p), (4, 6), (255,) * 3),
    "palette.png": (palette, (4, 6), (255, 255, 255)),
    "key_colour.png": (lambda p: rgb().save(p, transparency=RED), (4, 6), (255, 255, 255)),
    "rotated.jpg": (rotated, (64, 32), (0, 0, 0)),
    "rotated.tif": (lambda p: rgb().save(p, exif=exif_bytes(6)), (6, 4), RED),
    "damaged_notes.jpg": (damaged_notes, (4, 6), RED),
    "junk_notes.jpg": (junk_notes, (4, 6), RED),
    "huge_notes.png": (huge_notes, (1, 1), RED),
    "top_down.bmp": (top_down_bmp, (2, 2), RED),
    "after_end.png": (lambda p: p.write_bytes(saved(p, rgb()) + b"junk" * 99), (4, 6), RED),
    "new\nline.png": (lambda p: rgb().save(p), (4, 6), RED),
    "smile \U0001f600 žluť.png": (lambda p: rgb().save(p), (4, 6), RED),
    f"{'n' * 251}.png": (lambda p: rgb().save(p), (4, 6), RED),
    "link.png": (linked, (4, 6), RED),
}
# Name: builder, what the message says. The last of them are never in a listing.
BAD = {
    "cut.png": (lambda p: cut(p, noise(), "PNG"), "damaged or cut off"),
    "cut.jpg": (lambda p: cut(p, noise(), "JPEG"), "damaged or cut off"),
    "cut.webp": (lambda p: cut(p, noise(), "WEBP"), "amaged"),
    "cut.bmp": (lambda p: cut(p, noise(), "BMP"), "damaged or cut off"),
    "cut.tif": (lambda p: cut(p, noise(), "TIFF"), "amaged"),
    "empty.png": (lambda p: p.write_bytes(b""), r"empty \(0 bytes\)"),
    "text.png": (lambda p: p.write_text("just some notes"), "No PNG, JPEG"),
    "page.jpg": (lambda p: p.write_text("<!DOCTYPE html><html></html>"), "No PNG, JPEG"),
    "gif.png": (lambda p: rgb().save(p, "GIF"), "No PNG, JPEG"),
    "bomb.png": (bomb(30000), "Too many pixels.*shrink the picture"),
    "quiet_bomb.png": (bomb(12000), "Too many pixels.*12000 x 12000"),
    "small_bomb.png": (bomb(8001), "Too many pixels.*8001 x 8001"),
    "corrupt.png": (corrupt, "damaged or cut off"),
    "header_only.png": (lambda p: p.write_bytes(png_of(5, 5)), "damaged or cut off"),
    "signature_only.png": (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n"), "damaged"),
    "no_width.png": (lambda p: p.write_bytes(png_of(0, 5)), "damaged"),
    "start_of.jpg": (lambda p: p.write_bytes(b"\xff\xd8\xff"), "damaged"),
    "nan.tiff": (lambda p: grey16(p, np.float32, np.nan), "nan to nan"),
    "negative.tiff": (lambda p: grey16(p, np.int32, -5), "-5 to -5.*scale to"),
    "dangling.png": (lambda p: p.symlink_to("nowhere.png"), "no such file"),
    "own_link.png": (lambda p: p.symlink_to(p.name), "damaged|link"),
    "folder.png": (lambda p: p.mkdir(), "a folder or a pipe"),
    "pipe.png": (os.mkfifo, "a folder or a pipe"),
    "missing.png": (lambda p: None, "no such file"),
}
UNLISTED = ("folder.png", "pipe.png", "missing.png")


@pytest.mark.parametrize("name", GOOD, ids=[name[:20].encode("unicode_escape") for name in GOOD])
def test_odd_but_good_file_is_read(tmp_path, name):
    build, shape, pixel = GOOD[name]
    build(tmp_path / name)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        image = read_image(tmp_path / name)
    assert image.dtype == np.uint8 and image.shape == (*shape, 3)
    # JPEG may be off by a level or two.
    np.testing.assert_allclose(image[0, 0].astype(int), pixel, atol=2)
    assert leaked == []
    for channels in (1, 4):
        assert read_image(tmp_path / name, 8, channels).shape == (8, 8, channels)


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_by_name(tmp_path, name):
    build, message = BAD[name]
    build(tmp_path / name)
    started = time.monotonic()
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        with pytest.raises(ImageError, match=message) as caught:
            read_image(tmp_path / name, 16)
    assert str(caught.value).endswith(f"Received: path='{tmp_path / name}'")
    assert caught.value.__cause__ is not None
    assert leaked == [] and time.monotonic() - started < 5


@pytest.mark.parametrize("kind", ["bytes", "str"])
def test_any_cut_of_a_file_is_read_or_refused(tmp_path, kind):
    """Every shortened file either decodes or is an ImageError, whatever Pillow raises inside."""
    form, options = {"bytes": ("PNG", {}), "str": ("TIFF", {"compression": "tiff_lzw"})}[kind]
    data = saved(tmp_path / "whole", noise(12), form, **options)
    refused = 0
    for length in range(1, len(data), 7):
        (tmp_path / "part.png").write_bytes(data[:length])
        try:
            assert read_image(tmp_path / "part.png").shape == (12, 12, 3)
        except ImageError:
            refused += 1
    assert refused > 0.5 * len(range(1, len(data), 7))


def test_long_thin_picture_shows_its_centre(tmp_path):
    long_thin(tmp_path / "long.png")
    cropped = read_image(tmp_path / "long.png", 8)
    np.testing.assert_array_equal(cropped, np.broadcast_to(np.uint8(RED), (8, 8, 3)))
    assert read_image(tmp_path / "long.png", 8, fit="stretch").shape == (8, 8, 3)
    with pytest.raises(ImageError, match="too thin to pad: use fit='crop'.*long.png"):
        read_image(tmp_path / "long.png", 8, fit="pad")


def test_unreadable_permission(tmp_path, monkeypatch):
    rgb().save(tmp_path / "locked.png")

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match=r"check its permissions\. Received: path='.*locked.png'"):
        read_image(tmp_path / "locked.png")


def test_interrupt_is_not_swallowed(tmp_path, monkeypatch):
    rgb().save(tmp_path / "a.png")

    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_image(tmp_path / "a.png")


def test_max_pixels_is_the_limit_itself(tmp_path):
    rgb(size=(6, 4)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", max_pixels=24).shape == (4, 6, 3)
    with pytest.raises(ImageError, match="6 x 4"):
        read_image(tmp_path / "a.png", max_pixels=23)


@pytest.fixture
def odd_folder(tmp_path):
    root = tmp_path / "odd"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "circle").symlink_to(root)
    (root / "nothing_inside").mkdir()
    for name, (build, *_) in {**GOOD, **BAD}.items():
        build((root / "deep" / "er" if len(name) % 2 else root) / name)
    for name in (".hidden.png", "backup.png~", "#saved.png#", "old.png.bak", "notes.txt"):
        rgb().save(root / name, "PNG")
    return root


def test_folder_of_everything_gives_the_good_ones_and_warns(odd_folder):
    rejected = {name for name in BAD if name not in UNLISTED}
    started = time.monotonic()
    with pytest.warns(UserWarning) as caught:
        folder = read_folder(odd_folder, 16)
    assert time.monotonic() - started < 20
    assert {path.name for path in folder.paths} == set(GOOD)
    assert len(folder.paths) == len(GOOD)
    assert {path.name for path, _ in folder.rejected} == rejected
    assert len(folder.rejected) == len(rejected)
    assert folder.images.shape == (len(GOOD), 16, 16, 3) and folder.images.dtype == np.uint8
    for path, image in zip(folder.paths, folder.images, strict=True):
        np.testing.assert_array_equal(image, read_image(path, 16))
    stacks, message = (str(each.message) for each in caught)
    assert stacks.startswith("1 TIFF file(s) hold several pictures")
    assert message.startswith(f"{len(rejected)} of {len(GOOD) + len(rejected)} pictures left out")
    assert [str(path) in message for path, _ in folder.rejected[:4]] == [True] * 3 + [False]


def test_listing_is_the_same_each_time_and_sorted(odd_folder):
    paths = list_images(odd_folder)
    relative = [path.relative_to(odd_folder).as_posix() for path in paths]
    assert relative == sorted(set(relative)) and paths == list_images(odd_folder)
    assert not any("circle" in name for name in relative)


def test_folder_of_bad_pictures_only(tmp_path):
    for name in ("text.png", "empty.png"):
        BAD[name][0](tmp_path / name)
    with pytest.raises(ValueError, match=r"None of 2 picture.*empty.*empty\.png.*folder='"):
        read_folder(tmp_path, 8)
