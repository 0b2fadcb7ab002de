"""Which pictures of a set belong together: near-equal ones, and frames of a recording."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from kerasgen.data.splits import source_of
from kerasgen.evaluation.comparison.distances import ComparedSets, SharedSource, compared_sets
from kerasgen.evaluation.comparison.picture_sets import PictureSet

_LEVELS, _SHARE = 3.0, 0.1
"""Pictures are near-equal if the root of their mean squared difference is at most so many grey
levels, and at most this share of what two pictures usually differ by: dark pictures all differ by
little."""

_ALIKE, _FRAMES = 0.5, 0.25
"""Frames are alike if they differ by less than this share of what two pictures usually differ by;
a set holds recordings if more than this share of the neighbours by name are alike. In six sets of
photographs it is at most 0.01, in four of recordings at least 0.49."""

_NOT_SPLIT = (
    "Nearly all real pictures are of one source: frames of one recording, or equal pictures. So it "
    "is in both halves, and the real-vs-real baseline is too low: add other sources."
)

_FEWEST_FRAMES = 8
_PAIRS, _NEIGHBOURS, _COARSE, _AT_ONCE = 2000, 8, 8, 256


def with_sources(
    real: PictureSet, synthetic: PictureSet, seed: int
) -> tuple[PictureSet, PictureSet, ComparedSets, list[str]]:
    """Both sets with sources, recordings and near-equal pictures recognised, and what is compared.

    Args:
        real: The real set; sources that it has are kept together.
        synthetic: The synthetic set, likewise.
        seed: Seed of the split and the draw, see ``compared_sets``.

    Returns:
        The sets, those that are compared, and remarks.

    Raises:
        ValueError: If the sets cannot be compared, see ``compared_sets``.
    """
    given, remarks = real.groups, []
    sets = {"real": real, "synthetic": synthetic}
    for kind, each in sets.items():
        sets[kind], own = _with_recordings(kind, each)
        remarks += own
    real, synthetic = sets["real"], sets["synthetic"]
    if real.images.shape[1:] == synthetic.images.shape[1:]:
        real, synthetic, own = _with_equal_joined(real, synthetic)
        remarks += own

    def compared(split_by: Sequence[Hashable] | None = None) -> ComparedSets:
        return compared_sets(
            real.images,
            synthetic.images,
            real_groups=real.groups,
            synthetic_groups=synthetic.groups,
            split_by=split_by,
            seed=seed,
        )

    try:
        return real, synthetic, compared(), remarks
    except ValueError:
        # What was recognised cannot be split: then it is not, or nothing can be.
        found = compared(range(len(real.images)) if given is None else given)
    return real, synthetic, found, [*remarks, _NOT_SPLIT]


def _with_recordings(kind: str, pictures: PictureSet) -> tuple[PictureSet, list[str]]:
    """A set with sources, each picture its own if there are no recordings, and remarks."""
    if pictures.groups is not None:
        return pictures, []
    stems = [source_of(name, "name") for name in pictures.names]
    if not _are_recordings(pictures, stems):
        distinct = len(set(pictures.names)) == len(stems)
        return replace(pictures, groups=pictures.names if distinct else range(len(stems))), []
    return replace(pictures, groups=stems), [
        f"The {kind} pictures are taken for frames of {len(set(stems))} recording(s), as their "
        "names are alike up to a number and neighbours by name are alike: each recording is one "
        "source. If they are not, compare again with the rule `picture` for sources."
    ]


def _are_recordings(pictures: PictureSet, stems: Sequence[str]) -> bool:
    ordered = sorted(range(len(stems)), key=lambda index: (stems[index], _number(pictures, index)))
    neighbours = [
        (one, other)
        for one, other in zip(ordered, ordered[1:], strict=False)
        if stems[one] == stems[other]
    ]
    if len(neighbours) < _FEWEST_FRAMES:
        return False
    usual, pairs = _ALIKE * _usual_difference(pictures.images), np.array(neighbours)
    alike = float(np.mean(_differences(pictures.images, pairs) < usual))
    random = _differences(pictures.images, _random_pairs(len(stems))) < usual
    return alike > max(_FRAMES, 2.0 * float(np.mean(random)))


def _number(pictures: PictureSet, index: int) -> int:
    found = re.search(r"[0-9]+$", str(Path(pictures.names[index]).with_suffix("")))
    return int(found[0]) if found else -1


def _with_equal_joined(
    real: PictureSet, synthetic: PictureSet
) -> tuple[PictureSet, PictureSet, list[str]]:
    """The sets with sources joined where pictures are near-equal, and remarks."""
    sets = {"real": real, "synthetic": synthetic}
    picture = _near_equal(np.concatenate([each.images for each in sets.values()]))
    sides = np.repeat(list(sets), [len(each.images) for each in sets.values()])
    names = [
        (side, group)
        for side, each in sets.items()
        for group in (each.names if each.groups is None else each.groups)
    ]
    remarks = []
    for side in sets:
        counts = np.bincount(picture[sides == side])[picture[sides == side]]
        if (counts > 1).any():
            remarks.append(
                f"{(counts > 1).sum()} of {len(counts)} {side} pictures are equal or nearly equal "
                "to another one of their set. Such pictures are one source: they stay together in "
                "every split, and count once in p-values and intervals."
            )
    joined = _joined(names, picture, sides)
    count = len(real.images)
    return (
        replace(real, groups=joined[:count]),
        replace(synthetic, groups=joined[count:]),
        remarks,
    )


def _joined(
    names: Sequence[tuple[str, Hashable]], picture: np.ndarray, sides: np.ndarray
) -> list[Hashable]:
    """The source of each picture: the first of those that near-equal pictures join."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    of_names = np.array([numbers[name] for name in names])
    # Sources and pictures are the nodes; each picture joins its source to its equals.
    together = _components(len(numbers) + picture.max() + 1, of_names, len(numbers) + picture)
    own = together[of_names]
    members: dict[int, list[int]] = defaultdict(list)
    for index, source in enumerate(own.tolist()):
        members[source].append(index)
    shared = {source for source, each in members.items() if len(set(sides[each])) > 1}
    first = {source: names[each[0]][1] for source, each in members.items()}
    return [
        SharedSource(first[source]) if source in shared else first[source]
        for source in own.tolist()
    ]


