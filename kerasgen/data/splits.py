"""Splits into training and test pictures, made before anything is trained."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from kerasgen.data.random_streams import LabelStream


def split_by_folder_tail(
    paths: Sequence[Path], test_share: float, *, gap: int = 0
) -> tuple[list[int], list[int]]:
    """Holds out the last part of each folder, in the natural order of file names.

    For recordings, one folder each: neighbouring frames are nearly identical, and a random split
    would put them on both sides. ``frame9`` comes before ``frame10``.

    Args:
        paths: The pictures, in any order.
        test_share: Share of each folder to hold out, above 0 and below 1; at least one picture of
            each folder with two or more.
        gap: Pictures of each folder, just before those held out, that are on neither side.

    Returns:
        Indices of the training and of the test pictures, in ascending order.

    Raises:
        ValueError: If an argument is out of range or a side would be empty.
    """
    if not 0.0 < test_share < 1.0 or gap < 0:
        raise ValueError(
            "`test_share` must be in (0, 1) and `gap` not negative. "
            f"Received: test_share={test_share}, gap={gap}"
        )
    folders: dict[Path, list[int]] = defaultdict(list)
    for index in sorted(range(len(paths)), key=lambda each: _natural(paths[each])):
        folders[paths[index].parent].append(index)
    train: list[int] = []
    test: list[int] = []
    for indices in folders.values():
        held_out = max(1, round(len(indices) * test_share)) if len(indices) > 1 else 0
        train += indices[: max(len(indices) - held_out - gap, 0)] if held_out else indices
        test += indices[len(indices) - held_out :]
    if not train or not test:
        raise ValueError(
            "Too few pictures to hold any out: add some, or use a separate test folder. "
            f"Received: {len(paths)} pictures in {len(folders)} folders, gap={gap}"
        )
    return sorted(train), sorted(test)


def _natural(path: Path) -> tuple[list[str | int], str]:
    """A key by which numbers within names are sorted by value; equal keys differ by the name."""
    parts = re.split(r"([0-9]+)", path.as_posix())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.as_posix()


def split_by_source(
    sources: Sequence[Hashable],
    share: float,
    seed: int,
    *,
    labels: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Holds out whole sources (recordings, persons, scenes), chosen at random.

    All pictures of a source are on one side, so the held-out ones measure how a network generalises
    to new sources.

    Args:
        sources: The source of each of the N pictures: names or numbers.
        share: Approximate share of the pictures to hold out, above 0 and below 1; at least one
            source of each class with two or more, and never all of them.
        seed: Not negative; the choice depends on it and on the sources, not on their order.
        labels: ``[N]`` integers, to hold out the share of every class; a source of several classes
            counts for the most common one. None for one class.

    Returns:
        Indices of the training and of the held-out pictures, int64, each in ascending order.

    Raises:
        ValueError: If an argument is out of its range, or no class has two sources.
    """
    labels = np.zeros(len(sources), np.int64) if labels is None else np.asarray(labels)
    if not 0.0 < share < 1.0 or seed < 0:
        raise ValueError(
            "`share` must be above 0 and below 1 and `seed` not negative. "
            f"Received: share={share}, seed={seed}"
        )
    if labels.shape != (len(sources),) or labels.dtype.kind not in "iu":
        raise ValueError(
            "`labels` must be integers, one for each source. Received: labels of "
            f"shape={labels.shape}, dtype={labels.dtype} for {len(sources)} sources"
        )
    held_out = np.zeros(len(sources), bool)
    for label, members in sources_by_class(sources, labels).items():
        order = np.random.default_rng([seed, abs(label), int(label < 0)]).permutation(len(members))
        shuffled = [members[index] for index in order]
        for indices in shuffled[: _count_near(share, list(map(len, shuffled)))]:
            held_out[indices] = True
    if not held_out.any():
        raise ValueError(
            "No class has two sources, so none can be held out: add some. "
            f"Received: {len(set(sources))} sources of {len(np.unique(labels))} classes"
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


SOURCE_RULES = ("picture", "folder", "name")
"""How ``source_of`` derives the source of a picture."""


def source_of(name: str, rule: str) -> str:
    """Returns the source of a picture, derived from its name.

    Args:
        name: Path below the set's folder.
        rule: ``picture``: each is its own source; ``folder``: its folder; ``name``: its name
            without the last number, for frames of one recording. Rows of an array, like
            ``train#17``, are always their own source.

    Returns:
        Its name.

    Raises:
        ValueError: If there is no such rule.
    """
    if rule not in SOURCE_RULES:
        raise ValueError(f"A rule of sources is one of {SOURCE_RULES}. Received: {rule!r}")
    if re.search(r"#[0-9]+$", name):
        return name
    if rule == "folder":
        return str(Path(name).parent)
    if rule == "name":
        return re.sub(r"[0-9]+$", "", str(Path(name).with_suffix("")))
    return name


def sources_by_class(sources: Sequence[Hashable], labels: np.ndarray) -> dict[int, list[list[int]]]:
    """Groups picture indices by source, and sources by the most common class of their pictures.

    Args:
        sources: The source of each of the N pictures.
        labels: ``[N]`` integers.

    Returns:
        Class to its sources, each a list of indices; their order does not depend on that of the
        pictures.
    """
    pictures: dict[Hashable, list[int]] = defaultdict(list)
    for index, source in enumerate(sources):
        pictures[source].append(index)
    classes: dict[int, list[list[int]]] = defaultdict(list)
    for source in sorted(pictures, key=repr):
        found, counts = np.unique(labels[pictures[source]], return_counts=True)
        classes[int(found[counts.argmax()])].append(pictures[source])
    return classes


def _count_near(share: float, sizes: Sequence[int]) -> int:
    """How many of the first groups come nearest to a share of the whole; at least one, not all."""
    if len(sizes) < 2:
        return 0
    misses = np.abs(np.cumsum(sizes) - share * sum(sizes))
    return int(misses[:-1].argmin()) + 1


def balancing_repeats(images: np.ndarray, likeness: float = 5.0) -> np.ndarray:
    """Counts how often to repeat each picture so that near-copies do not weigh more.

    Renders and video frames hold near-copies. A discriminator memorises the most common scene, and
    the generator then degrades it first.

    Args:
        images: ``[N, H, W, C]`` uint8.
        likeness: Root mean square difference, in grey levels at 32x32 pixels, below which two
            pictures are near-copies.

    Returns:
        ``[N]`` integers from 1, for ``np.repeat(images, repeats, axis=0)``. A picture with k
        near-copies (itself included) gets about (the largest k) / k.
    """
    small = (
        np.stack(
            [
                np.asarray(Image.fromarray(image.squeeze()).resize((32, 32), Image.Resampling.BOX))
                for image in images
            ]
        )
        .reshape(len(images), -1)
        .astype(np.float32)
    )
    squares = (small**2).sum(axis=1)
    copies = np.empty(len(images))
    # Row by row: all distances of a large set would not fit into memory.
    for index, picture in enumerate(small):
        distances = (squares + squares[index] - 2.0 * small @ picture) / small.shape[1]
        copies[index] = np.count_nonzero(distances < likeness**2)
    copies = np.maximum(copies, 1.0)
    return np.maximum(np.rint(copies.max() / copies), 1).astype(np.int64)


def stratified_split(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Holds out a random share of every class.

    Near-copies, such as frames of one recording, may get on both sides; `split_by_source`
    keeps them together.

    Args:
        labels: `[N]` integers.
        share: Share of each class to hold out, above 0 and below 1; at least one picture of each
            class with two or more, and never all of them.
        seed: Not negative; which pictures of a class are held out depends on it and their number.

    Returns:
        Indices of the training and of the held-out pictures, int64, each in ascending order.

    Raises:
        ValueError: If an argument is out of its range or nothing would be held out.
    """
    labels = _checked_labels(labels, seed)
    if not 0.0 < share < 1.0:
        raise ValueError(f"`share` must be above 0 and below 1. Received: share={share}")
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels).tolist():
        indices = np.flatnonzero(labels == label)
        count = min(max(round(share * len(indices)), 1), len(indices) - 1)
        held_out[_random(seed, LabelStream.HELD_OUT, label).permutation(indices)[:count]] = True
    if not held_out.any():
        raise ValueError(
            "No class has two pictures, so none can be held out: add some. "
            f"Received: {len(labels)} labels"
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def balanced_indices(labels: np.ndarray, seed: int) -> np.ndarray:
    """Repeats pictures of rarer classes so that all classes are equally frequent.

    Args:
        labels: `[N]` integers.
        seed: Not negative.

    Returns:
        `[classes * largest class]` int64 indices in random order. Every picture occurs; within a
        class the numbers of repeats differ by at most one.

    Raises:
        ValueError: If an argument is out of its range.
    """
    labels = _checked_labels(labels, seed)
    classes, counts = np.unique(labels, return_counts=True)
    parts = []
    for label in classes.tolist():
        indices = np.flatnonzero(labels == label)
        rounds, rest = divmod(int(counts.max()), len(indices))
        some = _random(seed, LabelStream.REPEATED, label).permutation(indices)[:rest]
        parts.append(np.concatenate([np.tile(indices, rounds), some]))
    return _random(seed, LabelStream.ORDER, 0).permutation(np.concatenate(parts)).astype(np.int64)


def _random(seed: int, stream: LabelStream, label: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream, abs(label), int(label < 0)])


def _checked_labels(labels: np.ndarray, seed: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu" or seed < 0:
        received = f"labels of shape={labels.shape}, dtype={labels.dtype}, seed={seed}"
        raise ValueError(
            f"`labels` must be [N] integers and `seed` not negative. Received: {received}"
        )
    return labels
