"""The ``kerasgen pack`` command."""

from __future__ import annotations

import argparse

from kerasgen.cli.arguments import whole_number
from kerasgen.io.progress import progress

FORMATS = ("tfrecord", "webdataset")
"""As in `kerasgen.annotations.packing`, which is loaded when the command runs."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    pack = commands.add_parser("pack", help=_pack.__doc__, description=_pack.__doc__)
    add = pack.add_argument
    add("folder", metavar="FOLDER", help="a finished folder")
    add("out", metavar="OUT", help="folder to fill; an unfinished one is continued")
    add("--format", required=True, choices=FORMATS, help="format of the packs")
    add("--per_file", type=whole_number, default=1000, help="pictures in each pack")
    pack.set_defaults(run=_pack)


def _pack(arguments: argparse.Namespace) -> None:
    """Packs a finished folder into TFRecord files or the tar files of WebDataset."""
    from kerasgen.annotations.packing import pack_folder

    print(
        pack_folder(
            arguments.folder,
            arguments.out,
            arguments.format,
            per_file=arguments.per_file,
            progress=progress,
        )
    )
