"""Finds out in which format a folder is annotated, and reads it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from kerasgen.annotations.folder_layout import INSTANCES
from kerasgen.annotations.formats.coco_reader import is_coco, read_coco
from kerasgen.annotations.formats.dataset import AnnotatedPictures
from kerasgen.annotations.formats.voc_reader import MASKS, PICTURES, read_voc, voc_files
from kerasgen.annotations.formats.yolo_reader import read_yolo, yolo_file
from kerasgen.io.folders import list_images
from kerasgen.io.names import PathLike, unicode_name

Reader = Callable[[], AnnotatedPictures]

_OWN_JSON = ("settings.json", "croissant.json", "index.json", "dataset_info.json")
_OWN_TABLES = ("metadata.jsonl", "rejected.jsonl", "rejected_foregrounds.csv", "classes.txt")
_TABLES = (".json", ".jsonl", ".csv", ".txt", ".xml")
_MOST_NAMED = 3


def annotation_format(folder: PathLike) -> str | None:
    """The format in which a folder is annotated.

    Args:
        folder: The folder, or a JSON file of COCO's.

    Returns:
        "COCO", "YOLO" or "Pascal VOC"; None if it has no annotations that are read.

    Raises:
        ValueError: If an annotation file is damaged, or there are two of one format.
    """
    return next(iter(_readers(folder)), None)


def read_annotated(folder: PathLike) -> AnnotatedPictures:
    """Reads annotated pictures in COCO's, YOLO's or Pascal VOC's format.

    Args:
        folder: The folder, or a JSON file of COCO's, whose pictures are beside it.

    Returns:
        The pictures with their objects; `remarks` says what was left out, annotations in a second
        format included.

    Raises:
        ValueError: If there are no annotations, or a file, whose entry is named, is damaged.
    """
    readers = _readers(folder)
    if not readers:
        raise ValueError(
            "There are no annotations in the format of COCO, YOLO or Pascal VOC. Received: "
            f"folder={str(folder)!r}"
        )
    (name, reader), *others = readers.items()
    found = reader()
    if not any(picture.objects for picture in found.pictures):
        raise ValueError(f"No picture has an annotated object. Received: folder={str(folder)!r}")
    beside = [f"Annotations of {other} were not read beside those of {name}" for other, _ in others]
    return replace(found, remarks=(*found.remarks, *_unread_pictures(found), *beside))


def _unread_pictures(found: AnnotatedPictures) -> Iterator[str]:
    """A sentence on the pictures in the folder that have no annotations, if there are any."""
    real = functools.cache(os.path.realpath)
    read = {(real(picture.path.parent), picture.path.name) for picture in found.pictures}
    below: list[Path] = []
    with suppress(ValueError):
        below = list_images(found.folder)
    unread = [
        path
        for path in below
        if (real(path.parent), path.name) not in read and path.parent.name not in MASKS
    ]
    if unread:
        yield (
            f"{len(unread)} picture(s) without annotations were not read, the first: "
            f"{unicode_name(unread[0])}"
        )


def unused_annotations(folder: PathLike) -> str:
    """A sentence on files below a folder of pictures that may be annotations; often empty.

    Args:
        folder: A folder that is read without annotations.
    """
    root = Path(folder)
    names = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in _TABLES
        and path.name not in (*_OWN_JSON, *_OWN_TABLES)
        and not path.name.upper().startswith(("README", "LICEN", "."))
    ]
    if not names:
        return ""
    shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
    return f"{len(names)} file(s) that may be annotations were not read: {shown}"


def _readers(folder: PathLike) -> dict[str, Reader]:
    """The formats that are there, with what reads them."""
    # Not resolved: a link in the folder may lead to its pictures.
    path = Path(os.path.abspath(folder))
    if path.is_file() and path.suffix.lower() == ".json":
        root = path.parent.parent if path.parent.name == "annotations" else path.parent
        return {"COCO": partial(read_coco, path, root)}
    if not path.is_dir():
        return {}
    found: dict[str, Reader] = {}
    inside = path.name in ("images", PICTURES)
    for root in (path, *([path.parent] if inside else [])):
        if coco := _coco_file(root):
            found.setdefault("COCO", partial(read_coco, coco, root))
        if yolo := yolo_file(root):
            found.setdefault("YOLO", partial(read_yolo, yolo, root))
        if voc := voc_files(root):
            found.setdefault("Pascal VOC", partial(read_voc, voc, root))
        if found:
            return found
    beside = path.parent / INSTANCES
    if beside.is_file() and is_coco(beside, of=path):
        found["COCO"] = partial(read_coco, beside, path)
    return found


def _is_coco(path: Path) -> bool:
    try:
        return is_coco(path)
    except ValueError:
        # Any other may be a file of another kind.
        if path.name == INSTANCES:
            raise
        return False


def _coco_file(root: Path) -> Path | None:
    listed = [*root.glob("*.json"), *root.glob("annotations/*.json")]
    files = [path for path in sorted(listed) if path.name not in _OWN_JSON and _is_coco(path)]
    preferred = [path for path in files if path.name == INSTANCES]
    if len(files) > 1 and len(preferred) != 1:
        names = ", ".join(path.name for path in files[:_MOST_NAMED])
        raise ValueError(
            f"Several files have COCO's instances, {names}: give the path of one in place of the "
            f"folder. Received: folder={str(root)!r}"
        )
    return next(iter(preferred or files), None)
