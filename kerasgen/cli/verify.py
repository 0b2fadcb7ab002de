"""``kerasgen verify``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import processors, whole_number
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.compositing.verification import Verification


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    verify = commands.add_parser("verify", help=_verify.__doc__, description=_verify.__doc__)
    verify.add_argument("folder", help="what `kerasgen compose` wrote")
    verify.add_argument("--foregrounds", required=True, help="the folder it was composed from")
    verify.add_argument("--most", type=whole_number, help="scenes looked at (all)")
    verify.add_argument("--workers", type=whole_number, default=processors(), help="threads")
    verify.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> None:
    """Holds the annotations of composed scenes against their pictures."""
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


def check_failures(verification: Verification, folder: str) -> None:
    """Ends a command whose scenes are wrongly annotated.

    Raises:
        ValueError: If an annotation is wrong.
    """
    failures = verification.failures
    if failures:
        raise ValueError(
            f"{len(failures)} annotations are wrong, for the first: {failures[0]} "
            f"Received: folder={folder!r}"
        )
