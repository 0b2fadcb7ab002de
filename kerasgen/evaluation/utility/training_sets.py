"""Training sets for a proof: real pictures in rising amounts, alone and with others added."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kerasgen.data.labelled_images import LabelledImages, balanced_places
from kerasgen.data.splits import sources_by_class, split_by_source

Added = Literal["synthetic", "confirmed", "more real", "noise"]

HELD_OUT = 0.2
"""Share of the real pictures that no classifier is trained on, where no others are given to choose
arms by."""


@dataclass(frozen=True)
class Arm:
    """One way to make a training set.

    Attributes:
        name: As a reader sees it.
        real: Whether the real pictures are in it.
        times: Pictures added for each real one that is trained on; without real ones all.
        added: Of which kind: ``synthetic``; ``confirmed``, those whose label a classifier trained
            on the real pictures confirms; ``more real``, others of the real pictures, and
            ``noise``, with labels drawn at random: controls.
        augmented: Whether all pictures are turned, moved and mirrored at random.
        alike: Whether rare classes are shown as often as others.
    """

    name: str
    real: bool = True
    times: float = 0.0
    added: Added = "synthetic"
    augmented: bool = False
    alike: bool = False

    @property
    def needs_synthetic(self) -> bool:
        """Whether it says something of the synthetic set."""
        return self.added in ("synthetic", "confirmed") and (self.times > 0 or not self.real)


@dataclass(frozen=True)
class Pools:
    """What training sets are drawn from.

    Attributes:
        real: All real pictures but the test's.
        groups: The source of each: pictures of one source lie on one side of every split.
        synthetic: With the same classes.
        validation: Other real pictures, which the generator has not seen either, to choose arms by.
            None holds out a fifth of the real ones at hand.
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
        images: ``[N, H, W, C]`` uint8.
        labels: ``[N]`` int32.
        held_out: Real pictures of other sources than those trained on.
    """

    images: np.ndarray
    labels: np.ndarray
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
        ``[N]`` int64 places.
    """
    ranked = []
    for label, sources in sources_by_class(groups, labels).items():
        order = np.random.default_rng([seed, label]).permutation(len(sources))
        sizes = np.array([len(sources[index]) for index in order])
        # How far into its class the middle of a source stands.
        ranks = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
        ranked += [(rank, label, sources[i]) for rank, i in zip(ranks, order, strict=True)]
    ranked.sort(key=lambda each: each[:2])
    return np.array([place for _, _, places in ranked for place in places], np.int64)


def training_set(
    arm: Arm, amount: int, seed: int, pools: Pools, confirmed: np.ndarray | None = None
) -> TrainingSet:
    """The pictures of one arm at one amount.

    Args:
        arm: Which.
        amount: Real pictures at hand; without others for validation a fifth of them, of sources of
            their own, is held out.
        seed: Which real pictures those are, and the draws of the rest.
        pools: All pictures.
        confirmed: ``[M]`` bool, which synthetic pictures are confirmed; for arms that add such.

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
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    if arm.alike:
        places = balanced_places(labels, seed)
        images, labels = images[places], labels[places]
    return TrainingSet(images, labels, held_out)


def _split(pools: Pools, chosen: np.ndarray, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """What is trained on, and what is chosen by."""
    if pools.validation is not None:
        return pools.real.at(chosen), pools.validation
    groups = [pools.groups[place] for place in chosen]
    kept, held = split_by_source(groups, HELD_OUT, seed, labels=pools.real.labels[chosen])
    return pools.real.at(chosen[kept]), pools.real.at(chosen[held])


def _added(
    arm: Arm,
    count: int,
    seed: int,
    pools: Pools,
    others: np.ndarray,
    confirmed: np.ndarray | None,
) -> LabelledImages:
    if arm.added == "noise":
        return _noise(count, seed, pools.real)
    if arm.added == "more real":
        return pools.real.at(_first(others, count, "other real"))
    made = pools.synthetic
    places = np.arange(len(made.labels)) if confirmed is None else np.flatnonzero(confirmed)
    order = places[nested_order(places.tolist(), made.labels[places], seed)]
    # Of the confirmed ones there are as many as there are.
    return made.at(order[:count] if confirmed is not None else _first(order, count, "synthetic"))


def _first(places: np.ndarray, count: int, kind: str) -> np.ndarray:
    if len(places) < count:
        raise ValueError(
            f"There are too few {kind} pictures for this arm. Received: {len(places)}, "
            f"needed: {count}"
        )
    return places[:count]


def _noise(count: int, seed: int, like: LabelledImages) -> LabelledImages:
    generator = np.random.default_rng([seed, 1])
    images = generator.integers(0, 256, (count, *like.images.shape[1:]), dtype=np.uint8)
    labels = generator.integers(0, len(like.class_names), count).astype(np.int32)
    return LabelledImages(images, labels, like.class_names, ("noise",) * count)
