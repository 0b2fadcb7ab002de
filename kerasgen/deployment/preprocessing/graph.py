"""Files -> a network's pixels, in a graph, as ``Preprocessing.read`` does it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerasgen.deployment.preprocessing.formats import upright_pixels
from kerasgen.io.images import to_float
from kerasgen.io.preprocessing import Preprocessing

# Pillow's weights of red, green and blue, in 65536ths.
_LUMA = (19595, 38470, 7471)


def preprocess(image_bytes: tf.Tensor, form: Preprocessing) -> tf.Tensor:
    """Decodes files and brings them to one size.

    Args:
        image_bytes: ``[N]`` string, PNG, JPEG, WebP or BMP files of any sizes.
        form: Size, channels, fit and background.

    Returns:
        ``[N, height, width, channels]`` float32 in [-1, 1], rounded to 8 bits. A file that cannot
        be read, or not to the right colours, is an ``InvalidArgumentError`` that names its row.
    """
    return _compiled(form)(image_bytes)


@functools.cache
def _compiled(form: Preprocessing) -> Callable[[tf.Tensor], tf.Tensor]:
    """One function for all signatures of a model, which thus hold its graph once."""

    def one(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        data, row = inputs
        pixels = upright_pixels(data, row, form.background)
        return _fitted(pixels if form.channels == 3 else _grey(pixels), form, row)

    def run(image_bytes: tf.Tensor) -> tf.Tensor:
        rows = tf.range(tf.size(image_bytes))
        pixels = tf.map_fn(one, (image_bytes, rows), fn_output_signature=tf.uint8)
        return to_float(tf.ensure_shape(pixels, [None, *form.size, form.channels]))

    files = tf.TensorSpec([None], tf.string, name="image_bytes")
    compiled: Callable[[tf.Tensor], tf.Tensor] = tf.function(run, input_signature=[files])
    return compiled


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    weighted = tf.reduce_sum(tf.cast(pixels, tf.int32) * tf.constant(_LUMA), -1, keepdims=True)
    return tf.cast((weighted + 32768) // 65536, tf.uint8)


def _fitted(pixels: tf.Tensor, form: Preprocessing, row: tf.Tensor) -> tf.Tensor:
    """``[H, W, C]`` uint8 -> ``[height, width, C]`` uint8, as ``io.resizing.fit_image`` does it."""
    sides = tf.cast(tf.shape(pixels)[:2], tf.float32)
    target = tf.constant(form.size, tf.float32)
    if form.fit == "stretch":
        return _scaled(pixels, form.size, target / sides, tf.zeros(2))
    if form.fit == "crop":
        scale = tf.reduce_max(target / sides) * tf.ones(2)
        return _scaled(pixels, form.size, scale, (target - sides * scale) / 2.0)
    # Halves are rounded: in 32 bits some would fall to the other side than in the reader.
    exact, wanted = tf.cast(sides, tf.float64), tf.cast(target, tf.float64)
    ratio = tf.reduce_min(wanted / exact)
    check = tf.debugging.Assert(
        tf.reduce_min(exact) * ratio > 0.5,
        ["image_bytes is too thin to pad. Received: row", row, "height and width", sides],
    )
    with tf.control_dependencies([check]):
        inner = tf.round(exact * ratio)
    offset = tf.cast(tf.round((wanted - inner) / 2.0), tf.int32)
    scale = tf.cast(inner / exact, tf.float32)
    small = _scaled(pixels, tf.cast(inner, tf.int32), scale, tf.zeros(2))
    return tf.image.pad_to_bounding_box(small, offset[0], offset[1], *form.size)


def _scaled(
    pixels: tf.Tensor,
    size: tf.Tensor | tuple[int, int],
    scale: tf.Tensor,
    translation: tf.Tensor,
) -> tf.Tensor:
    """Along the rows, then along the columns, each rounded to 8 bits as in ``io.resizing``."""
    across = [tf.shape(pixels)[0], size[1]]
    rows = _resampled(pixels, across, [1.0, scale[1]], [0.0, translation[1]])
    return _resampled(rows, size, [scale[0], 1.0], [translation[0], 0.0])


def _resampled(pixels: tf.Tensor, size: Any, scale: Any, translation: Any) -> tf.Tensor:
    resized = tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(pixels, tf.float32)[None],
        size=size,
        scale=scale,
        translation=translation,
        kernel_type=Preprocessing.KERNEL,
        antialias=True,
    )[0]
    return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)
