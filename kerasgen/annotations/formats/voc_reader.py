"""Reads Pascal VOC's XML files (Everingham et al. 2010, doi:10.1007/s11263-009-0275-4)."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from pathlib import Path
from xml.etree import ElementTree

from kerasgen.annotations.formats.dataset import (
    SPLITS,
    AnnotatedObject,
    AnnotatedPicture,
    AnnotatedPictures,
    Category,
    LeftOut,
    clipped_box,
)
from kerasgen.annotations.formats.picture_files import (
    PictureFinder,
    name_below,
    picture_size,
    text_of,
)
from kerasgen.io.files import access_to
from kerasgen.io.names import class_name_of, split_of

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FLAGS = ("-1", "0", "1")
"""What may follow a name in lists: whether the picture has an object of a class."""

ANNOTATIONS, PICTURES, SETS = "Annotations", "JPEGImages", "ImageSets/Main"
MASKS = ("SegmentationObject", "SegmentationClass")
"""Folders of pictures that are masks."""


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
        root: The folder of the set, absolute: pictures are in `JPEGImages` or `images` beside the
            folder of the file, or beside the file.

    Raises:
        ValueError: If a file, which is named, or a picture is damaged or missing, two files are of
            one picture, or a picture is in two parts.
    """
    left_out, names = LeftOut(), _names(files, root)
    splits = _splits(root, {key for name in names.values() for key in name}, left_out)
    pictures, files_of = [], dict[Path, Path]()
    for path in files:
        split = next((splits[name] for name in names[path] if name in splits), None)
        picture = _picture(path, root, left_out, split)
        if (other := files_of.setdefault(picture.path, path)) != path:
            raise ValueError(
                f"Two files are of one picture, {picture.name!r}: keep one. Received: "
                f"{str(other)!r}, {str(path)!r}"
            )
        pictures.append(picture)
    categories = sorted({each.category for picture in pictures for each in picture.objects})
    if (root / MASKS[0]).is_dir():
        left_out.add("folder(s) with masks", str(root / MASKS[0]))
    return AnnotatedPictures(
        root,
        "Pascal VOC",
        tuple(Category(number, name) for number, name in enumerate(categories, 1)),
        tuple(pictures),
        left_out.remarks(),
    )


def _names(files: Sequence[Path], root: Path) -> dict[Path, tuple[str, str]]:
    """What lists may call each picture: its file's path, or name, without the ending."""
    found = {}
    for path in files:
        parts = path.relative_to(root).with_suffix("").parts
        below = "/".join(parts[1:] if parts[0] == ANNOTATIONS else parts)
        found[path] = class_name_of(below), class_name_of(path.stem)
    return found


def _splits(root: Path, known: Set[str], left_out: LeftOut) -> dict[str, str]:
    """The part of each picture, by its name."""
    found: dict[str, str] = {}
    for path in sorted((root / SETS).glob("*.txt")):
        part = SPLITS.get(split_of(path.stem) or "")
        if part is None:
            continue
        for line in filter(None, map(str.strip, text_of(path).split("\n"))):
            name = class_name_of(line)
            words = name.rsplit(maxsplit=1)
            if name not in known and words[-1] in _FLAGS:
                name = words[0]
            if name not in known:
                left_out.add("name(s) in lists without an XML file", f"{name!r} in {str(path)!r}")
            if found.setdefault(name, part) != part:
                raise ValueError(
                    f"The picture {name!r} is in two parts, {found[name]} and {part}: take it out "
                    f"of one. Received: path={str(path)!r}"
                )
    return found


def _picture(path: Path, root: Path, left_out: LeftOut, split: str | None) -> AnnotatedPicture:
    where = f"path={str(path)!r}"
    try:
        with access_to(path):
            tree = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"Cannot be read as XML: {error}. Received: {where}") from error
    found = _picture_file(path, root, tree.findtext("filename") or path.stem)
    size = picture_size(
        found, [tree.findtext(f"size/{side}") for side in ("width", "height")], where, left_out
    )
    objects = []
    for number, element in enumerate(tree.findall("object")):
        place = f"{where}, object {number}"
        placed = _object(element, size, place)
        if placed is None:
            left_out.add("object(s) with a box that is empty or outside the picture", place)
        else:
            objects.append(placed)
    return AnnotatedPicture(found, name_below(found, root), *size, tuple(objects), split)


def _picture_file(path: Path, root: Path, stated: str) -> Path:
    """The picture of an XML file; one of its own name comes before another that it states."""
    below = path.parent.relative_to(root).parts
    inner = below[1:] if below[:1] == (ANNOTATIONS,) else below
    bases = [path.parent, *(path.parent.parent / name for name in (PICTURES, "images"))]
    bases += [root.joinpath(name, *inner) for name in (PICTURES, "images")]
    finder = PictureFinder(root, [*bases, root / PICTURES, root / "images"])
    found = finder.find(stated)
    if found is None or found.stem != path.stem:
        found = finder.find_stem(path.stem) or found
    if found is None:
        raise ValueError(
            f"The picture {stated!r} is missing below {str(root)!r}: put it in {PICTURES!r} or "
            f"beside the file. Received: path={str(path)!r}"
        )
    return found


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
