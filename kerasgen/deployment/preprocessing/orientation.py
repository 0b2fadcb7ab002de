"""The orientation that a file's EXIF data states, found in a graph by the rules of the reader."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from kerasgen.io.orientation import MOST_BLOCKS, MOST_ENTRIES, PREFIX, TAG

Walk = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]
"""(file, its bytes, position) -> (next position, whether it is this block, or the last one)."""


def orientation_of(data: tf.Tensor, kind: str) -> tf.Tensor:
    """Finds the orientation of one file, as ``io.orientation.exif_orientation`` does.

    Args:
        data: ``[]`` string, the file.
        kind: "PNG", "JPEG", "WebP" or "BMP".

    Returns:
        ``[]`` int32, 1 (upright) to 8.
    """
    if kind == "BMP":
        return tf.constant(1)
    file = tf.io.decode_raw(data, tf.uint8)
    found = find_block(data, _WALKS[kind], _FIRST[kind])
    start = found + _CONTENT[kind]
    for _ in range(2):
        start += tf.where(has_at(data, start, PREFIX), len(PREFIX), 0)
    little, big = has_at(data, start, b"II*\0"), has_at(data, start, b"MM\0*")
    return tf.cond((found >= 0) & (little | big), lambda: _tag(file, start, little), _upright)


def find_block(data: tf.Tensor, walk: Walk, first: int) -> tf.Tensor:
    """Walks through the blocks of a file.

    Args:
        data: ``[]`` string, the file.
        walk: From one block to the next.
        first: Where the first block starts.

    Returns:
        ``[]`` int32, where the first block that it looks for starts, or -1.
    """
    file, length = tf.io.decode_raw(data, tf.uint8), tf.strings.length(data)

    def step(position: tf.Tensor, found: tf.Tensor, done: tf.Tensor) -> tuple[tf.Tensor, ...]:
        following, here, last = walk(data, file, position)
        return following, tf.where(here, position, found), here | last

    _, found, _ = tf.while_loop(
        lambda position, _, done: (position < length) & ~done,
        step,
        (tf.constant(first), tf.constant(-1), tf.constant(False)),
        maximum_iterations=MOST_BLOCKS,
    )
    return found


def number_at(file: tf.Tensor, start: tf.Tensor, size: int, little: tf.Tensor | bool) -> tf.Tensor:
    """Reads the unsigned number of ``size`` bytes at ``start`` (any shape); zeros past the end.

    Returns:
        int32 of the shape of ``start``, at most 2**30: a length that no file has.
    """
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
    return tf.cast(tf.minimum(total, 2**30), tf.int32)


def has_at(data: tf.Tensor, position: tf.Tensor | int, text: bytes) -> tf.Tensor:
    """Whether the file has ``text`` at a position; False past its end."""
    # A position past the end is an error of ``substr``.
    start = tf.clip_by_value(position, 0, tf.strings.length(data))
    return tf.equal(tf.strings.substr(data, start, len(text)), text)


def _upright() -> tf.Tensor:
    return tf.constant(1)


def _tag(file: tf.Tensor, start: tf.Tensor, little: tf.Tensor) -> tf.Tensor:
    directory = start + number_at(file, start + 4, 4, little)
    count = tf.minimum(number_at(file, directory, 2, little), MOST_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    found = tf.boolean_mask(entries, tf.equal(number_at(file, entries, 2, little), TAG))
    entry = tf.concat([found, [tf.size(file)]], axis=0)[0]
    kind, values = (
        number_at(file, entry + 2, 2, little),
        number_at(file, entry + 4, 4, little),
    )
    short, long = number_at(file, entry + 8, 2, little), number_at(file, entry + 8, 4, little)
    value = tf.where(tf.equal(kind, 3), short, tf.where(tf.equal(kind, 4), long, 0))
    return tf.where(tf.equal(values, 1) & (value >= 1) & (value <= 8), value, 1)


def _jpeg(data: tf.Tensor, file: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, ...]:
    marker = number_at(file, position, 2, False)
    here = tf.equal(marker, 0xFFE1) & has_at(data, position + 4, PREFIX)
    last = (marker < 0xFF00) | tf.equal(marker, 0xFFDA) | tf.equal(marker, 0xFFD9)
    beyond = position + 2 + tf.maximum(number_at(file, position + 2, 2, False), 2)
    return tf.where(tf.equal(marker, 0xFFFF), position + 1, beyond), here, last


def adobe_marker(
    data: tf.Tensor, file: tf.Tensor, position: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The step to a JPEG's APP14 segment, which says how its four inks are stored."""
    following, _, last = _jpeg(data, file, position)
    here = tf.equal(number_at(file, position, 2, False), 0xFFEE)
    return following, here & has_at(data, position + 4, b"Adobe"), last


def chunk(name: bytes) -> Walk:
    """The step to a PNG's chunk of a name that is not empty."""

    def step(
        data: tf.Tensor, file: tf.Tensor, position: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        size = number_at(file, position, 4, False)
        last = has_at(data, position + 4, b"IEND") | (position + 8 > tf.size(file))
        return position + 12 + size, has_at(data, position + 4, name) & (size > 0), last

    return step


def _webp(data: tf.Tensor, file: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, ...]:
    size = number_at(file, position + 4, 4, True)
    last = position + 4 > tf.size(file)
    return position + 8 + size + size % 2, has_at(data, position, b"EXIF"), last


_WALKS: dict[str, Walk] = {"JPEG": _jpeg, "PNG": chunk(b"eXIf"), "WebP": _webp}
_FIRST = {"JPEG": 2, "PNG": 8, "WebP": 12}
_CONTENT = {"JPEG": 4, "PNG": 8, "WebP": 8}
