"""The ``kerasgen eyes`` command."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from kerasgen.cli.arguments import add_shard, number_from_zero, whole_number
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    eyes = commands.add_parser("eyes", help=_eyes.__doc__, description=_eyes.__doc__)
    add_flags(eyes)
    eyes.set_defaults(run=_eyes)


def add_flags(command: argparse.ArgumentParser) -> None:
    """Adds what the job takes."""
    add = command.add_argument
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
    add_shard(command)


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``eyes_job``."""
    from kerasgen.annotations.output import Output

    own = {name: getattr(arguments, name) for name in ("count", "size", "seed")}
    output = Output(shard=arguments.shard)
    return {**own, "folder": arguments.out, "kind": arguments.look, "output": output}


def _eyes(arguments: argparse.Namespace) -> None:
    """Draws pictures of eyes by rule, with their annotations in metadata.jsonl."""
    from kerasgen.procedural.eyes_folder import draw_eyes

    with progress("pictures") as report:
        filled = draw_eyes(**settings_of(arguments), report=report)
    print(filled)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")
