"""The graph of an exported model reads files as the reader of the training pictures does."""

import io
import time
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kerasgen.deployment.preprocessing import preprocess
from kerasgen.deployment.preprocessing.orientation import orientation_of
from kerasgen.io.images import ImageError
from kerasgen.io.orientation import exif_orientation
from kerasgen.io.preprocessing import Preprocessing

SIZES = [(64, 48), (48, 64), (57, 57), (300, 20), (20, 300)]
LARGEST_MEAN = 1.0
"""Grey levels, of 255."""


def scene(width, height):
    """Smooth waves, noise, a red square and a dark corner: nothing in it is symmetric."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 17 + y / 29), np.cos(x / 11 - y / 37), np.sin(x * y / 999)], -1)
    levels = 128 + 95 * waves + np.random.default_rng(0).normal(0, 8, waves.shape)
    levels[height // 4 : height // 2, width // 4 : width // 2] = [250, 20, 30]
    levels[: height // 3, : width // 3] = 10
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def translucent(image):
    ramp = np.tile(np.linspace(0, 255, image.width).astype(np.uint8), (image.height, 1))
    image = image.copy()
    image.putalpha(Image.fromarray(ramp))
    return image


def deep(image):
    values = np.asarray(image).astype(np.uint16) * 257
    return cv2.imencode(".png", values)[1].tobytes()


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def comment(text):
    info = PngInfo()
    info.add_text("Comment", text)
    return info


def black_and_white(image):
    return image.convert("L").point(lambda level: 255 * (level > 99)).quantize(2)


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="8"/></x:xmpmeta>\xff\xfe'
READABLE = {
    "png": lambda image: saved(image, "PNG"),
    "png grey": lambda image: saved(image.convert("L"), "PNG"),
    "png grey and alpha": lambda image: saved(translucent(image).convert("LA"), "PNG"),
    "png grey with a transparent level": lambda image: saved(
        image.convert("L"), "PNG", transparency=10
    ),
    "png alpha": lambda image: saved(translucent(image), "PNG"),
    "png with a transparent colour": lambda image: saved(image, "PNG", transparency=(250, 20, 30)),
    "png palette": lambda image: saved(image.quantize(64), "PNG"),
    "png palette of 4 bits": lambda image: saved(image.quantize(16), "PNG"),
    "png palette of 1 bit": lambda image: saved(image.quantize(2), "PNG"),
    "png palette with a transparent colour": lambda image: saved(
        image.quantize(16), "PNG", transparency=3
    ),
    "png of 1 bit": lambda image: saved(image.convert("L").point(lambda v: v > 99, "1"), "PNG"),
    "png of 16 bits, grey": lambda image: deep(image.convert("L")),
    "png of 16 bits": deep,
    "png of 16 bits, alpha": lambda image: deep(translucent(image)),
    "png palette of 4 bits with tRNS in a comment": lambda image: saved(
        image.quantize(16), "PNG", pnginfo=comment("tRNS")
    ),
    "png turned": lambda image: saved(image, "PNG", exif=turned(6)),
    "jpeg": lambda image: saved(image, "JPEG", quality=90),
    "jpeg progressive": lambda image: saved(image, "JPEG", quality=70, progressive=True),
    "jpeg grey": lambda image: saved(image.convert("L"), "JPEG"),
    "jpeg cmyk": lambda image: saved(image.convert("CMYK"), "JPEG"),
    "jpeg with an orientation in XMP": lambda image: saved(image, "JPEG", xmp=XMP),
    "webp": lambda image: saved(image, "WEBP"),
    "webp alpha": lambda image: saved(translucent(image), "WEBP", lossless=True),
    "webp turned": lambda image: saved(image, "WEBP", exif=turned(6)),
    "bmp": lambda image: saved(image, "BMP"),
    "bmp grey": lambda image: saved(image.convert("L"), "BMP"),
    "bmp of two colours": lambda image: saved(black_and_white(image), "BMP"),
    "bmp palette": lambda image: saved(image.quantize(64), "BMP"),
    "bmp of 32 bits": lambda image: saved(translucent(image), "BMP"),
} | {
    f"jpeg turned {number}": lambda image, number=number: saved(image, "JPEG", exif=turned(number))
    for number in range(1, 9)
}


def as_read(data, form, folder):
    path = folder / "picture"
    path.write_bytes(data)
    return form.read(path).astype(float)


def compiled(form):
    files = tf.TensorSpec([None], tf.string)
    return tf.function(lambda data: preprocess(data, form), input_signature=[files])


def in_graph(function, files):
    return (function(tf.constant(files)).numpy().astype(float) + 1) * 127.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        Preprocessing(40, 40, 3, "crop"),
        Preprocessing(32, 56, 1, "pad"),
        Preprocessing(50, 30, 3, "stretch", background=(0, 128, 255)),
    ],
    ids=lambda form: form.fit,
)
def test_all_kinds_and_shapes_of_files(form, tmp_path):
    function = compiled(form)
    for size in SIZES:
        files = {name: write(scene(*size)) for name, write in READABLE.items()}
        found = in_graph(function, list(files.values()))
        for (name, data), pixels in zip(files.items(), found, strict=True):
            difference = np.abs(pixels - as_read(data, form, tmp_path)).mean()
            assert difference <= LARGEST_MEAN, (name, size, difference)


def test_bytes_after_the_end_or_damaged_exif_change_nothing(tmp_path):
    form = Preprocessing(24, 24)
    plain = saved(scene(40, 30), "JPEG", exif=turned(6))
    start = plain.index(b"Exif\0\0") + 6
    byte_order_lost = plain[:start] + b"XX" + plain[start + 2 :]
    far_directory = plain[: start + 4] + b"\xff\xff\xff\xff" + plain[start + 8 :]
    for data in (plain + b"rest", byte_order_lost, far_directory):
        (found,) = in_graph(lambda files: preprocess(files, form), [data])
        assert np.abs(found - as_read(data, form, tmp_path)).mean() <= LARGEST_MEAN


@pytest.mark.parametrize("size", [(640, 390), (1280, 700), (200, 44)])
def test_padding_rounds_halves_as_the_reader_does(size, tmp_path):
    form, data = Preprocessing(96, 96, 1, "pad"), saved(scene(*size), "PNG")
    (found,) = in_graph(compiled(form), [data])
    assert np.abs(found - as_read(data, form, tmp_path)).mean() <= LARGEST_MEAN


def test_a_million_fill_bytes_are_not_walked_through():
    data = saved(scene(20, 20), "JPEG", exif=turned(6))
    filled = data[:2] + b"\xff" * 1_000_000 + data[2:]
    start = time.process_time()
    assert int(orientation_of(tf.constant(filled), "JPEG")) == exif_orientation(filled) == 1
    assert time.process_time() - start < 5


def damaged_palette(image):
    data = bytearray(saved(image.quantize(8), "BMP"))
    data[14:16] = (60000).to_bytes(2, "little")
    return bytes(data)


def deep_with_a_key(image):
    data = deep(image)
    key = b"tRNS" + bytes(6)
    chunk = (6).to_bytes(4, "big") + key + zlib.crc32(key).to_bytes(4, "big")
    start = data.index(b"IDAT") - 4
    return data[:start] + chunk + data[start:]


def without_adobe(image):
    data = saved(image.convert("CMYK"), "JPEG")
    start = data.index(b"Adobe") - 4
    return data[:start] + data[start + 16 :]


def enormous(image):
    data = bytearray(saved(image, "PNG"))
    data[16:24] = 2 * (9000).to_bytes(4, "big")
    return bytes(data)


def animated(image):
    return saved(image, "WEBP", save_all=True, append_images=[image.rotate(90)])


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda image: saved(image, "TIFF"), "no PNG, JPEG, WebP or BMP"),
        (lambda image: saved(image.quantize(8), "GIF"), "no PNG, JPEG, WebP or BMP"),
        (lambda image: b"", "no PNG, JPEG, WebP or BMP"),
        (lambda image: b"text", "no PNG, JPEG, WebP or BMP"),
        (lambda image: saved(image.convert("1"), "BMP"), "BMP file .*convert it to PNG"),
        (lambda image: saved(image.convert("1"), "PNG", transparency=0), "fewer than 8 in grey"),
        (animated, "animated WebP"),
        (without_adobe, "CMYK without Adobe"),
        (enormous, "more than 64000000 pixels"),
        (lambda image: deep_with_a_key(image), "16 bits.*transparent colour"),
    ],
    ids=["tiff", "gif", "empty", "text", "bmp of 1 bit", "grey png of 1 bit with a key", "moving"]
    + ["cmyk", "enormous", "16 bits with a key"],
)
def test_what_a_graph_cannot_read_rightly_is_refused_with_its_row(write, reason):
    image = scene(30, 20)
    form = Preprocessing(8, 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"(?s){reason}.*row\D*1\b"):
        preprocess(tf.constant([saved(image, "PNG"), write(image)]), form)


def test_what_is_too_thin_to_pad_is_refused_by_both(tmp_path):
    form, data = Preprocessing(8, 8, fit="pad"), saved(scene(300, 4), "PNG")
    with pytest.raises(tf.errors.InvalidArgumentError, match="too thin to pad"):
        preprocess(tf.constant([data]), form)
    with pytest.raises(ImageError, match="too thin to pad"):
        as_read(data, form, tmp_path)


def test_a_damaged_palette_is_an_error_and_no_crash():
    with pytest.raises((tf.errors.InvalidArgumentError, UnicodeDecodeError)):
        preprocess(tf.constant([damaged_palette(scene(30, 20))]), Preprocessing(8, 8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_the_graph_finds_the_same_orientation_in_damaged_files(kind):
    image, random = scene(24, 16), np.random.default_rng(0)
    file = saved(image, kind.upper(), exif=turned(6))
    start = file.index(b"MM\0*") if b"MM\0*" in file else file.index(b"II*\0")
    find = tf.function(lambda data: orientation_of(data, kind))
    found = {}
    for number in range(400):
        data = bytearray(file)
        for _ in range(random.integers(0, 3)):
            data[random.integers(12, min(start + 30, len(data)))] = random.integers(0, 256)
        mutant = (
            bytes(data[: random.integers(start, len(data))]) if number % 5 == 0 else bytes(data)
        )
        own = exif_orientation(mutant)
        assert int(find(tf.constant(mutant))) == own, mutant
        found[own] = found.get(own, 0) + 1
    # Both the tag as it was and its loss were seen.
    assert found[6] > 100 and found[1] > 10
