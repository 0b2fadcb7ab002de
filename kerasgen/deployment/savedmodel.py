"""Writes a SavedModel, checks it in a new process, and numbers it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgen.deployment.canonical import renumber_functions, save_network
from kerasgen.deployment.endpoints.checks import LIMITS, checked
from kerasgen.deployment.endpoints.endpoint import Endpoint, Endpoints
from kerasgen.deployment.hub_page import SHEET, write_page
from kerasgen.deployment.model_folders import MODEL_CARD, NETWORK
from kerasgen.deployment.served_model import KINDS, ServedModel
from kerasgen.deployment.serving_kit import write_kit, write_warmup
from kerasgen.deployment.signature_runs import (
    GREY_LEVEL,
    MEMORY,
    PROBE,
    difference,
    run_in_batches,
    save_probe,
    saved_bytes,
)
from kerasgen.io.files import (
    access_to,
    check_writable,
    hidden_path,
    sweep,
    write_json,
)
from kerasgen.io.names import plain_path
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.sheets import save_png

TOLERANCE = 1e-4
"""Largest difference of a reloaded picture, on the scale [-1, 1]."""
HALF_TOLERANCE = 0.03
"""The same for networks that compute in 16 bits, where one rounding is already 0.004."""


class ExportError(RuntimeError):
    """The reloaded SavedModel differs from the trained network; it was not kept."""


def publish(
    model: keras.Model,
    endpoints: Endpoints,
    directory: str | Path,
    name: str,
    card: Mapping[str, Any],
    preprocessing: Preprocessing | None = None,
    measure: Callable[[ServedModel], Mapping[str, Any]] | None = None,
    sheet: np.ndarray | None = None,
) -> Path:
    """Writes ``directory/name/<n>/``, with the next free number, after a check in a new process.

    Beside the SavedModel it holds the network as ``model.keras``, the model card as
    ``model_card.json`` and as ``README.md`` for the Hugging Face Hub, inputs and outputs to check
    a copy with, ``probe.npz``, warm-up requests, and ``samples.png`` if there is a sheet; beside
    the models, see ``write_kit``.

    Args:
        model: The network that the endpoints call.
        endpoints: The signatures.
        directory: Folder of models, such as ``saved_models``.
        name: The model's name.
        card: Entries of ``model_card.json``, beside the versions of the libraries.
        preprocessing: How files become the network's pictures; stored in the model and the card.
        measure: Called with the reloaded model; gives further entries of the card.
        sheet: ``[H, W, 1 or 3]`` uint8, some of its pictures.

    Returns:
        The version folder.

    Raises:
        ExportError: If the reloaded model differs from the trained one.
        ValueError: If the folder cannot be written, or the name is none of a folder.
    """
    _check_name(name)
    home = Path(directory) / name
    check_writable(home)
    with access_to(home):
        home.mkdir(parents=True, exist_ok=True)
        sweep(home)
        room = hidden_path(home)
        room.mkdir()
    try:
        _write(model, endpoints, room, preprocessing)
        memory = _check(endpoints, room, _tolerance(model))
        save_network(model, room / NETWORK)
        measured = {} if measure is None else measure(ServedModel(room))
        form = {} if preprocessing is None else {"preprocessing": preprocessing.as_card()}
        served = {"request_limits": LIMITS, "serving_memory_mb": memory}
        entries = {**card, **form, **measured, **served, "sha256": saved_bytes(room)}
        write_json(room / MODEL_CARD, {**entries, **_versions()})
        _record(endpoints, room, name)
        if sheet is not None:
            save_png(room / SHEET, sheet)
        write_page(room, name, next(KINDS[each] for each in endpoints if each in KINDS))
        target = _publish(room, home)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    write_kit(directory)
    return target


def check_export(directory: str | Path) -> None:
    """Checks, before a model is trained, that it can be written and reloaded.

    Args:
        directory: Folder of models, which need not exist yet; nothing is left there.

    Raises:
        ValueError: If it cannot be written, or a new process cannot load kerasgen for the check.
    """
    check_writable(directory)
    command = [sys.executable or "python", "-c", "import kerasgen"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise ValueError(
            "An exported model is reloaded in a new Python process, which fails here: "
            f"{str(reason)[-500:]} Received: python={sys.executable!r}"
        ) from error


def _check_name(name: str) -> None:
    if not re.fullmatch(r"\w[\w .+-]*", name):
        raise ValueError(
            "`name` must be that of a folder: letters, digits, spaces and _ . + -, first a letter "
            f"or a digit. Received: name={name!r}"
        )


def next_version(home: Path) -> int:
    """The next free version number below a model's folder, 1 if there is none."""
    taken = [int(child.name) for child in home.iterdir() if child.name.isdecimal()]
    return max(taken, default=0) + 1


