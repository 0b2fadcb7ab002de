"""``kerasgen eyes``."""

from __future__ import annotations

import argparse

from kerasgen.cli.arguments import number_from_zero, whole_number
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    eyes = commands.add_parser("eyes", help=_eyes.__doc__, description=_eyes.__doc__)
    eyes.add_argument(
        "--out", required=True, help="folder to fill; the same command again goes on, or adds"
    )
    eyes.add_argument("--count", type=whole_number, default=100)
    eyes.add_argument("--look", choices=("rendered", "camera"), default="rendered")
    eyes.add_argument("--size", type=whole_number, default=64, help="side in pixels")
    eyes.add_argument("--seed", type=number_from_zero, default=0)
    eyes.set_defaults(run=_eyes)


def _eyes(arguments: argparse.Namespace) -> None:
    """Writes pictures of eyes drawn by rule, and metadata.jsonl with what is true of them."""
    from kerasgen.procedural.eyes_folder import draw_eyes

    with progress("pictures") as report:
        filled = draw_eyes(
            arguments.out,
            arguments.count,
            kind=arguments.look,
            size=arguments.size,
            seed=arguments.seed,
            report=report,
        )
    print(filled)
