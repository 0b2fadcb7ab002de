"""Finds the picture files that annotations name, and their sizes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

from PIL import ExifTags, Image

from kerasgen.annotations.formats.dataset import LeftOut
from kerasgen.io.files import access_to
from kerasgen.io.folders import ENDINGS
from kerasgen.io.images import ImageError
from kerasgen.io.names import path_of, unicode_name

_TURNED, _ON_ITS_SIDE = range(2, 9), range(5, 9)
"""EXIF orientations that change a picture, and those of them that swap width and height."""


def text_of(path: Path) -> str:
    """Returns the text of a file: UTF-8, also with a byte order mark.

    Raises:
        ValueError: If it is none.
    """
    with access_to(path):
        return path.read_text(encoding="utf-8-sig")


def path_below(root: Path, base: Path, name: str) -> Path | None:
    """Returns what a name stands for if it is there, and below the folder of a set.

    Args:
        root: The folder of the set, absolute.
        base: The folder that the name is relative to.
        name: Relative or absolute, perhaps with `..`, see ``path_of``.
    """
    path = path_of(base, name)
    if not os.path.exists(path):
        return None
    path = Path(os.path.abspath(path))
    return path if path.is_relative_to(root) else None


class PictureFinder:
    """Looks for the pictures of a set, all below its folder.

    Args:
        root: The folder of the set, absolute.
        bases: Folders that names may be relative to, the best first.
        others: Further folders, none better than another.
    """

    def __init__(self, root: Path, bases: Iterable[Path], others: Iterable[Path] = ()) -> None:
        self._root = root
        self._bases = [base for base in dict.fromkeys(bases) if base.is_dir()]
        self._others = [base for base in dict.fromkeys(others) if base.is_dir()]

    def find(self, name: str) -> Path | None:
        """Returns the path of a picture, or None.

        Args:
            name: With `/` or Windows' separators; an absolute one, of another machine perhaps, is
                also looked for without its folders.

        Raises:
            ValueError: If several of the other folders have it.
        """
        windows = PureWindowsPath(name)
        tried = [name, windows.as_posix(), *([windows.name] if windows.root else [])]
        return next(filter(None, map(self._named, dict.fromkeys(tried))), None)

    def _named(self, name: str) -> Path | None:
        if found := next(filter(None, (self._file(base, name) for base in self._bases)), None):
            return found
        return self._only(name, (self._file(base, name) for base in self._others))

    def find_stem(self, stem: str) -> Path | None:
        """Returns the path of the picture with a name, whatever its ending, or None.

        Raises:
            ValueError: If there are several in one folder.
        """
        endings = (*ENDINGS, *(each.upper() for each in ENDINGS))
        for base in self._bases:
            files = (self._file(base, f"{stem}{ending}") for ending in endings)
            if found := self._only(stem, files):
                return found
        return None

    def _file(self, base: Path, name: str) -> Path | None:
        path = path_below(self._root, base, name)
        return path if path is not None and path.is_file() else None

    def _only(self, name: str, files: Iterable[Path | None]) -> Path | None:
        # Some file systems find one file by both cases of its ending.
        found = list({str(path).casefold(): path for path in files if path is not None}.values())
        if len(found) > 1:
            raise ValueError(
                f"Several pictures are named {name!r}: state the folder, or the ending, of the one "
                f"that is meant. Received: {', '.join(repr(str(path)) for path in found[:3])}"
            )
        return next(iter(found), None)


def coco_finder(root: Path, near: Path) -> PictureFinder:
    """Returns what finds the pictures of an annotation file.

    Args:
        root: The folder of the set, absolute.
        near: The annotation file. Folders that its name contains come before others:
            `instances_val2017.json` is of `val2017`.
    """
    first = [near.parent, near.parent / "images", root, root / "images"]
    below = [path for path in sorted(root.iterdir()) if path.is_dir() and path.name[0] != "."]
    named = [path for path in below if path.name in near.stem]
    first += [*named, *(path / "images" for path in named)]
    return PictureFinder(root, first, [*below, *(path / "images" for path in below)])


def picture_size(
    path: Path, stated: Sequence[Any], location: str, left_out: LeftOut
) -> tuple[int, int]:
    """Returns (width, height) of a picture as EXIF turns it, in pixels; no pixel is decoded.

    Args:
        path: The picture.
        stated: Width and height by its annotations; None or 0 where they do not say, or empty.
        location: Where they are stated.
        left_out: What counts the pictures that EXIF turns.

    Raises:
        ImageError: If the picture cannot be read.
        ValueError: If the sizes differ.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:
        raise ImageError(
            f"The picture cannot be read ({error}): export it again. Received: path={str(path)!r}"
        ) from error
    size = (height, width) if turn in _ON_ITS_SIDE else (width, height)
    if turn in _TURNED:
        what = "picture(s) are turned by EXIF, and their annotations taken as of the turned picture"
        left_out.add(what, str(path), done="")
    told = tuple(
        int(each) if isinstance(each, str) and each.strip().isdecimal() else each for each in stated
    )
    if told and all(told) and size != told:
        hint = ", as EXIF turns it: save it upright" if size == told[::-1] else ""
        raise ValueError(
            f"The picture {path.name!r} is {size[0]} x {size[1]} pixels{hint}; its annotations are "
            f"of {told[0]} x {told[1]}. Received: {location}"
        )
    return size


def name_below(path: Path, root: Path) -> str:
    """Returns a picture's path below the folder of its set, with `/`, as Unicode."""
    return unicode_name(path.relative_to(root).as_posix())
