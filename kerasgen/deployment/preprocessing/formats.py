"""PNG, JPEG, WebP and BMP files -> upright RGB pixels, in a graph."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from kerasgen.deployment.preprocessing.orientation import orientation_of

SERVED_FORMATS = ("PNG", "JPEG", "WebP", "BMP")

_STARTS = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "BMP": b"BM"}


def upright_pixels(data: tf.Tensor, row: tf.Tensor, background: tuple[int, int, int]) -> tf.Tensor:
    """Decodes a file, turns it upright and puts a colour behind transparent pixels.

    Args:
        data: ``[]`` string, the file.
        row: ``[]`` int32, its number, for messages.
        background: RGB in [0, 255].

    Returns:
        ``[H, W, 3]`` uint8. An ``InvalidArgumentError`` names the row and the reason if the file
        is of another kind, or of one that TensorFlow decodes to other colours.
    """

    def decoded(kind: str) -> Callable[[], tf.Tensor]:
        def decode() -> tf.Tensor:
            image = _turned(_DECODERS[kind](data, row), orientation_of(data, kind))
            return _over(image, background) if image.shape[-1] == 4 else image

        return decode

    def refuse() -> tf.Tensor:
        allowed = ", ".join(SERVED_FORMATS[:-1])
        check = _refusal(True, row, f"is no {allowed} or {SERVED_FORMATS[-1]} file: convert it")
        with tf.control_dependencies([check]):
            return tf.zeros([1, 1, 3], tf.uint8)

    branches = [(_is(data, kind), decoded(kind)) for kind in SERVED_FORMATS]
    pixels = tf.case(branches, default=refuse)
    pixels.set_shape([None, None, 3])
    return pixels


def _is(data: tf.Tensor, kind: str) -> tf.Tensor:
    if kind == "WebP":
        return tf.equal(_piece(data, 0, 4), b"RIFF") & tf.equal(_piece(data, 8, 4), b"WEBP")
    return tf.equal(_piece(data, 0, len(_STARTS[kind])), _STARTS[kind])


def _piece(data: tf.Tensor, start: int, size: int) -> tf.Tensor:
    return tf.strings.substr(data, tf.minimum(start, tf.strings.length(data)), size)


def _refusal(wrong: tf.Tensor | bool, row: tf.Tensor, reason: str) -> tf.Operation:
    return tf.debugging.Assert(tf.logical_not(wrong), [f"image_bytes {reason}. Received: row", row])


def _png(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    # Such text may be compressed; Pillow reads it, and a graph cannot.
    hidden = tf.strings.regex_full_match(data, r"(?s)\C*Raw profile type (exif|APP1)\C*")
    reason = "is a PNG file with its EXIF data in a text chunk: save it again without"
    # With four channels, TensorFlow takes less than 8 bits without transparency for transparent.
    depth_and_type = tf.pad(tf.io.decode_raw(_piece(data, 24, 2), tf.uint8), [[0, 2]])
    thin = depth_and_type[0] < 8
    keyed = thin & tf.strings.regex_full_match(data, r"(?s)\C*tRNS\C*")
    wrong = keyed & tf.equal(depth_and_type[1], 0)
    why = "is a grey PNG file of less than 8 bits with a transparent level: save it with 8 bits"
    with tf.control_dependencies([_refusal(hidden, row, reason), _refusal(wrong, row, why)]):
        image = tf.cond(
            thin & ~keyed,
            lambda: _opaque(tf.io.decode_png(data, channels=3)),
            lambda: tf.io.decode_png(data, channels=4),
        )
    image.set_shape([None, None, 4])
    return image


def _opaque(image: tf.Tensor) -> tf.Tensor:
    """``[H, W, 3 | 4]`` uint8 -> ``[H, W, 4]``, opaque if it had no transparency."""
    missing = 4 - tf.shape(image)[-1]
    image = tf.pad(image, [[0, 0], [0, 0], [0, missing]], constant_values=255)
    image.set_shape([None, None, 4])
    return image


def _jpeg(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    # The default DCT is a faster and coarser one than Pillow's.
    return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")


def _webp(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    flags = tf.io.decode_raw(_piece(data, 20, 1), tf.uint8)
    extended = tf.equal(_piece(data, 12, 4), b"VP8X")
    moving = extended & tf.reduce_any(tf.bitwise.bitwise_and(flags, 2) > 0)
    check = _refusal(moving, row, "is an animated WebP file: send one frame")
    with tf.control_dependencies([check]):
        image = tf.io.decode_webp(data)
    return _opaque(tf.reshape(image, tf.shape(image)[-3:]))


def _bmp(data: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """BMP of 8, 24 or 32 bits; colours of a palette are looked up, which TensorFlow does not."""
    header = tf.cast(tf.io.decode_raw(_piece(data, 0, 54), tf.uint8), tf.int32)
    header = tf.pad(header, [[0, 54 - tf.size(header)]])
    bits = header[28] + 256 * header[29]
    plain = tf.reduce_all(tf.equal(header[30:34], 0)) & (header[14] + 256 * header[15] >= 40)
    known = tf.reduce_any(tf.equal(bits, [8, 24, 32])) & plain
    reason = "is a BMP file that is compressed, old or not of 8, 24 or 32 bits: convert it to PNG"
    with tf.control_dependencies([_refusal(~known, row, reason)]):
        bits = tf.identity(bits)

    def palette() -> tf.Tensor:
        indices = tf.cast(tf.io.decode_bmp(data)[..., 0], tf.int32)
        start = 14 + header[14] + 256 * header[15]
        table = tf.io.decode_raw(tf.strings.substr(data, start, 4 * 256), tf.uint8)
        colours = tf.reshape(table[: 4 * (tf.size(table) // 4)], [-1, 4])[:, 2::-1]
        return tf.gather(colours, indices)

    image = tf.case(
        [
            (tf.equal(bits, 8), palette),
            (tf.equal(bits, 24), lambda: tf.io.decode_bmp(data, channels=3)),
        ],
        default=lambda: tf.io.decode_bmp(data, channels=4)[..., :3],
    )
    image.set_shape([None, None, 3])
    return image


_DECODERS = {"PNG": _png, "JPEG": _jpeg, "WebP": _webp, "BMP": _bmp}


def _turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undoes an EXIF orientation, 1 to 8."""
    turns: list[Callable[[], tf.Tensor]] = [
        lambda: image,
        lambda: image[:, ::-1],
        lambda: image[::-1, ::-1],
        lambda: image[::-1],
        lambda: tf.transpose(image, [1, 0, 2]),
        lambda: tf.transpose(image[::-1], [1, 0, 2]),
        lambda: tf.transpose(image[::-1, ::-1], [1, 0, 2]),
        lambda: tf.transpose(image[:, ::-1], [1, 0, 2]),
    ]
    upright = tf.switch_case(orientation - 1, turns)
    upright.set_shape([None, None, image.shape[-1]])
    return upright


def _over(image: tf.Tensor, background: tuple[int, int, int]) -> tf.Tensor:
    """``[H, W, 4]`` uint8 over a colour, ``[H, W, 3]`` uint8."""
    alpha = tf.cast(image[..., 3:], tf.float32) / 255.0
    colour = tf.constant(background, tf.float32)
    mixed = tf.cast(image[..., :3], tf.float32) * alpha + colour * (1.0 - alpha)
    return tf.cast(tf.round(mixed), tf.uint8)
