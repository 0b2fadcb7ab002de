"""Reads Pascal VOC's XML files (Everingham et al. 2010, doi:10.1007/s11263-009-0275-4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from kerasgen.annotations.formats.dataset import (
    AnnotatedObject,
    AnnotatedPicture,
    AnnotatedPictures,
    Category,
    LeftOut,
    clipped_box,
)
from kerasgen.annotations.formats.picture_files import PictureFinder, checked_size, name_below
from kerasgen.io.files import access_to
from kerasgen.io.names import class_name_of, split_of

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
PICTURES, SETS = "JPEGImages", "ImageSets/Main"
SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""The names of parts, by those of `split_of`."""


def voc_files(root: Path) -> list[Path]:
    """The XML files below a folder whose root element is `annotation`, sorted."""
    return [path for path in sorted(root.rglob("*.xml")) if _head_says_annotation(path)]


def _head_says_annotation(path: Path) -> bool:
    if any(part.startswith(".") for part in path.parts[-2:]) or not path.is_file():
        return False
    with access_to(path), path.open("rb") as stream:
        return b"<annotation" in stream.read(2048)


def read_voc(files: Sequence[Path], root: Path) -> AnnotatedPictures:
    """Reads the pictures of XML files.

    Corners are numbers of pixels, counted from 1, as VOC defines them. Categories are numbered from
    1 in the order of their names.

    Args:
        files: The XML files.
        root: The folder of the set: pictures are in `JPEGImages` or `images` beside the folder of
            the file, or beside the file.

    Raises:
        ValueError: If a file, which is named, or a picture is damaged or missing.
    """
    left_out, splits = LeftOut(), _splits(root)
    pictures = tuple(_picture(path, root, left_out, splits) for path in files)
    names = sorted({each.category for picture in pictures for each in picture.objects})
    if (root / "SegmentationObject").is_dir():
        left_out.add("folder(s) with masks", str(root / "SegmentationObject"))
    return AnnotatedPictures(
        root,
        "Pascal VOC",
        tuple(Category(number, name) for number, name in enumerate(names, 1)),
        pictures,
        left_out.remarks(),
    )


def _splits(root: Path) -> dict[str, str]:
    """The part of each picture, by its name without the ending."""
    found: dict[str, str] = {}
    for path in sorted((root / SETS).glob("*.txt")):
        part = SPLITS.get(split_of(path.stem) or "")
        if part is not None:
            with access_to(path):
                lines = path.read_text(encoding="utf-8").split("\n")
            found.update({line.split()[0]: part for line in lines if line.strip()})
    return found


def _picture(path: Path, root: Path, left_out: LeftOut, splits: dict[str, str]) -> AnnotatedPicture:
    where = f"path={str(path)!r}"
    try:
        with access_to(path):
            tree = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"Cannot be read as XML: {error}. Received: {where}") from error
    bases = [path.parent, *(path.parent.parent / name for name in (PICTURES, "images"))]
    bases += [root / PICTURES, root / "images"]
    finder = PictureFinder(bases)
    found = finder.find(tree.findtext("filename") or path.stem) or finder.find_stem(path.stem)
    if found is None:
        raise ValueError(
            f"The picture {tree.findtext('filename') or path.stem!r} is missing: put it in "
            f"{PICTURES!r} or beside the file. Received: {where}"
        )
    stated = [_integer(tree.findtext(f"size/{side}")) for side in ("width", "height")]
    size = checked_size(found, stated, where)
    objects = []
    for number, element in enumerate(tree.findall("object")):
        place = f"{where}, object {number}"
        placed = _object(element, size, place)
        if placed is None:
            left_out.add("object(s) with a box that is empty or outside the picture", place)
        else:
            objects.append(placed)
    return AnnotatedPicture(
        found, name_below(found, bases), *size, tuple(objects), splits.get(path.stem)
    )


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdecimal() else None


def _object(
    element: ElementTree.Element, size: tuple[int, int], where: str
) -> AnnotatedObject | None:
    name = (element.findtext("name") or "").strip()
    texts = [element.findtext(f"bndbox/{corner}") for corner in _CORNERS]
    if not name or None in texts:
        raise ValueError(
            f"The object needs a `name`, and a `bndbox` with {', '.join(_CORNERS)}. "
            f"Received: {where}"
        )
    try:
        x0, y0, x1, y1 = (float(str(text)) for text in texts)
    except ValueError as error:
        raise ValueError(f"The `bndbox` holds no numbers: {error}. Received: {where}") from error
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise ValueError(f"The `bndbox` must be finite, not {texts}. Received: {where}")
    # The first pixel is 1, and the last one belongs to the box.
    box = clipped_box((x0 - 1, y0 - 1, x1, y1), size)
    return None if box is None else AnnotatedObject(class_name_of(name), box)
