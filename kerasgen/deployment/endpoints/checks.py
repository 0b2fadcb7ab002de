"""What a served request must be, checked in the graph before the network runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from kerasgen.deployment.preprocessing import MAX_FILE_BYTES
from kerasgen.io.images import MAX_PIXELS
from kerasgen.io.sheets import encode_png

MAX_ROWS = 256
"""Rows of one request."""

LIMITS = {"rows": MAX_ROWS, "bytes_per_file": MAX_FILE_BYTES, "pixels_per_file": MAX_PIXELS}
"""What the card says of them."""


def checked(
    function: Callable[..., Mapping[str, tf.Tensor]], inputs: Sequence[tf.TensorSpec]
) -> Callable[..., Mapping[str, tf.Tensor]]:
    """A signature's function behind checks of its inputs.

    Args:
        function: Tensors in the order of ``inputs`` -> tensors by name.
        inputs: Shape, dtype and name of each; the first axis is the batch.

    Returns:
        The function. Inputs of other numbers of rows, more than ``MAX_ROWS`` of them, or floats
        that are not finite are an ``InvalidArgumentError`` that names the input, the row, if it is
        one row's fault, and the limit.
    """

    def run(*tensors: tf.Tensor) -> Mapping[str, tf.Tensor]:
        named = {spec.name: tensor for spec, tensor in zip(inputs, tensors, strict=True)}
        rows = tf.shape(tensors[0])[0]
        with tf.control_dependencies([*_rows(named), *_finite(named)]):
            outputs = function(*[_never_empty(tensor) for tensor in tensors])
        return {name: value[:rows] for name, value in outputs.items()}

    return run


def _never_empty(tensor: tf.Tensor) -> tf.Tensor:
    """Adds a row if there is none: convolutions fail without any."""
    spare = tf.cast(tf.equal(tf.shape(tensor)[:1], 0), tf.int32)
    if tensor.dtype == tf.string:
        row = tf.fill(spare, encode_png(np.zeros((1, 1, 3), np.uint8)))
    else:
        row = tf.zeros(tf.concat([spare, tf.shape(tensor)[1:]], 0), tensor.dtype)
    whole = tf.concat([tensor, row], 0)
    return tf.ensure_shape(whole, tensor.shape)


def refuse(wrong: tf.Tensor, what: str, received: tf.Tensor) -> tf.Operation:
    """An error that names the first row that is wrong and what it holds.

    Args:
        wrong: ``[N]`` bool.
        what: What every row must be.
        received: ``[N, ...]``, the values.

    Returns:
        The check, for ``tf.control_dependencies``.
    """
    row = tf.reduce_sum(tf.cast(tf.math.cumsum(tf.cast(wrong, tf.int32)) < 1, tf.int32))
    value = received[row : row + 1]
    message = f"{what}. Received: row"
    return tf.debugging.Assert(
        ~tf.reduce_any(wrong), [message, row, "of", tf.size(wrong), "with", value], summarize=4
    )


def _rows(named: Mapping[str, tf.Tensor]) -> list[tf.Operation]:
    rows = {name: tf.shape(tensor)[0] for name, tensor in named.items()}
    first, *others = rows
    many = f"A request has at most {MAX_ROWS} rows: send more of them in several. Received: rows"
    checks = [tf.debugging.Assert(rows[first] <= MAX_ROWS, [many, rows[first]])]
    for other in others:
        message = f"{first} and {other} must have as many rows. Received: rows"
        pair = [rows[first], rows[other]]
        checks.append(tf.debugging.Assert(tf.equal(*pair), [message, *pair]))
    return checks


def _finite(named: Mapping[str, tf.Tensor]) -> list[tf.Operation]:
    checks = []
    for name, tensor in named.items():
        if tensor.dtype.is_floating:
            # The sum of a row is finite only if all its numbers are, or if they are far too large.
            sums = tf.reduce_sum(tensor, axis=list(range(1, len(tensor.shape))))
            checks.append(refuse(~tf.math.is_finite(sums), f"{name} must be finite", sums))
    return checks
