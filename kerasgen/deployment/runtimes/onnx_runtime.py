"""ONNX files, by tf2onnx, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from kerasgen.deployment.runtimes.float_network import Arrays, FloatNetwork, Run

FILE = "model.onnx"
_OPSET = 17


def convert(network: FloatNetwork, folder: Path) -> None:
    """Writes ``model.onnx``."""
    import tf2onnx

    tf2onnx.convert.from_function(
        network.function,
        input_signature=network.specs,
        opset=_OPSET,
        output_path=str(folder / FILE),
    )


def load(folder: Path) -> Run:
    """Loads ``model.onnx`` on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / FILE, providers=["CPUExecutionProvider"])
    outputs = [each.name for each in session.get_outputs()]

    def run(inputs: Arrays) -> Arrays:
        return dict(zip(outputs, session.run(outputs, inputs), strict=True))

    return run
