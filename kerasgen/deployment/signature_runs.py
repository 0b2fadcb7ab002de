"""Runs signatures on probes: the same code on both sides of the export check, without Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgen.deployment.model_folders import NETWORK, model_card
from kerasgen.io.files import file_sha256
from kerasgen.io.saved_model import open_saved_model, saved_model_sha256

PROBE = "probe.npz"
"""Inputs of a model's signatures and what they gave when it was exported, a row each."""

MEMORY = "memory_mb"
"""Name of the memory that a run took, among its outputs."""

GREY_LEVEL = 1 / 127.5
"""One level of a uint8 picture on the scale [-1, 1]."""

_LARGEST_DIFFERENCE = 1.01 * GREY_LEVEL
"""Between two machines: rounding, in a PNG file one grey level."""

_ROWS = 64
"""A thousand classes at once would not fit in memory."""


def run_in_batches(
    function: Callable[..., Mapping[str, tf.Tensor]], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Runs a function of named tensors on a few rows at a time.

    Args:
        function: Tensors by name -> tensors by name, all with the batch as first axis.
        inputs: ``[P, ...]`` arrays by name, P above 0; strings as an array of bytes.

    Returns:
        ``[P, ...]`` arrays by name. PNG files (names that end in ``_bytes``) are decoded, ``[P, H,
        W, C]`` uint8; other strings are bytes.
    """
    count = len(next(iter(inputs.values())))
    parts: list[dict[str, Any]] = []
    for first in range(0, count, _ROWS):
        batch = {name: tf.constant(value[first : first + _ROWS]) for name, value in inputs.items()}
        parts.append({name: _plain(name, value) for name, value in function(**batch).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _plain(name: str, tensor: tf.Tensor) -> np.ndarray:
    values = tensor.numpy()
    if tensor.dtype != tf.string:
        return values
    if name.endswith("_bytes"):
        return np.stack([tf.io.decode_png(item).numpy() for item in values])
    # Python objects cannot be written to .npz without pickle.
    return values.astype(np.bytes_)


def difference(expected: np.ndarray, found: np.ndarray | None) -> float:
    """The largest difference of two outputs.

    Args:
        expected: Numbers, uint8 pictures or strings.
        found: The other output; None if there is none.

    Returns:
        The difference, of uint8 pictures on the scale [-1, 1]; infinite if the two cannot be
        compared or are other strings.
    """
    if found is None or found.shape != expected.shape:
        return float("inf")
    if expected.dtype.kind == "S":
        return 0.0 if np.array_equal(expected, found) else float("inf")
    largest = np.max(np.abs(expected.astype(np.float64) - found.astype(np.float64)))
    return float(largest) * (GREY_LEVEL if expected.dtype == np.uint8 else 1.0)


def save_probe(
    path: Path, runs: Mapping[str, tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]]
) -> None:
    """Writes what signatures give, to compare a copy of the model with.

    Args:
        path: A new .npz.
        runs: Inputs and outputs of each signature, ``[P, ...]`` arrays by name.
    """
    arrays: dict[str, Any] = {}
    for signature, sides in runs.items():
        for side, values in zip(("inputs", "outputs"), sides, strict=True):
            for name, value in values.items():
                arrays[f"{signature}/{side}/{name}"] = value
    np.savez_compressed(path, **arrays)


def saved_bytes(folder: str | Path) -> dict[str, str]:
    """SHA-256 of what a model consists of.

    Args:
        folder: The version folder.

    Returns:
        ``served``, of graph and weights, and ``network``, of ``model.keras`` if there is one.

    Raises:
        ValueError: If there is no SavedModel.
    """
    found = {"served": saved_model_sha256(folder)}
    network = Path(folder) / NETWORK
    return found | ({"network": file_sha256(network)} if network.is_file() else {})


def check_copy(folder: str | Path) -> dict[str, float]:
    """Checks that a model is the one that was exported, and gives the same here.

    Args:
        folder: The version folder.

    Returns:
        The differences, see ``probe_differences``.

    Raises:
        ValueError: If a file is another than its card says, or an output differs by more than
            one grey level.
    """
    stated = model_card(folder).get("sha256")
    if stated is None:
        raise ValueError(
            f"Its card has no SHA-256 to compare with: export it again. Received: {str(folder)!r}"
        )
    wrong = sorted(name for name, digest in saved_bytes(folder).items() if stated[name] != digest)
    if wrong or len(stated) > len(saved_bytes(folder)):
        raise ValueError(
            f"The files are not those that were exported ({', '.join(wrong) or 'one is missing'}): "
            f"copy the model again. Received: {str(folder)!r}"
        )
    found = probe_differences(folder)
    # NaN is no small difference.
    if not all(value <= _LARGEST_DIFFERENCE for value in found.values()):
        raise ValueError(
            "The model gives other outputs here than when it was exported, on the scale [-1, 1]: "
            f"{found}. Received: {str(folder)!r}"
        )
    return found


def probe_differences(folder: str | Path) -> dict[str, float]:
    """Compares what an exported model gives here with what it gave when it was exported.

    Args:
        folder: The version folder, with its ``probe.npz``.

    Returns:
        ``SIGNATURE/OUTPUT`` -> the largest difference, see ``difference``.

    Raises:
        ValueError: If there is no SavedModel, or no probe.
    """
    path = Path(folder) / PROBE
    if not path.is_file():
        raise ValueError(f"The model has no probe to compare with. Received: {str(path)!r}")
    loaded = open_saved_model(folder)
    with np.load(path) as stored:
        probe = dict(stored)
    found = {}
    for signature, function in loaded.signatures.items():
        inputs, expected = (_side(probe, f"{signature}/{side}/") for side in ("inputs", "outputs"))
        if not inputs:
            raise ValueError(
                f"The probe has no inputs of {signature}: export the model again. "
                f"Received: {str(path)!r}"
            )
        outputs = run_in_batches(function, inputs)
        for name, value in expected.items():
            found[f"{signature}/{name}"] = difference(value, outputs.get(name))
    return found


def _side(probe: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): value for name, value in probe.items() if name.startswith(prefix)
    }
