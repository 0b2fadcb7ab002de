"""What a runtime gets: the network from floats to floats, without files, seeds or checks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

Arrays: TypeAlias = dict[str, np.ndarray]
"""Arrays by name, the batch first."""

Run: TypeAlias = Callable[[Arrays], Arrays]
"""Inputs -> outputs."""


class FloatNetwork:
    """A network with named inputs and outputs of known sizes.

    Args:
        network: From ``model.keras``.
        size: Height and width where the network takes any.
        classifies: Whether its output are logits; they become ``probabilities``.
        classes: Number of classes, for labels.

    Attributes:
        specs: Shape, dtype and name of each input; the batch is open.
        function: Tensors in the order of ``specs`` -> tensors by name.
    """

    def __init__(
        self, network: keras.Model, size: tuple[int, int], *, classifies: bool, classes: int
    ) -> None:
        self.specs = [_spec(tensor, size) for tensor in network.inputs]
        self._network = network
        self._classes = classes

        def run(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            found = network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
            if classifies:
                return {"probabilities": tf.nn.softmax(tf.cast(found, tf.float32))}
            named = found if isinstance(found, dict) else {"picture": found}
            return {name: tf.cast(value, tf.float32) for name, value in named.items()}

        self.function = tf.function(run, input_signature=self.specs)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """Runs it in TensorFlow."""
        found = self.function(*[tf.constant(inputs[spec.name]) for spec in self.specs])
        return {name: value.numpy() for name, value in found.items()}

    def random_inputs(self, rows: int, seed: int) -> Arrays:
        """Inputs such as the network meets: pictures in [-1, 1], labels, normal numbers."""
        generator = np.random.default_rng(seed)

        def draw(spec: tf.TensorSpec) -> Any:
            shape = (rows, *spec.shape[1:])
            if spec.dtype.is_integer:
                return generator.integers(0, self._classes, shape)
            if spec.name == "images":
                return generator.uniform(-1.0, 1.0, shape)
            return generator.standard_normal(shape)

        return {spec.name: draw(spec).astype(spec.dtype.as_numpy_dtype) for spec in self.specs}

    @contextmanager
    def saved(self) -> Iterator[str]:
        """A SavedModel of this function alone, its weights inside, while the context lasts."""
        module = tf.Module()
        module.weights = [variable.value for variable in self._network.variables]
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, {"serving_default": self.function})
            yield folder


def _spec(tensor: keras.KerasTensor, size: tuple[int, int]) -> tf.TensorSpec:
    shape = tuple(tensor.shape[1:])
    if None in shape:
        shape = (*size, shape[-1])
    return tf.TensorSpec([None, *shape], tensor.dtype, name=tensor.name)
