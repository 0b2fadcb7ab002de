"""OpenVINO's files, from ONNX."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kerasgen.deployment.runtimes import onnx_runtime
from kerasgen.deployment.runtimes.float_network import Arrays, FloatNetwork, Run

FILE = "model.xml"


def convert(network: FloatNetwork, folder: Path) -> None:
    """Writes ``model.xml`` and ``model.bin``, in 32 bits."""
    import openvino

    with tempfile.TemporaryDirectory() as room:
        onnx_runtime.convert(network, Path(room))
        model = openvino.convert_model(str(Path(room, onnx_runtime.FILE)))
    openvino.save_model(model, str(folder / FILE), compress_to_fp16=False)


def load(folder: Path) -> Run:
    """Loads ``model.xml`` on the CPU; some processors would compute in 16 bits by default."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(folder / FILE), "CPU", settings)

    def run(inputs: Arrays) -> Arrays:
        return {key.any_name: value for key, value in model(inputs).items()}

    return run
