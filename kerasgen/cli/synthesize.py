"""``kerasgen synthesize``."""

from __future__ import annotations

import argparse

from kerasgen.cli.arguments import number_from_zero, whole_number
from kerasgen.io.progress import progress


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
    add("--times", type=whole_number, default=1, help="pictures of each source, of a refiner (1)")
    add("--seed", type=number_from_zero, default=0, help="of a generator or a refiner (0)")
    add("--gate", metavar="MODEL", help="classifier that must confirm each picture's class")
    command.set_defaults(run=_synthesize)


def _synthesize(arguments: argparse.Namespace) -> None:
    """Fills a folder with a model's pictures; what is known of their sources moves along."""
    from kerasgen.deployment.synthesis import synthesize

    with progress("pictures") as report:
        filled = synthesize(
            arguments.model,
            arguments.out,
            sources=arguments.sources,
            count=arguments.count,
            times=arguments.times,
            seed=arguments.seed,
            gate=arguments.gate,
            report=report,
        )
    print(filled)
