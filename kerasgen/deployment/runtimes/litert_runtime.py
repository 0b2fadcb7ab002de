"""LiteRT's files (TensorFlow Lite), of its built-in operations alone."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from kerasgen.deployment.runtimes.float_network import Arrays, FloatNetwork, Run
from kerasgen.io.files import write_file

FILE = "model.tflite"


def convert(network: FloatNetwork, folder: Path) -> None:
    """Writes ``model.tflite``."""
    # From a SavedModel: of a function alone, weights are left without values.
    with network.saved() as saved:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            saved, signature_keys=["serving_default"]
        )
        write_file(folder / FILE, converter.convert())


def load(folder: Path) -> Run:
    """Loads ``model.tflite``."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(folder / FILE)).get_signature_runner("serving_default")

    def run(inputs: Arrays) -> Arrays:
        return dict(runner(**inputs))

    return run
