"""What one signature of a SavedModel is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from kerasgen.data.images import to_uint8


@dataclass(frozen=True, eq=False)
class Endpoint:
    """A signature, and what the check feeds it.

    Attributes:
        function: Tensors in the order of ``inputs`` -> tensors by name. A string tensor whose name
            ends in ``_bytes`` holds PNG files: TensorFlow Serving's REST sends those as base64.
        inputs: Form and name of each input; the first axis is the batch, in outputs too.
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
