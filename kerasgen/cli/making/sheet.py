"""The ``kerasgen sheet`` command."""

from __future__ import annotations

import argparse
from pathlib import Path

from kerasgen.cli.arguments import whole_number


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    sheet = commands.add_parser("sheet", help=_draw_sheet.__doc__, description=_draw_sheet.__doc__)
    add = sheet.add_argument
    add("folder", metavar="DIR", help="folder of pictures, read with all folders below it")
    add("out", metavar="FILE", help="PNG file to write")
    add("--size", type=whole_number, default=96, help="side of each picture in pixels")
    add("--columns", type=whole_number, default=12, help="pictures in a row")
    add("--most", type=whole_number, default=240, help="largest number of pictures")
    sheet.set_defaults(run=_draw_sheet)


def _draw_sheet(arguments: argparse.Namespace) -> None:
    """Draws the pictures of a folder on one sheet."""
    from kerasgen.io.folders import list_images
    from kerasgen.io.images import read_pictures
    from kerasgen.io.sheets import contact_sheet, save_png

    out = Path(arguments.out).resolve()
    # A sheet of an earlier call is no picture of the folder.
    paths = [
        path for path in list_images(arguments.folder, count_others=True) if path.resolve() != out
    ]
    if not paths:
        raise ValueError(f"The sheet is the only picture. Received: folder={arguments.folder!r}")
    folder = read_pictures(arguments.folder, paths, arguments.size, fit="pad")
    save_png(arguments.out, contact_sheet(folder.images[: arguments.most], arguments.columns))
    shown = min(len(folder.images), arguments.most)
    print(f"{shown} of {len(folder.images)} pictures in {arguments.out}")
