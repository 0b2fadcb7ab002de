"""The signatures of an exported classifier."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasgen.deployment.endpoints.endpoint import (
    FILES,
    Endpoint,
    Endpoints,
    check_form,
    encoded_probes,
    preprocess_endpoint,
)
from kerasgen.deployment.preprocessing import preprocess
from kerasgen.io.images import to_float
from kerasgen.io.preprocessing import Preprocessing


def classifier_endpoints(
    classifier: keras.Model,
    class_names: Sequence[str],
    form: Preprocessing,
    probes: np.ndarray,
    threshold: float | None = None,
) -> Endpoints:
    """Builds the signatures that ``export_classifier`` describes.

    Args:
        classifier: See ``check_classifier``.
        class_names: The name of each label.
        form: How files become the pictures that it takes.
        probes: ``[P, H, W, C]`` uint8 pictures for the check.
        threshold: Log-odds above which a picture is of the second of two classes; None for the most
            probable class.

    Returns:
        ``serving_default``, ``classify`` and ``preprocess``.
    """
    shape = classifier.inputs[0].shape[1:]

    def classify(images: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = tf.cast(classifier(images, training=False), tf.float32)
        probabilities = tf.nn.softmax(logits)
        if threshold is None:
            best = tf.argmax(probabilities, axis=1)
        else:
            # Not from probabilities: near 1 they are all equal in 32 bits.
            best = tf.cast(logits[:, 1] - logits[:, 0] > threshold, tf.int64)
        names = tf.gather(tf.constant(list(class_names)), best)
        return {"probabilities": probabilities, "class_name": names}

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return classify(preprocess(image_bytes, form))

    images = tf.TensorSpec([None, *shape], tf.float32, name="images")
    return {
        "serving_default": Endpoint(serve, [FILES], {"image_bytes": encoded_probes(probes)}),
        "classify": Endpoint(classify, [images], {"images": to_float(probes)}),
        "preprocess": preprocess_endpoint(form, probes),
    }


def check_classifier(
    classifier: keras.Model,
    class_names: Sequence[str],
    form: Preprocessing,
    threshold: float | None = None,
) -> None:
    """Checks that a classifier and its class names can be exported.

    Args:
        classifier: Must take one ``[N, H, W, 1 or 3]``, sides known, and give ``[N, K]``.
        class_names: Must be K distinct names.
        form: Must give pictures of the classifier's shape.
        threshold: Must be finite, and K 2, or None.

    Raises:
        ValueError: If they cannot.
    """
    shapes = [tuple(tensor.shape[1:]) for tensor in classifier.inputs]
    fits = len(shapes) == 1 and len(shapes[0]) == 3 and None not in shapes[0]
    if not fits or shapes[0][-1] not in (1, 3) or len(classifier.output_shape) != 2:
        raise ValueError(
            "`classifier` must take pictures [N, H, W, 1 or 3] of known sides and give logits "
            f"[N, K]. Received: inputs={shapes}, output={classifier.output_shape}"
        )
    check_form(classifier.inputs[0], form)
    count = classifier.output_shape[1]
    if isinstance(class_names, str) or len(set(class_names)) != count or not all(class_names):
        raise ValueError(
            f"`class_names` must be {count} distinct names. Received: class_names={class_names!r}"
        )
    if threshold is not None and not (count == 2 and np.isfinite(threshold)):
        raise ValueError(
            "`threshold` must be finite, for two classes, or None. "
            f"Received: threshold={threshold}, {count} classes"
        )
