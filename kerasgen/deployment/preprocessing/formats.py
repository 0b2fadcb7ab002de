"""PNG, JPEG, WebP and BMP files -> upright RGB pixels, in a graph."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from kerasgen.deployment.preprocessing.orientation import (
    adobe_marker,
    chunk,
    find_block,
    has_at,
    number_at,
    orientation_of,
)
from kerasgen.io.images import MAX_PIXELS

SERVED_FORMATS = ("PNG", "JPEG", "WebP", "BMP")

MAX_FILE_BYTES = 64 * 2**20
"""Larger files are refused before they are decoded."""

_STARTS = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "BMP": b"BM"}


def stored_pixels(data: tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a file.

    Args:
        data: ``[]`` string, the file.
        row: ``[]`` int32, its number, for messages.

    Returns:
        ``[H, W, 3 | 4]`` uint8 as stored, with transparency if there may be some, and ``[]`` int32,
        the orientation that the file states, 1 to 8. An ``InvalidArgumentError`` names the row and
        the reason if the file is too large, of another kind, or of one that TensorFlow decodes to
        other colours.
    """

    def decoded(kind: str) -> Callable[[], tuple[tf.Tensor, tf.Tensor]]:
        return lambda: (_DECODERS[kind](data, row), orientation_of(data, kind))

    def refuse() -> tuple[tf.Tensor, tf.Tensor]:
        allowed = ", ".join(SERVED_FORMATS[:-1])
        check = _refusal(True, row, f"is no {allowed} or {SERVED_FORMATS[-1]} file: convert it")
        with tf.control_dependencies([check]):
            return tf.zeros([1, 1, 3], tf.uint8), tf.constant(1)

    why = f"has more than {MAX_FILE_BYTES} bytes: shrink it"
    check = _refusal(tf.strings.length(data) > MAX_FILE_BYTES, row, why)
    with tf.control_dependencies([check]):
        data = tf.identity(data)
    pixels, orientation = tf.case(
        [(_is(data, kind), decoded(kind)) for kind in SERVED_FORMATS], default=refuse
    )
    pixels.set_shape([None, None, None])
    return pixels, orientation


def _is(data: tf.Tensor, kind: str) -> tf.Tensor:
    if kind == "WebP":
        return has_at(data, 0, b"RIFF") & has_at(data, 8, b"WEBP")
    return has_at(data, 0, _STARTS[kind])


def _refusal(wrong: tf.Tensor | bool, row: tf.Tensor, reason: str) -> tf.Operation:
    return tf.debugging.Assert(tf.logical_not(wrong), [f"image_bytes {reason}. Received: row", row])


