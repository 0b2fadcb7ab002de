"""Finds the picture files that annotations name, and their sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath

from PIL import ExifTags, Image

from kerasgen.io.folders import ENDINGS
from kerasgen.io.images import ImageError

_ON_ITS_SIDE = range(5, 9)
"""EXIF orientations that swap width and height."""


class PictureFinder:
    """Looks for pictures below several folders.

    Args:
        bases: Folders that names may be relative to, the best first; a name without its folders is
            also looked for in each.
    """

    def __init__(self, bases: Iterable[Path]) -> None:
        self._bases = [base for base in dict.fromkeys(bases) if base.is_dir()]

    def find(self, name: str) -> Path | None:
        """Returns the path of a picture, or None.

        Args:
            name: Relative or absolute, with `/` or Windows' separators.
        """
        windows = PureWindowsPath(name)
        plain = windows.as_posix()
        for each in (plain, windows.name):
            for base in self._bases:
                # An absolute name replaces the folder.
                if (path := base / each).is_file():
                    return path
        return None

    def find_stem(self, stem: str) -> Path | None:
        """Returns the path of the picture with a name, whatever its ending, or None."""
        for base in self._bases:
            for ending in (*ENDINGS, *(each.upper() for each in ENDINGS)):
                if (path := base / f"{stem}{ending}").is_file():
                    return path
        return None


def bases_of(root: Path, near: Path) -> list[Path]:
    """The folders that the names of an annotation file may be relative to.

    Args:
        root: The folder of the set.
        near: The annotation file. Folders that its name contains come before others:
            `instances_val2017.json` is of `val2017`.
    """
    first = [near.parent, near.parent / "images", root, root / "images"]
    below = [path for path in sorted(root.iterdir()) if path.is_dir() and path.name[0] != "."]
    below.sort(key=lambda path: path.name not in near.stem)
    return [*first, *below, *(path / "images" for path in below)]


def upright_size(path: Path) -> tuple[int, int]:
    """Returns (width, height) of a picture as EXIF turns it, in pixels; no pixel is decoded.

    Raises:
        ImageError: If it is no readable picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turn = image.getexif().get(ExifTags.Base.Orientation)
    except Exception as error:
        raise ImageError(
            f"The picture cannot be read ({error}): export it again. Received: path={str(path)!r}"
        ) from error
    return (height, width) if turn in _ON_ITS_SIDE else (width, height)


def checked_size(path: Path, stated: Sequence[int | None], location: str) -> tuple[int, int]:
    """Returns (width, height) of a picture, after a comparison with what annotations state.

    Args:
        path: The picture.
        stated: Width and height; None or 0 where the annotations do not say.
        location: Where they are stated.

    Raises:
        ImageError: If the picture cannot be read.
        ValueError: If the sizes differ.
    """
    size = upright_size(path)
    if all(stated) and size != tuple(stated):
        hint = ", as EXIF turns it: save it upright" if size == tuple(stated[::-1]) else ""
        raise ValueError(
            f"The picture {path.name!r} is {size[0]} x {size[1]} pixels{hint}; its annotations are "
            f"of {stated[0]} x {stated[1]}. Received: {location}"
        )
    return size


def name_below(path: Path, bases: Iterable[Path]) -> str:
    """Returns a picture's path below the nearest of some folders that hold it, else its name."""
    inside = [base for base in bases if path.is_relative_to(base)]
    base = max(inside, key=lambda each: len(each.parts), default=path.parent)
    return path.relative_to(base).as_posix()