def _write(
    model: keras.Model, endpoints: Endpoints, folder: Path, preprocessing: Preprocessing | None
) -> None:
    """Writes each weight once, in the network's order; ``keras.export`` writes them twice."""
    module = tf.Module()
    # Not `variables`: no signature uses the states of random layers, and they always differ.
    module.weights = [variable.value for variable in model.weights]
    if preprocessing is not None:
        text = json.dumps(preprocessing.as_card())
        module.preprocessing = tf.function(lambda: tf.constant(text), input_signature=[])
    signatures = {
        name: tf.function(
            checked(endpoint.function, endpoint.inputs), input_signature=list(endpoint.inputs)
        )
        for name, endpoint in endpoints.items()
    }
    tf.saved_model.save(module, plain_path(folder), signatures)
    renumber_functions(folder)


def _check(endpoints: Endpoints, folder: Path, tolerance: float) -> int | None:
    """Reloads the SavedModel in a process without Keras, compares the outputs, returns its MB."""
    expected = _expected(endpoints)
    reloaded = _reload(folder, endpoints)
    memory = reloaded.pop(MEMORY, None)
    wrong = {}
    for name, value in expected.items():
        found = difference(value, reloaded.get(name))
        # One grey level in a PNG is rounding, not another picture.
        limit = max(tolerance, 1.01 * GREY_LEVEL) if value.dtype == np.uint8 else tolerance
        if not found <= limit:
            wrong[name] = found
    if wrong:
        raise ExportError(
            "The reloaded SavedModel gives other pictures than the trained network, or other "
            f"names; it was not kept. Largest differences on the scale [-1, 1]: {wrong}"
        )
    return None if memory is None or np.isnan(memory) else round(float(memory))


def _tolerance(model: keras.Model) -> float:
    return TOLERANCE if model.compute_dtype == "float32" else HALF_TOLERANCE


def _record(endpoints: Endpoints, folder: Path, name: str) -> None:
    """Writes what rows of each signature's probe give, and the first as a warm-up request."""
    runs = _first_rows(endpoints)
    save_probe(folder / PROBE, runs)
    first = {
        signature: {name: value[:1] for name, value in inputs.items()}
        for signature, (inputs, _) in runs.items()
    }
    write_warmup(folder, name, first)


def _first_rows(
    endpoints: Endpoints,
) -> dict[str, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    runs = {}
    with tf.device("/CPU:0"):
        for signature, endpoint in endpoints.items():
            rows = _rows_to_keep(endpoint)
            inputs = {name: np.asarray(value)[rows] for name, value in endpoint.probe.items()}
            runs[signature] = inputs, run_in_batches(_by_name(endpoint), inputs)
    return runs


def _rows_to_keep(endpoint: Endpoint) -> np.ndarray:
    """One of each class, or one."""
    labels = endpoint.probe.get("label")
    return np.array([0]) if labels is None else np.unique(labels, return_index=True)[1]


def _expected(endpoints: Endpoints) -> dict[str, np.ndarray]:
    expected = {}
    # Both sides on the CPU: a GPU's memory is this process's own, and its rounding is coarser.
    with tf.device("/CPU:0"):
        for signature, endpoint in endpoints.items():
            for name, value in run_in_batches(_by_name(endpoint), endpoint.probe).items():
                expected[f"{signature}/{name}"] = value
    return expected


def _by_name(endpoint: Endpoint) -> Any:
    return lambda **inputs: endpoint.function(*inputs.values())


def _reload(folder: Path, endpoints: Endpoints) -> dict[str, np.ndarray]:
    probes: dict[str, Any] = {
        f"{signature}/{name}": value
        for signature, endpoint in endpoints.items()
        for name, value in endpoint.probe.items()
    }
    with tempfile.TemporaryDirectory() as room:
        probe_path, result_path = Path(room, "probes.npz"), Path(room, "results.npz")
        np.savez(probe_path, **probes)
        command = [sys.executable, "-m", "kerasgen.deployment.reload", str(folder)]
        done = subprocess.run(
            [*command, str(probe_path), str(result_path)],
            capture_output=True,
            text=True,
            env=_environment(),
        )
        if done.returncode != 0:
            raise ExportError(
                f"The SavedModel could not be reloaded in a new process:\n{done.stderr[-2000:]}"
            )
        with np.load(result_path) as results:
            return dict(results)


def _environment() -> dict[str, str]:
    # The new process must import the same packages as this one.
    path = os.pathsep.join(entry or "." for entry in sys.path)
    return {**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"}


def _publish(room: Path, home: Path) -> Path:
    while True:
        target = home / str(next_version(home))
        try:
            os.rename(room, target)
        except OSError:
            # Another export may have taken the number meanwhile; any other reason is a failure.
            if not target.exists():
                raise
            continue
        target.chmod(0o755)
        return target


def _versions() -> dict[str, str]:
    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": sys.version.split()[0],
    }