def _png(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    header = _header(data, 26)
    check = _too_large(number_at(header, tf.constant([16, 20]), 4, False), row)
    depth, colour = header[24], header[25]
    keyed = find_block(data, chunk(b"tRNS"), 8) >= 0
    # With four channels, TensorFlow takes less than 8 bits without transparency for transparent.
    thin, grey, deep = depth < 8, tf.equal(colour, 0), tf.equal(depth, 16)
    why = "is a PNG file of 16 bits, or of fewer than 8 in grey, with a transparent colour"
    wrong = _refusal(keyed & (deep | (thin & grey)), row, f"{why}: save it with 8 bits")
    with tf.control_dependencies([check, wrong]):
        # With three channels, pixels of a large picture take less memory.
        return tf.cond(
            keyed | (colour >= 4),
            lambda: tf.io.decode_png(data, channels=4),
            lambda: tf.io.decode_png(data, channels=3),
        )


def _header(data: tf.Tensor, size: int) -> tf.Tensor:
    """The first bytes of a file, ``[size]`` uint8, with zeros after its end."""
    start = tf.io.decode_raw(tf.strings.substr(data, 0, size), tf.uint8)
    return tf.ensure_shape(tf.pad(start, [[0, size - tf.size(start)]]), [size])


def _too_large(sides: tf.Tensor, row: tf.Tensor) -> tf.Operation:
    """The limit of the reader, tried before anything is decoded."""
    count = tf.reduce_prod(tf.cast(sides, tf.int64))
    return _refusal(count > MAX_PIXELS, row, f"has more than {MAX_PIXELS} pixels: shrink it")


def _jpeg(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    shape = tf.image.extract_jpeg_shape(data)
    # Without Adobe's marker Pillow takes the four inks for inverted, and TensorFlow does not.
    bare = tf.equal(shape[2], 4) & (find_block(data, adobe_marker, 2) < 0)
    why = "is a JPEG file in CMYK without Adobe's marker: save it in RGB"
    with tf.control_dependencies([_too_large(shape[:2], row), _refusal(bare, row, why)]):
        # The default DCT is a faster and coarser one than Pillow's.
        return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")


def _webp(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    header = _header(data, 30)
    extended = has_at(data, 12, b"VP8X")
    moving = extended & (tf.bitwise.bitwise_and(header[20], 2) > 0)
    check = _refusal(moving, row, "is an animated WebP file: send one frame")
    with tf.control_dependencies([check, _too_large(_webp_sides(data, header), row)]):
        image = tf.io.decode_webp(data)
    return tf.reshape(image, tf.shape(image)[-3:])


def _webp_sides(data: tf.Tensor, header: tf.Tensor) -> tf.Tensor:
    """Width and height from the three kinds of headers, RFC 9649, sections 2.5 to 2.7."""
    canvas = number_at(header, tf.constant([24, 27]), 3, True) + 1
    lossy = tf.bitwise.bitwise_and(number_at(header, tf.constant([26, 28]), 2, True), 0x3FFF)
    packed = tf.reduce_sum(tf.cast(header[21:25], tf.int64) * [1, 2**8, 2**16, 2**24])
    lossless = tf.cast([packed % 2**14, packed // 2**14 % 2**14], tf.int32) + 1
    return tf.where(
        has_at(data, 12, b"VP8X"), canvas, tf.where(has_at(data, 12, b"VP8L"), lossless, lossy)
    )


def _bmp(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """BMP of 8, 24 or 32 bits; colours of a palette are looked up, which TensorFlow does not."""
    header = _header(data, 54)
    bits, size = number_at(header, tf.constant(28), 2, True), _long(header, 14)
    plain = tf.equal(_long(header, 30), 0) & (size >= 40)
    known = tf.reduce_any(tf.equal(bits, [8, 24, 32])) & plain
    reason = "is a BMP file that is compressed, old or not of 8, 24 or 32 bits: convert it to PNG"
    # The height of a picture that is stored from its top is negative.
    sides = tf.abs(tf.bitcast(tf.reshape(header[18:26], [2, 4]), tf.int32))
    with tf.control_dependencies([_refusal(~known, row, reason), _too_large(sides, row)]):
        bits = tf.identity(bits)
    image = tf.case(
        [
            (tf.equal(bits, 8), lambda: _looked_up(data, header, row)),
            (tf.equal(bits, 24), lambda: tf.io.decode_bmp(data, channels=3)),
        ],
        default=lambda: tf.io.decode_bmp(data, channels=4)[..., :3],
    )
    return image


def _long(header: tf.Tensor, start: int) -> tf.Tensor:
    return number_at(header, tf.constant(start), 4, True)


def _looked_up(data: tf.Tensor, header: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """The colours of a BMP with a palette, ``[H, W, 3]`` uint8."""
    length = tf.strings.length(data)
    start = tf.minimum(14 + _long(header, 14), length)
    stored = (tf.minimum(_long(header, 10), length) - start) // 4
    used = _long(header, 46)
    count = tf.clip_by_value(tf.where(used > 0, tf.minimum(used, stored), stored), 0, 256)
    table = tf.io.decode_raw(tf.strings.substr(data, start, 4 * count), tf.uint8)
    colours = tf.reshape(table, [-1, 4])[:, 2::-1]
    indices = tf.cast(tf.io.decode_bmp(data)[..., 0], tf.int32)
    beyond = tf.reduce_max(indices) >= tf.shape(colours)[0]
    with tf.control_dependencies([_refusal(beyond, row, "is a BMP file without all its colours")]):
        return tf.gather(colours, indices)


_DECODERS = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp}
