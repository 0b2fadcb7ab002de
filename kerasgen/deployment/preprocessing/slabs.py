"""Stored pixels -> upright rows over the background, a few rows at a time.

A picture of 64 million pixels would take a gigabyte if it were turned, mixed with the background
and resized as a whole; each of these needs some rows only.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

_SLAB = 2**20
"""Pixels that are worked on at a time."""


def upright_sides(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """``[2]`` int32, height and width of the upright picture."""
    sides = tf.shape(pixels)[:2]
    return tf.where(orientation >= 5, sides[::-1], sides)


def map_rows(
    narrow: Callable[[tf.Tensor], tf.Tensor],
    pixels: tf.Tensor,
    orientation: tf.Tensor,
    background: tuple[int, int, int],
) -> tf.Tensor:
    """Applies a function to the upright picture, which is never whole in memory.

    Args:
        narrow: ``[h, W, 3]`` uint8, some rows -> ``[h, ...]``, each from its own row.
        pixels: ``[H, W, 3 | 4]`` uint8, as stored.
        orientation: ``[]`` int32, 1 to 8, how they are stored.
        background: RGB in [0, 255], behind transparent pixels.

    Returns:
        ``[H, ...]``, what the function gives for all rows.
    """
    height, width = tf.unstack(upright_sides(pixels, orientation))
    step = tf.maximum(_SLAB // width, 1)
    count = (height + step - 1) // step

    def one(number: tf.Tensor, found: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        rows = _rows(pixels, orientation, number * step, tf.minimum((number + 1) * step, height))
        opaque = tf.cond(tf.shape(rows)[-1] > 3, lambda: _over(rows, background), lambda: rows)
        opaque.set_shape([None, None, 3])
        return number + 1, found.write(number, narrow(opaque))

    parts = tf.TensorArray(tf.uint8, count, infer_shape=False)
    _, parts = tf.while_loop(
        lambda number, _: number < count, one, (tf.constant(0), parts), parallel_iterations=1
    )
    return parts.concat()


def _rows(
    pixels: tf.Tensor, orientation: tf.Tensor, first: tf.Tensor, last: tf.Tensor
) -> tf.Tensor:
    """Rows ``first`` to ``last`` of the upright picture, an EXIF orientation undone."""
    height, width = tf.shape(pixels)[0], tf.shape(pixels)[1]
    below, right = slice(height - last, height - first), slice(width - last, width - first)

    def turned(image: tf.Tensor) -> tf.Tensor:
        return tf.transpose(image, [1, 0, 2])

    turns: list[Callable[[], tf.Tensor]] = [
        lambda: pixels[first:last],
        lambda: pixels[first:last, ::-1],
        lambda: pixels[below][::-1, ::-1],
        lambda: pixels[below][::-1],
        lambda: turned(pixels[:, first:last]),
        lambda: turned(pixels[::-1, first:last]),
        lambda: turned(pixels[::-1, right][:, ::-1]),
        lambda: turned(pixels[:, right][:, ::-1]),
    ]
    return tf.switch_case(orientation - 1, turns)


def _over(image: tf.Tensor, background: tuple[int, int, int]) -> tf.Tensor:
    """``[H, W, 4]`` uint8 over a colour, ``[H, W, 3]`` uint8."""
    alpha = tf.cast(image[..., 3:], tf.float32) / 255.0
    colour = tf.constant(background, tf.float32)
    mixed = tf.cast(image[..., :3], tf.float32) * alpha + colour * (1.0 - alpha)
    return tf.cast(tf.round(mixed), tf.uint8)
