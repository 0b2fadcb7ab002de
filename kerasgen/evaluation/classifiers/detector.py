"""Is it on the picture or not? A detector of one thing, trained on made pictures, tested on real.

What a detector scores on pictures made like those it learned from says little: whatever marks the
making serves it as well as the thing. So it is tested on real pictures, and the score on held-out
made ones is only reported beside: it is what one would have claimed without them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasgen.classifier import ClassifierStep, build_classifier
from kerasgen.data.augmentation import Augmentation
from kerasgen.data.labelled_images import balanced_places
from kerasgen.data.pipeline import Batches, Pictures, labelled
from kerasgen.data.splits import split_by_source
from kerasgen.evaluation.classifiers.early_stopping import (
    feature_batches,
    fit_classifier,
    linear_head,
    log_likelihood,
)
from kerasgen.evaluation.classifiers.training import compute_logits
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.metrics import Estimate, area_under_roc, bootstrap_mean
from kerasgen.training.step import Player
from kerasgen.training.trainer import Trainer

Score = Callable[[np.ndarray], np.ndarray]
"""``[N, H, W, C]`` uint8 -> ``[N]`` float: log-odds that the thing is there."""

HELD_OUT = 0.2
"""Share of the sources on which it is decided when to stop."""

_WIDTHS = (16, 32, 64, 64)
"""Channels of the small network, one for each halving that the pictures' sides allow."""


@dataclass(frozen=True)
class Sightings:
    """Pictures with a thing and without.

    Attributes:
        images: ``[N, H, W, C]`` uint8.
        present: ``[N]`` bool.
        sources: N names or numbers: what each picture was made from, or which scene it shows.
    """

    images: np.ndarray
    present: np.ndarray
    sources: Sequence[Hashable]

    @classmethod
    def of(
        cls,
        without: np.ndarray,
        with_it: np.ndarray,
        sources: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    ) -> Sightings:
        """Both kinds in one; without ``sources`` every picture is its own."""
        counts = len(without), len(with_it)
        names = sources or (range(counts[0]), range(counts[0], sum(counts)))
        return cls(
            np.concatenate([without, with_it]),
            np.repeat([False, True], counts),
            [*names[0], *names[1]],
        )

    @property
    def groups(self) -> np.ndarray:
        """``[N]`` integers: the same for pictures of one source."""
        numbers = np.unique([repr(source) for source in self.sources], return_inverse=True)[1]
        return np.asarray(numbers)

    def at(self, places: np.ndarray) -> Sightings:
        """Those at ``[M]`` integer places."""
        sources = [self.sources[place] for place in places]
        return Sightings(self.images[places], self.present[places], sources)


@dataclass(frozen=True)
class Plan:
    """How a detector is trained; the same for all that are compared.

    Attributes:
        steps: Most updates.
        every: Updates between two validations.
        patience: Validations in vain after which the training ends.
        batch_size: Pictures in a batch, as many of each kind.
        rate: Adam's learning rate.
    """

    steps: int = 1500
    every: int = 100
    patience: int = 6
    batch_size: int = 32
    rate: float = 1e-3


@dataclass(frozen=True)
class Detector:
    """A trained detector.

    Attributes:
        score: The detector itself.
        network: What was trained: pictures, or features, -> two logits.
        claimed: ``measure_detection`` on the held-out part of what it was trained on.
    """

    score: Score
    network: keras.Model
    claimed: dict[str, Any]


