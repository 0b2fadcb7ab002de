"""Training and test pictures, apart before anything is trained."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def split_by_folder_tail(paths: Sequence[Path], test_share: float) -> tuple[list[int], list[int]]:
    """Holds out the last part of each folder, in the order of file names.

    Frames of one recording lie in one folder and neighbours are nearly alike: a random split
    would put twins on both sides.

    Args:
        paths: The pictures, in any order.
        test_share: Share of each folder that is held out, above 0 and below 1; at least one
            picture of every folder that has more than one.

    Returns:
        Places of the training and of the test pictures in ``paths``.

    Raises:
        ValueError: If the share is out of range or a side would be empty.
    """
    if not 0.0 < test_share < 1.0:
        raise ValueError(f"`test_share` must be in (0, 1). Received: test_share={test_share}")
    folders: dict[Path, list[int]] = defaultdict(list)
    for place in sorted(range(len(paths)), key=lambda index: paths[index].as_posix()):
        folders[paths[place].parent].append(place)
    train: list[int] = []
    test: list[int] = []
    for places in folders.values():
        held_out = max(1, round(len(places) * test_share)) if len(places) > 1 else 0
        train += places[: len(places) - held_out]
        test += places[len(places) - held_out :]
    if not train or not test:
        raise ValueError(
            "Too few pictures to hold any out: give more, or a test folder of their own. "
            f"Received: {len(paths)} pictures in {len(folders)} folders"
        )
    return sorted(train), sorted(test)


def split_by_source(
    sources: Sequence[Hashable],
    share: float,
    seed: int,
    *,
    labels: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Holds out whole sources (recordings, persons, scenes), chosen at random.

    All pictures of a source land on one side, so the held-out ones say what the network does with
    a source it never saw.

    Args:
        sources: Where each of the N pictures comes from: names or numbers.
        share: Share of the pictures, above 0 and below 1, to come near to; at least one source of
            every class that has two, and never all of them.
        seed: Not negative; who is held out depends on this and the sources, not on their order.
        labels: ``[N]`` integers, to hold out the share from every class; a source of several
            classes counts for its commonest. None for one class.

    Returns:
        Places of the training and of the held-out pictures, int64, each in rising order.

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
        for places in shuffled[: _count_near(share, [len(places) for places in shuffled])]:
            held_out[places] = True
    if not held_out.any():
        raise ValueError(
            "No class has two sources, so none can be held out: give more. "
            f"Received: {len(set(sources))} sources of {len(np.unique(labels))} classes"
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def source_of(name: str, rule: str) -> str:
    """The source of a picture, from its name.

    Args:
        name: Path below the set's folder.
        rule: ``picture``, each its own; ``folder``; ``name``, without its last number: frames of
            one recording. Rows of an array, as ``train#17``, are each their own.
    """
    if re.search(r"#[0-9]+$", name):
        return name
    if rule == "folder":
        return str(Path(name).parent)
    if rule == "name":
        return re.sub(r"[0-9]+$", "", str(Path(name).with_suffix("")))
    return name


def sources_by_class(sources: Sequence[Hashable], labels: np.ndarray) -> dict[int, list[list[int]]]:
    """The places of each source's pictures, by the class that is commonest among them.

    Args:
        sources: Where each of the N pictures comes from.
        labels: ``[N]`` integers.

    Returns:
        The classes that a source has; in each the sources, in an order that does not depend on
        that of the pictures.
    """
    pictures: dict[Hashable, list[int]] = defaultdict(list)
    for place, source in enumerate(sources):
        pictures[source].append(place)
    classes: dict[int, list[list[int]]] = defaultdict(list)
    for source in sorted(pictures, key=repr):
        found, counts = np.unique(labels[pictures[source]], return_counts=True)
        classes[int(found[counts.argmax()])].append(pictures[source])
    return classes


def _count_near(share: float, sizes: Sequence[int]) -> int:
    """How many of the first groups come nearest to a share of the whole; not none, never all."""
    if len(sizes) < 2:
        return 0
    misses = np.abs(np.cumsum(sizes) - share * sum(sizes))
    return int(misses[:-1].argmin()) + 1


def balancing_repeats(images: np.ndarray, likeness: float = 5.0) -> np.ndarray:
    """How often to repeat each picture so that what is shown often does not count more.

    Renders and video frames come in near-copies. A discriminator learns the commonest scene by
    heart, and the generator then ruins it first.

    Args:
        images: ``[N, H, W, C]`` uint8.
        likeness: Root mean square difference, in grey levels at 32x32 pixels, below which two
            pictures count as near-copies.

    Returns:
        ``[N]`` integers from 1: pass ``np.repeat(images, repeats, axis=0)`` on. Pictures with k
        near-copies (themselves included) get about (the largest k) / k.
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
    # Row by row: the whole table of distances of a large set would not fit.
    for index, picture in enumerate(small):
        distances = (squares + squares[index] - 2.0 * small @ picture) / small.shape[1]
        copies[index] = np.count_nonzero(distances < likeness**2)
    copies = np.maximum(copies, 1.0)
    return np.maximum(np.rint(copies.max() / copies), 1).astype(np.int64)
