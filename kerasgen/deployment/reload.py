"""Runs a SavedModel on probes in a process where Keras cannot be imported.

``python -m kerasgen.deployment.reload FOLDER PROBES.npz RESULTS.npz``; a part of the export check.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

# TensorFlow Serving has no Keras: neither may this process.
sys.modules["keras"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402

from kerasgen.deployment.signature_runs import MEMORY, run_in_batches  # noqa: E402
from kerasgen.io.saved_model import open_saved_model  # noqa: E402


def run_probes(folder: str, probe_path: str, result_path: str) -> None:
    """Runs every signature of a SavedModel and saves the outputs.

    Args:
        folder: The SavedModel.
        probe_path: An .npz with ``<signature>/<input>`` for each input of each signature.
        result_path: Where the .npz with ``<signature>/<output>`` goes, see ``run_in_batches``, and
            with ``MEMORY``, what loading and running it took, in megabytes.
    """
    before = _megabytes("VmRSS")
    loaded = open_saved_model(folder)
    with np.load(probe_path) as stored:
        probes = dict(stored)
    results: dict[str, Any] = {}
    for signature, function in loaded.signatures.items():
        prefix = f"{signature}/"
        inputs = {k.removeprefix(prefix): v for k, v in probes.items() if k.startswith(prefix)}
        for name, value in run_in_batches(function, inputs).items():
            results[prefix + name] = value
    results[MEMORY] = np.array(_megabytes("VmHWM") - before)
    np.savez(result_path, **results)


def _megabytes(field: str) -> float:
    """A field of Linux's account of this process; NaN elsewhere.

    Not ``getrusage``: what it calls the peak may be that of the process that started this one.
    """
    path = Path("/proc/self/status")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((int(each.split()[1]) / 1e3 for each in lines if each.startswith(field)), math.nan)


if __name__ == "__main__":
    run_probes(*sys.argv[1:])
