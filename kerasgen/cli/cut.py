"""``kerasgen cut``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kerasgen.cli.arguments import processors, whole_number
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    cut = commands.add_parser("cut", help=_cut.__doc__, description=_cut.__doc__)
    cut.add_argument("--foregrounds", required=True, help="folder with one sub-folder a class")
    cut.add_argument("--out", required=True, help="what `compose --foregrounds` reads then, fast")
    cut.add_argument("--min_quality", type=float, default=0.75, help="of estimated masks (0.75)")
    cut.add_argument("--workers", type=whole_number, default=processors(), help="threads")
    cut.set_defaults(run=_cut)


def _cut(arguments: argparse.Namespace) -> None:
    """Finds the mask of each picture once, and writes it beside a copy, to look at and to reuse."""
    from kerasgen.compositing.foregrounds import class_folders
    from kerasgen.compositing.mask_cache import save_cuts
    from kerasgen.compositing.rejections import (
        REJECTED_FOREGROUNDS,
        foreground_lines,
        save_rejected,
    )
    from kerasgen.io.images import list_images

    list_images(arguments.foregrounds)
    names = class_folders(arguments.foregrounds)
    with progress("foregrounds") as report:
        labels, rejected = save_cuts(
            arguments.foregrounds,
            arguments.out,
            names,
            min_quality=arguments.min_quality,
            workers=arguments.workers,
            report=report,
        )
    save_rejected(Path(arguments.out) / REJECTED_FOREGROUNDS, rejected, names)
    print(*foreground_lines(labels, rejected, names), sep="\n")
    print(f"{len(labels)} pictures with masks in {arguments.out}")
