"""What a served request must be, checked in the graph before the network runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from kerasgen.deployment.preprocessing import MAX_FILE_BYTES
from kerasgen.io.images import MAX_PIXELS

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
    traced = tf.function(function, input_signature=list(inputs)).get_concrete_function()

    def run(*tensors: tf.Tensor) -> Mapping[str, tf.Tensor]:
        named = {spec.name: tensor for spec, tensor in zip(inputs, tensors, strict=True)}
        with tf.control_dependencies([*_rows(named), *_finite(named)]):
            # Convolutions fail without any row.
            return tf.cond(
                tf.shape(tensors[0])[0] > 0,
                lambda: traced(*tensors),
                lambda: _nothing(traced.structured_outputs),
            )

    return run


def _nothing(outputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Outputs of no rows."""
    return {
        name: tf.zeros([0, *[side or 0 for side in each.shape[1:]]], each.dtype)
        for name, each in outputs.items()
    }


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
