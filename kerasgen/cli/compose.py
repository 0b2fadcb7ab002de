"""``kerasgen compose``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import number_from_zero, processors
from kerasgen.cli.verify import check_failures
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.compositing.options import SceneOptions


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    compose = commands.add_parser("compose", help=_compose.__doc__, description=_compose.__doc__)
    add = compose.add_argument
    add(
        "--foregrounds",
        required=True,
        help="folder with one sub-folder a class; `kerasgen cut` finds masks once for many runs",
    )
    add("--backgrounds", required=True, help="folder of pictures to paste on")
    add("--out", required=True, help="folder to write to; the same command again goes on")
    add("--count", type=int, default=1000, help="scenes (1000)")
    add("--seed", type=number_from_zero, default=0)
    add("--workers", type=int, default=processors(), help="processes; do not change the result")
    add("--size", default="256", help="pixels, the side or WIDTHxHEIGHT (256)")
    add("--objects", default="1-4", help="fewest and most objects (1-4)")
    add("--distractors", default="0-2", help="things pasted that are not annotated (0-2)")
    add("--scale", default="0.25-0.6", help="longer side over the scene's smaller (0.25-0.6)")
    add("--rotation", type=float, default=30.0, help="largest turn either way, degrees (30)")
    add("--max_occlusion", type=float, default=0.5, help="largest hidden share (0.5)")
    add("--max_truncation", type=float, default=0.25, help="largest share out of the frame (0.25)")
    add("--min_quality", type=float, default=0.75, help="of masks that are estimated (0.75)")
    add("--yolo", action="store_true", help="write labels for YOLO too")
    add("--verify", type=int, default=100, help="scenes whose annotations are checked (100)")
    compose.set_defaults(run=_compose)


def _compose(arguments: argparse.Namespace) -> None:
    """Pastes foregrounds of known classes on backgrounds, with exact masks and boxes."""
    from kerasgen.compositing.compose import compose

    composed = compose(
        arguments.foregrounds,
        arguments.backgrounds,
        arguments.out,
        count=arguments.count,
        options=_options(arguments),
        seed=arguments.seed,
        workers=arguments.workers,
        yolo=arguments.yolo,
        verify=arguments.verify,
        progress=progress,
    )
    print(composed)
    if composed.verification is not None:
        check_failures(composed.verification, arguments.out)


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
        raise ValueError(f"--{name} must be like 1-4. Received: {name}={text!r}") from error
    return ends[0], ends[-1]
