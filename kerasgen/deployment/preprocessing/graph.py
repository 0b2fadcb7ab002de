"""Files -> a network's pixels, in a graph, as ``Preprocessing.read`` does it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerasgen.deployment.preprocessing.formats import stored_pixels
from kerasgen.deployment.preprocessing.slabs import map_rows, upright_sides
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
        return tf.ensure_shape(_fitted(*stored_pixels(data, row), form, row), picture.shape)

    def run(image_bytes: tf.Tensor) -> tf.Tensor:
        rows = tf.range(tf.size(image_bytes))
        # One by one: several large pictures at a time would not fit in memory.
        pixels = tf.map_fn(
            one, (image_bytes, rows), fn_output_signature=picture, parallel_iterations=1
        )
        return to_float(pixels)

    picture = tf.TensorSpec([*form.size, form.channels], tf.uint8)
    files = tf.TensorSpec([None], tf.string, name="image_bytes")
    compiled: Callable[[tf.Tensor], tf.Tensor] = tf.function(run, input_signature=[files])
    return compiled


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    weighted = tf.reduce_sum(tf.cast(pixels, tf.int32) * tf.constant(_LUMA), -1, keepdims=True)
    return tf.cast((weighted + 32768) // 65536, tf.uint8)


def _fitted(
    pixels: tf.Tensor, orientation: tf.Tensor, form: Preprocessing, row: tf.Tensor
) -> tf.Tensor:
    """``[H, W, 3 | 4]`` uint8 as stored -> ``[height, width, C]`` uint8, as ``fit_image`` does."""

    def scaled(size: Any, scale: tf.Tensor, translation: tf.Tensor) -> tf.Tensor:
        """Along the rows, then along the columns, each rounded to 8 bits as in ``io.resizing``."""

        def narrow(rows: tf.Tensor) -> tf.Tensor:
            rows = rows if form.channels == 3 else _grey(rows)
            across = [tf.shape(rows)[0], size[1]]
            return _resampled(rows, across, [1.0, scale[1]], [0.0, translation[1]])

        narrowed = map_rows(narrow, pixels, orientation, form.background)
        return _resampled(narrowed, size, [scale[0], 1.0], [translation[0], 0.0])

    stored = upright_sides(pixels, orientation)
    sides = tf.cast(stored, tf.float32)
    target = tf.constant(form.size, tf.float32)
    if form.fit == "stretch":
        return scaled(form.size, target / sides, tf.zeros(2))
    if form.fit == "crop":
        scale = tf.reduce_max(target / sides) * tf.ones(2)
        return scaled(form.size, scale, (target - sides * scale) / 2.0)
    # Halves are rounded: in 32 bits some would fall to the other side than in the reader.
    exact, wanted = tf.cast(stored, tf.float64), tf.cast(target, tf.float64)
    ratio = tf.reduce_min(wanted / exact)
    check = tf.debugging.Assert(
        tf.reduce_min(exact) * ratio > 0.5,
        ["image_bytes is too thin to pad. Received: row", row, "height and width", sides],
    )
    with tf.control_dependencies([check]):
        inner = tf.round(exact * ratio)
    offset = tf.cast(tf.round((wanted - inner) / 2.0), tf.int32)
    small = scaled(tf.cast(inner, tf.int32), tf.cast(inner / exact, tf.float32), tf.zeros(2))
    return tf.image.pad_to_bounding_box(small, offset[0], offset[1], *form.size)


def _resampled(pixels: tf.Tensor, size: Any, scale: Any, translation: Any) -> tf.Tensor:
    resized = tf.raw_ops.ScaleAndTranslate(
        images=pixels[None],
        size=size,
        scale=scale,
        translation=translation,
        kernel_type=Preprocessing.KERNEL,
        antialias=True,
    )[0]
    return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)
