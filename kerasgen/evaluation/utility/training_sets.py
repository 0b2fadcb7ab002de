"""Training sets for a proof: real pictures in rising amounts, alone and with others added."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.data.splits import balanced_indices, sources_by_class, split_by_source

Added = Literal["synthetic", "confirmed", "more real", "noise"]

HELD_OUT = 0.2
"""Share of the real pictures that no classifier is trained on, where there is no validation set."""


@dataclass(frozen=True)
class Arm:
    """One way to make a training set.

    Attributes:
        name: In the report.
        real: Whether the real pictures are in it.
        times: Pictures added for each real one that is trained on; without real ones all.
        added: Of which kind: ``synthetic``; ``confirmed``, those whose label a classifier trained
            on the real pictures confirms; ``more real``, others of the real pictures, and
            ``noise``, with labels drawn at random: controls.
        augmented: Whether all pictures are turned, moved and mirrored at random.
        balanced: Whether rare classes are shown as often as others.
    """

    name: str
    real: bool = True
    times: float = 0.0
    added: Added = "synthetic"
    augmented: bool = False
    balanced: bool = False

    @property
    def needs_synthetic(self) -> bool:
        """Whether synthetic pictures are in it."""
        return self.added in ("synthetic", "confirmed") and (self.times > 0 or not self.real)


@dataclass(frozen=True)
class TrainingPools:
    """What training sets are drawn from.

    Attributes:
        real: All real pictures but those of the test.
        groups: The source of each: pictures of one source lie on one side of every split.
        synthetic: With the same classes.
        validation: Other real pictures, which the generator has not seen either, to choose arms by.
            None holds out a fifth of the real ones in use.
    """

    real: LabelledImages
    groups: Sequence[Hashable]
    synthetic: LabelledImages
    validation: LabelledImages | None = None

    def trained_on(self, amount: int) -> int:
        """How many of an amount of real pictures a classifier is trained on."""
        return round((1 - HELD_OUT) * amount) if self.validation is None else amount


@dataclass(frozen=True)
class TrainingSet:
    """What one classifier is trained on, and what it is chosen by.

    Attributes:
        pictures: To train on.
        held_out: Real pictures of other sources.
    """

    pictures: LabelledImages
    held_out: LabelledImages


def nested_order(groups: Sequence[Hashable], labels: np.ndarray, seed: int) -> np.ndarray:
    """An order of which every beginning is a small copy of the whole: all classes in their shares.

    Pictures of one source stand together, and a longer beginning holds all of a shorter one: the
    amounts of a learning curve differ by what is added, not by luck.

    Args:
        groups: The source of each of N pictures.
        labels: ``[N]`` integers; a source counts for its commonest class.
        seed: Of the order within classes; not negative.

    Returns:
        ``[N]`` int64 indices.
    """
    ranked = []
    for label, sources in sources_by_class(groups, labels).items():
        order = np.random.default_rng([seed, label]).permutation(len(sources))
        sizes = np.array([len(sources[index]) for index in order])
        # How far into its class the middle of a source stands.
        ranks = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
        ranked += [(rank, label, sources[i]) for rank, i in zip(ranks, order, strict=True)]
    ranked.sort(key=lambda each: each[:2])
    return np.array([index for *_, source in ranked for index in source], np.int64)


def training_set(
    arm: Arm, amount: int, seed: int, pools: TrainingPools, confirmed: np.ndarray | None = None
) -> TrainingSet:
    """The pictures of one arm at one amount.

    Args:
        arm: Which.
        amount: Real pictures in use; without a validation set a fifth of them, of sources of their
            own, is held out.
        seed: Of the choice of real pictures, and of all draws.
        pools: All pictures.
        confirmed: ``[M]`` bool, which synthetic pictures are confirmed; for arms that add them.

    Returns:
        The set. The held-out pictures are the same for all arms of an amount and seed.

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
    """Pictures to train on, and those to choose arms by."""
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
    # How many are confirmed is not known beforehand: fewer are no error.
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
    """Leaves out pictures that are exact copies of others.

    Args:
        pictures: Of the same size as the others.
        others: Such as test pictures, which nothing may be trained on.
    """
    known = {image.tobytes() for image in others.images}
    new = [index for index, image in enumerate(pictures.images) if image.tobytes() not in known]
    return pictures.at(np.array(new, np.int64))
