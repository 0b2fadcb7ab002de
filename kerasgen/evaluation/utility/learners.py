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

from kerasgen.evaluation.classifiers.early_stopping import feature_batches, linear_head
from kerasgen.evaluation.classifiers.training import (
    Protocol,
    compute_logits,
    predict,
    real_batches,
    train_classifier,
    train_network,
)
from kerasgen.evaluation.features.augmented_cache import RememberedFeatures
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.utility.arms import CLASSICAL
from kerasgen.evaluation.utility.training_sets import Pools
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
        protocol: Its length; augmentation is the arms' affair.
    """

    protocol: Protocol

    @property
    @abc.abstractmethod
    def description(self) -> str:
        """As in "classifiers, each ..."."""

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """All that decides what is learned, but for the pictures; fit for JSON."""

    @abc.abstractmethod
    def learn(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        num_classes: int,
        seed: int,
        *,
        augmented: bool = False,
    ) -> Predict:
        """Learns from pictures.

        Args:
            images: ``[N, H, W, C]`` uint8.
            labels: ``[N]`` integers below ``num_classes``.
            num_classes: How many there are.
            seed: Of weights and order.
            augmented: Whether pictures are turned, moved, zoomed and mirrored at random.

        Returns:
            What it has become.
        """


@dataclass(frozen=True)
class FromScratch(Learner):
    """A small network that has seen nothing else."""

    protocol: Protocol

    @property
    def description(self) -> str:
        """See ``Learner``."""
        return "a small network, trained from scratch"

    def settings(self) -> dict[str, Any]:
        """See ``Learner``."""
        return asdict(self.protocol)

    def learn(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        num_classes: int,
        seed: int,
        *,
        augmented: bool = False,
    ) -> Predict:
        """See ``Learner``."""
        protocol = replace(self.protocol, augmentation=CLASSICAL) if augmented else self.protocol
        batches = real_batches(images, labels, protocol, seed)
        network = train_classifier(batches, images.shape[1:], num_classes, protocol, seed)
        return lambda pictures: predict(network, pictures).astype(np.int32)


class OnFeatures(Learner):
    """A linear head on the features of a frozen network, each computed once.

    Args:
        features: The network.
        protocol: Its ``width`` means nothing here.
    """

    def __init__(self, features: FeatureExtractor, protocol: Protocol) -> None:
        self.protocol = protocol
        self._features = features
        self._known = RememberedFeatures(features, CLASSICAL)

    @property
    def description(self) -> str:
        """See ``Learner``."""
        return f"a linear head on frozen features of {self._features.name}"

    def settings(self) -> dict[str, Any]:
        """See ``Learner``."""
        return {
            "steps": self.protocol.steps,
            "batch_size": self.protocol.batch_size,
            "rate": self.protocol.rate,
            "features": self._features.name,
            "version": self._features.version,
            "versions": _VERSIONS,
        }

    def prepare(self, pools: Pools, test: np.ndarray, report: Report | None = None) -> None:
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
                self._known(part, version)
                done += len(part)
                if report is not None:
                    report(done, total)

    def learn(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        num_classes: int,
        seed: int,
        *,
        augmented: bool = False,
    ) -> Predict:
        """See ``Learner``."""
        versions = range(1, 1 + _VERSIONS) if augmented else [0]
        known = np.concatenate([self._known(images, each) for each in versions])
        labels = np.tile(labels, len(versions))
        mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-3
        known = (known - mean) / deviation
        keras.utils.set_random_seed(seed)
        head = linear_head(known.shape[1], num_classes)
        batches = feature_batches(known, labels, self.protocol.batch_size, seed=seed)
        train_network(head, iter(batches.dataset()), self.protocol, seed)

        def classes(pictures: np.ndarray) -> np.ndarray:
            logits = compute_logits(head, (self._known(pictures) - mean) / deviation)
            return np.argmax(logits, axis=1).astype(np.int32)

        return classes
