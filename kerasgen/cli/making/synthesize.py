"""The ``kerasgen synthesize`` command."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from kerasgen.cli.arguments import add_shard, number_from_zero, whole_number
from kerasgen.cli.start import check_there, load_tensorflow
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser(
        "synthesize", help=_synthesize.__doc__, description=_synthesize.__doc__
    )
    add_flags(command)
    command.set_defaults(run=_synthesize)


def add_flags(command: argparse.ArgumentParser) -> None:
    """Adds what the job takes."""
    add = command.add_argument
    add(
        "model",
        metavar="MODEL",
        help="a generator, refiner or translator: version folder, or name in the zoo",
    )
    add(
        "--out", required=True, metavar="DIR", help="folder to fill; an unfinished one is continued"
    )
    add(
        "--sources",
        metavar="DIR",
        help="input of a refiner or translator: a folder with metadata.jsonl (of kerasgen eyes, "
        "compose or synthesize), class folders, or any pictures",
    )
    add(
        "--count",
        type=whole_number,
        help="number of pictures (default: --times per source; a generator needs it)",
    )
    add("--times", type=whole_number, default=1, help="refined pictures per source")
    add("--seed", type=number_from_zero, default=0, help="random seed of a generator or refiner")
    add(
        "--gate",
        metavar="MODEL",
        help="a classifier that must confirm each class: version folder, or name in the zoo",
    )
    add_shard(command)


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``synthesis_job``."""
    from kerasgen.annotations.output import Output

    names = ("model", "sources", "count", "times", "seed", "gate")
    own = {name: getattr(arguments, name) for name in names}
    return {**own, "folder": arguments.out, "output": Output(shard=arguments.shard)}


def _synthesize(arguments: argparse.Namespace) -> None:
    """Fills a folder with a model's pictures; the annotations of their sources are carried over."""
    from kerasgen.deployment.model_folders import model_folder

    check_there(sources=arguments.sources)
    for model in filter(None, (arguments.model, arguments.gate)):
        model_folder(model)
    load_tensorflow()
    from kerasgen.deployment.synthesis import synthesize

    with progress("pictures") as report:
        filled = synthesize(**settings_of(arguments), report=report)
    print(filled)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")
