"""The ``kerasgen serve-kit`` command."""

from __future__ import annotations

import argparse
from pathlib import Path

from kerasgen.cli.start import check_there, load_tensorflow


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    command = commands.add_parser("serve-kit", help=_write.__doc__, description=_write.__doc__)
    add = command.add_argument
    add(
        "models",
        metavar="DIR",
        nargs="?",
        default="saved_models",
        help="folder with NAME/VERSION folders (default: saved_models)",
    )
    add("--out", metavar="DIR", help="where to write (default: serving_kit in the models' folder)")
    command.set_defaults(run=_write)


def _write(arguments: argparse.Namespace) -> None:
    """Writes settings and manifests that serve all models of a folder."""
    check_there(models=arguments.models)
    load_tensorflow()
    from kerasgen.deployment import write_kit

    files = write_kit(arguments.models, arguments.out)
    folder = Path(files[0]).parent
    print(f"{len(files)} files in {folder}; {folder / 'README.md'} has the commands.")
    print(f"next: docker compose --project-directory {folder} up")
