"""``kerasgen compose``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import number_from_zero, processors
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.compositing.backgrounds import Backgrounds
    from kerasgen.compositing.foregrounds import Foreground
    from kerasgen.compositing.options import CompositingOptions

_SHOWN = 10


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
    from kerasgen.compositing.backgrounds import Backgrounds
    from kerasgen.compositing.folder import check_scenes, compose_folder
    from kerasgen.compositing.foregrounds import MAX_SIDE, class_folders
    from kerasgen.compositing.rejections import (
        REJECTED_FOREGROUNDS,
        foreground_lines,
        save_rejected,
    )
    from kerasgen.compositing.sheets import save_sheets
    from kerasgen.io.files import check_apart
    from kerasgen.io.images import list_images

    check_apart(arguments.out, foregrounds=arguments.foregrounds, backgrounds=arguments.backgrounds)
    # What could fail after minutes of cutting is tried before.
    options = _options(arguments)
    out, seed = Path(arguments.out), arguments.seed
    extraction = {"min_quality": arguments.min_quality, "max_side": MAX_SIDE}
    list_images(arguments.foregrounds)
    names = class_folders(arguments.foregrounds)
    scenery = Backgrounds.from_folder(arguments.backgrounds)
    check_scenes(
        out,
        arguments.count,
        seed=seed,
        options=options,
        class_names=names,
        extraction=extraction,
        workers=arguments.workers,
    )
    backgrounds = _usable(scenery, arguments.workers)
    found, rejected = cut(arguments.foregrounds, names, extraction, arguments.workers)
    print(*foreground_lines([item.label for item in found], rejected, names), sep="\n", flush=True)
    with progress("scenes") as report:
        filled = compose_folder(
            found,
            backgrounds,
            arguments.count,
            out,
            seed=seed,
            options=options,
            class_names=names,
            extraction=extraction,
            workers=arguments.workers,
            yolo=arguments.yolo,
            report=report,
        )
    save_rejected(out / REJECTED_FOREGROUNDS, rejected, names)
    print(*save_sheets(out, names), sep="\n")
    print(filled)
    if arguments.verify > 0:
        verify(out, found, arguments.verify)


def cut(
    folder: str, names: Sequence[str], extraction: Mapping[str, Any], workers: int
) -> tuple[list[Foreground], list[Any]]:
    """Reads the foregrounds and shows how far it has come.

    Args:
        folder: With one sub-folder a class.
        names: The classes.
        extraction: Other arguments of ``read_foregrounds``.
        workers: Threads.

    Returns:
        The foregrounds and the rejections.
    """
    from kerasgen.compositing.foregrounds import read_foregrounds

    with progress("foregrounds") as report:
        return read_foregrounds(folder, names, workers=workers, report=report, **extraction)


def verify(folder: Path, foregrounds: Sequence[Foreground], most: int | None) -> None:
    """Checks the annotations of a folder and prints what was found.

    Args:
        folder: A finished folder of scenes.
        foregrounds: Those it was composed of.
        most: Pictures to look at; None for all.

    Raises:
        ValueError: If one is wrong.
    """
    from kerasgen.compositing.verification import verify_folder

    with progress("verified") as report:
        result = verify_folder(folder, foregrounds, most=most, report=report)
    print(
        f"verified {result.pictures} pictures with {result.objects} objects, of which "
        f"{result.compared} have detail enough to tell class and place: "
        f"{len(result.failures)} failures"
    )
    print(*result.failures[:_SHOWN], sep="\n", end="\n" if result.failures else "")
    if result.failures:
        raise ValueError(
            f"{len(result.failures)} annotations are wrong, for the first: {result.failures[0]} "
            f"Received: folder={str(folder)!r}"
        )


def _usable(backgrounds: Backgrounds, workers: int) -> Backgrounds:
    """Those that can be pasted on; the others are named."""
    with progress("backgrounds") as report:
        usable, left_out = backgrounds.usable(workers, report)
    if left_out:
        print(f"{len(left_out)} of {len(backgrounds)} backgrounds left out:")
        print(*(f"  {path}: {reason}" for path, reason in left_out[:_SHOWN]), sep="\n")
    if len(left_out) > _SHOWN:
        print(f"  and {len(left_out) - _SHOWN} more")
    return usable


def _options(arguments: argparse.Namespace) -> CompositingOptions:
    from kerasgen.compositing.options import CompositingOptions

    return CompositingOptions(
        size=_size(arguments.size),
        objects=_range("objects", arguments.objects, int),
        distractors=_range("distractors", arguments.distractors, int),
        scale=_range("scale", arguments.scale, float),
        rotation=arguments.rotation,
        max_occlusion=arguments.max_occlusion,
        max_truncation=arguments.max_truncation,
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
