"""Training sets of a proof: rising amounts of real pictures, alone and with others added."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.data.splits import balanced_indices, sources_by_class, split_by_source

Added = Literal["synthetic", "confirmed", "more real", "noise"]

HELD_OUT = 0.2
"""Share of the real pictures that is held out if there is no validation set."""


@dataclass(frozen=True)
class Arm:
    """One way to compose a training set.

    Attributes:
        name: Name in the report.
        real: Whether real pictures are included.
        times: Pictures added for each real training picture; without real ones, all are added.
        added: Kind of the added pictures: ``synthetic``; ``confirmed``, synthetic ones whose label
            is confirmed by a classifier trained on the real pictures; and, as controls, ``more
            real``, other real pictures, or ``noise`` with random labels.
        augmentation: Strength of the random changes of all pictures, of ``arms.AUGMENTATIONS``.
        balanced: Whether rare classes are oversampled.
    """

    name: str
    real: bool = True
    times: float = 0.0
    added: Added = "synthetic"
    augmentation: str = "none"
    balanced: bool = False

    @property
    def needs_synthetic(self) -> bool:
        """Whether it includes synthetic pictures."""
        return self.added in ("synthetic", "confirmed") and (self.times > 0 or not self.real)


@dataclass(frozen=True)
class TrainingPools:
    """Pictures that training sets are drawn from.

    Attributes:
        real: All real pictures, except the test pictures.
        groups: Source of each: pictures of one source stay together in every split.
        synthetic: Synthetic pictures of the same classes.
        validation: Other real pictures, not seen by the generator, to select arms on. None to hold
            out a fifth of the real pictures in use.
    """

    real: LabelledImages
    groups: Sequence[Hashable]
    synthetic: LabelledImages
    validation: LabelledImages | None = None

    def trained_on(self, amount: int) -> int:
        """Number of training pictures in an amount of real pictures."""
        return round((1 - HELD_OUT) * amount) if self.validation is None else amount


@dataclass(frozen=True)
class TrainingSet:
    """Training pictures of one classifier, and held-out pictures to select arms on.

    Attributes:
        pictures: Training pictures.
        held_out: Real pictures of other sources.
    """

    pictures: LabelledImages
    held_out: LabelledImages


def nested_order(groups: Sequence[Hashable], labels: np.ndarray, seed: int) -> np.ndarray:
    """An order in which every prefix has all classes in about their overall shares.

    Pictures of one source are consecutive. The amounts of a learning curve are prefixes, so larger
    ones contain the smaller ones.

    Args:
        groups: Source of each of N pictures.
        labels: ``[N]`` integers; a source counts for its most frequent class.
        seed: Seed of the order within classes; not negative.

    Returns:
        ``[N]`` int64 indices.
    """
    ranked = []
    for label, sources in sources_by_class(groups, labels).items():
        order = np.random.default_rng([seed, label]).permutation(len(sources))
        sizes = np.array([len(sources[index]) for index in order])
        # Relative position of the middle of a source in its class.
        ranks = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
        ranked += [(rank, label, sources[i]) for rank, i in zip(ranks, order, strict=True)]
    ranked.sort(key=lambda each: each[:2])
    return np.array([index for *_, source in ranked for index in source], np.int64)


def training_set(
    arm: Arm, amount: int, seed: int, pools: TrainingPools, confirmed: np.ndarray | None = None
) -> TrainingSet:
    """The pictures of one arm at one amount.

    Args:
        arm: The arm.
        amount: Number of real pictures in use; without a validation set a fifth of them, of
            separate sources, is held out.
        seed: Seed of the choice of real pictures, and of all draws.
        pools: All pictures.
        confirmed: ``[M]`` bool, which synthetic pictures are confirmed; for arms that add these.

    Returns:
        The training set. The held-out pictures are the same for all arms of an amount and seed.

    Raises:
        ValueError: If there are too few pictures to draw from.
    """
    order = nested_order(pools.groups, pools.real.labels, seed)
    chosen, others = order[:amount], order[amount:]
    own, held_out = _split(pools, chosen, seed)
    parts = [own] if arm.real else []
    if arm.times or not arm.real:
        count = round(arm.times * len(own.labels)) if arm.real else len(pools.synthetic.labels)
        parts.append(_added(arm, count, seed, pools, others, confirmed))
    pictures = LabelledImages(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        own.class_names,
        tuple(name for part in parts for name in part.names),
    )
    if arm.balanced:
        pictures = pictures.at(balanced_indices(pictures.labels, seed))
    return TrainingSet(pictures, held_out)


def _split(
    pools: TrainingPools, chosen: np.ndarray, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Training pictures, and those to select arms on."""
    if pools.validation is not None:
        return pools.real.at(chosen), pools.validation
    groups = [pools.groups[index] for index in chosen]
    kept, held = split_by_source(groups, HELD_OUT, seed, labels=pools.real.labels[chosen])
    return pools.real.at(chosen[kept]), pools.real.at(chosen[held])


def _added(
    arm: Arm,
    count: int,
    seed: int,
    pools: TrainingPools,
    others: np.ndarray,
    confirmed: np.ndarray | None,
) -> LabelledImages:
    if arm.added == "noise":
        return _noise(count, seed, pools.real)
    if arm.added == "more real":
        return pools.real.at(_first(others, count, "other real"))
    synthetic = pools.synthetic
    usable = np.arange(len(synthetic.labels)) if confirmed is None else np.flatnonzero(confirmed)
    order = usable[nested_order(usable.tolist(), synthetic.labels[usable], seed)]
    # The number of confirmed pictures is not known in advance: fewer are no error.
    first = order[:count] if confirmed is not None else _first(order, count, "synthetic")
    return synthetic.at(first)


def _first(indices: np.ndarray, count: int, kind: str) -> np.ndarray:
    if len(indices) < count:
        raise ValueError(
            f"There are too few {kind} pictures for this arm. Received: {len(indices)}, "
            f"needed: {count}"
        )
    return indices[:count]


def _noise(count: int, seed: int, like: LabelledImages) -> LabelledImages:
    generator = np.random.default_rng([seed, 1])
    images = generator.integers(0, 256, (count, *like.images.shape[1:]), dtype=np.uint8)
    labels = generator.integers(0, len(like.class_names), count).astype(np.int32)
    return LabelledImages(images, labels, like.class_names, ("noise",) * count)


def without_copies(pictures: LabelledImages, others: LabelledImages) -> LabelledImages:
    """Removes pictures that are exact copies of others.

    Args:
        pictures: Pictures to filter.
        others: Pictures of the same size, such as test pictures.

    Returns:
        The remaining pictures.
    """
    known = {image.tobytes() for image in others.images}
    new = [index for index, image in enumerate(pictures.images) if image.tobytes() not in known]
    return pictures.at(np.array(new, np.int64))
