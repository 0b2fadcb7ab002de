"""Feature spaces by name, as on the command line.

pixels              the pictures, resized to 16x16
savedmodel:DIR      the output "features" of a SavedModel, such as the original FID network
vgg16:FILE          pooled features of ``keras.applications`` with weights from a file; without
                    one, those of ImageNet, downloaded; also resnet50, mobilenet_v2,
                    inception_v3 (Keras's weights, which are not those of the original FID)
classifier:FILE     features before the head of a trained ``kerasgen.classifier``
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
from kerasgen.evaluation.features.extractors import (
    FeatureExtractor,
    keras_features,
    pixel_features,
    saved_model_features,
)

_SIDE, _SIDE_OF = 224, {"inception_v3": 299}
"""Input sides that the networks of ``keras.applications`` were trained at."""

APPLICATIONS = tuple(name for name in BACKBONES if name != "small")
"""Names of networks with ImageNet weights."""

KINDS = ("pixels", "savedmodel", "classifier", "autoencoder", *APPLICATIONS)
"""Allowed names before the colon."""


def features_by_name(text: str) -> FeatureExtractor:
    """A feature space from its name; see the module's docstring.

    Pictures are resized to the network's input (bicubic, antialiased); the size is part of the
    space's name.

    Args:
        text: ``KIND`` or ``KIND:PATH``.

    Returns:
        The extractor.

    Raises:
        ValueError: If there is no such space, or its file is missing or of the wrong kind.
    """
    kind, _, path = text.partition(":")
    if kind not in KINDS:
        raise ValueError(f"Features must be among {', '.join(KINDS)}. Received: {text!r}")
    if kind in ("savedmodel", "classifier", "autoencoder") and not path:
        raise ValueError(f"A path is needed: {kind}:PATH. Received: {text!r}")
    if kind == "pixels":
        return pixel_features()
    if kind == "savedmodel":
        return saved_model_features(path)
    if kind in APPLICATIONS:
        return features_at_its_size(application(kind, path or "imagenet"), kind)
    part: Callable[[keras.Model], keras.Model] = (
        encoder_of if kind == "autoencoder" else lambda model: split_head(model)[0]
    )
    return features_at_its_size(part(_loaded(path)), f"{kind}-{Path(path).stem}")


def application(name: str, weights: str | Path | None) -> keras.Model:
    """A network of ``keras.applications`` without its head, at the size it was trained at.

    Args:
        name: One of ``APPLICATIONS``.
        weights: See ``build_classifier``; None for random weights.

    Returns:
        A model, ``[N, S, S, 3]`` float32 in [-1, 1] -> features ``[N, D]``.

    Raises:
        ValueError: If the weights do not exist.
    """
    side = _SIDE_OF.get(name, _SIDE)
    return split_head(build_classifier((side, side, 3), 2, backbone=name, weights=weights))[0]


def _loaded(path: str) -> keras.Model:
    if not Path(path).is_file() or not zipfile.is_zipfile(path):
        raise ValueError(f"This is not a .keras file. Received: path={path!r}")
    return keras.models.load_model(path, compile=False)


def features_at_its_size(network: keras.Model, name: str) -> FeatureExtractor:
    """Features of a network of fixed input size, for pictures of any size.

    Args:
        network: Model over ``[N, h, w, c]`` float32 in [-1, 1].
        name: Name of the space; the input size is appended.

    Returns:
        An extractor that resizes its input.
    """
    height, width = network.input_shape[1:3]
    inner = keras_features(network, f"{name}-{height}x{width}")

    def run(images: np.ndarray) -> np.ndarray:
        return inner.run(fit_to(network, images))

    return FeatureExtractor(inner.name, run, inner.version)


def fit_to(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Fits pictures to a network's input: resized, grey repeated to three channels.

    Args:
        network: Model over ``[N, h, w, c]``.
        images: ``[N, H, W, C]`` uint8.

    Returns:
        ``[N, h, w, c]`` uint8.

    Raises:
        ValueError: If the number of channels does not match.
    """
    height, width, channels = network.input_shape[1:]
    if images.shape[-1] == 1 and channels == 3:
        images = np.repeat(images, 3, axis=-1)
    if images.shape[-1] != channels:
        raise ValueError(
            f"These features need pictures with {channels} channel(s). Received: {images.shape[-1]}"
        )
    return resized(images, height, width)


def resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pictures resized by bicubic interpolation with antialiasing.

    Args:
        images: ``[N, H, W, C]`` uint8.
        height: New height in pixels.
        width: New width in pixels.

    Returns:
        ``[N, height, width, C]`` uint8.
    """
    if images.shape[1:3] == (height, width):
        return images
    found = tf.image.resize(
        tf.constant(images, tf.float32), (height, width), method="bicubic", antialias=True
    )
    return np.clip(np.rint(found.numpy()), 0, 255).astype(np.uint8)
