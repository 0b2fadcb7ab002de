"""The ``kerasgen compose`` command."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import add_shard, number_from_zero
from kerasgen.cli.judging.verify import check_failures
from kerasgen.io.parallel import processors
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.compositing.options import SceneOptions


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    compose = commands.add_parser("compose", help=_compose.__doc__, description=_compose.__doc__)
    add = compose.add_argument
    add(
        "--foregrounds",
        required=True,
        metavar="DIR",
        help="folder with one sub-folder per class; `kerasgen cut` prepares one with masks",
    )
    add("--backgrounds", required=True, metavar="DIR", help="folder of pictures to paste on")
    add(
        "--out", required=True, metavar="DIR", help="folder to fill; an unfinished one is continued"
    )
    add("--count", type=int, default=1000, help="number of scenes")
    add("--seed", type=number_from_zero, default=0, help="random seed")
    add("--workers", type=int, default=processors(), help="processes; the result is the same")
    add("--size", default="256", help="size of the scenes in pixels: the side, or WIDTHxHEIGHT")
    add("--objects", default="1-4", help="range of the number of objects in a scene")
    add("--distractors", default="0-2", help="range of the number of pasted pieces without label")
    add(
        "--scale",
        default="0.25-0.6",
        help="range of an object's longer side / scene's shorter side",
    )
    add("--rotation", type=float, default=30.0, help="largest rotation either way in degrees")
    add("--max_occlusion", type=float, default=0.5, help="largest hidden share of an object")
    add("--max_truncation", type=float, default=0.25, help="largest share outside the frame")
    add("--min_quality", type=float, default=0.75, help="lowest quality of estimated masks, 0 to 1")
    add("--yolo", action="store_true", help="write label files for YOLO, too")
    add("--verify", type=int, default=100, help="number of scenes whose annotations are checked")
    add_shard(compose)
    compose.set_defaults(run=_compose)


def _compose(arguments: argparse.Namespace) -> None:
    """Pastes foregrounds of known classes onto backgrounds, with exact masks and boxes."""
    from kerasgen.annotations.output import Output
    from kerasgen.compositing.compose import compose

    composed = compose(
        arguments.foregrounds,
        arguments.backgrounds,
        arguments.out,
        count=arguments.count,
        options=_options(arguments),
        seed=arguments.seed,
        workers=arguments.workers,
        output=Output(arguments.yolo, arguments.shard),
        verify=arguments.verify,
        progress=progress,
    )
    print(composed)
    if composed.verification is not None:
        check_failures(composed.verification, arguments.out)
    if arguments.shard is None:
        print(f"next: kerasgen compare REAL {shlex.quote(arguments.out)} --out report")


def _options(arguments: argparse.Namespace) -> SceneOptions:
    from kerasgen.compositing.options import SceneOptions

    return SceneOptions(
        size=_size(arguments.size),
        objects=_range("objects", arguments.objects, int),
        distractors=_range("distractors", arguments.distractors, int),
        scale=_range("scale", arguments.scale, float),
        rotation=arguments.rotation,
        max_occlusion=arguments.max_occlusion,
        max_truncation=arguments.max_truncation,
        min_quality=arguments.min_quality,
    )


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise ValueError(f"--size must be a side or WIDTHxHEIGHT, pixels. Received: size={text!r}")
    return int(sides[-1]), int(sides[0])


def _range(name: str, text: str, kind: type) -> tuple[Any, Any]:
    try:
        ends = [kind(end) for end in text.split("-")]
        if len(ends) > 2:
            raise ValueError(text)
    except ValueError as error:
        raise ValueError(
            f"--{name} must be a number or a range such as 1-4. Received: {name}={text!r}"
        ) from error
    return ends[0], ends[-1]
