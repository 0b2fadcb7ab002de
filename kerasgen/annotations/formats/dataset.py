"""Annotated pictures, whatever format they came in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasgen.annotations.annotation import Box, mask_from_run_lengths
from kerasgen.io.files import access_to

SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""The names of parts, by those of `split_of`."""


@dataclass(frozen=True)
class Category:
    """A class of objects.

    Attributes:
        id: Its number in its format: COCO's has gaps, YOLO's counts from 0.
        name: Its name.
        supercategory: COCO's group of categories; empty for none.
    """

    id: int
    name: str
    supercategory: str = ""


@dataclass(frozen=True, eq=False)
class AnnotatedObject:
    """An object in a picture.

    Attributes:
        category: Name of its category.
        box: `(x0, y0, x1, y1)` in pixels, within the picture and not empty.
        run_lengths: Its mask as COCO's compressed run lengths; None if it has none.
    """

    category: str
    box: Box
    run_lengths: Mapping[str, Any] | None = None

    @property
    def mask(self) -> np.ndarray | None:
        """`[H, W]` bool, of the picture's size; None if it has none."""
        return None if self.run_lengths is None else mask_from_run_lengths(self.run_lengths)


@dataclass(frozen=True, eq=False)
class AnnotatedPicture:
    """A picture and its objects.

    Attributes:
        path: The file.
        name: Its path below the folder of the set, with `/`, see `unicode_name`.
        width: In pixels, upright.
        height: In pixels, upright.
        objects: Its objects, in the order of the annotations.
        split: "train", "val" or "test"; None if the format does not say.
    """

    path: Path
    name: str
    width: int
    height: int
    objects: tuple[AnnotatedObject, ...]
    split: str | None = None


@dataclass(frozen=True, eq=False)
class AnnotatedPictures:
    """The pictures of a folder with their objects.

    Attributes:
        folder: The folder of the set: all pictures are below it.
        format: "COCO", "YOLO" or "Pascal VOC".
        categories: All categories, those without objects included.
        pictures: In the order of the annotations, or of their names.
        remarks: Sentences on what was left out.
    """

    folder: Path
    format: str
    categories: tuple[Category, ...]
    pictures: tuple[AnnotatedPicture, ...]
    remarks: tuple[str, ...] = ()

    def sha256(self) -> str:
        """The SHA-256 of all annotations, with names, parts and sizes in bytes of the pictures.

        Raises:
            ValueError: If a picture is missing.
        """
        digest = hashlib.sha256(json.dumps([asdict(each) for each in self.categories]).encode())
        for picture in self.pictures:
            with access_to(picture.path):
                size = picture.path.stat().st_size
            objects = [(each.category, each.box, each.run_lengths) for each in picture.objects]
            fields = [picture.name, picture.split, size, objects]
            digest.update(json.dumps(fields, default=dict).encode())
        return digest.hexdigest()


def clipped_box(box: Box, size: tuple[int, int]) -> Box | None:
    """Returns the part of a box in a picture; None if it is empty.

    Args:
        box: `(x0, y0, x1, y1)` in pixels.
        size: `(width, height)` of the picture in pixels.
    """
    (x0, y0, x1, y1), (width, height) = box, size
    x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


class LeftOut:
    """Counts what a reader leaves out, by reason, with the first place of each."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, location: str, done: str = " left out") -> None:
        """Counts one.

        Args:
            what: What it is, in the plural.
            location: Where it is.
            done: What was done with it.
        """
        what += done
        count, first = self._found.get(what, (0, location))
        self._found[what] = (count + 1, first)

    def remarks(self) -> tuple[str, ...]:
        """One sentence for each kind."""
        return tuple(
            f"{count} {what}, the first: {first}" for what, (count, first) in self._found.items()
        )
