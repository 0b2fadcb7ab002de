"""Can a trained convolutional network tell real from synthetic, on pictures of unseen sources?

The two-sample tests of ``comparison.distances`` use a linear classifier on given features; this
network learns features of its own (Lopez-Paz & Oquab 2017, arXiv:1610.06545). It is trained twice,
on as many pictures: reference against synthetic, and, as the null, reference against other real
pictures. The null says what learning by heart, chance and the split give: about 0.5.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasgen.data.splits import split_by_source
from kerasgen.evaluation.classifiers.detector import (
    DETECTOR_CONFIG,
    DetectionData,
    balanced_accuracy,
    fit_detector,
    measure_detection,
)
from kerasgen.evaluation.classifiers.training import TrainConfig
from kerasgen.evaluation.comparison.distances import ComparedSets
from kerasgen.evaluation.features.by_name import (
    APPLICATIONS,
    application,
    features_at_its_size,
    resized,
)
from kerasgen.evaluation.features.extractors import FeatureExtractor, cached_features
from kerasgen.evaluation.metrics.intervals import Estimate, share_with_interval
from kerasgen.training.trainer import Trainer, TrainerOptions

SMALL = "small"

_MOST_SIDE, _MULTIPLE = 64, 16
"""Sides of the pictures that the small network sees: so that it can halve them four times."""

_TEST_SHARE = 0.3

FEWEST_PICTURES, FEWEST_SOURCES = 20, 6
"""Of each kind: fewer cannot be split into training, validation and test."""

CONFIG = replace(DETECTOR_CONFIG, steps=300, validate_every=50, patience=4)
"""Half a minute on one core for a few hundred pictures."""

NARROW = replace(CONFIG, width=8)
"""A third of that: for the figures of a training run, beside which it must not weigh."""


@dataclass(frozen=True)
class Network:
    """What is trained.

    Attributes:
        backbone: ``"small"``, four times two convolutions from scratch at up to 64x64; or a network
            of ``keras.applications`` at its own size, frozen, with a linear head that is trained.
        weights: Of the latter, see ``classifier.build_classifier``; None for random ones.
        config: How it is trained.
    """

    backbone: str = SMALL
    weights: str | None = None
    config: TrainConfig = CONFIG

    @property
    def description(self) -> str:
        """In words, for a reader."""
        if self.backbone == SMALL:
            return "a small network, trained here from scratch"
        if self.weights is None:
            return f"{self.backbone} with random weights, its head trained here"
        of = "of ImageNet" if self.weights == "imagenet" else f"of {Path(self.weights).name}"
        return f"{self.backbone} with the weights {of}, its head trained here"


def network_by_name(text: str) -> Network:
    """``small``, or ``NAME:FILE`` of a network of ``keras.applications``; its ImageNet without.

    Raises:
        ValueError: If there is no such network or file.
    """
    backbone, _, weights = text.partition(":")
    if weights and not Path(weights).is_file():
        raise ValueError(f"There is no such file of weights. Received: {text!r}")
    if backbone == SMALL and not weights:
        return Network()
    if backbone in APPLICATIONS:
        return Network(backbone, weights or "imagenet")
    names = ", ".join([SMALL, *(f"{name}:FILE" for name in APPLICATIONS)])
    raise ValueError(f"The network must be among {names}. Received: {text!r}")


@dataclass(frozen=True)
class Discrimination:
    """What came of the training against the synthetic set, and of the null.

    Attributes:
        numbers: ``network`` (its description), ``area_under_roc`` and ``accuracy`` (balanced), each
            a dict with ``synthetic`` and ``null``, ``Estimate`` as dicts on test pictures; and
            ``pixels``, the size at which it saw them.
        network: Whose feature maps can be looked at: pictures, float32 in [-1, 1], -> anything.
        unseen: Indices, among ``synthetic`` of the sets, of the pictures that it was not trained
            on. It was trained on no picture of ``null``.
    """

    numbers: dict[str, Any]
    network: keras.Model
    unseen: np.ndarray


def discriminate(
    sets: ComparedSets,
    network: Network,
    folder: str | Path,
    *,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Discrimination | str:
    """Trains a network to tell real from synthetic, and one on the null.

    In each of the two, 30 % of the pictures, by source, are for the test, and a fifth of the others
    says when to stop.

    Args:
        sets: From ``compared_sets``.
        network: What is trained.
        folder: Keeps checkpoints and networks, below a name that depends on all that matters: the
            same training is not done twice, and one that was interrupted goes on.
        seed: Of weights, splits and order.
        report: Called with what is being done.

    Returns:
        The result; or why nothing was trained, where there are too few pictures or sources.

    Raises:
        ValueError: If there are no such weights, or the folder cannot be written.
        Interrupted: See ``Trainer.run``.
    """
    missing = _missing(sets)
    if missing:
        return missing
    below = features = None
    if network.backbone != SMALL:
        below = application(network.backbone, network.weights)
        features = cached_features(
            features_at_its_size(below, network.backbone), Path(folder) / "features"
        )
    arms = {}
    for name, (images, groups) in sets.arms.items():
        report(f"training {network.backbone} on reference against {name}")
        data = DetectionData.of(
            _seen(sets.reference, network),
            _seen(images, network),
            (
                [("reference", one) for one in sets.reference_groups],
                [(name, one) for one in groups],
            ),
        )
        arms[name] = _train(data, network, features, Path(folder), seed)
    size = _size(sets.reference) if below is None else below.input_shape[1:3]
    test = arms["synthetic"].test
    return Discrimination(
        {
            "network": network.description,
            "pixels": f"{size[1]}x{size[0]}",
            **{
                measure: {name: arm.measured[measure] for name, arm in arms.items()}
                for measure in ("area_under_roc", "accuracy")
            },
        },
        arms["synthetic"].network if below is None else below,
        test[test >= len(sets.reference)] - len(sets.reference),
    )


def held_out_accuracy(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    sources: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    config: TrainConfig = NARROW,
    seed: int = 0,
) -> Estimate:
    """Balanced accuracy of the small network, real against synthetic, on given test pictures.

    0.5 means that it cannot tell them apart.

    Args:
        train: Real and synthetic pictures, each ``[N, H, W, C]`` uint8.
        test: The same, from other sources.
        sources: Of the training pictures: those of one source are trained on or say when to stop,
            never both. None for each its own.
        config: How it is trained.
        seed: Of weights, split and order.

    Returns:
        The mean of the accuracies on real and on synthetic test pictures, with a 95 % interval
        from the two binomials (Wilson's).
    """
    small = Network(config=config)
    real, synthetic = (_seen(images, small) for images in train)
    data = DetectionData.of(real, synthetic, sources)
    with tempfile.TemporaryDirectory() as folder:
        detector = fit_detector(_trainer(folder, config), data, config, seed=seed)
    return balanced_accuracy(
        *(
            share_with_interval((detector.score(_seen(images, small)) > 0) == kind)
            for images, kind in zip(test, (False, True), strict=True)
        )
    )


def _trainer(folder: str | Path, config: TrainConfig) -> Trainer:
    return Trainer(folder, options=TrainerOptions(log_every=config.validate_every, keep=1))


class _Arm(NamedTuple):
    """What was trained, indices of its test pictures, and the figures on them."""

    network: keras.Model
    test: np.ndarray
    measured: dict[str, Any]


def _train(
    data: DetectionData,
    network: Network,
    features: FeatureExtractor | None,
    folder: Path,
    seed: int,
) -> _Arm:
    labels = data.present.astype(np.int32)
    known, test = split_by_source(data.sources, _TEST_SHARE, seed, labels=labels)
    trainer = _trainer(folder / _digest(data, network, features, seed), network.config)
    detector = fit_detector(trainer, data.at(known), network.config, features=features, seed=seed)
    measured = measure_detection(detector.score, data.at(test), seed=seed)
    return _Arm(detector.network, test, measured)


def _missing(sets: ComparedSets) -> str:
    """Why nothing can be trained; empty if it can."""
    kinds = {"reference": (sets.reference, sets.reference_groups), **sets.arms}
    for name, (images, groups) in kinds.items():
        sources = len(set(groups))
        if len(images) < FEWEST_PICTURES or sources < FEWEST_SOURCES:
            return (
                f"No network was trained: {name} has {len(images)} pictures of {sources} "
                f"source(s), and {FEWEST_PICTURES} of {FEWEST_SOURCES} are needed."
            )
    return ""


def _seen(images: np.ndarray, network: Network) -> np.ndarray:
    """Pictures as the network sees them; a backbone's features resize on their own."""
    return resized(images, *_size(images)) if network.backbone == SMALL else images


def _size(images: np.ndarray) -> tuple[int, int]:
    """To the next multiple above, not below: what fine detail gives away must not be lost."""
    height, width = (
        min(-(-side // _MULTIPLE) * _MULTIPLE, _MOST_SIDE) for side in images.shape[1:3]
    )
    return height, width


def _digest(
    data: DetectionData, network: Network, features: FeatureExtractor | None, seed: int
) -> str:
    version = "" if features is None else features.version
    config = sorted(asdict(network.config).items())
    digest = hashlib.sha256(f"{network.backbone} {version} {config} {seed}".encode())
    digest.update(repr(data.sources).encode())
    digest.update(np.ascontiguousarray(data.images).tobytes())
    digest.update(data.present.tobytes())
    return digest.hexdigest()[:16]
