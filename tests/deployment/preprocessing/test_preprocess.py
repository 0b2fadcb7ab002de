"""The graph of an exported model reads files as the reader of the training pictures does."""

import io

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgen.deployment.preprocessing import preprocess
from kerasgen.io.images import ImageError
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
    "png turned": lambda image: saved(image, "PNG", exif=turned(6)),
    "jpeg": lambda image: saved(image, "JPEG", quality=90),
    "jpeg progressive": lambda image: saved(image, "JPEG", quality=70, progressive=True),
    "jpeg grey": lambda image: saved(image.convert("L"), "JPEG"),
    "jpeg cmyk": lambda image: saved(image.convert("CMYK"), "JPEG"),
    "jpeg turned by XMP": lambda image: saved(image, "JPEG", xmp=XMP),
    "webp": lambda image: saved(image, "WEBP"),
    "webp alpha": lambda image: saved(translucent(image), "WEBP", lossless=True),
    "webp turned": lambda image: saved(image, "WEBP", exif=turned(6)),
    "bmp": lambda image: saved(image, "BMP"),
    "bmp grey": lambda image: saved(image.convert("L"), "BMP"),
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
        (lambda image: saved(image.convert("1"), "PNG", transparency=0), "less than 8 bits"),
        (animated, "animated WebP"),
    ],
    ids=["tiff", "gif", "empty", "text", "bmp of 1 bit", "grey png of 1 bit with a key", "moving"],
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
