"""Cache of features of pictures and of their augmented versions."""

from __future__ import annotations

import hashlib

import numpy as np
import tensorflow as tf

from kerasgen.data.augmentation import NUMBERS_PER_PICTURE, Augmentation, augment
from kerasgen.evaluation.features.extractors import FeatureExtractor


class AugmentedFeatureCache:
    """Features of pictures as they are, and of augmented versions of them.

    Features are kept in memory: 4 D bytes for each picture and version.

    Args:
        extractor: Computes the features.
        augmentation: Augmentation of the versions.
    """

    def __init__(self, extractor: FeatureExtractor, augmentation: Augmentation) -> None:
        self._extractor = extractor
        self._augmentation = augmentation
        self._known: dict[tuple[bytes, int], np.ndarray] = {}

    def __call__(self, images: np.ndarray, version: int = 0) -> np.ndarray:
        """Features of pictures.

        Args:
            images: ``[N, H, W, C]`` uint8, N above 0.
            version: 0 for the pictures as they are; each other number is a random augmentation,
                the same for every call.

        Returns:
            ``[N, D]`` float32.
        """
        keys = [(_digest(image), version) for image in images]
        new = {key: index for index, key in enumerate(keys) if key not in self._known}
        if new:
            pictures = images[list(new.values())]
            if version:
                pictures = self._augmented(pictures, list(new))
            self._known.update(zip(new, self._extractor(pictures), strict=True))
        return np.stack([self._known[key] for key in keys])

    def _augmented(self, images: np.ndarray, keys: list[tuple[bytes, int]]) -> np.ndarray:
        random = [
            np.random.default_rng([version, *digest]).uniform(size=NUMBERS_PER_PICTURE)
            for digest, version in keys
        ]
        numbers = tf.constant(np.array(random), tf.float32)
        return np.asarray(augment(tf.constant(images), self._augmentation, numbers))


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()
