"""What learns classes in a proof: a small network from scratch, or a head on frozen features.

Who has a few hundred pictures starts from a network that has seen millions. What a synthetic set
adds to that is another question than what it adds to a network that has seen nothing else.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
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
from kerasgen.evaluation.utility.arms import CLASSICAL
from kerasgen.evaluation.utility.training_sets import TrainingPools
from kerasgen.io.progress import Report

Predict = Callable[[np.ndarray], np.ndarray]
"""``[N, H, W, C]`` uint8 -> ``[N]`` int32, the most likely class."""

_VERSIONS = 2
"""Changed versions of each picture where all are augmented: features of each have to be kept."""

_AT_ONCE = 512
"""Pictures between two reports."""


class Learner(abc.ABC):
    """A way to learn, the same for all that are compared.

    Attributes:
        config: Length, batch size, learning rate; arms say what is augmented.
    """

    config: TrainConfig

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """As in "classifiers, each ..."."""

    def settings(self) -> dict[str, Any]:
        """All that decides what is learned, but for the pictures; fit for JSON."""
        return {
            "steps": self.config.steps,
            "batch_size": self.config.batch_size,
            "rate": self.config.learning_rate,
        }

    @abc.abstractmethod
    def learn(self, pictures: LabelledImages, seed: int, *, augmented: bool = False) -> Predict:
        """Trains a classifier.

        Args:
            pictures: To learn from.
            seed: Of weights and order.
            augmented: Whether pictures are turned, moved, zoomed and mirrored at random.

        Returns:
            The classifier.
        """


@dataclass(frozen=True)
class FromScratch(Learner):
    """A small network that has seen nothing else."""

    config: TrainConfig

    @property
    def description(self) -> str:
        """See ``Learner``."""
        return "a small network, trained from scratch"

    def settings(self) -> dict[str, Any]:
        """See ``Learner``."""
        own = {"augmentation": asdict(self.config.augmentation), "width": self.config.width}
        return super().settings() | own

    def learn(self, pictures: LabelledImages, seed: int, *, augmented: bool = False) -> Predict:
        """See ``Learner``."""
        config = replace(self.config, augmentation=CLASSICAL) if augmented else self.config
        network = train_on_images(pictures, config, seed)
        return lambda images: predict(network, images)


class OnFeatures(Learner):
    """A linear head on the features of a frozen network, each computed once.

    Args:
        features: The network.
        config: Its ``width`` means nothing here.
    """

    def __init__(self, features: FeatureExtractor, config: TrainConfig) -> None:
        self.config = config
        self._extractor = features
        self._features = AugmentedFeatureCache(features, CLASSICAL)

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
        """Computes beforehand what takes long: the features of all pictures.

        Args:
            pools: What is trained on and chosen by.
            test: ``[N, H, W, C]`` uint8.
            report: Called now and then with the number of features done and of all.
        """
        trained_on = pools.real.images, pools.synthetic.images
        work = [(images, each) for images in trained_on for each in range(1 + _VERSIONS)]
        work += [(test, 0)]
        if pools.validation is not None:
            work += [(pools.validation.images, 0)]
        done, total = 0, sum(len(images) for images, _ in work)
        for images, version in work:
            for start in range(0, len(images), _AT_ONCE):
                part = images[start : start + _AT_ONCE]
                self._features(part, version)
                done += len(part)
                if report is not None:
                    report(done, total)

    def learn(self, pictures: LabelledImages, seed: int, *, augmented: bool = False) -> Predict:
        """See ``Learner``."""
        versions = range(1, 1 + _VERSIONS) if augmented else [0]
        features = np.concatenate([self._features(pictures.images, each) for each in versions])
        labels = np.tile(pictures.labels, len(versions))
        keras.utils.set_random_seed(seed)
        head = linear_head(features, len(pictures.class_names))
        batches = feature_batches(features, labels, self.config.batch_size, seed=seed)
        train_network(head, iter(batches.dataset()), self.config, seed)
        return lambda images: predict(head, self._features(images))
