"""The signatures of an exported picture-to-picture translator."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from kerasgen.deployment.endpoints.endpoint import (
    FILES,
    Endpoint,
    Endpoints,
    check_form,
    encode_pngs,
    encoded_probes,
    preprocess_endpoint,
)
from kerasgen.deployment.preprocessing import preprocess
from kerasgen.io.images import to_float
from kerasgen.io.preprocessing import Preprocessing


def translator_endpoints(
    translator: keras.Model, form: Preprocessing, probes: np.ndarray
) -> Endpoints:
    """Builds the signatures that ``export_translator`` describes.

    Args:
        translator: Its one input is ``images``; see ``check_translator``.
        form: How files become the pictures that it takes.
        probes: ``[P, H, W, C]`` uint8 pictures for the check.

    Returns:
        ``serving_default``, ``translate`` and ``preprocess``.
    """
    shape = translator.inputs[0].shape[1:]

    def translate(images: tf.Tensor) -> dict[str, tf.Tensor]:
        result = translator(images, training=False)
        named = result if isinstance(result, dict) else {"picture": result}
        return {name: tf.cast(value, tf.float32) for name, value in named.items()}

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = translate(preprocess(image_bytes, form))
        return {**outputs, "png_bytes": encode_pngs(outputs["picture"])}

    images = tf.TensorSpec([None, *shape], tf.float32, name="images")
    return {
        "serving_default": Endpoint(serve, [FILES], {"image_bytes": encoded_probes(probes)}),
        "translate": Endpoint(translate, [images], {"images": to_float(probes)}),
        "preprocess": preprocess_endpoint(form, probes),
    }


def check_translator(translator: keras.Model, form: Preprocessing) -> None:
    """Checks that a translator can be exported.

    Args:
        translator: Must take ``images`` ``[N, H, W, 1 or 3]`` alone, sides known or not.
        form: Must give pictures that it takes.

    Raises:
        ValueError: If it cannot.
    """
    shapes = {tensor.name: tuple(tensor.shape[1:]) for tensor in translator.inputs}
    if (
        set(shapes) != {"images"}
        or len(shapes["images"]) != 3
        or shapes["images"][-1] not in (1, 3)
    ):
        raise ValueError(
            "`translator` must take `images` [N, H, W, 1 or 3] and nothing else. "
            f"Received: inputs={translator.inputs}"
        )
    check_form(translator.inputs[0], form)
