"""Converts a model for other runtimes, checks each and measures it beside TensorFlow."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kerasgen.deployment.hub_page import write_page
from kerasgen.deployment.model_folders import MODEL_CARD, NETWORK, model_card, model_folder
from kerasgen.deployment.runtimes import litert_runtime, onnx_runtime, openvino_runtime
from kerasgen.deployment.runtimes.float_network import Arrays, FloatNetwork, Run
from kerasgen.deployment.savedmodel import TOLERANCE, ExportError
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.files import check_writable, hidden_path, sweep, write_json
from kerasgen.io.names import PathLike

_INPUTS, _BATCH = 1000, 50
_ROUNDS = 100


class Runtime(NamedTuple):
    """A runtime: how its files are written and read, and the packages that it needs."""

    convert: Callable[[FloatNetwork, Path], None]
    load: Callable[[Path], Run]
    packages: tuple[str, ...]


RUNTIMES = {
    "onnx": Runtime(onnx_runtime.convert, onnx_runtime.load, ("tf2onnx", "onnxruntime")),
    "openvino": Runtime(openvino_runtime.convert, openvino_runtime.load, ("tf2onnx", "openvino")),
    "litert": Runtime(litert_runtime.convert, litert_runtime.load, ("ai_edge_litert",)),
}


@dataclass(frozen=True)
class Converted:
    """A model in a runtime's files.

    Attributes:
        folder: The folder of the files, relative to that of all runtimes.
        largest_difference: To TensorFlow's outputs, over all numbers of ``inputs`` rows.
        inputs: Number of random inputs that were compared.
        p50_ms: Median time of one row, in milliseconds.
        p95_ms: Its 95th percentile.
        times_tensorflow: Median ratio of its time to TensorFlow's, measured in turns.
    """

    folder: str
    largest_difference: float
    inputs: int
    p50_ms: float
    p95_ms: float
    times_tensorflow: float


def convert(
    model: PathLike, runtimes: Sequence[str], out: PathLike | None = None
) -> dict[str, Converted]:
    """Writes a model's network for other runtimes.

    The network takes and gives floats, as the signature ``generate``, ``refine``, ``translate`` or
    ``classify``; files are read, seeds drawn (``seeded_latents``) and inputs checked outside. A
    network for any size gets that of its card.

    Args:
        model: A name in the zoo, or an exported model's folder; needs its ``model.keras``.
        runtimes: Some of ``RUNTIMES``.
        out: Folder of a folder for each runtime; None for ``runtimes`` in the version folder, whose
            card then states them.

    Returns:
        What was measured, by runtime.

    Raises:
        ExportError: If a runtime gives other numbers; none of its files are kept.
        ValueError: If a runtime is unknown or not installed, or cannot convert the network.
    """
    _check_installed(runtimes)
    served = ServedModel(model)
    folder = model_folder(model)
    home = folder / "runtimes" if out is None else Path(out)
    check_writable(home)
    network = _float_network(served, folder)
    home.mkdir(parents=True, exist_ok=True)
    sweep(home)
    found = {}
    for name in runtimes:
        room = hidden_path(home)
        room.mkdir()
        try:
            found[name] = _converted(network, name, room, served.name)
            shutil.rmtree(home / name, ignore_errors=True)
            room.rename(home / name)
        finally:
            shutil.rmtree(room, ignore_errors=True)
        if out is None:
            card = model_card(folder)
            entry = {**card.get("runtimes", {}), name: asdict(found[name])}
            write_json(folder / MODEL_CARD, {**card, "runtimes": entry})
            write_page(folder, folder.parent.name, served.kind)
    return found


def _check_installed(runtimes: Sequence[str]) -> None:
    unknown = sorted(set(runtimes) - set(RUNTIMES))
    if unknown or not runtimes:
        raise ValueError(
            f"The runtimes are {', '.join(RUNTIMES)}. Received: {', '.join(unknown) or 'none'}"
        )
    missing = {
        package
        for name in runtimes
        for package in RUNTIMES[name].packages
        if importlib.util.find_spec(package) is None
    }
    if missing:
        raise ValueError(
            f"Packages are missing ({', '.join(sorted(missing))}): pip install "
            f"'kerasgen-zoo[runtimes]'. Received: runtimes={list(runtimes)}"
        )


def _float_network(served: ServedModel, folder: Path) -> FloatNetwork:
    path = folder / NETWORK
    if not path.is_file():
        raise ValueError(f"The model has no {NETWORK}: export it again. Received: {str(folder)!r}")
    form = served.preprocessing
    network = keras.saving.load_model(path, compile=False)
    kind = served.kind
    classes = len(served.class_names) if kind in ("generator", "classifier") else 1
    size = (1, 1) if form is None else form.size
    return FloatNetwork(network, size, classifies=kind == "classifier", classes=classes)


def _converted(network: FloatNetwork, name: str, room: Path, model: str) -> Converted:
    runtime = RUNTIMES[name]
    try:
        runtime.convert(network, room)
        run = runtime.load(room)
        run(network.random_inputs(1, 0))
    # Each converter has errors of its own.
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f"{model} cannot be converted for {name}: {reason[0][:300]}. Received: runtimes={name}"
        ) from error
    largest = _largest_difference(network, run)
    if not largest <= TOLERANCE:
        raise ExportError(
            f"{name} gives other numbers than TensorFlow, by up to {largest:.2g}; the files of "
            f"{model} were not kept."
        )
    own, tensorflow = _times(network, run)
    return Converted(
        name,
        largest,
        _INPUTS,
        float(np.median(own)),
        float(np.percentile(own, 95)),
        float(np.median(own / tensorflow)),
    )


def _largest_difference(network: FloatNetwork, run: Run) -> float:
    largest = []
    for seed in range(_INPUTS // _BATCH):
        inputs = network.random_inputs(_BATCH, seed)
        wanted, found = network(inputs), run(inputs)
        if set(wanted) != set(found):
            return float("inf")
        largest += [np.max(np.abs(wanted[name] - found[name])) for name in wanted]
    # NaN is the largest.
    return float(np.max(largest))


def _milliseconds(run: Run, inputs: Arrays) -> float:
    begun = time.perf_counter()
    run(inputs)
    return 1e3 * (time.perf_counter() - begun)


def _times(network: FloatNetwork, run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds of one row, of a runtime and of TensorFlow, in turns."""
    inputs = network.random_inputs(1, 0)
    times = np.empty((_ROUNDS, 2))
    for row in times:
        row[:] = _milliseconds(run, inputs), _milliseconds(network, inputs)
    # The first rounds warm up.
    own, tensorflow = times[_ROUNDS // 10 :].T
    return own, tensorflow
