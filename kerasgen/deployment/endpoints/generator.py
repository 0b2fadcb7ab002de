"""The signatures of an exported conditional generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasgen.deployment.endpoints.checks import refuse
from kerasgen.deployment.endpoints.endpoint import Endpoint, Endpoints, encode_pngs
from kerasgen.deployment.seeded_latents import seeded_latents

_SEEDS_PER_CLASS = 3
"""Pictures of each class that the check compares."""


def generator_endpoints(generator: keras.Model, class_names: Sequence[str]) -> Endpoints:
    """Builds the signatures that ``export_generator`` describes.

    Args:
        generator: ``latent`` and ``label`` -> pictures, see ``check_generator``.
        class_names: The name of each label.

    Returns:
        ``serving_default``, ``generate``, ``latents`` and ``classes``.
    """
    count = len(class_names)
    latent_size = next(tensor.shape[1] for tensor in generator.inputs if tensor.name == "latent")

    def named(label: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(list(class_names)), label)

    def draw(latent: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        inputs = {"latent": latent, "label": label}
        pictures = generator([inputs[tensor.name] for tensor in generator.inputs], training=False)
        return tf.cast(pictures, tf.float32)

    def serve(seed: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        label = _checked(label, count)
        picture = draw(seeded_latents(seed, latent_size), label)
        return {"png_bytes": encode_pngs(picture), "class_name": named(label)}

    def generate(latent: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"picture": draw(latent, _checked(label, count))}

    def latents_of(seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"latent": seeded_latents(seed, latent_size)}

    def classes(label: tf.Tensor) -> dict[str, tf.Tensor]:
        label = _checked(label, count)
        everything = tf.zeros([tf.size(label), 1], tf.int32) + tf.range(count)
        return {"class_name": named(label), "all_class_names": named(everything)}

    labels = tf.TensorSpec([None], tf.int32, name="label")
    seeds = tf.TensorSpec([None], tf.int64, name="seed")
    latents = tf.TensorSpec([None, latent_size], tf.float32, name="latent")
    once = np.arange(count, dtype=np.int32)
    several = np.repeat(once, _SEEDS_PER_CLASS)
    random = np.random.default_rng(0)
    seed = random.integers(-(2**63), 2**63 - 1, len(several))
    latent = random.standard_normal((count, latent_size), np.float32)
    return {
        "serving_default": Endpoint(serve, [seeds, labels], {"seed": seed, "label": several}),
        "generate": Endpoint(generate, [latents, labels], {"latent": latent, "label": once}),
        "latents": Endpoint(latents_of, [seeds], {"seed": seed}),
        "classes": Endpoint(classes, [labels], {"label": once}),
    }


def _checked(label: tf.Tensor, count: int) -> tf.Tensor:
    """The labels, after a check that each is a class.

    Whatever uses the result waits for the check: a lookup out of range gives zeros on a GPU, and
    a negative one counts from the end.
    """
    wrong = (label < 0) | (label >= count)
    check = refuse(wrong, f"label must be in 0..{count - 1}", label)
    with tf.control_dependencies([check]):
        return tf.identity(label)


def check_generator(generator: keras.Model, class_names: Sequence[str]) -> None:
    """Checks that a generator and its class names can be exported.

    Args:
        generator: Must take ``latent`` ``[N, L]`` and ``label`` ``[N]`` int32 and give one
            ``[N, H, W, 1 or 3]``, sizes known.
        class_names: Must be distinct and as many as the rows of the generator's ``Embedding``
            layers; they are not checked for a generator without any.

    Raises:
        ValueError: If they cannot.
    """
    inputs = {tensor.name: (len(tensor.shape), tensor.dtype) for tensor in generator.inputs}
    shapes = [tuple(tensor.shape[1:]) for tensor in generator.outputs]
    one_picture = len(shapes) == 1 and len(shapes[0]) == 3 and None not in shapes[0]
    wanted = {"latent": (2, "float32"), "label": (1, "int32")}
    if inputs != wanted or not one_picture or shapes[0][-1] not in (1, 3):
        raise ValueError(
            "`generator` must take `latent` [N, L] float32 and `label` [N] int32 and give pictures "
            f"[N, H, W, 1 or 3]. Received: inputs={generator.inputs}, outputs={generator.outputs}"
        )
    names = [name for name in class_names if isinstance(name, str) and name]
    if isinstance(class_names, str) or not names or len(set(names)) != len(class_names):
        raise ValueError(
            "`class_names` must be distinct names that are not empty. "
            f"Received: class_names={class_names!r}"
        )
    counts = set(_embedded_counts(generator))
    if counts - {len(class_names)}:
        raise ValueError(
            f"`class_names` must have a name for each class; the generator has {max(counts)}. "
            f"Received: {len(class_names)} class_names={class_names!r}"
        )


def _embedded_counts(model: keras.Model) -> Iterator[int]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _embedded_counts(layer)
        elif isinstance(layer, keras.layers.Embedding):
            yield layer.input_dim
