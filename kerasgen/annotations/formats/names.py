"""Names of files that are written for annotated pictures and their categories."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from kerasgen.annotations.formats.dataset import AnnotatedPicture, Category

_MASK = re.compile(r"[._](mask)$", re.IGNORECASE)
_FILE = re.compile(r"\.(json|csv|ya?ml)$", re.IGNORECASE)
_LONGEST = 200
"""In bytes: file systems take 255, of which endings and the names of unfinished files need some."""


def unique_stems(pictures: Sequence[AnnotatedPicture]) -> list[str]:
    """Returns a name without an ending for each picture, each once.

    Args:
        pictures: The pictures.

    Returns:
        The names of the files; if two are equal, all with those of their folders that are not
        common to all; if two still are, all with their endings, too. Upper and lower case alone do
        not make names differ. A name that would be hidden, or a mask's, is changed.

    Raises:
        ValueError: If two still are, or one is too long.
    """
    names = [PurePosixPath(picture.name) for picture in pictures]
    common = os.path.commonpath([path.parent for path in names]) if names else ""
    paths = [path.relative_to(common) for path in names]
    tried = (
        [path.stem for path in paths],
        ["-".join(path.with_suffix("").parts) for path in paths],
        ["-".join(path.parts).replace(".", "-") for path in paths],
    )
    for stems in tried:
        shown = [_MASK.sub(r"-\1", _plain(stem)) for stem in stems]
        if len({stem.casefold() for stem in shown}) == len(shown):
            _check_length(shown)
            return shown
    most = Counter(name.casefold() for name in tried[-1]).most_common(1)[0][0]
    raise ValueError(f"Two pictures would have one name: rename one. Received: {most!r}")


def folder_names(categories: Sequence[Category]) -> dict[str, str]:
    """Returns the folder of each category by its name: separators and a first dot become `_`.

    One is added to a name like that of a file beside the folders, such as `settings.json`.

    Raises:
        ValueError: If two categories would have one folder, or a name is too long.
    """
    found = {
        each.name: _FILE.sub(r"\g<0>_", _plain(re.sub(r"[/\\]", "_", each.name.strip()))) or "_"
        for each in categories
    }
    _check_length(found.values())
    folded = Counter(name.casefold() for name in found.values())
    if doubled := [name for name, folder in found.items() if folded[folder.casefold()] > 1]:
        raise ValueError(f"Categories would have one folder: rename one. Received: {doubled}")
    return found


def _plain(name: str) -> str:
    """A name that is not hidden, and can be seen."""
    shown = "".join(each if each.isprintable() else "_" for each in name)
    return re.sub(r"^\.", "_", shown)


def _check_length(names: Iterable[str]) -> None:
    if longest := next((name for name in names if len(name.encode()) > _LONGEST), None):
        raise ValueError(
            f"A name is too long for a file, above {_LONGEST} bytes: rename it. Received: "
            f"{longest!r}"
        )
