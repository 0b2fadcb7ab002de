"""An exported model, called as TensorFlow Serving would call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from kerasgen.deployment.endpoints.endpoint import stretched_picture
from kerasgen.deployment.savedmodel import MODEL_CARD
from kerasgen.io.channels import with_channels
from kerasgen.io.files import read_json
from kerasgen.io.images import PathLike, Pixels
from kerasgen.io.saved_model import open_saved_model, saved_model_sha256

Kind = Literal["generator", "refiner", "translator", "classifier"]

_KINDS: dict[str, Kind] = {
    "generate": "generator",
    "refine": "refiner",
    "translate": "translator",
    "classify": "classifier",
}
"""The signature that only this kind has."""


class ServedModel:
    """A SavedModel of ``kerasgen.deployment.export``, through its signatures.

    Args:
        path: The version folder.

    Attributes:
        kind: ``generator``, ``refiner``, ``translator`` or ``classifier``.
        name: Its folder's name and version, as ``eye_refiner_dcgan/1``.
        sha256: Of its graph and weights: 64 hexadecimal digits.
        trained_on: Number of pictures, other than rendered ones, that it was trained on; None if
            its card does not say.

    Raises:
        ValueError: If there is no SavedModel, or kerasgen did not export it.
    """

    def __init__(self, path: PathLike) -> None:
        folder = Path(path).resolve()
        self._loaded = open_saved_model(folder)
        own = [name for name in _KINDS if name in self._loaded.signatures]
        if len(own) != 1:
            raise ValueError(
                f"Not a model that kerasgen exported: it has the signatures "
                f"{sorted(self._loaded.signatures)}. Received: {str(path)!r}"
            )
        self.kind: Kind = _KINDS[own[0]]
        self.name = f"{folder.parent.name}/{folder.name}"
        self.sha256 = saved_model_sha256(folder)
        self.trained_on = _trained_on(folder / MODEL_CARD)
        self._run = self._loaded.signatures[own[0]]
        self._inputs: Mapping[str, tf.TensorSpec] = self._run.structured_input_signature[1]
        if self.draws_style and "styles" not in self._loaded.signatures:
            raise ValueError(
                "The refiner takes a style and has no signature `styles` to draw one from: export "
                f"it again. Received: {str(path)!r}"
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of a generator's labels 0, 1, ..."""
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

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) that pictures are brought to; a generator takes none."""
        shape = self._inputs["images"].shape[1:]
        if not shape.is_fully_defined():
            # A network for any size: the size it is served at is that of the served pictures.
            served = self._loaded.signatures["serving_default"]
            shape = served.structured_outputs["picture"].shape[1:3] + shape[2:]
        height, width, channels = shape.as_list()
        return height, width, channels

    def generate(self, seeds: Sequence[int], labels: Sequence[int]) -> np.ndarray:
        """A generator's pictures, ``[N, H, W, C]`` float32 in [-1, 1], one for each pair."""
        serve = self._loaded.signatures["serving_default"]
        outputs = serve(seed=tf.constant(seeds, tf.int64), label=tf.constant(labels, tf.int32))
        return outputs["picture"].numpy()

    def change(self, images: Sequence[Pixels], seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Refines or translates pictures.

        Args:
            images: ``[H, W, C]`` uint8 each, of any sizes, C as in ``image_shape``.
            seeds: Seed of each picture's style and noise, from 0; without effect unless ``draws``.

        Returns:
            ``picture`` ``[N, H, W, C]`` float32 in [-1, 1], and, if there is one, the
            change mask ``change`` of a translator, ``[N, H, W, 1]`` in [0, 1], or the drawn
            ``style`` of a refiner, ``[N, L]``.
        """
        inputs, drawn = {"images": self._stretched(images)}, {}
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
        channels = self.image_shape[-1]
        inputs = self._stretched([with_channels(each, channels) for each in images])
        outputs = self._run(images=inputs)
        return [name.decode() for name in outputs["class_name"].numpy()]

    def _stretched(self, images: Sequence[Pixels]) -> tf.Tensor:
        return tf.stack([stretched_picture(each, self.image_shape[:2]) for each in images])


def _noise(seed: int, shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def _trained_on(card: Path) -> int | None:
    pictures = read_json(card).get("pictures") if card.is_file() else None
    if not isinstance(pictures, dict):
        return None
    counts = [pictures[part] for part in ("train", "real", "source", "target") if part in pictures]
    return sum(counts) if counts and all(isinstance(each, int) for each in counts) else None
