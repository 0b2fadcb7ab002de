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

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_MOST_PIXELS = 2**22
"""Of the pictures of any size in one request: each takes hundreds of bytes in a network."""


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
    multiple, smallest = taken_sides(translator)

    def translate_any(images: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies(_sides(images, multiple, smallest)):
            return translate(tf.identity(images))

    def translate(images: tf.Tensor) -> dict[str, tf.Tensor]:
        result = translator(images, training=False)
        named = result if isinstance(result, dict) else {"picture": result}
        return {name: tf.cast(value, tf.float32) for name, value in named.items()}

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = translate(preprocess(image_bytes, form))
        files = {"png_bytes": encode_pngs(outputs["picture"])}
        if "change" in outputs:
            files["change_bytes"] = encode_pngs(2.0 * outputs["change"] - 1.0)
        return files

    images = tf.TensorSpec([None, *shape], tf.float32, name="images")
    return {
        "serving_default": Endpoint(serve, [FILES], {"image_bytes": encoded_probes(probes)}),
        "translate": Endpoint(translate_any, [images], {"images": to_float(probes)}),
        "preprocess": preprocess_endpoint(form, probes),
    }


def taken_sides(translator: keras.Model) -> tuple[int, int]:
    """Finds which sides a network for any size takes, by trying.

    Args:
        translator: ``images`` ``[N, H, W, C]`` -> pictures of the same sides, or a dict of them.

    Returns:
        Height and width must be multiples of the first number and at least the second. (1, 1) for a
        network of a fixed size.
    """
    height, width, channels = translator.inputs[0].shape[1:]
    if None not in (height, width):
        return 1, 1

    def fits(side: int) -> bool:
        try:
            outputs = translator(tf.zeros([1, height or side, width or side, channels]))
        except (tf.errors.OpError, ValueError):
            return False
        shapes = {tuple(each.shape[1:3]) for each in tf.nest.flatten(outputs)}
        return shapes == {(height or side, width or side)}

    multiple = next((each for each in _MULTIPLES if fits(_MULTIPLES[-1] + each)), _MULTIPLES[-1])
    return multiple, next(side for side in range(multiple, 2**16, multiple) if fits(side))


def _sides(images: tf.Tensor, multiple: int, smallest: int) -> list[tf.Operation]:
    rows, height, width = tf.unstack(tf.shape(images)[:3])
    sides = tf.stack([height, width])
    fit = tf.reduce_all(sides % multiple == 0) & (tf.reduce_min(sides) >= smallest)
    size = "images must have sides that are multiples of "
    size += f"{multiple} and at least {smallest}. Received: height and width"
    count = tf.reduce_prod(tf.cast([rows, height, width], tf.int64))
    many = f"images of one request have at most {_MOST_PIXELS} pixels: send fewer. Received: pixels"
    return [
        tf.debugging.Assert(fit, [size, sides]),
        tf.debugging.Assert(count <= _MOST_PIXELS, [many, count]),
    ]


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
