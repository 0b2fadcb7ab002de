"""``kerasgen sheet``."""

from __future__ import annotations

import argparse

from kerasgen.cli.arguments import whole_number


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    sheet = commands.add_parser("sheet", help=_draw_sheet.__doc__, description=_draw_sheet.__doc__)
    sheet.add_argument("folder", help="read with all folders below it")
    sheet.add_argument("out", help="the PNG to write")
    sheet.add_argument(
        "--size", type=whole_number, default=96, help="side of each picture in pixels"
    )
    sheet.add_argument("--columns", type=whole_number, default=12)
    sheet.add_argument("--most", type=whole_number, default=240, help="pictures shown at most")
    sheet.set_defaults(run=_draw_sheet)


def _draw_sheet(arguments: argparse.Namespace) -> None:
    """Writes one picture that shows all pictures of a folder."""
    from kerasgen.io.images import read_folder
    from kerasgen.io.sheets import contact_sheet, save_png

    folder = read_folder(arguments.folder, arguments.size, fit="pad")
    save_png(arguments.out, contact_sheet(folder.images[: arguments.most], arguments.columns))
    shown = min(len(folder.images), arguments.most)
    print(f"{shown} of {len(folder.images)} pictures in {arguments.out}")
