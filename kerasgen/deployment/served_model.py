"""An exported model, called as TensorFlow Serving would call it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from kerasgen.io.files import file_sha256
from kerasgen.io.images import PathLike

Kind = Literal["generator", "refiner", "translator", "classifier"]

_KINDS: dict[str, Kind] = {
    "generate": "generator",
    "refine": "refiner",
    "translate": "translator",
    "classify": "classifier",
}
"""The signature that only this kind has."""


class ServedModel:
    """A SavedModel of ``kerasgen.deployment.export``, through its ``serving_default``.

    Args:
        path: The version folder.

    Attributes:
        kind: What it is.
        name: Its folder's name and version, as ``eye_refiner_dcgan/1``.
        sha256: Of its graph and weights: 64 hexadecimal digits.

    Raises:
        ValueError: If there is no SavedModel, or none of a kind that is known.
    """

    def __init__(self, path: PathLike) -> None:
        folder = Path(path).resolve()
        if not (folder / "saved_model.pb").is_file():
            raise ValueError(
                "There is no SavedModel in this folder (no saved_model.pb; give the version "
                f"folder, as saved_models/NAME/1). Received: {str(path)!r}"
            )
        self._loaded = tf.saved_model.load(str(folder))
        kinds = [kind for key, kind in _KINDS.items() if key in self._loaded.signatures]
        if len(kinds) != 1:
            raise ValueError(
                f"No model that kerasgen exported: it has the signatures "
                f"{sorted(self._loaded.signatures)}. Received: {str(path)!r}"
            )
        self.kind: Kind = kinds[0]
        self.name = f"{folder.parent.name}/{folder.name}"
        self.sha256 = _digest(folder)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of a generator: the name of each label."""
        named = self._loaded.signatures["classes"](label=tf.constant([0]))
        return tuple(name.decode() for name in named["all_class_names"].numpy()[0])

    def generate(self, seeds: Sequence[int], labels: Sequence[int]) -> np.ndarray:
        """A generator's pictures, ``[N, H, W, C]`` float32 in [-1, 1], one for each pair."""
        return self._call(seed=tf.constant(seeds, tf.int64), label=tf.constant(labels, tf.int32))[
            "picture"
        ]

    def change(self, files: Sequence[bytes]) -> Mapping[str, np.ndarray]:
        """What a refiner or a translator makes of picture files.

        Returns:
            ``picture`` ``[N, H, W, C]`` float32 in [-1, 1], and what else there is: ``change`` of
            a translator, ``[N, H, W, 1]`` in [0, 1], is where it changed its input.
        """
        return self._call(image_bytes=tf.constant(list(files)))

    def classify(self, files: Sequence[bytes]) -> list[str]:
        """The class names that a classifier gives to picture files."""
        return [
            name.decode() for name in self._call(image_bytes=tf.constant(list(files)))["class_name"]
        ]

    def _call(self, **inputs: tf.Tensor) -> dict[str, Any]:
        given = self._loaded.signatures["serving_default"](**inputs)
        return {name: value.numpy() for name, value in given.items()}


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
