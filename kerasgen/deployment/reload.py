"""Runs a SavedModel on probes in a process where Keras cannot be imported.

``python -m kerasgen.deployment.reload FOLDER PROBES.npz RESULTS.npz``; a part of the export check.
"""

from __future__ import annotations

import sys

# TensorFlow Serving has no Keras: neither may this process.
sys.modules["keras"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def run_probes(folder: str, probe_path: str, result_path: str) -> None:
    """Runs both signatures of an exported refiner and saves what they give.

    Args:
        folder: The SavedModel.
        probe_path: An .npz with ``joined`` (encoded pictures one after the other), ``lengths``
            and ``float_<name>`` for each input of the float signature.
        result_path: Where the .npz with ``served``, ``png`` and ``refined`` goes.
    """
    loaded = tf.saved_model.load(folder)
    with np.load(probe_path) as probes:
        ends = np.cumsum(probes["lengths"])
        joined = probes["joined"].tobytes()
        prefix = "float_"
        floats = {n[len(prefix) :]: probes[n] for n in probes.files if n.startswith(prefix)}
    encoded = [
        joined[end - size : end] for end, size in zip(ends, np.diff(ends, prepend=0), strict=True)
    ]
    served = loaded.signatures["serving_default"](image_bytes=tf.constant(encoded))
    inputs = {name: tf.constant(value) for name, value in floats.items()}
    refined = loaded.signatures["refine"](**inputs)
    png = np.stack([tf.io.decode_png(item).numpy() for item in served["png_bytes"].numpy()])
    np.savez(
        result_path, served=served["picture"].numpy(), png=png, refined=refined["picture"].numpy()
    )


if __name__ == "__main__":
    run_probes(*sys.argv[1:])
