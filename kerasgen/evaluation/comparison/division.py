"""Two sets of any size, divided into parts by digests of names: no list of pictures is needed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kerasgen.annotations.annotated_folder import stated_sources
from kerasgen.annotations.folder_layout import METADATA
from kerasgen.data.splits import source_of
from kerasgen.evaluation.comparison.distances import FEWEST, FEWEST_IN_HALF
from kerasgen.evaluation.comparison.picture_sets import stated_source
from kerasgen.io.files import json_lines
from kerasgen.io.folders import walk_images
from kerasgen.io.names import class_name_of, file_name_of, split_of, unicode_name

REFERENCE, BASELINE, SYNTHETIC = "reference", "baseline", "synthetic"
SETS = (REFERENCE, BASELINE, SYNTHETIC)

PART = 1000
"""Pictures of each set in a part, on average; as in ``kernel_distance``."""


class Listed(NamedTuple):
    """A picture of a set that is listed one by one.

    Attributes:
        name: Its path below the folder.
        group: Its source.
        label: Its class; None if it has none.
    """

    name: str
    group: str
    label: str | None


def listed_pictures(folder: str | Path, rule: str | None) -> Iterator[Listed]:
    """Lists a set without holding it.

    Args:
        folder: A folder of kerasgen, or any folder of pictures.
        rule: Rule of sources, see ``source_of``. None, and ``name`` where there are rows: the
            sources that the rows of a ``metadata.jsonl`` state; else each picture is its own.

    Yields:
        Its pictures, always in the same order.

    Raises:
        ValueError: If the folder or a row cannot be read.
    """
    folder = Path(folder)
    manifest = folder / METADATA
    if not manifest.is_file():
        for path in walk_images(folder):
            name = unicode_name(path.relative_to(folder).as_posix())
            yield Listed(name, source_of(name, rule or "picture"), _class_folders(name))
        return
    for row, _, location in json_lines(manifest):
        name = file_name_of(row, location)
        if rule in (None, "name"):
            group = stated_source(stated_sources(row), name)
        else:
            group = source_of(name, rule)
        yield Listed(name, group, _stated_class(row))


def _stated_class(row: Mapping[str, Any]) -> str | None:
    parameters = row.get("parameters")
    name = parameters.get("class_name") if isinstance(parameters, Mapping) else None
    return class_name_of(name) if isinstance(name, str) else None


def _class_folders(name: str) -> str | None:
    """The first folder, and the second where the first is a split's."""
    folders = name.split("/")[:-1]
    if folders and split_of(folders[0]):
        folders = folders[1:]
    return class_name_of(folders[0]) if folders else None


@dataclass(frozen=True)
class Division:
    """Which pictures are compared, in which part.

    Real pictures are split in two by source. Of each of the three sets about as many are drawn as
    the smallest has, as most distances depend on their number.

    Attributes:
        seed: Seed of the split, the draw and the parts.
        parts: Number of parts.
        shares: By name of the set, the share of its pictures that is drawn, in (0, 1].
    """

    seed: int
    parts: int
    shares: Mapping[str, float]

    def place(self, kind: str, picture: Listed) -> tuple[int, str] | None:
        """Where a picture is compared.

        Args:
            kind: ``real`` or ``synthetic``.
            picture: The picture.

        Returns:
            Its part, from 0, and its set; None if it is not drawn.
        """
        part, draw = _digits(f"{self.seed} {kind} {picture.name}")
        own = half_of(self.seed, picture.group) if kind == "real" else SYNTHETIC
        return (part % self.parts, own) if draw < self.shares[own] * 2**64 else None


def half_of(seed: int, group: str) -> str:
    """The half of the real pictures that a source belongs to: ``reference`` or ``baseline``."""
    return (REFERENCE, BASELINE)[_digits(f"{seed} half {group}")[0] % 2]


def _digits(text: str) -> tuple[int, int]:
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")


@dataclass(frozen=True)
class Census:
    """What two sets hold.

    Attributes:
        real: Number of real pictures.
        synthetic: Number of synthetic ones.
        sizes: By name of the set, how many pictures could be compared.
        classes: By kind, the number of pictures of each class; empty without classes.
    """

    real: int
    synthetic: int
    sizes: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]]

    def division(self, seed: int, part: int = PART) -> Division:
        """The parts of the sets, of about ``part`` pictures of each."""
        drawn = min(self.sizes.values())
        shares = {name: drawn / size for name, size in self.sizes.items()}
        return Division(seed, max(1, drawn // part), shares)


def count_pictures(real: str | Path, synthetic: str | Path, rule: str | None, seed: int) -> Census:
    """Counts the pictures of two sets, one by one.

    Args:
        real: Folder of real pictures.
        synthetic: Folder of synthetic pictures.
        rule: Rule of sources of the real ones, see ``listed_pictures``.
        seed: Seed of the split.

    Returns:
        The numbers.

    Raises:
        ValueError: If a folder cannot be read, or there are too few pictures.
    """
    sizes: Counter[str] = Counter(dict.fromkeys(SETS, 0))
    classes: dict[str, Counter[str]] = {}
    for kind, folder in (("real", real), ("synthetic", synthetic)):
        classes[kind] = Counter()
        for picture in listed_pictures(folder, rule if kind == "real" else "picture"):
            sizes[half_of(seed, picture.group) if kind == "real" else SYNTHETIC] += 1
            if picture.label is not None:
                classes[kind][picture.label] += 1
    found = Census(
        sizes[REFERENCE] + sizes[BASELINE],
        sizes[SYNTHETIC],
        dict(sizes),
        {kind: dict(sorted(each.items())) for kind, each in classes.items()},
    )
    if found.synthetic < FEWEST or min(sizes.values()) < FEWEST_IN_HALF:
        raise ValueError(
            f"Each set needs at least {FEWEST} pictures, and each half of the real ones "
            f"{FEWEST_IN_HALF}; a source is not split: add pictures, or use `kerasgen compare`. "
            f"Received: {found.synthetic} synthetic pictures, halves of {sizes[REFERENCE]} and "
            f"{sizes[BASELINE]} real ones"
        )
    return found
