"""The signatures of an exported picture-to-picture translator."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from kerasgen.deployment.endpoints.endpoint import (
    Endpoint,
    Endpoints,
    decode_pictures,
    encode_pngs,
    encoded_probes,
)
from kerasgen.io.images import to_float


def translator_endpoints(
    translator: keras.Model, image_size: tuple[int, int], probes: np.ndarray
) -> Endpoints:
    """Builds the signatures that ``export_translator`` describes.

    Args:
        translator: Its one input is ``images``; see ``check_translator``.
        image_size: (height, width) that files are brought to.
        probes: ``[P, H, W, C]`` uint8 pictures for the check.

    Returns:
        ``serving_default`` and ``translate``.
    """
    shape = translator.inputs[0].shape[1:]

    def translate(images: tf.Tensor) -> dict[str, tf.Tensor]:
        result = translator(images, training=False)
        named = result if isinstance(result, dict) else {"picture": result}
        return {name: tf.cast(value, tf.float32) for name, value in named.items()}

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = translate(decode_pictures(image_bytes, image_size, shape[-1]))
        return {**outputs, "png_bytes": encode_pngs(outputs["picture"])}

    images = tf.TensorSpec([None, *shape], tf.float32, name="images")
    files = tf.TensorSpec([None], tf.string, name="image_bytes")
    return {
        "serving_default": Endpoint(serve, [files], {"image_bytes": encoded_probes(probes)}),
        "translate": Endpoint(translate, [images], {"images": to_float(probes)}),
    }


def check_translator(translator: keras.Model) -> None:
    """Checks that a translator can be exported.

    Args:
        translator: Must take ``images`` ``[N, H, W, 1 or 3]`` alone, sides known or not.

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
