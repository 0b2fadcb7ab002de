"""Probes of any number of rows, run a few at a time."""

import numpy as np
import tensorflow as tf

from kerasgen.deployment import signature_runs
from kerasgen.deployment.signature_runs import run_in_batches


def test_batches_are_put_together_in_order():
    rows, seen = 2 * signature_runs._ROWS + 3, []

    def function(number, word):
        seen.append(len(number))
        pictures = tf.cast(number[:, None, None, None] + tf.zeros([1, 2, 3, 1], tf.int32), tf.uint8)
        pngs = tf.map_fn(tf.io.encode_png, pictures, fn_output_signature=tf.string)
        return {"double": 2 * number, "png_bytes": pngs, "word": word + "!"}

    # Words of growing length: what is put together must not be cut to the first batch's width.
    words = np.array([b"a" * (1 + number) for number in range(rows)])
    result = run_in_batches(function, {"number": np.arange(rows, dtype=np.int32), "word": words})
    assert max(seen) <= signature_runs._ROWS and sum(seen) == rows
    np.testing.assert_array_equal(result["double"], 2 * np.arange(rows))
    assert result["png_bytes"].dtype == np.uint8 and result["png_bytes"].shape == (rows, 2, 3, 1)
    np.testing.assert_array_equal(result["png_bytes"][:, 1, 2, 0], np.arange(rows))
    assert list(result["word"]) == [word + b"!" for word in words]
