"""The orientation that a file's EXIF or XMP data states, found in a graph.

The same answer as Pillow's ``Image.getexif``: the tag of the first image file directory, or else
XMP's ``tiff:Orientation``. References: EXIF 2.32, section 4.6.4 (tag 0x0112); PNG's ``eXIf`` chunk
(https://www.w3.org/TR/png-3/#eXIf); the WebP container (RFC 9649, section 2.7).
"""

from __future__ import annotations

import tensorflow as tf

_TAG = 0x0112
_XMP = r'tiff:Orientation(?:="|>)([2-8])'
_MOST_ENTRIES = 512


def orientation_of(data: tf.Tensor, kind: str) -> tf.Tensor:
    """Finds the orientation of one file.

    Args:
        data: ``[]`` string, the file.
        kind: "PNG", "JPEG", "WebP" or "BMP".

    Returns:
        ``[]`` int32, 1 (upright, also if nothing or something damaged is stated) to 8.
    """
    if kind == "BMP":
        return tf.constant(1)
    file = tf.io.decode_raw(data, tf.uint8)
    stated = _exif_orientation(file, _STARTS[kind](data, file))
    return tf.cond(stated > 0, lambda: stated, lambda: _xmp_orientation(data))


def _number(file: tf.Tensor, start: tf.Tensor, size: int, little: tf.Tensor | bool) -> tf.Tensor:
    """The unsigned number of ``size`` bytes at ``start`` (any shape), int32; past the end, 0s."""
    length = tf.size(file)
    indices = start[..., None] + tf.range(size)
    known = (indices >= 0) & (indices < length)
    values = tf.gather(file, tf.clip_by_value(indices, 0, length - 1))
    values = tf.where(known, tf.cast(values, tf.int64), 0)
    powers = tf.constant([256**power for power in range(size)], tf.int64)
    total = tf.where(
        little,
        tf.reduce_sum(values * powers, axis=-1),
        tf.reduce_sum(values * powers[::-1], axis=-1),
    )
    # A length that no file has ends the search.
    return tf.cast(tf.minimum(total, 2**30), tf.int32)


def _exif_orientation(file: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Reads the tag from a TIFF header at ``start``; 0 if there is none (``start`` below 0)."""
    order = _number(file, start, 2, False)
    little = tf.equal(order, 0x4949)
    known = (start >= 0) & (little | tf.equal(order, 0x4D4D))
    directory = start + _number(file, start + 4, 4, little)
    count = tf.minimum(_number(file, directory, 2, little), _MOST_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    tags = _number(file, entries, 2, little)
    is_short = tf.equal(_number(file, entries + 2, 2, little), 3)
    values = tf.where(
        is_short, _number(file, entries + 8, 2, little), _number(file, entries + 8, 4, little)
    )
    found = tf.boolean_mask(values, tf.equal(tags, _TAG))
    # The last of several, as in a dictionary of tags.
    value = tf.concat([[0], found], axis=0)[-1]
    in_range = tf.where((value >= 1) & (value <= 8), value, tf.minimum(value, 1))
    return tf.where(known, in_range, 0)


def _xmp_orientation(data: tf.Tensor) -> tf.Tensor:
    # \C is any byte: what is around the text need not be UTF-8.
    pattern = rf"(?s)\C*?{_XMP}\C*"
    return tf.cond(
        tf.strings.regex_full_match(data, pattern),
        lambda: tf.strings.to_number(tf.strings.regex_replace(data, pattern, r"\1"), tf.int32),
        lambda: tf.constant(1),
    )


def _jpeg_start(data: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Where the TIFF header of a JPEG's first APP1 segment with EXIF data starts, or -1."""

    def step(position: tf.Tensor, found: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, ...]:
        marker = _number(file, position, 2, False)
        here = tf.equal(marker, 0xFFE1) & _has(data, position + 4, b"Exif\0\0")
        ends = (marker < 0xFF00) | tf.equal(marker, 0xFFDA) | tf.equal(marker, 0xFFD9)
        fill = tf.equal(marker, 0xFFFF)
        beyond = position + 2 + tf.maximum(_number(file, position + 2, 2, False), 2)
        return (
            tf.where(fill, position + 1, beyond),
            tf.where(here, position + 10, found),
            (here | ends),
        )

    return _walk(file, 2, step)


def _png_start(data: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Where the TIFF header of a PNG's ``eXIf`` chunk starts, or -1."""

    def step(position: tf.Tensor, found: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, ...]:
        here = _has(data, position + 4, b"eXIf")
        beyond = position + 12 + _number(file, position, 4, False)
        done = here | _has(data, position + 4, b"IEND")
        return beyond, tf.where(here, position + 8, found), done

    return _walk(file, 8, step)


def _webp_start(data: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """Where the TIFF header of a WebP's ``EXIF`` chunk starts, or -1."""

    def step(position: tf.Tensor, found: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, ...]:
        here = _has(data, position, b"EXIF")
        size = _number(file, position + 4, 4, True)
        # Some writers put JPEG's six bytes before the header.
        start = position + 8 + tf.where(_has(data, position + 8, b"Exif\0\0"), 6, 0)
        return position + 8 + size + size % 2, tf.where(here, start, found), here

    return _walk(file, 12, step)


_STARTS = {"JPEG": _jpeg_start, "PNG": _png_start, "WebP": _webp_start}


def _walk(file: tf.Tensor, first: int, step) -> tf.Tensor:  # type: ignore[no-untyped-def]
    """Repeats ``step`` (position, found, done) from a first position to the end of the file."""
    length = tf.size(file)
    _, found, _ = tf.while_loop(
        lambda position, _, done: (position >= 0) & (position + 4 <= length) & ~done,
        step,
        (tf.constant(first), tf.constant(-1), tf.constant(False)),
    )
    return found


def _has(data: tf.Tensor, position: tf.Tensor, text: bytes) -> tf.Tensor:
    """Whether the file has ``text`` at a position; False past its end."""
    length = tf.strings.length(data)
    # A position past the end is an error of ``substr``.
    piece = tf.strings.substr(data, tf.minimum(position, length), len(text))
    return tf.equal(piece, text)
