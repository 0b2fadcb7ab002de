"""Feature spaces by name, as a user asks for them on a command line.

pixels              the pictures themselves, reduced to 16x16
savedmodel:DIR      the output "features" of a SavedModel, such as a published FID network's
vgg16:FILE          pooled features of ``keras.applications``, with the weights of a file, or
                    ImageNet's where they can be downloaded; also resnet50, mobilenet_v2
classifier:FILE     what the head of a trained ``kerasgen.classifier`` sees
autoencoder:FILE    the code of a trained ``kerasgen.autoencoder``
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasgen.autoencoder import encoder_of
from kerasgen.classifier import BACKBONES, build_classifier, split_head
from kerasgen.evaluation.features import (
    FeatureExtractor,
    keras_features,
    pixel_features,
    saved_model_features,
)

_SIDE = 224
"""Side of the pictures that the networks of ``keras.applications`` were trained on."""

APPLICATIONS = tuple(name for name in BACKBONES if name != "small")
"""Names of networks that take ImageNet's weights."""

KINDS = ("pixels", "savedmodel", "classifier", "autoencoder", *APPLICATIONS)
"""What may stand before the colon."""


def features_by_name(text: str) -> FeatureExtractor:
    """A feature space from its name; see the module's docstring.

    Pictures of another size than a network's are resized (bicubic, antialiased): that is part of
    the space, and its name says the size.

    Args:
        text: ``KIND`` or ``KIND:PATH``.

    Returns:
        The extractor.

    Raises:
        ValueError: If there is no such space, or its file is missing or of another kind.
    """
    kind, _, path = text.partition(":")
    if kind not in KINDS:
        raise ValueError(f"Features must be among {', '.join(KINDS)}. Received: {text!r}")
    if kind in ("savedmodel", "classifier", "autoencoder") and not path:
        raise ValueError(f"Say where it is: {kind}:PATH. Received: {text!r}")
    if kind == "pixels":
        return pixel_features()
    if kind == "savedmodel":
        return saved_model_features(path)
    if kind in APPLICATIONS:
        shape = (_SIDE, _SIDE, 3)
        whole = build_classifier(shape, 2, backbone=kind, weights=path or "imagenet")
        return _at_its_size(split_head(whole)[0], kind)
    part: Callable[[keras.Model], keras.Model] = (
        encoder_of if kind == "autoencoder" else lambda model: split_head(model)[0]
    )
    return _at_its_size(part(_loaded(path)), f"{kind}-{Path(path).stem}")


def _loaded(path: str) -> keras.Model:
    if not Path(path).is_file() or not zipfile.is_zipfile(path):
        raise ValueError(f"This is no .keras file. Received: path={path!r}")
    return keras.models.load_model(path, compile=False)


def _at_its_size(network: keras.Model, name: str) -> FeatureExtractor:
    """A network of one size as a space for pictures of any."""
    height, width, channels = network.input_shape[1:]
    inner = keras_features(network, f"{name}-{height}x{width}")

    def run(images: np.ndarray) -> np.ndarray:
        return inner.run(_fitted(images, height, width, channels))

    return FeatureExtractor(inner.name, run, inner.version)


def _fitted(images: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    if images.shape[-1] == 1 and channels == 3:
        images = np.repeat(images, 3, axis=-1)
    if images.shape[-1] != channels:
        raise ValueError(
            f"These features are of pictures with {channels} channel(s). "
            f"Received: {images.shape[-1]}"
        )
    if images.shape[1:3] == (height, width):
        return images
    resized = tf.image.resize(
        tf.constant(images, tf.float32), (height, width), method="bicubic", antialias=True
    )
    return np.clip(np.rint(resized.numpy()), 0, 255).astype(np.uint8)
