"""Runs signatures on probes: the same code on both sides of the export check, without Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

_ROWS = 64
"""A thousand classes at once would not fit in memory."""


def run_in_batches(
    function: Callable[..., Mapping[str, tf.Tensor]], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Runs a function of named tensors on a few rows at a time.

    Args:
        function: Tensors by name -> tensors by name, all with the batch as first axis.
        inputs: ``[P, ...]`` arrays by name, P above 0; strings as an array of bytes.

    Returns:
        ``[P, ...]`` arrays by name. PNG files (names that end in ``_bytes``) are decoded, ``[P, H,
        W, C]`` uint8; other strings are bytes.
    """
    count = len(next(iter(inputs.values())))
    parts: list[dict[str, Any]] = []
    for first in range(0, count, _ROWS):
        batch = {name: tf.constant(value[first : first + _ROWS]) for name, value in inputs.items()}
        parts.append({name: _plain(name, value) for name, value in function(**batch).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _plain(name: str, tensor: tf.Tensor) -> np.ndarray:
    values = tensor.numpy()
    if tensor.dtype != tf.string:
        return values
    if name.endswith("_bytes"):
        return np.stack([tf.io.decode_png(item).numpy() for item in values])
    # Python objects cannot be written to .npz without pickle.
    return values.astype(np.bytes_)
