"""Trained networks as SavedModels that TensorFlow Serving loads, checked before they are kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from kerasgen.data.images import to_float, to_uint8

MODEL_CARD = "model_card.json"
TOLERANCE = 1e-4
"""Largest difference, on the scale [-1, 1], that a reloaded picture may show."""
HALF_TOLERANCE = 0.03
"""The same for networks that compute in 16 bits, where one rounding is already 0.004."""


Endpoints: TypeAlias = dict[str, tuple[Any, list[tf.TensorSpec]]]
"""Name of a signature -> (function, what it takes)."""


class ExportError(RuntimeError):
    """The SavedModel, reloaded, does not do what the trained network does; it was not kept."""


def export_refiner(
    refiner: keras.Model,
    directory: str | Path,
    name: str,
    *,
    image_size: tuple[int, int],
    card: Mapping[str, Any],
    probes: np.ndarray,
    looks: np.ndarray | None = None,
) -> Path:
    """Writes ``directory/name/<n>/`` with the next free number, after a check in a new process.

    Signatures:
        ``serving_default``: ``image_bytes`` ``[N]`` string, any format TensorFlow decodes and any
            size -> ``picture`` ``[N, H, W, C]`` float32 in [-1, 1] and ``png_bytes`` ``[N]``. If
            the refiner takes a look or noise, a hash of the bytes picks one of ``looks`` and
            seeds the noise: the same file gives the same picture.
        ``refine``: the refiner's own inputs, ``images`` ``[N, H, W, C]`` float32 in [-1, 1], and
            ``look`` ``[N, L]`` and ``noise`` ``[N, H, W, 2]`` if it takes them -> ``picture``.

    Args:
        refiner: From ``kerasgen.refiner``; its first input is ``images``.
        directory: Folder of models, such as ``saved_models``.
        name: The model's name.
        image_size: (height, width) that pictures are brought to.
        card: What ``model_card.json`` says: data, steps, seed, figures, licence of the data.
        probes: ``[N, H, W, C]`` uint8 pictures that the check uses.
        looks: ``[K, L]`` float32 from ``colour_statistics`` of training photographs, stored in the
            model; needed if the refiner takes a look.

    Returns:
        The version folder.

    Raises:
        ExportError: If the reloaded model differs from the trained one.
        ValueError: If the folder cannot be written, or looks are missing.
    """
    if any(tensor.name == "look" for tensor in refiner.inputs) != (looks is not None):
        raise ValueError(
            "`looks` must be given if, and only if, the refiner takes a look. "
            f"Received: looks={None if looks is None else looks.shape}, "
            f"inputs={[tensor.name for tensor in refiner.inputs]}"
        )
    endpoints = _refiner_endpoints(refiner, image_size, looks)
    home = Path(directory) / name
    room = _make_room(home)
    try:
        _write(refiner, endpoints, room)
        _write_json(room / MODEL_CARD, {**card, **_versions()})
        _check(endpoints, room, probes, looks, _tolerance(refiner))
        return _publish(room, home)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def check_writable(directory: str | Path) -> None:
    """Tries whether models can be written below a folder: better before a long run than after.

    Raises:
        ValueError: If not.
    """
    _make_room(Path(directory)).rmdir()


def _make_room(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".export-", dir=home))
    except OSError as error:
        raise ValueError(
            f"The model folder cannot be written ({error.strerror}). Received: {str(home)!r}"
        ) from error


def next_version(home: Path) -> int:
    """The next free version number below a model's folder, 1 if there is none."""
    taken = [int(child.name) for child in home.iterdir() if child.name.isdecimal()]
    return max(taken, default=0) + 1


def _refiner_endpoints(
    refiner: keras.Model, image_size: tuple[int, int], looks: np.ndarray | None
) -> Endpoints:
    channels = refiner.inputs[0].shape[-1]

    def refine(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        given = list(inputs) if len(inputs) > 1 else inputs[0]
        return {"picture": tf.cast(refiner(given, training=False), tf.float32)}

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.map_fn(
            lambda one: _decode(one, image_size, channels), image_bytes, fn_output_signature="float"
        )
        picture = refine(*_from_bytes(refiner, images, image_bytes, looks))["picture"]
        png = tf.map_fn(tf.io.encode_png, to_uint8(picture), fn_output_signature=tf.string)
        return {"picture": picture, "png_bytes": png}

    floats = [
        tf.TensorSpec([None, *_static(tensor, image_size)], tf.float32, name=tensor.name)
        for tensor in refiner.inputs
    ]
    bytes_only = [tf.TensorSpec([None], tf.string, name="image_bytes")]
    return {"serving_default": (serve, bytes_only), "refine": (refine, floats)}


def _static(tensor: keras.KerasTensor, image_size: tuple[int, int]) -> tuple[int, ...]:
    """The form of one row; a size-free network is exported for one size."""
    shape = tensor.shape[1:]
    return shape if len(shape) == 1 else (*image_size, shape[-1])


def _from_bytes(
    refiner: keras.Model, images: tf.Tensor, image_bytes: tf.Tensor, looks: Any
) -> list[tf.Tensor]:
    """What else the refiner takes, as a pure function of each file's bytes."""
    inputs = []
    for tensor in refiner.inputs:
        if tensor.name == "look":
            keys = tf.strings.to_hash_bucket_fast(image_bytes, len(looks))
            inputs.append(tf.gather(tf.constant(looks, tf.float32), keys))
        elif tensor.name == "noise":
            shape = [*images.shape[1:3], tensor.shape[-1]]
            inputs.append(_hashed_noise(image_bytes, shape))
        else:
            inputs.append(images)
    return inputs


def _hashed_noise(image_bytes: tf.Tensor, shape: list[int]) -> tf.Tensor:
    keys = tf.strings.to_hash_bucket_fast(image_bytes, 2**31 - 1)
    return tf.map_fn(
        lambda key: tf.random.stateless_normal(shape, tf.stack([key, tf.constant(0, tf.int64)])),
        keys,
        fn_output_signature=tf.float32,
    )


def _decode(data: tf.Tensor, size: tuple[int, int], channels: int) -> tf.Tensor:
    image = tf.io.decode_image(data, channels=channels, expand_animations=False)
    image.set_shape([None, None, channels])
    resized = tf.image.resize(tf.cast(image, tf.float32), size, antialias=True)
    return to_float(tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8))


