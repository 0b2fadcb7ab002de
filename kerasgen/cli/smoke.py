"""``kerasgen smoke``."""

from __future__ import annotations

import argparse

from kerasgen.cli.arguments import number_from_zero, processors, whole_number
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    command = commands.add_parser("smoke", help=_smoke.__doc__, description=_smoke.__doc__)
    add = command.add_argument
    add("--sources", required=True, help="clean pictures, as `synthesize` takes them")
    add("--out", required=True, help="folder to fill; the same command again goes on")
    add("--times", type=whole_number, default=1, help="smokes of each picture (1)")
    add(
        "--threshold",
        type=float,
        default=0.1,
        help="share of its light that a pixel of the mask loses (0.1)",
    )
    add("--seed", type=number_from_zero, default=0)
    add("--yolo", action="store_true", help="write YOLO's files, too")
    add("--workers", type=whole_number, default=processors(), help="processes")
    command.set_defaults(run=_smoke)


def _smoke(arguments: argparse.Namespace) -> None:
    """Lays smoke over pictures: its mask is one more object, and what was known is kept."""
    from kerasgen.procedural.smoke.folder import lay_smoke

    with progress("pictures") as report:
        filled = lay_smoke(
            arguments.sources,
            arguments.out,
            times=arguments.times,
            threshold=arguments.threshold,
            seed=arguments.seed,
            workers=arguments.workers,
            yolo=arguments.yolo,
            report=report,
        )
    print(filled)
