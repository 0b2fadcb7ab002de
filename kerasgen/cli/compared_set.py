"""One of the two sets of ``kerasgen compare``: which pictures it has, of which class and source."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import source_name

if TYPE_CHECKING:
    from kerasgen.evaluation.comparison.compare import PictureSet

MOST_IF_QUICK = 500

_QUALITY = 90
"""Of the JPEG that all go through, so that the traces of another are not the difference."""

_MOST_NAMED = 5

_ALIKE = {
    "folder": "lie in one folder",
    "name": "have names that are alike up to the last number",
}
"""What all pictures do that are one witness, by the rule."""


@dataclass(frozen=True)
class ListedSet:
    """A set whose pictures are not read yet.

    Attributes:
        kind: ``real`` or ``synthetic``.
        folder: Where they are.
        names: Paths from the folder.
        labels: The class of each; None if there are none, or nobody asked.
        rule: Which pictures are one witness, see ``source_name``.
    """

    kind: str
    folder: Path
    names: Sequence[str]
    labels: Sequence[str] | None
    rule: str


def list_set(kind: str, arguments: argparse.Namespace) -> ListedSet:
    """Lists a set, and tells what is wrong with it before anything long begins.

    A folder with ``metadata.jsonl`` has the pictures of its rows, not its sheets and masks.

    Args:
        kind: ``real`` or ``synthetic``.
        arguments: Of the command.

    Raises:
        ValueError: If there are no pictures, some have no class and others have, or all real ones
            are one witness.
    """
    from kerasgen.annotations.synthetic_folder import METADATA

    folder = Path(getattr(arguments, kind))
    other = arguments.synthetic_sources if kind == "synthetic" else None
    rule = str(other or arguments.sources)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        if (folder / METADATA).is_file():
            names, labels = _rows(folder, arguments.labels)
        else:
            names = _pictures(folder)
            labels = _folders(names, folder) if arguments.labels else None
    _say(folder, heard)
    if kind == "real" and rule in _ALIKE and len({source_name(name, rule) for name in names}) < 2:
        raise ValueError(
            f"All {len(names)} pictures of the real set {_ALIKE[rule]}, so they would be one "
            "witness, which cannot be parted: use another --sources. "
            f"Received: --sources {rule}, folder={str(folder)!r}"
        )
    return ListedSet(kind, folder, names, labels, rule)


def read_set(listed: ListedSet, arguments: argparse.Namespace) -> tuple[PictureSet, list[str]]:
    """A set's pictures, and remarks on them; if it shall be quick, some drawn at random.

    All are decoded to plain pixels, and written as JPEG alike.

    Args:
        listed: From ``list_set``.
        arguments: Of the command.

    Raises:
        ValueError: If none can be read.
    """
    import numpy as np

    from kerasgen.evaluation.comparison.compare import PictureSet
    from kerasgen.io.images import read_pictures
    from kerasgen.procedural.camera import through_jpeg

    folder, places = listed.folder, np.arange(len(listed.names))
    if arguments.quick:
        places = np.random.default_rng(arguments.seed).permutation(places)[:MOST_IF_QUICK]
    # Only these are read: of a large set that is most of the time.
    paths = {folder / listed.names[place]: place for place in np.sort(places).tolist()}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = read_pictures(folder, list(paths), arguments.size, arguments.channels)
    _say(folder, heard)
    colours = np.repeat(found.images, 3 // arguments.channels, axis=-1)
    images = through_jpeg(colours, _QUALITY)[..., : arguments.channels]
    kept = [paths[path] for path in found.paths]
    names = [listed.names[place] for place in kept]
    labels = listed.labels and [listed.labels[place] for place in kept]
    sources = [source_name(name, listed.rule) for name in names]
    rejected = [listed.names[paths[path]] for path, _ in found.rejected]
    return PictureSet(images, names, sources, labels), _remarks(listed.kind, rejected)


def _rows(folder: Path, labelled: bool) -> tuple[list[str], list[str] | None]:
    """What ``metadata.jsonl`` tells: the pictures and, if they are wanted, their classes."""
    from kerasgen.annotations.annotated_folder import SourceFolder
    from kerasgen.annotations.synthetic_folder import METADATA

    rows = SourceFolder(folder)
    missing = [name for name in rows.names if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(rows.names)} pictures that {METADATA} names are missing, the "
            f"first is {missing[0]!r}: copy them, or make the folder again. "
            f"Received: folder={str(folder)!r}"
        )
    if not labelled:
        return rows.names, None
    told = [rows.known(name).class_name for name in rows.names]
    labels = [class_name for class_name in told if class_name is not None]
    if not labels:
        return rows.names, None
    if len(labels) < len(told):
        raise ValueError(
            f"With --labels every row of {METADATA} needs a `class_name`. Received: "
            f"{len(told) - len(labels)} that have none in {str(folder)!r}, the first is "
            f"{rows.names[told.index(None)]!r}"
        )
    return rows.names, labels


def _pictures(folder: Path) -> list[str]:
    """All pictures below a folder but the masks that stand beside theirs."""
    from kerasgen.annotations.sidecar_masks import MASK_ENDING
    from kerasgen.io.images import list_images

    paths = list_images(folder, count_others=True)
    masks = {path.with_name(path.stem + MASK_ENDING) for path in paths}
    return [path.relative_to(folder).as_posix() for path in paths if path not in masks]


def _folders(names: Sequence[str], folder: Path) -> list[str] | None:
    """The first folder of each; None if none lies in one."""
    parts = [Path(name).parts for name in names]
    loose = [name for name, own in zip(names, parts, strict=True) if len(own) == 1]
    if len(loose) == len(names):
        return None
    if loose:
        raise ValueError(
            "With --labels every picture must lie in the folder of its class. "
            f"Received: {len(loose)} that do not in {str(folder)!r}, the first is {loose[0]!r}"
        )
    return [own[0] for own in parts]


def _remarks(kind: str, rejected: Sequence[str]) -> list[str]:
    if not rejected:
        return []
    more = " and more" if len(rejected) > _MOST_NAMED else ""
    return [
        f"{len(rejected)} files of the {kind} set cannot be read and were left out: "
        f"{', '.join(rejected[:_MOST_NAMED])}{more}."
    ]


def _say(folder: Path, heard: Sequence[warnings.WarningMessage]) -> None:
    for warning in heard:
        print(f"kerasgen: {folder}: {warning.message}", file=sys.stderr)
