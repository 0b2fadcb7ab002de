"""A signature of a SavedModel, and how pictures get into and out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from kerasgen.deployment.preprocessing import preprocess
from kerasgen.io.images import to_uint8
from kerasgen.io.preprocessing import Preprocessing


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

FILES = tf.TensorSpec([None], tf.string, name="image_bytes")
"""The input of all signatures that take picture files."""


def encode_pngs(pictures: tf.Tensor) -> tf.Tensor:
    """``[N, H, W, 1 or 3]`` float in [-1, 1] -> ``[N]`` string, a PNG file each."""
    return tf.map_fn(tf.io.encode_png, to_uint8(pictures), fn_output_signature=tf.string)


def preprocess_endpoint(form: Preprocessing, probes: np.ndarray) -> Endpoint:
    """The signature ``preprocess``: files -> the pixels that the network takes.

    Args:
        form: Size, channels, fit and background.
        probes: ``[P, H, W, C]`` uint8 pictures for the check.

    Returns:
        ``image_bytes`` ``[N]`` string -> ``images`` ``[N, H, W, C]`` float32 in [-1, 1].
    """

    def run(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": preprocess(image_bytes, form)}

    return Endpoint(run, [FILES], {"image_bytes": encoded_probes(probes)})


def encoded_probes(probes: np.ndarray) -> np.ndarray:
    """``[P, H, W, C]`` uint8 -> ``[P]`` PNG files, a probe for ``image_bytes``."""
    return np.array([tf.io.encode_png(probe).numpy() for probe in probes])


def check_form(images: keras.KerasTensor, form: Preprocessing) -> None:
    """Checks that a network takes the pictures of a preprocessing.

    Args:
        images: Its input, ``[N, H, W, C]``, sides known or not.
        form: Size, channels, fit and background.

    Raises:
        ValueError: If it does not.
    """
    wanted = tuple(images.shape[1:])
    found = (*form.size, form.channels)
    if any(each not in (None, own) for each, own in zip(wanted, found, strict=True)):
        raise ValueError(
            f"`preprocessing` must give pictures of the network's shape {wanted}. "
            f"Received: preprocessing={form}"
        )
