"""The ``kerasgen verify`` command."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import whole_number
from kerasgen.io.parallel import processors
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.compositing.verification import Verification


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    verify = commands.add_parser("verify", help=_verify.__doc__, description=_verify.__doc__)
    add = verify.add_argument
    add("folder", metavar="DIR", help="folder that `kerasgen compose` wrote")
    add("--foregrounds", required=True, metavar="DIR", help="folder it was composed from")
    add("--most", type=whole_number, help="number of scenes to check (default: all)")
    add("--workers", type=whole_number, default=processors(), help="threads")
    verify.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> None:
    """Checks the annotations of composed scenes against their pictures."""
    from kerasgen.compositing.compose import verify

    verification = verify(
        arguments.folder,
        arguments.foregrounds,
        most=arguments.most,
        workers=arguments.workers,
        progress=progress,
    )
    print(verification)
    check_failures(verification, arguments.folder)
    print(f"next: kerasgen sheet {shlex.quote(arguments.folder)} sheet.png")


def check_failures(verification: Verification, folder: str) -> None:
    """Stops a command if an annotation is wrong.

    Args:
        verification: What was found.
        folder: The folder that was verified.

    Raises:
        ValueError: If an annotation is wrong.
    """
    failures = verification.failures
    if failures:
        raise ValueError(
            f"{len(failures)} annotations are wrong, for the first: {failures[0]} "
            f"Received: folder={folder!r}"
        )
