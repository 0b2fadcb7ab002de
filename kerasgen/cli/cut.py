"""``kerasgen cut``."""

from __future__ import annotations

import argparse

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
    from kerasgen.compositing.mask_cache import save_cuts

    with progress("foregrounds") as report:
        cuts = save_cuts(
            arguments.foregrounds,
            arguments.out,
            min_quality=arguments.min_quality,
            workers=arguments.workers,
            report=report,
        )
    print(cuts)
