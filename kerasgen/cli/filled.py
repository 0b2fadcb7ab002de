"""What a command says of the folder that it filled."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerasgen.data.source_folder import SourceFolder

_SHOWN, _LARGEST = 24, 128
"""Pictures on the sheet, and the largest side of one in pixels."""


def told(out: Path, sources: SourceFolder | None) -> list[str]:
    """Says what there is, and draws a sheet of some of it beside what it was made of.

    Args:
        out: A finished ``SyntheticFolder``.
        sources: What its pictures were made of, if of pictures.

    Returns:
        Lines for the user.
    """
    from kerasgen.data.images import read_image
    from kerasgen.data.manifest import REJECTED, manifest_rows
    from kerasgen.data.sheets import labelled_sheet, save_png

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
    columns = {"synthetic": [out / row.file_name for row in shown]}
    if sources is not None:
        own = [
            next(source.path for source in row.sources if source.role == "picture") for row in shown
        ]
        columns = {"source": [sources.folder / path for path in own], **columns}
    # Stretched, as a model stretches what it is given: the places of a pair are the same.
    pictures = {
        title: [read_image(path, side, fit="stretch") for path in paths]
        for title, paths in columns.items()
    }
    save_png(out / "sheet.png", labelled_sheet(pictures))
    return [*lines, f"sheet: {out / 'sheet.png'}"]
