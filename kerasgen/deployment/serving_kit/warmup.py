"""The requests that TensorFlow Serving runs before it says that a model is ready.

A file of TFRecords, each a ``PredictionLog`` with a ``PredictRequest``: see "SavedModel Warmup",
https://www.tensorflow.org/tfx/serving/saved_model_warmup. The messages are written field by field:
the package with their classes, tensorflow-serving-api, is only needed by clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

WARMUP = "assets.extra/tf_serving_warmup_requests"
"""Its path in a version folder."""


def write_warmup(folder: Path, name: str, inputs: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Writes one request for each signature, so that no client waits for the first run.

    Args:
        folder: The version folder.
        name: The model's name.
        inputs: Inputs of each signature, ``[1, ...]`` arrays by name.
    """
    path = folder / WARMUP
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, arrays in inputs.items():
            writer.write(_prediction_log(name, signature, arrays))


def _prediction_log(name: str, signature: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    spec = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, spec)
    for key in sorted(arrays):
        tensor = tf.make_tensor_proto(arrays[key]).SerializeToString(deterministic=True)
        request += _field(2, _field(1, key.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer that holds bytes or a message."""
    size, left = b"", len(content)
    while left > 127:
        size += bytes([left % 128 + 128])
        left //= 128
    return bytes([8 * number + 2]) + size + bytes([left]) + content