def fit_detector(
    trainer: Trainer,
    data: Sightings,
    plan: Plan,
    *,
    features: FeatureExtractor | None = None,
    seed: int = 0,
) -> Detector:
    """Trains a detector; the weights best on held-out sources are kept.

    Args:
        trainer: Its work folder keeps checkpoints and the best network; a new start goes on.
        data: What to learn from; a source is in training or held out, never both.
        plan: How long and how fast.
        features: Train a linear head on these, computed once; None for a small network from
            scratch, shown half of the pictures mirrored.
        seed: Of weights, split and order.
    """
    places, held_out = split_by_source(
        data.sources, HELD_OUT, seed, labels=data.present.astype(np.int64)
    )
    unseen = data.at(held_out)
    keras.utils.set_random_seed(seed)
    with trainer.scope():
        if features is None:
            learner = _from_scratch(data.at(places), plan, seed)
        else:
            learner = _on_features(data, places, features, plan, seed)
        network = learner.network
        step = ClassifierStep(network, Player(network, keras.optimizers.Adam(plan.rate)), seed=seed)
    fit_classifier(
        trainer,
        step,
        learner.batches,
        log_likelihood(learner.see(unseen.images), unseen.present.astype(np.int64)),
        steps=plan.steps,
        every=plan.every,
        patience=plan.patience,
    )

    def score(images: np.ndarray) -> np.ndarray:
        logits = compute_logits(network, learner.see(images)).astype(np.float64)
        return logits[:, 1] - logits[:, 0]

    return Detector(score, network, measure_detection(score, unseen))


class _Learner(NamedTuple):
    """A network, batches to train it on, and what it sees of pictures ``[N, H, W, C]`` uint8."""

    network: keras.Model
    batches: Batches
    see: Callable[[np.ndarray], np.ndarray]


def _from_scratch(train: Sightings, plan: Plan, seed: int) -> _Learner:
    """A small network, shown half of the pictures mirrored."""
    shape = train.images.shape[1:]
    widths = [
        width for level, width in enumerate(_WIDTHS) if min(shape[:2]) % 2 ** (level + 1) == 0
    ]
    labels = train.present.astype(np.int32)
    places = balanced_places(labels, seed)
    pictures = Pictures.from_array(train.images[places], labels[places])
    batches = labelled(pictures, plan.batch_size, seed=seed, augmentation=Augmentation(flip=True))
    return _Learner(
        build_classifier(shape, 2, widths=widths, units=64), batches, lambda images: images
    )


def _on_features(
    data: Sightings, train: np.ndarray, features: FeatureExtractor, plan: Plan, seed: int
) -> _Learner:
    """A linear head; mean and deviation of the training pictures' features are taken out."""
    # Of all pictures at once, whoever is held out: a cache then has them for every seed.
    known = features(data.images)[train]
    mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-3
    labels = data.present[train].astype(np.int32)
    places = balanced_places(labels, seed)
    batches = feature_batches(
        ((known - mean) / deviation)[places], labels[places], plan.batch_size, seed=seed
    )
    return _Learner(
        linear_head(known.shape[1], 2),
        batches,
        lambda images: (features(images) - mean) / deviation,
    )


def measure_detection(score: Score, data: Sightings, *, seed: int = 0) -> dict[str, Any]:
    """How well a detector tells the two kinds apart.

    Args:
        score: The detector.
        data: Pictures to test on; those of one source are resampled together.
        seed: Of the intervals.

    Returns:
        ``area_under_roc``; ``accuracy`` at log-odds 0, the mean of ``accuracy_with`` and
        ``accuracy_without``; each with its interval.
    """
    scores = score(data.images)
    groups = data.groups
    right = (scores > 0) == data.present
    parts = {
        name: bootstrap_mean(right[kind], groups[kind], seed=seed)
        for name, kind in (("accuracy_with", data.present), ("accuracy_without", ~data.present))
    }
    halves = list(parts.values())
    # The two are of different pictures: their errors add up as squares.
    below, above = (
        0.5 * float(np.hypot(*(getattr(half, end) - half.value for half in halves)))
        for end in ("low", "high")
    )
    mean = 0.5 * sum(half.value for half in halves)
    balanced = Estimate(mean, mean - below, mean + above, min(half.count for half in halves))
    area = area_under_roc(data.present, scores, groups, seed=seed)
    return {
        name: asdict(value)
        for name, value in {"area_under_roc": area, "accuracy": balanced, **parts}.items()
    }
