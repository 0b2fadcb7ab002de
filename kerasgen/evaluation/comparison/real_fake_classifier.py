"""Can a trained convolutional network distinguish real from synthetic pictures of unseen sources?

The two-sample tests of ``comparison.distances`` use a linear classifier on fixed features; this
network learns its own features (Lopez-Paz & Oquab 2017, arXiv:1610.06545). It is trained twice, on
equally many pictures: reference against synthetic and, as the baseline, reference against other
real pictures. The baseline shows what overfitting, chance and the split give: about 0.5.
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
from kerasgen.evaluation.metrics import Estimate, share_with_interval
from kerasgen.training.trainer import Trainer, TrainerOptions

SMALL = "small"

_MOST_SIDE, _MULTIPLE = 64, 16
"""Largest side of the small network's input, and the number its sides are multiples of."""

_TEST_SHARE = 0.3

FEWEST_PICTURES, FEWEST_SOURCES = 20, 6
"""Fewest of each kind that can be split into training, validation and test."""

CONFIG = replace(DETECTOR_CONFIG, steps=300, validate_every=50, patience=4)
"""Takes half a minute on one core for a few hundred pictures."""

NARROW = replace(CONFIG, width=8)
"""Takes a third of that: for measurements during a training run."""


@dataclass(frozen=True)
class Network:
    """The network to train.

    Attributes:
        backbone: ``"small"``, four pairs of convolutions from scratch at up to 64x64; or a frozen
            network of ``keras.applications`` at its own size, with a linear head that is trained.
        weights: Weights of the latter, see ``build_classifier``; None for random ones.
        config: Training configuration.
    """

    backbone: str = SMALL
    weights: str | None = None
    config: TrainConfig = CONFIG

    @property
    def description(self) -> str:
        """The network in words."""
        if self.backbone == SMALL:
            return "a small network, trained here from scratch"
        if self.weights is None:
            return f"{self.backbone} with random weights, its head trained here"
        of = "of ImageNet" if self.weights == "imagenet" else f"of {Path(self.weights).name}"
        return f"{self.backbone} with the weights {of}, its head trained here"


def network_by_name(text: str) -> Network:
    """A network from its name.

    Args:
        text: ``small``, or ``NAME:FILE``, a network of ``keras.applications`` with its weights;
            without a file, those of ImageNet.

    Returns:
        The network, untrained.

    Raises:
        ValueError: If there is no such network or file.
    """
    backbone, _, weights = text.partition(":")
    if weights and not Path(weights).is_file():
        raise ValueError(f"There is no such weights file. Received: {text!r}")
    if backbone == SMALL and not weights:
        return Network()
    if backbone in APPLICATIONS:
        return Network(backbone, weights or "imagenet")
    names = ", ".join([SMALL, *(f"{name}:FILE" for name in APPLICATIONS)])
    raise ValueError(f"The network must be among {names}. Received: {text!r}")


@dataclass(frozen=True)
class Discrimination:
    """Results of the training against the synthetic set and against the baseline.

    Attributes:
        numbers: ``network`` (its description), ``area_under_roc`` and ``accuracy`` (balanced), each
            a dict with ``synthetic`` and ``baseline``, ``Estimate`` as dicts on test pictures; and
            ``pixels``, the size of its input.
        network: The network with feature maps: pictures, float32 in [-1, 1], -> any output.
        unseen: Indices, in the sets' ``synthetic``, of the pictures that it was not trained on.
            It was trained on no picture of ``baseline``.
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
    """Trains a network to distinguish real from synthetic pictures, and one for the baseline.

    For each, 30 % of the pictures, by source, are the test set, and a fifth of the others are held
    out for early stopping.

    Args:
        sets: From ``compared_sets``.
        network: The network to train.
        folder: Keeps checkpoints and networks in a subfolder named after all inputs, so that
            the same training is not repeated and an interrupted one is resumed.
        seed: Seed of weights, splits and order.
        report: Called with a short description of each stage.

    Returns:
        The result; a message if there are too few pictures or sources to train on.

    Raises:
        ValueError: If the weights do not exist, or the folder cannot be written.
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
    for name in sets.arms:
        report(f"training {network.backbone} on reference against {name}")
        arms[name] = _train(_data(sets, name, network), network, features, Path(folder), seed)
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


def _data(sets: ComparedSets, arm: str, network: Network) -> DetectionData:
    """Pictures of the reference, and of an arm as those to detect."""
    images, groups = sets.arms[arm]
    return DetectionData.of(
        _seen(sets.reference, network),
        _seen(images, network),
        (sets.reference_groups, groups),
    )


def held_out_accuracy(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    sources: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    config: TrainConfig = NARROW,
    seed: int = 0,
) -> Estimate:
    """Balanced accuracy of the small network, real against synthetic, on separate test pictures.

    An accuracy of 0.5 means that it cannot distinguish them.

    Args:
        train: Real and synthetic pictures, each ``[N, H, W, C]`` uint8.
        test: The same, from other sources.
        sources: Sources of the training pictures: those of one source are all trained on or all
            held out for early stopping. None if each is its own source.
        config: Training configuration.
        seed: Seed of weights, split and order.

    Returns:
        The mean of the accuracies on real and on synthetic test pictures, with a 95 % interval
        from the two binomials.

    Raises:
        SystemExit: After Ctrl-C or SIGTERM.
    """
    small = Network(config=config)
    real, synthetic = (_seen(images, small) for images in train)
    data = DetectionData.of(real, synthetic, sources)
    with tempfile.TemporaryDirectory() as folder:
        try:
            detector = fit_detector(_trainer(folder, config), data, config, seed=seed)
        except SystemExit as stop:
            # The trainer's own message names a folder that is about to be removed.
            raise SystemExit(
                "Stopped while a network learned to distinguish the two sets. Run the same command "
                "again to measure them again."
            ) from stop
    return balanced_accuracy(
        *(
            share_with_interval((detector.score(_seen(images, small)) > 0) == kind)
            for images, kind in zip(test, (False, True), strict=True)
        )
    )


def _trainer(folder: str | Path, config: TrainConfig) -> Trainer:
    return Trainer(folder, options=TrainerOptions(log_every=config.validate_every, keep=1))


class _Arm(NamedTuple):
    """A trained network, indices of its test pictures, and the measures on them."""

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
    measured = measure_detection(detector.score, data.at(test))
    return _Arm(detector.network, test, measured)


def _missing(sets: ComparedSets) -> str:
    """Why no network can be trained; empty if one can."""
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
    """Pictures at the network's input size; a backbone's features resize by themselves."""
    return resized(images, *_size(images)) if network.backbone == SMALL else images


def _size(images: np.ndarray) -> tuple[int, int]:
    """Sides rounded up to the next multiple, so that fine detail is not lost."""
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
