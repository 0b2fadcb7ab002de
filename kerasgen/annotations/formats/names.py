"""Names of files that are written for annotated pictures and their categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from kerasgen.annotations.formats.dataset import AnnotatedPicture, Category


def unique_stems(pictures: Sequence[AnnotatedPicture]) -> list[str]:
    """Returns a name without an ending for each picture, each once.

    Args:
        pictures: The pictures.

    Returns:
        The names of the files; if two are equal, all with their folders; if two still are, all
        with their endings, too. Upper and lower case alone do not make names differ.

    Raises:
        ValueError: If two still are.
    """
    paths = [PurePosixPath(picture.name) for picture in pictures]
    whole = ["-".join(path.parts) for path in paths]
    tried = (
        [path.stem for path in paths],
        ["-".join(path.with_suffix("").parts) for path in paths],
        [name.replace(".", "-") for name in whole],
    )
    for stems in tried:
        if len({stem.casefold() for stem in stems}) == len(stems):
            return stems
    most = Counter(name.casefold() for name in tried[-1]).most_common(1)[0][0]
    raise ValueError(f"Two pictures would have one name: rename one. Received: {most!r}")


def folder_names(categories: Sequence[Category]) -> dict[str, str]:
    """Returns the folder of each category by its name: separators and a first dot become `_`.

    Raises:
        ValueError: If two categories would have one folder.
    """
    found = {
        each.name: re.sub(r"^\.|[/\\\0]", "_", each.name.strip()) or "_" for each in categories
    }
    folded = Counter(name.casefold() for name in found.values())
    if doubled := [name for name, folder in found.items() if folded[folder.casefold()] > 1]:
        raise ValueError(f"Categories would have one folder: rename one. Received: {doubled}")
    return found