def _near_equal(images: np.ndarray) -> np.ndarray:
    """``[N]`` integers, the same for pictures that are near-equal, directly or through others."""
    firsts: dict[bytes, int] = {}
    same = np.array([firsts.setdefault(image.tobytes(), len(firsts)) for image in images])
    distinct = images[np.unique(same, return_index=True)[1]]
    if len(distinct) < 2:
        return same
    least = min(_LEVELS, _SHARE * _usual_difference(images))
    coarse = _reduced(distinct)
    # A mean over squares differs by no more than what it is a mean of.
    radius = least * np.sqrt(coarse.shape[1]) + 1e-6
    most = min(_NEIGHBOURS + 1, len(distinct))
    _, found = cKDTree(coarse).query(coarse, most, distance_upper_bound=radius)
    one, column = np.nonzero(found < len(distinct))
    pairs = np.stack([one, found[one, column]], axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    pairs = pairs[_differences(distinct, pairs) <= least]
    return _components(len(distinct), pairs[:, 0], pairs[:, 1])[same]


def _reduced(images: np.ndarray) -> np.ndarray:
    """Means over squares, ``[N, D]`` float32; up to seven rows and columns at the edge are cut."""
    rows, columns = (max(1, side // _COARSE) for side in images.shape[1:3])
    height, width = images.shape[1] // rows, images.shape[2] // columns
    squares = images[:, : height * rows, : width * columns].reshape(
        len(images), height, rows, width, columns, -1
    )
    return np.asarray(squares.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1))


def _usual_difference(images: np.ndarray) -> float:
    """Median difference of two pictures, in grey levels; 0 if most pictures are equal."""
    return float(np.median(_differences(images, _random_pairs(len(images)))))


def _random_pairs(count: int) -> np.ndarray:
    """``[P, 2]`` indices of two different pictures."""
    generator = np.random.default_rng(0)
    one = generator.integers(0, count, _PAIRS)
    return np.stack([one, (one + generator.integers(1, count, _PAIRS)) % count], axis=1)


def _differences(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Root mean square difference of each pair, in grey levels."""
    found = [np.zeros(0)]
    for part in np.array_split(pairs, len(pairs) // _AT_ONCE + 1):
        one, other = (images[part[:, side]].astype(np.float32) for side in (0, 1))
        found.append(np.sqrt(np.square(one - other).mean(axis=(1, 2, 3))))
    return np.concatenate(found)


def _components(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``[count]`` integers, the same for nodes that edges join."""
    edges = coo_matrix((np.ones(len(one), bool), (one, other)), (count, count))
    return np.asarray(connected_components(edges, directed=False)[1])
