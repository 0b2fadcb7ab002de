"""The ``kerasgen merge`` command."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    merge = commands.add_parser("merge", help=_merge.__doc__, description=_merge.__doc__)
    add = merge.add_argument
    add("out", metavar="OUT", help="folder to fill; an unfinished one is continued")
    add("shards", metavar="SHARD", nargs="+", help="folders that were filled with --shard")
    add(
        "--sources",
        metavar="DIR",
        help="the --sources of `synthesize` or `smoke`, which the sheet shows beside the pictures",
    )
    merge.set_defaults(run=_merge)


def _merge(arguments: argparse.Namespace) -> None:
    """Merges the shards of one job; the folder has the bytes of one run without --shard."""
    from kerasgen.annotations.folder_layout import SETTINGS
    from kerasgen.io.files import read_json

    if read_json(Path(arguments.shards[0]) / SETTINGS).get("kind") == "cuts":
        _merge_cuts(arguments)
    else:
        _merge_pictures(arguments)


def _merge_cuts(arguments: argparse.Namespace) -> None:
    from kerasgen.compositing.mask_cache import merge_cuts

    with progress("files") as report:
        print(merge_cuts(arguments.out, arguments.shards, report=report))
    out = shlex.quote(arguments.out)
    print(f"next: kerasgen compose --foregrounds {out} --backgrounds DIR --out scenes")


def _merge_pictures(arguments: argparse.Namespace) -> None:
    from kerasgen.annotations.merging import merge_shards
    from kerasgen.compositing.compose import finish_merged

    with progress("pictures") as report:
        merged = merge_shards(
            arguments.out, arguments.shards, sources=arguments.sources, report=report
        )
    merged = finish_merged(merged, arguments.shards)
    print(merged)
    if merged.sheet is None and merged.pictures:
        print("no sheet.png: the same command with --sources adds it")
    print(f"next: kerasgen dossier {shlex.quote(arguments.out)} --licence SPDX_ID")
