"""Class folders: ``<class>/<picture>``, and which names are those of parts."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping, Set
from pathlib import Path

from kerasgen.io.names import PathLike, class_name_of, first_names, split_of

_MOST_NAMED = 5


def subfolders(folder: PathLike) -> list[Path]:
    """The folders directly below a folder, sorted by name; hidden ones are left out.

    Raises:
        OSError: If the folder cannot be read.
    """
    shown = [path for path in Path(folder).iterdir() if path.is_dir() and path.name[0] != "."]
    return sorted(shown, key=lambda path: path.name)


def class_folders(folder: PathLike) -> dict[str, list[Path]]:
    """The class folders directly below a folder.

    Warns of classes that may be parts, see ``doubtful_classes``.

    Args:
        folder: The folder.

    Returns:
        Class names, sorted, with their folders: several if their names differ in the Unicode form
        only.

    Raises:
        OSError: If the folder cannot be read.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    for path in subfolders(folder):
        found[class_name_of(path.name)].append(path)
    below = {
        name: {each.name for path in paths for each in subfolders(path)}
        for name, paths in found.items()
    }
    if remark := doubtful_classes(below):
        warnings.warn(remark, stacklevel=2)
    return dict(sorted(found.items()))


def doubtful_classes(below: Mapping[str, Set[str]]) -> str:
    """A sentence on folders that are read as classes and may be meant as parts; or nothing.

    Args:
        below: The names of classes, each with the names of the folders below it.

    Returns:
        The sentence: some names are those of parts, or all have the same two or more folders below
        them.
    """
    parts = [name for name in below if split_of(name)]
    names, named = first_names(list(below), _MOST_NAMED), first_names(parts, _MOST_NAMED)
    common = set.intersection(*map(set, below.values())) if len(below) > 1 else set()
    if 0 < len(parts) < len(below):
        reason = f"{named} may be meant as parts, but not all folders are named like parts"
    elif len(common) > 1:
        reason = f"each has the folders {first_names(sorted(common), _MOST_NAMED)}, as parts would"
    else:
        return ""
    return f"The folders {names} are read as classes: {reason} (train, validation, test)."