def _write(model: keras.Model, endpoints: Endpoints, folder: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, (function, signature) in endpoints.items():
        archive.add_endpoint(name, function, input_signature=signature)
    archive.write_out(str(folder), verbose=False)


def _check(
    endpoints: Endpoints,
    folder: Path,
    probes: np.ndarray,
    looks: np.ndarray | None,
    tolerance: float,
) -> None:
    """Reloads the SavedModel in a process without Keras and compares what it gives."""
    encoded = np.array([tf.io.encode_png(probe).numpy() for probe in probes], dtype=object)
    floats = _probe_inputs(endpoints["refine"][1], probes, looks)
    trained_served = endpoints["serving_default"][0](tf.constant(list(encoded)))
    trained_float = endpoints["refine"][0](*[tf.constant(value) for value in floats.values()])
    with tempfile.TemporaryDirectory() as room:
        reloaded = _reload(folder, encoded, floats, Path(room))
    differences = {
        "serving_default": _largest(trained_served["picture"], reloaded["served"]),
        "refine": _largest(trained_float["picture"], reloaded["refined"]),
        "png_bytes": _largest(to_uint8(trained_served["picture"]), reloaded["png"]) / 127.5,
    }
    # One grey level in the PNG is rounding, not another picture.
    png = max(tolerance, 1.01 / 127.5)
    limits = {"serving_default": tolerance, "refine": tolerance, "png_bytes": png}
    wrong = {name: value for name, value in differences.items() if not value <= limits[name]}
    if wrong:
        raise ExportError(
            "The reloaded SavedModel gives other pictures than the trained network; it was not "
            f"kept. Largest differences on the scale [-1, 1]: {wrong}"
        )


def _tolerance(model: keras.Model) -> float:
    return TOLERANCE if model.compute_dtype == "float32" else HALF_TOLERANCE


def _probe_inputs(
    specs: Sequence[tf.TensorSpec], probes: np.ndarray, looks: Any
) -> dict[str, np.ndarray]:
    inputs = {"images": to_float(probes)}
    for spec in specs[1:]:
        shape = (len(probes), *spec.shape[1:])
        noise = np.random.default_rng(0).standard_normal(shape)
        inputs[spec.name] = np.resize(looks, shape) if spec.name == "look" else noise
    return {name: value.astype(np.float32) for name, value in inputs.items()}


def _reload(
    folder: Path, encoded: np.ndarray, floats: Mapping[str, np.ndarray], room: Path
) -> dict[str, np.ndarray]:
    probe_path, result_path = room / "probes.npz", room / "results.npz"
    lengths = [len(item) for item in encoded]
    joined = np.frombuffer(b"".join(encoded), np.uint8)
    named: dict[str, Any] = {f"float_{name}": value for name, value in floats.items()}
    np.savez(probe_path, joined=joined, lengths=lengths, **named)
    command = [sys.executable, "-m", "kerasgen.deployment.reload", str(folder), str(probe_path)]
    # Any installed or checked-out package must be importable there as it is here.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    done = subprocess.run(
        [*command, str(result_path)], capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        raise ExportError(
            f"The SavedModel could not be reloaded in a new process:\n{done.stderr[-2000:]}"
        )
    with np.load(result_path) as results:
        return dict(results)


def _largest(first: Any, second: Any) -> float:
    return float(np.max(np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64))))


def _publish(room: Path, home: Path) -> Path:
    while True:
        target = home / str(next_version(home))
        try:
            os.rename(room, target)
        except OSError:
            # Somebody else took the number meanwhile; any other reason is a real failure.
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


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    # JSON has no NaN: what could not be measured is null.
    strict = json.loads(json.dumps(dict(content)), parse_constant=lambda name: None)
    path.write_text(json.dumps(strict, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
