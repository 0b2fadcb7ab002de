"""The two sets of a comparison: which pictures each has, of which class and source."""

from __future__ import annotations

import os
import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.folder_layout import METADATA
from kerasgen.annotations.records import Source
from kerasgen.data.splits import source_of
from kerasgen.io.images import read_pictures
from kerasgen.io.names import path_of
from kerasgen.procedural.camera import through_jpeg

_QUALITY = 90
"""Quality of the JPEG compression applied to all pictures, so that both sets have equal traces."""

_MOST_NAMED = 5

_ALIKE = {
    "": "are made from one picture, as metadata.jsonl states",
    "folder": "lie in one folder",
    "name": "have names that are the same up to the last number",
}
"""What pictures of one source have in common, by rule; part of a message."""


@dataclass(frozen=True)
class PictureSet:
    """Pictures in memory, with name, source and class of each.

    Attributes:
        images: ``[N, H, W, C]`` uint8.
        names: N names for the report; their numbers by default.
        groups: N source names or numbers; pictures of one source stay together in every split.
            None: frames of a recording, recognised by their names, or each picture.
        labels: N class names; None without classes.
    """

    images: np.ndarray
    names: Sequence[str] = ()
    groups: Sequence[Hashable] | None = None
    labels: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Numbers pictures without names, and rejects lists of another length."""
        if not len(self.names):
            object.__setattr__(self, "names", [f"#{index}" for index in range(len(self.images))])
        lists = {"names": self.names, "groups": self.groups, "labels": self.labels}
        counts = {name: len(each) for name, each in lists.items() if each is not None}
        if set(counts.values()) != {len(self.images)}:
            raise ValueError(
                "A set needs one name, group and label a picture. "
                f"Received: {len(self.images)} images, {counts}"
            )


@dataclass(frozen=True)
class ListedSet:
    """A set whose pictures are not read yet.

    Attributes:
        kind: ``real`` or ``synthetic``.
        folder: The folder with the pictures.
        names: Paths relative to the folder.
        labels: Class of each picture; None if there are none, or none are needed.
        groups: Source of each picture; None to recognise recordings once they are read.
    """

    kind: str
    folder: Path
    names: Sequence[str]
    labels: Sequence[str] | None
    groups: Sequence[Hashable] | None


def list_set(kind: str, folder: str | Path, rule: str | None, *, by_class: bool) -> ListedSet:
    """Lists the pictures of a set, and checks them before any long work.

    A folder with ``metadata.jsonl`` has the pictures of its rows, not its sheets and masks.

    Args:
        kind: ``real`` or ``synthetic``.
        folder: The folder with the pictures.
        rule: Rule of sources, see ``source_of``; None to recognise them. With None and with
            ``name``, rows of ``metadata.jsonl`` have the sources that they state.
        by_class: Whether classes are needed.

    Returns:
        The listed set; no picture is read yet.

    Raises:
        ValueError: If there are no pictures, only some have a class, or all real pictures are of
            one source.
    """
    folder = Path(folder)
    stated = None
    with _warnings_name(folder):
        pictures = AnnotatedFolder(folder)
        names, labels = _pictures(pictures, by_class)
        if rule in (None, "name") and (folder / METADATA).is_file():
            stated = [stated_source(pictures.sources(name), name) for name in names]
    groups = stated
    if groups is None and rule is not None:
        groups = [source_of(name, rule) for name in names]
    if groups is not None and kind == "real" and len(set(groups)) < 2 <= len(names):
        alike = _ALIKE.get("" if stated else str(rule), "")
        raise ValueError(
            f"All {len(names)} pictures of the real set {alike}, so they would be one "
            "source, which cannot be split: use another rule for sources. "
            f"Received: sources={rule!r}, folder={str(folder)!r}"
        )
    return ListedSet(kind, folder, names, labels, groups)


def stated_source(sources: Sequence[Source], name: str) -> str:
    """What a picture was made from, its background first.

    Args:
        sources: The files that its row states.
        name: Its own name, which is used if there are none.

    Returns:
        A path.
    """
    paths: dict[str, list[str]] = {}
    for source in sources:
        paths.setdefault(source.role, []).append(source.path)
    # All pictures of a model have it in common: it is no source of theirs.
    paths.pop("model", None)
    found = paths.get("background") or next(iter(paths.values()), [name])
    return found[0]


def read_set(
    listed: ListedSet, size: int, channels: int, *, limit: int | None = None, seed: int = 0
) -> tuple[PictureSet, list[str]]:
    """Reads the pictures of a set; all are compressed as JPEG of the same quality.

    Args:
        listed: From ``list_set``.
        size: Side in pixels.
        channels: 1 or 3.
        limit: Most pictures, drawn at random; None for all.
        seed: Seed of the draw.

    Returns:
        The set, and remarks on pictures that were left out.

    Raises:
        ValueError: If no picture can be read.
    """
    folder, indices = listed.folder, np.arange(len(listed.names))
    if limit is not None:
        indices = np.random.default_rng(seed).permutation(indices)[:limit]
    # Only these are read: reading a large set takes most of the time.
    paths = {path_of(folder, listed.names[index]): index for index in np.sort(indices).tolist()}
    with _warnings_name(folder):
        found = read_pictures(folder, list(paths), size, channels)
    colours = np.repeat(found.images, 3 // channels, axis=-1)
    images = through_jpeg(colours, _QUALITY)[..., :channels]
    kept = [paths[path] for path in found.paths]
    names = [listed.names[index] for index in kept]
    labels = listed.labels and [listed.labels[index] for index in kept]
    sources = listed.groups and [listed.groups[index] for index in kept]
    rejected = [listed.names[paths[path]] for path, _ in found.rejected]
    return PictureSet(images, names, sources, labels), _remarks(listed.kind, rejected)


def _pictures(pictures: AnnotatedFolder, by_class: bool) -> tuple[list[str], list[str] | None]:
    """The pictures of a set and, if they are needed and there are any, their classes."""
    folder = pictures.folder
    missing = [name for name in pictures.names if not os.path.lexists(pictures.path(name))]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(pictures.names)} pictures that {METADATA} names are missing, "
            f"the first is {missing[0]!r}: copy them, or create the folder again. "
            f"Received: folder={str(folder)!r}"
        )
    if not by_class:
        return pictures.names, None
    classes = [pictures.facts(name).class_name for name in pictures.names]
    labels = [class_name for class_name in classes if class_name is not None]
    if not labels:
        return pictures.names, None
    if len(labels) < len(classes):
        raise ValueError(
            "To compare by class, every picture must lie in the folder of its class, or its row in "
            f"{METADATA} must have a `class_name`. Received: {len(classes) - len(labels)} that "
            f"have none in {str(folder)!r}, the first is {pictures.names[classes.index(None)]!r}"
        )
    return pictures.names, labels


def _remarks(kind: str, rejected: Sequence[str]) -> list[str]:
    if not rejected:
        return []
    more = " and more" if len(rejected) > _MOST_NAMED else ""
    return [
        f"{len(rejected)} files of the {kind} set cannot be read and were left out: "
        f"{', '.join(rejected[:_MOST_NAMED])}{more}."
    ]


@contextmanager
def _warnings_name(folder: Path) -> Iterator[None]:
    """Puts the folder's name before each warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for each in caught:
        warnings.warn(f"{folder}: {each.message}", stacklevel=4)
