"""A sheet of some pictures of a folder, each beside its source."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasgen.annotations.manifest import manifest_rows
from kerasgen.annotations.records import ManifestRow
from kerasgen.io.images import PathLike, Pixels, read_image
from kerasgen.io.names import path_of
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.resizing import Fit
from kerasgen.io.sheets import WHITE, labelled_sheet

_SHOWN, _LARGEST = 24, 128
"""Pictures on the sheet, and the largest side of one in pixels."""


def folder_sheet(
    folder: PathLike, sources: PathLike | None = None, fit: Fit = "stretch"
) -> Pixels | None:
    """Draws the first 24 pictures of a folder, in columns of their classes if they have any.

    Args:
        folder: A finished `SyntheticFolder`.
        sources: Folder of the source pictures that its rows name; None shows no sources.
        fit: How the sources were brought to the size of the pictures: "crop", "pad" or "stretch".

    Returns:
        `[H, W, 3]` uint8; None if no picture was accepted.

    Raises:
        ValueError: If a picture cannot be read.
    """
    root = Path(folder)
    shown = _shown_rows(root)
    if not shown:
        return None
    side = min(_LARGEST, shown[0].height, shown[0].width)
    square = Preprocessing(side, side, fit="stretch")
    pictures = {"synthetic": np.stack([square.read(root / row.file_name) for row in shown])}
    if sources is None and (by_class := _by_class(shown, pictures["synthetic"])):
        return labelled_sheet(by_class)
    if sources is not None:
        # First as the model saw it: both pictures of a pair show the same frame.
        own = [
            read_image(path_of(sources, _source(row)), (row.height, row.width), fit=fit)
            for row in shown
        ]
        pictures = {"source": np.stack([square.apply(image) for image in own]), **pictures}
    return _grid(pictures)


def shown_files(folder: PathLike, sources: PathLike | None = None) -> list[Path]:
    """The files of the pictures that ``folder_sheet`` shows, with its arguments."""
    rows = _shown_rows(folder)
    own = [] if sources is None else [path_of(sources, _source(row)) for row in rows]
    return [*(Path(folder, row.file_name) for row in rows), *own]


def _shown_rows(folder: PathLike) -> list[ManifestRow]:
    return list(itertools.islice(manifest_rows(folder), _SHOWN))


def _by_class(rows: Sequence[ManifestRow], images: Pixels) -> dict[str, Pixels]:
    """As many pictures of each class, by its name; empty without classes, or with too many."""
    named = [row.parameters.get("class_name") for row in rows]
    counts = Counter(str(name) for name in named)
    if None in named or len(counts) > _SHOWN // 2:
        return {}
    fewest = min(counts.values())
    return {each: images[[name == each for name in named]][:fewest] for each in counts}


def _source(row: ManifestRow) -> str:
    return next(source.path for source in row.sources if source.role == "picture")


def _grid(pictures: dict[str, Pixels]) -> Pixels:
    """Arranges pairs, or single pictures, in strips side by side, at most as wide as high.

    Args:
        pictures: Title to ``[N, S, S, 3]`` uint8.

    Returns:
        ``[H, W, 3]`` uint8.
    """
    count = len(next(iter(pictures.values())))
    fitting = (n for n in range(1, count + 1) if n * len(pictures) <= math.ceil(count / n))
    rows = math.ceil(count / max(fitting, default=1))
    strips = []
    for first in range(0, count, rows):
        part = {title: images[first : first + rows] for title, images in pictures.items()}
        strips.append(labelled_sheet(part))
    height = len(strips[0])
    last = strips[-1]
    blank = np.full((height - len(last), *last.shape[1:]), WHITE, np.uint8)
    return np.concatenate([*strips[:-1], np.concatenate([last, blank])], axis=1)
