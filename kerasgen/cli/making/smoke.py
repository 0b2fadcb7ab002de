"""The ``kerasgen smoke`` command."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from kerasgen.cli.arguments import add_shard, number_from_zero, whole_number
from kerasgen.io.parallel import processors
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("smoke", help=_smoke.__doc__, description=_smoke.__doc__)
    add_flags(command)
    command.add_argument(
        "--workers",
        type=whole_number,
        default=processors(),
        help="processes; the result is the same",
    )
    command.set_defaults(run=_smoke)


def add_flags(command: argparse.ArgumentParser) -> None:
    """Adds what the job takes."""
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
    add_shard(command)


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``smoke_job``."""
    from kerasgen.annotations.output import Output

    own = {name: getattr(arguments, name) for name in ("sources", "times", "threshold", "seed")}
    output = Output(arguments.yolo, arguments.shard)
    return {**own, "folder": arguments.out, "output": output}


def _smoke(arguments: argparse.Namespace) -> None:
    """Draws smoke over pictures; its mask is added to their annotations."""
    from kerasgen.procedural.smoke.folder import lay_smoke

    with progress("pictures") as report:
        filled = lay_smoke(**settings_of(arguments), workers=arguments.workers, report=report)
    print(filled)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")
