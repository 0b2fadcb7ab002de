"""The ``kerasgen eyes`` command."""

from __future__ import annotations

import argparse
import shlex

from kerasgen.cli.arguments import add_shard, number_from_zero, whole_number
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    eyes = commands.add_parser("eyes", help=_eyes.__doc__, description=_eyes.__doc__)
    add = eyes.add_argument
    add(
        "--out", required=True, metavar="DIR", help="folder to fill; an unfinished one is continued"
    )
    add("--count", type=whole_number, default=100, help="number of pictures")
    add(
        "--look",
        choices=("rendered", "camera"),
        default="rendered",
        help="clean as a rendering, or noisy as a photograph",
    )
    add("--size", type=whole_number, default=64, help="side of the pictures in pixels")
    add("--seed", type=number_from_zero, default=0, help="random seed")
    add_shard(eyes)
    eyes.set_defaults(run=_eyes)


def _eyes(arguments: argparse.Namespace) -> None:
    """Draws pictures of eyes by rule, with their annotations in metadata.jsonl."""
    from kerasgen.annotations.output import Output
    from kerasgen.procedural.eyes_folder import draw_eyes

    with progress("pictures") as report:
        filled = draw_eyes(
            arguments.out,
            arguments.count,
            kind=arguments.look,
            size=arguments.size,
            seed=arguments.seed,
            output=Output(shard=arguments.shard),
            report=report,
        )
    print(filled)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")
