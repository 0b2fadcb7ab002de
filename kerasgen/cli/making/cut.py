"""The ``kerasgen cut`` command."""

from __future__ import annotations

import argparse
import shlex

from kerasgen.cli.arguments import add_shard, whole_number
from kerasgen.io.parallel import processors
from kerasgen.io.progress import progress


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    cut = commands.add_parser("cut", help=_cut.__doc__, description=_cut.__doc__)
    add = cut.add_argument
    add(
        "--foregrounds",
        required=True,
        metavar="DIR",
        help="folder with one sub-folder per class, or annotated for COCO, YOLO or Pascal VOC",
    )
    add("--out", required=True, metavar="DIR", help="folder to fill, for `compose --foregrounds`")
    add("--min_quality", type=float, default=0.75, help="lowest quality of estimated masks, 0 to 1")
    add("--workers", type=whole_number, default=processors(), help="threads")
    add_shard(cut)
    cut.set_defaults(run=_cut)


def _cut(arguments: argparse.Namespace) -> None:
    """Copies pictures with their estimated masks, to be checked and reused by `compose`."""
    from kerasgen.compositing.mask_cache import save_cuts

    with progress("foregrounds") as report:
        cuts = save_cuts(
            arguments.foregrounds,
            arguments.out,
            min_quality=arguments.min_quality,
            workers=arguments.workers,
            shard=arguments.shard,
            report=report,
        )
    print(cuts)
    if arguments.shard is None and cuts.labels:
        out = shlex.quote(arguments.out)
        print(f"next: kerasgen compose --foregrounds {out} --backgrounds DIR --out scenes")
