"""The folder that a command fills: where it may lie, and what is said of it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from kerasgen.annotations.annotated_folder import SourceFolder

_SHOWN, _LARGEST = 24, 128
"""Pictures on the sheet, and the largest side of one in pixels."""


def check_apart(out: str, **inputs: str | None) -> None:
    """Refuses to write among what is read: the next run would take results for inputs.

    Args:
        out: The folder to fill, there or not yet.
        inputs: The folders to read by their flags' names; None for those not given.

    Raises:
        ValueError: If it is one of them, lies within one, or contains one; links are followed.
    """
    target = Path(out).resolve()
    for flag, folder in inputs.items():
        if folder is None:
            continue
        source = Path(folder).resolve()
        if target == source:
            relation = "is the folder of"
        elif target.is_relative_to(source):
            relation = "lies within"
        elif source.is_relative_to(target):
            relation = "contains"
        else:
            continue
        raise ValueError(
            f"--out {relation} --{flag}, so what is written would be mixed with what is read: "
            f"give a folder beside it. Received: out={str(target)!r}, {flag}={str(source)!r}"
        )


def told(out: Path, sources: SourceFolder | None) -> list[str]:
    """Says what there is, and draws a sheet of some of it beside what it was made of.

    Args:
        out: A finished ``SyntheticFolder``.
        sources: What its pictures were made of, if of pictures.

    Returns:
        Lines for the user.
    """
    import numpy as np

    from kerasgen.annotations.synthetic_folder import REJECTED, manifest_rows
    from kerasgen.io.images import read_image
    from kerasgen.io.sheets import save_png

    rows = manifest_rows(out)
    shown = list(itertools.islice(rows, _SHOWN))
    kept = len(shown) + sum(1 for _ in rows)
    rejected = len((out / REJECTED).read_bytes().splitlines())
    lines = [f"{kept} pictures and metadata.jsonl in {out}"]
    if rejected:
        lines.append(f"{rejected} more were rejected: {out / REJECTED} says why")
    if not shown:
        return lines
    side = min(_LARGEST, shown[0].height, shown[0].width)
    columns: dict[str, list[Path]] = {"synthetic": [out / row.file_name for row in shown]}
    if sources is not None:
        own = [
            next(source.path for source in row.sources if source.role == "picture") for row in shown
        ]
        columns = {"source": [sources.folder / path for path in own], **columns}
    # Stretched, as a model stretches what it is given: the places of a pair are the same.
    pictures = {
        title: np.stack([read_image(path, side, fit="stretch") for path in paths])
        for title, paths in columns.items()
    }
    save_png(out / "sheet.png", _grid(pictures))
    return [*lines, f"sheet: {out / 'sheet.png'}"]


def _grid(pictures: dict[str, np.ndarray]) -> np.ndarray:
    """Lays pairs, or single pictures, out in strips side by side, at most as wide as high.

    Args:
        pictures: Title to ``[N, S, S, 3]`` uint8.

    Returns:
        ``[H, W, 3]`` uint8.
    """
    import numpy as np

    from kerasgen.io.sheets import WHITE, labelled_sheet

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
