"""``kerasgen verify``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kerasgen.cli import compose
from kerasgen.cli.arguments import processors, whole_number


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
    from kerasgen.annotations.synthetic_folder import METADATA, SETTINGS
    from kerasgen.compositing.folder import foregrounds_digest
    from kerasgen.io.files import read_settings
    from kerasgen.io.images import list_images

    folder = Path(arguments.folder)
    settings = read_settings(folder / SETTINGS)
    if settings.get("kind") != "scenes" or not (folder / METADATA).exists():
        raise ValueError(f"No finished folder of scenes. Received: folder={str(folder)!r}")
    list_images(arguments.foregrounds)
    names, extraction = settings["class_names"], settings["extraction"]
    found, _ = compose.cut(arguments.foregrounds, names, extraction, arguments.workers)
    if foregrounds_digest(found) != settings["foregrounds"]:
        raise ValueError(
            "The scenes were composed from other foregrounds, or cut by another OpenCV. "
            f"Received: foregrounds={arguments.foregrounds!r}"
        )
    compose.verify(folder, found, arguments.most)
