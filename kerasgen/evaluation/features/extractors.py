"""Feature extractors: functions from pictures to features, on which distances are measured.

A distance carries its features' name: ``kid[mobilenet_v2_imagenet]`` and ``kid[pixels-16]`` are
different measures and cannot be compared.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasgen.io.files import write_file
from kerasgen.io.images import to_float
from kerasgen.io.saved_model import open_saved_model, saved_model_sha256


@dataclass(frozen=True)
class FeatureExtractor:
    """A named function from pictures to features.

    Attributes:
        name: Name of the space, reported with every measure on it.
        run: ``[N, H, W, C]`` uint8 -> ``[N, D]`` float32.
        version: Digest of the weights, so that caches of different weights are kept apart.
    """

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    version: str = ""

    def __call__(self, images: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Features of any number of pictures.

        Args:
            images: ``[N, H, W, C]`` uint8.
            batch_size: Pictures in a batch; does not change the result.

        Returns:
            ``[N, D]`` float32.

        Raises:
            ValueError: If the shape or dtype is wrong, or a feature is not finite.
        """
        if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
            raise ValueError(
                "`images` must be [N, H, W, C] uint8 with N above 0. "
                f"Received: shape={images.shape}, dtype={images.dtype}"
            )
        parts = [
            np.asarray(self.run(images[start : start + batch_size]), np.float32).reshape(
                len(images[start : start + batch_size]), -1
            )
            for start in range(0, len(images), batch_size)
        ]
        features = np.concatenate(parts)
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            raise ValueError(
                f"The features {self.name!r} must be finite: check what computes them. Received: "
                f"{bad.sum()} of {len(features)} pictures without, the first is {bad.argmax()}"
            )
        return features


def saved_model_features(path: str | Path, output: str = "features") -> FeatureExtractor:
    """Features from a SavedModel whose ``serving_default`` takes pictures.

    Args:
        path: The version folder. Its input must be ``[N, H, W, 3]`` float32 in [0, 255]; any
            resizing and normalisation are the model's own.
        output: The name of the output to use.

    Returns:
        An extractor, named after the model's folder.

    Raises:
        ValueError: If there is no SavedModel, or it lacks this output.
    """
    path = Path(path)
    loaded = open_saved_model(path, "serving_default")
    signature = loaded.signatures["serving_default"]
    if output not in signature.structured_outputs:
        raise ValueError(
            f"The SavedModel has no output of this name, only "
            f"{sorted(signature.structured_outputs)}. Received: output={output!r}"
        )
    (input_name,) = signature.structured_input_signature[1]

    def run(images: np.ndarray, model: object = loaded) -> np.ndarray:
        # `model` keeps the loaded object alive: a signature alone does not own its variables.
        pictures = tf.constant(_three_channels(images), tf.float32)
        return signature(**{input_name: pictures})[output].numpy()

    name = path.parent.name if path.name.isdecimal() else path.name
    return FeatureExtractor(name, run, saved_model_sha256(path))


def keras_features(model: keras.Model, name: str) -> FeatureExtractor:
    """Features from a Keras model.

    Args:
        model: ``[N, H, W, C]`` float32 in [-1, 1] -> features.
        name: Name of the space.

    Returns:
        An extractor; its version is a digest of the weights.
    """

    def run(images: np.ndarray) -> np.ndarray:
        return keras.ops.convert_to_numpy(model(to_float(images), training=False))

    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return FeatureExtractor(name, run, digest.hexdigest())


def pixel_features(side: int = 16) -> FeatureExtractor:
    """Pixels of the pictures, resized to ``side`` x ``side``; needs no weights.

    Returns:
        An extractor that is sensitive to colour, light and coarse shape, but not to texture.
    """

    def run(images: np.ndarray) -> np.ndarray:
        small = tf.image.resize(tf.constant(images, tf.float32), [side, side], antialias=True)
        return small.numpy() / 255.0

    return FeatureExtractor(f"pixels-{side}", run)


def cached_features(extractor: FeatureExtractor, folder: str | Path) -> FeatureExtractor:
    """Caches features on disk, so that no batch of pictures is computed twice.

    Args:
        extractor: Computes the features.
        folder: Folder of the cache: a file for each batch, named after the pictures' content, the
            space and its weights. It may be shared, and deleted at any time.

    Returns:
        An extractor of the same name.
    """

    def run(images: np.ndarray) -> np.ndarray:
        digest = hashlib.sha256(f"{extractor.name} {extractor.version} {images.shape}".encode())
        digest.update(np.ascontiguousarray(images).tobytes())
        path = Path(folder) / f"{digest.hexdigest()}.npy"
        if path.is_file():
            # A truncated file is computed again.
            with suppress(ValueError, EOFError, OSError):
                return np.asarray(np.load(path, allow_pickle=False))
        features = np.asarray(extractor.run(images), np.float32).reshape(len(images), -1)
        stream = io.BytesIO()
        np.save(stream, features)
        write_file(path, stream.getvalue())
        return features

    return FeatureExtractor(extractor.name, run, extractor.version)


def _three_channels(images: np.ndarray) -> np.ndarray:
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
