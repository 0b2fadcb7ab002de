"""An exported model, called as TensorFlow Serving would call it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgen.deployment.model_folders import model_card, model_folder
from kerasgen.deployment.model_kinds import KINDS, Kind
from kerasgen.io.images import PathLike, Pixels, to_float
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.saved_model import open_saved_model, saved_model_sha256

_FILES = 32
"""Files in one call."""


class ServedModel:
    """A SavedModel of ``kerasgen.deployment.export``, through its signatures.

    Args:
        path: The version folder, or a name in the zoo, see ``model_folder``.

    Attributes:
        kind: ``generator``, ``refiner``, ``translator`` or ``classifier``.
        name: Its folder's name and version, as ``eye_refiner_dcgan/1``.
        folder: Its version folder, absolute.
        sha256: Of its graph and weights: 64 hexadecimal digits.
        preprocessing: How files become its pictures; for a generator, those it was trained on, or
            None if that was not said.
        trained_on: Number of pictures, other than rendered ones, that it was trained on; None if
            its card does not say.

    Raises:
        ValueError: If there is no SavedModel, or kerasgen did not export it.
    """

    def __init__(self, path: PathLike) -> None:
        folder = model_folder(path)
        self._loaded = open_saved_model(folder)
        own = [name for name in KINDS if name in self._loaded.signatures]
        if len(own) != 1:
            raise ValueError(
                f"Not a model that kerasgen exported: it has the signatures "
                f"{sorted(self._loaded.signatures)}. Received: {str(path)!r}"
            )
        self.kind: Kind = KINDS[own[0]]
        self.name = f"{folder.parent.name}/{folder.name}"
        self.sha256 = saved_model_sha256(folder)
        self.preprocessing = self._stored_preprocessing(path)
        self.folder = folder
        self.trained_on = _trained_on(self.card)
        self._run = self._loaded.signatures[own[0]]
        self._inputs: Mapping[str, tf.TensorSpec] = self._run.structured_input_signature[1]
        needed = {"generator": "latents", "refiner": "styles"}.get(self.kind, "")
        if (self.kind == "generator" or self.draws_style) and needed not in self._loaded.signatures:
            raise ValueError(
                f"The {self.kind} has no signature `{needed}` to draw from: export it again. "
                f"Received: {str(path)!r}"
            )

    @property
    def card(self) -> dict[str, Any]:
        """Its model card; empty if there is none."""
        return model_card(self.folder)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the labels 0, 1, ... of a generator or a classifier."""
        if self.kind == "classifier":
            return tuple(self.card["class_names"])
        named = self._loaded.signatures["classes"](label=tf.constant([0]))
        return tuple(name.decode() for name in named["all_class_names"].numpy()[0])

    @property
    def draws(self) -> bool:
        """Whether a refiner takes a random style, noise or both."""
        return self.kind == "refiner" and len(self._inputs) > 1

    @property
    def draws_style(self) -> bool:
        """Whether a refiner takes a style."""
        return self.draws and any(spec.shape.rank == 2 for spec in self._inputs.values())

    def _stored_preprocessing(self, path: PathLike) -> Preprocessing | None:
        if not hasattr(self._loaded, "preprocessing"):
            if self.kind == "generator":
                return None
            raise ValueError(
                "The model does not say how files become its pictures: export it again. "
                f"Received: {str(path)!r}"
            )
        return Preprocessing.from_card(json.loads(self._loaded.preprocessing().numpy()))

    @property
    def form(self) -> Preprocessing:
        """The preprocessing of a model that takes pictures.

        Raises:
            ValueError: If it takes none.
        """
        if self.preprocessing is None or self.kind == "generator":
            raise ValueError(f"A generator takes no pictures. Received: {self.name}")
        return self.preprocessing

    def serve(
        self, files: Sequence[bytes], signature: str = "serving_default"
    ) -> dict[str, np.ndarray]:
        """Calls a signature that takes picture files, a few at a time.

        Args:
            files: PNG, JPEG, WebP or BMP files, at least one.
            signature: ``serving_default``, or ``preprocess`` for the pixels that the network takes.

        Returns:
            The outputs by name, ``[N, ...]``.
        """
        outputs: list[dict[str, np.ndarray]] = []
        for first in range(0, len(files), _FILES):
            part = tf.constant(list(files[first : first + _FILES]))
            found = self._loaded.signatures[signature](image_bytes=part)
            outputs.append({name: value.numpy() for name, value in found.items()})
        return {name: np.concatenate([part[name] for part in outputs]) for name in outputs[0]}

    def generate(self, seeds: Sequence[int], labels: Sequence[int]) -> np.ndarray:
        """A generator's pictures, ``[N, H, W, C]`` float32 in [-1, 1], one for each pair."""
        drawn = self._loaded.signatures["latents"](seed=tf.constant(seeds, tf.int64))
        return self.draw(drawn["latent"], tf.constant(labels)).numpy()

    def draw(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """A generator's pictures, through ``generate``; also in a graph.

        Args:
            latents: ``[N, L]`` floats.
            labels: ``[N]`` integers.

        Returns:
            ``[N, H, W, C]`` float32 in [-1, 1].
        """
        inputs = {"latent": tf.cast(latents, tf.float32), "label": tf.cast(labels, tf.int32)}
        return self._run(**inputs)["picture"]

    def change(self, images: Sequence[Pixels], seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Refines or translates pictures.

        Args:
            images: ``[H, W, 1 | 3]`` uint8 each, of any sizes.
            seeds: Seed of each picture's style and noise, from 0; without effect unless ``draws``.

        Returns:
            ``picture`` ``[N, H, W, C]`` float32 in [-1, 1], and, if there is one, the
            change mask ``change`` of a translator, ``[N, H, W, 1]`` in [0, 1], or the drawn
            ``style`` of a refiner, ``[N, L]``.
        """
        inputs, drawn = {"images": self._fitted(images)}, {}
        for name, spec in self._inputs.items():
            if name == "images":
                continue
            if spec.shape.rank == 2:
                inputs[name] = self._loaded.signatures["styles"](seed=tf.constant(seeds, tf.int64))[
                    "style"
                ]
                drawn["style"] = inputs[name].numpy()
            else:
                inputs[name] = tf.constant([_noise(seed, spec.shape[1:]) for seed in seeds])
        return {name: value.numpy() for name, value in self._run(**inputs).items()} | drawn

    def classify(self, images: Sequence[Pixels]) -> list[str]:
        """The class names that a classifier gives to pictures, ``[H, W, 1 or 3]`` uint8 each."""
        outputs = self._run(images=self._fitted(images))
        return [name.decode() for name in outputs["class_name"].numpy()]

    def _fitted(self, images: Sequence[Pixels]) -> tf.Tensor:
        return tf.constant(to_float(np.stack([self.form.apply(each) for each in images])))


def _noise(seed: int, shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def _trained_on(card: Mapping[str, Any]) -> int | None:
    pictures = card.get("pictures")
    if not isinstance(pictures, dict):
        return None
    counts = [pictures[part] for part in ("train", "real", "source", "target") if part in pictures]
    return sum(counts) if counts and all(isinstance(each, int) for each in counts) else None
