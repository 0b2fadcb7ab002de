"""The signatures of an exported refiner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgen.data.random_streams import ServedStream
from kerasgen.deployment.endpoints.endpoint import (
    FILES,
    Endpoint,
    Endpoints,
    encode_pngs,
    encoded_probes,
    preprocess_endpoint,
)
from kerasgen.deployment.preprocessing import preprocess
from kerasgen.io.images import to_float
from kerasgen.io.preprocessing import Preprocessing


def refiner_endpoints(
    refiner: keras.Model,
    form: Preprocessing,
    probes: np.ndarray,
    styles: np.ndarray | None,
) -> Endpoints:
    """Builds the signatures that ``export_refiner`` describes.

    Args:
        refiner: Its first input is ``images``.
        form: How files become the pictures that it takes.
        probes: ``[P, H, W, C]`` uint8 pictures for the check.
        styles: ``[K, L]`` float32 styles; None if the refiner takes no style.

    Returns:
        ``serving_default``, ``refine``, ``preprocess`` and, with styles, ``styles``.
    """

    def refine(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = list(inputs) if len(inputs) > 1 else inputs[0]
        return {"picture": tf.cast(refiner(batch, training=False), tf.float32)}

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images = preprocess(image_bytes, form)
        picture = refine(*_from_bytes(refiner, images, image_bytes, styles))["picture"]
        return {"png_bytes": encode_pngs(picture)}

    floats = [
        tf.TensorSpec([None, *_static(tensor, form.size)], tf.float32, name=tensor.name)
        for tensor in refiner.inputs
    ]
    endpoints = {
        "serving_default": Endpoint(serve, [FILES], {"image_bytes": encoded_probes(probes)}),
        "refine": Endpoint(refine, floats, _probe_inputs(floats, probes, styles)),
        "preprocess": preprocess_endpoint(form, probes),
    }
    return endpoints if styles is None else {**endpoints, "styles": _styles_endpoint(styles)}


def _styles_endpoint(styles: np.ndarray) -> Endpoint:
    def style_of(seed: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.math.floormod(seed, tf.constant(len(styles), tf.int64))
        return {"style": tf.gather(tf.constant(styles, tf.float32), rows)}

    seeds = [tf.TensorSpec([None], tf.int64, name="seed")]
    return Endpoint(style_of, seeds, {"seed": np.array([0, 1, -1, 2**62], np.int64)})


def _static(tensor: keras.KerasTensor, image_size: tuple[int, int]) -> tuple[int, ...]:
    """The shape of one row; a network for any size is exported for one size."""
    shape = tensor.shape[1:]
    return shape if len(shape) == 1 else (*image_size, shape[-1])


def _from_bytes(
    refiner: keras.Model, images: tf.Tensor, image_bytes: tf.Tensor, styles: Any
) -> list[tf.Tensor]:
    """All inputs of the refiner; style and noise are pure functions of each file's bytes."""
    inputs = []
    for tensor in refiner.inputs:
        if tensor.name == "style":
            keys = tf.strings.to_hash_bucket_fast(image_bytes, len(styles))
            inputs.append(tf.gather(tf.constant(styles, tf.float32), keys))
        elif tensor.name == "noise":
            shape = [*images.shape[1:3], tensor.shape[-1]]
            inputs.append(_hashed_noise(image_bytes, shape))
        else:
            inputs.append(images)
    return inputs


def _hashed_noise(image_bytes: tf.Tensor, shape: list[int]) -> tf.Tensor:
    keys = tf.strings.to_hash_bucket_fast(image_bytes, 2**31 - 1)
    return tf.map_fn(
        lambda key: tf.random.stateless_normal(shape, tf.stack([key, ServedStream.NOISE])),
        keys,
        fn_output_signature=tf.TensorSpec(shape, tf.float32),
    )


def _probe_inputs(
    specs: Sequence[tf.TensorSpec], probes: np.ndarray, styles: Any
) -> dict[str, np.ndarray]:
    inputs = {"images": to_float(probes)}
    for spec in specs[1:]:
        shape = (len(probes), *spec.shape[1:])
        noise = np.random.default_rng(0).standard_normal(shape)
        inputs[spec.name] = np.resize(styles, shape) if spec.name == "style" else noise
    return {name: value.astype(np.float32) for name, value in inputs.items()}
