"""The ``kerasgen convert`` command."""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import number_from_zero
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.annotations.formats import AnnotatedPictures

FORMATS, MASKS = ("coco", "yolo", "voc", "folders"), ("rle", "polygons", "none")
"""As in `kerasgen.annotations.formats`, which is loaded when the command runs."""

RULES = ("picture", "folder", "name")
"""As in `kerasgen.data.SOURCE_RULES`."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    convert = commands.add_parser("convert", help=_convert.__doc__, description=_convert.__doc__)
    add = convert.add_argument
    add("folder", metavar="DIR", help="a folder annotated for COCO, YOLO or Pascal VOC, or a .json")
    add("out", metavar="OUT", help="folder to fill; an unfinished one is continued")
    add("--format", required=True, choices=FORMATS, help="format; folders are crops by class")
    add("--masks", choices=MASKS, help="form of masks (default: rle for coco, none for others)")
    add("--split", metavar="SHARES", help="shares of train, val and test, like 0.8,0.1,0.1")
    add("--sources", choices=RULES, default="picture", help="what a split keeps together")
    add("--seed", type=number_from_zero, default=0, help="random seed of the split")
    convert.set_defaults(run=_convert)


def _convert(arguments: argparse.Namespace) -> None:
    """Writes annotated pictures in another format: COCO, YOLO, Pascal VOC or class folders."""
    from kerasgen.annotations.formats import convert_pictures, read_annotated
    from kerasgen.io.files import check_apart

    shares = None if arguments.split is None else _shares(arguments.split)
    check_apart(arguments.out, **{"folder to convert": arguments.folder})
    pictures = read_annotated(arguments.folder)
    for remark in pictures.remarks:
        warnings.warn(remark, stacklevel=2)
    if shares is not None:
        pictures = _divided(pictures, shares, arguments)
    with progress("pictures") as report:
        print(
            convert_pictures(
                pictures, arguments.out, arguments.format, masks=arguments.masks, report=report
            )
        )


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"--split must be like 0.8,0.1,0.1. Received: split={text!r}") from error


def _divided(
    pictures: AnnotatedPictures, shares: list[float], arguments: argparse.Namespace
) -> AnnotatedPictures:
    from kerasgen.data import parts_by_source, source_of

    sources = [source_of(each.name, arguments.sources) for each in pictures.pictures]
    parts = parts_by_source(sources, shares, arguments.seed)
    divided = [
        dataclasses.replace(each, split=part)
        for each, part in zip(pictures.pictures, parts, strict=True)
    ]
    return dataclasses.replace(pictures, pictures=tuple(divided))
