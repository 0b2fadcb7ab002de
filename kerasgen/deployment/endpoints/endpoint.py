"""A signature of a SavedModel, and how pictures get into and out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from kerasgen.io.images import to_float, to_uint8


@dataclass(frozen=True, eq=False)
class Endpoint:
    """A signature, and the inputs that the export check runs it on.

    Attributes:
        function: Tensors in the order of ``inputs`` -> tensors by name. A string tensor whose name
            ends in ``_bytes`` holds PNG files: TensorFlow Serving's REST sends those as base64.
        inputs: Shape, dtype and name of each input; the first axis is the batch, in outputs too.
        probe: An array for each input, by name and in their order, ``[P, ...]``.
    """

    function: Callable[..., Mapping[str, tf.Tensor]]
    inputs: Sequence[tf.TensorSpec]
    probe: Mapping[str, np.ndarray]


Endpoints: TypeAlias = dict[str, Endpoint]
"""Signatures by name."""


def encode_pngs(pictures: tf.Tensor) -> tf.Tensor:
    """``[N, H, W, 1 or 3]`` float in [-1, 1] -> ``[N]`` string, a PNG file each."""
    return tf.map_fn(tf.io.encode_png, to_uint8(pictures), fn_output_signature=tf.string)


def decode_pictures(image_bytes: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    """``[N]`` string, files of any format TensorFlow decodes -> ``[N, H, W, C]`` float in [-1, 1].

    Args:
        image_bytes: Pictures of any sizes.
        size: (height, width) that they are brought to, antialiased and then rounded to 8 bits.
        channels: 1 or 3.
    """

    def decode(data: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(data, channels=channels, expand_animations=False)
        image.set_shape([None, None, channels])
        return stretched_picture(image, size)

    return tf.map_fn(decode, image_bytes, fn_output_signature="float")


def stretched_picture(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Resizes a picture, antialiased and rounded to 8 bits, whatever its proportions.

    Args:
        image: ``[H, W, C]`` uint8.
        size: (height, width) in pixels.

    Returns:
        ``[*size, C]`` float32 in [-1, 1].
    """
    resized = tf.image.resize(tf.cast(image, tf.float32), size, antialias=True)
    return to_float(tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8))


def encoded_probes(probes: np.ndarray) -> np.ndarray:
    """``[P, H, W, C]`` uint8 -> ``[P]`` PNG files, a probe for ``image_bytes``."""
    return np.array([tf.io.encode_png(probe).numpy() for probe in probes])
