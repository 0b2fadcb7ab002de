"""``kerasgen synthesize``."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import whole_number
from kerasgen.cli.progress import progress

if TYPE_CHECKING:
    from kerasgen.data.source_folder import SourceFolder

_SHOWN = 24
"""Pictures on the sheet."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    command = commands.add_parser(
        "synthesize", help=_synthesize.__doc__, description=_synthesize.__doc__
    )
    add = command.add_argument
    add("model", help="version folder of an exported generator, refiner or translator")
    add("--out", required=True, help="folder to fill; the same command again goes on")
    add(
        "--sources",
        help="pictures for a refiner or a translator: a folder with metadata.jsonl (of kerasgen "
        "eyes, compose or synthesize), class folders, or any pictures",
    )
    add("--count", type=whole_number, help="pictures in all; if there are sources all of them")
    add("--times", type=whole_number, default=1, help="looks of each source, of a refiner (1)")
    add("--seed", type=int, default=0, help="of a generator (0)")
    add("--gate", metavar="MODEL", help="classifier that must confirm each picture's class")
    command.set_defaults(run=_synthesize)


def _synthesize(arguments: argparse.Namespace) -> None:
    """Fills a folder with a model's pictures; what is known of their sources moves along."""
    from kerasgen.data.files import check_writable
    from kerasgen.data.source_folder import SourceFolder
    from kerasgen.deployment.served import ServedModel
    from kerasgen.deployment.synthesis import synthesize

    out = Path(arguments.out)
    check_writable(out)
    sources = None if arguments.sources is None else SourceFolder(arguments.sources)
    model = ServedModel(arguments.model)
    gate = None if arguments.gate is None else ServedModel(arguments.gate)
    with progress("pictures") as report:
        synthesize(
            model,
            out,
            sources=sources,
            count=arguments.count,
            times=arguments.times,
            seed=arguments.seed,
            gate=gate,
            report=report,
        )
    print(*_told(out, sources), sep="\n")


def _told(out: Path, sources: SourceFolder | None) -> list[str]:
    """What there is now, with a sheet of some of it."""
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
    if shown:
        made = [read_image(out / row.file_name) for row in shown]
        size = made[0].shape[:2]
        columns = {"synthetic": made}
        if sources is not None:
            paths = [sources.folder / row.sources[1].path for row in shown]
            columns = {
                "source": [read_image(path, size, fit="stretch") for path in paths]
            } | columns
        save_png(out / "sheet.png", labelled_sheet(columns))
        lines.append(f"sheet: {out / 'sheet.png'}")
    return lines
