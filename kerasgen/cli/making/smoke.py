"""The ``kerasgen smoke`` command."""

from __future__ import annotations

import argparse
import shlex

from kerasgen.cli.arguments import add_shard, number_from_zero, processors, whole_number
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("smoke", help=_smoke.__doc__, description=_smoke.__doc__)
    add = command.add_argument
    add("--sources", required=True, metavar="DIR", help="clean pictures, as for `synthesize`")
    add(
        "--out", required=True, metavar="DIR", help="folder to fill; an unfinished one is continued"
    )
    add("--times", type=whole_number, default=1, help="smoky pictures per clean one")
    add(
        "--threshold",
        type=float,
        default=0.1,
        help="share of its light that a pixel must lose to belong to the mask",
    )
    add("--seed", type=number_from_zero, default=0, help="random seed")
    add("--yolo", action="store_true", help="write label files for YOLO, too")
    add(
        "--workers",
        type=whole_number,
        default=processors(),
        help="processes; the result is the same",
    )
    add_shard(command)
    command.set_defaults(run=_smoke)


def _smoke(arguments: argparse.Namespace) -> None:
    """Draws smoke over pictures; its mask is added to their annotations."""
    from kerasgen.annotations.output import Output
    from kerasgen.procedural.smoke.folder import lay_smoke

    with progress("pictures") as report:
        filled = lay_smoke(
            arguments.sources,
            arguments.out,
            times=arguments.times,
            threshold=arguments.threshold,
            seed=arguments.seed,
            workers=arguments.workers,
            output=Output(arguments.yolo, arguments.shard),
            report=report,
        )
    print(filled)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")
