"""Learners of a proof: a small network from scratch, or a linear head on frozen features.

With a few hundred pictures one usually starts from a pretrained network. What a synthetic set adds
to that differs from what it adds to a network trained from scratch.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.linear_head import feature_batches, linear_head
from kerasgen.evaluation.classifiers.training import (
    TrainConfig,
    predict,
    train_network,
    train_on_images,
)
from kerasgen.evaluation.features.augmented_cache import AugmentedFeatureCache
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.utility.arms import AUGMENTATIONS
from kerasgen.evaluation.utility.training_sets import TrainingPools
from kerasgen.io.progress import Report

Predict = Callable[[np.ndarray], np.ndarray]
"""``[N, H, W, C]`` uint8 -> ``[N]`` int32, the most likely class."""

_VERSIONS = 2
"""Augmented versions of each picture in augmented arms; features of each are kept in memory."""

_AT_ONCE = 512
"""Pictures between two progress reports."""


class Learner(abc.ABC):
    """A way to train classifiers, the same for all that are compared.

    Attributes:
        config: Updates, batch size and learning rate; the arm decides on augmentation.
    """

    config: TrainConfig

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """Text that continues "classifiers, each ..."."""

    def settings(self) -> dict[str, Any]:
        """All settings that influence the result, except the pictures, as JSON values."""
        return {
            "steps": self.config.steps,
            "batch_size": self.config.batch_size,
            "rate": self.config.learning_rate,
        }

    @abc.abstractmethod
    def learn(self, pictures: LabelledImages, seed: int, *, augmentation: str = "none") -> Predict:
        """Trains a classifier.

        Args:
            pictures: Training pictures.
            seed: Seed of weights and order.
            augmentation: Strength of their random changes, of ``arms.AUGMENTATIONS``.

        Returns:
            The classifier's predictions as a function.
        """


@dataclass(frozen=True)
class FromScratch(Learner):
    """A small network, trained from scratch."""

    config: TrainConfig

    @property
    def description(self) -> str:
        """See ``Learner``."""
        return "a small network, trained from scratch"

    def settings(self) -> dict[str, Any]:
        """See ``Learner``."""
        own = {"augmentation": asdict(self.config.augmentation), "width": self.config.width}
        return super().settings() | own

    def learn(self, pictures: LabelledImages, seed: int, *, augmentation: str = "none") -> Predict:
        """See ``Learner``."""
        config = self.config
        if augmentation != "none":
            config = replace(config, augmentation=AUGMENTATIONS[augmentation])
        network = train_on_images(pictures, config, seed)
        return lambda images: predict(network, images)


class OnFeatures(Learner):
    """A linear head on the features of a frozen network, each computed once.

    Args:
        features: Features of the frozen network.
        config: Training configuration; ``width`` is not used.
        augmentations: Strengths of augmentation that ``prepare`` computes features for.
    """

    def __init__(
        self,
        features: FeatureExtractor,
        config: TrainConfig,
        augmentations: Sequence[str] = tuple(AUGMENTATIONS),
    ) -> None:
        self.config = config
        self._extractor = features
        self._caches = {
            name: AugmentedFeatureCache(features, augmentation)
            for name, augmentation in AUGMENTATIONS.items()
        }
        self._prepared = [name for name in augmentations if name != "none"]

    @property
    def description(self) -> str:
        """See ``Learner``."""
        return f"a linear head on frozen features of {self._extractor.name}"

    def settings(self) -> dict[str, Any]:
        """See ``Learner``."""
        return super().settings() | {
            "features": self._extractor.name,
            "version": self._extractor.version,
            "versions": _VERSIONS,
        }

    def prepare(self, pools: TrainingPools, test: np.ndarray, report: Report | None = None) -> None:
        """Computes the features of all pictures in advance.

        Args:
            pools: Pictures for training and selection.
            test: ``[N, H, W, C]`` uint8.
            report: Called now and then with the number of features done and of all.
        """
        trained_on = pools.real.images, pools.synthetic.images
        names = ["none", *self._prepared]
        sets = [(images, name) for images in trained_on for name in names]
        sets += [(test, "none")]
        if pools.validation is not None:
            sets += [(pools.validation.images, "none")]
        work = [(images, name, each) for images, name in sets for each in _versions(name)]
        done, total = 0, sum(len(images) for images, *_ in work)
        for images, name, version in work:
            for start in range(0, len(images), _AT_ONCE):
                part = images[start : start + _AT_ONCE]
                self._caches[name](part, version)
                done += len(part)
                if report is not None:
                    report(done, total)

    def learn(self, pictures: LabelledImages, seed: int, *, augmentation: str = "none") -> Predict:
        """See ``Learner``."""
        versions, cache = _versions(augmentation), self._caches[augmentation]
        features = np.concatenate([cache(pictures.images, each) for each in versions])
        labels = np.tile(pictures.labels, len(versions))
        keras.utils.set_random_seed(seed)
        head = linear_head(features, len(pictures.class_names))
        batches = feature_batches(features, labels, self.config.batch_size, seed=seed)
        train_network(head, iter(batches.dataset()), self.config, seed)
        return lambda images: predict(head, self._caches["none"](images))


def _versions(augmentation: str) -> Sequence[int]:
    """Versions of each picture: 0 is the picture as it is."""
    return [0] if augmentation == "none" else range(1, 1 + _VERSIONS)
