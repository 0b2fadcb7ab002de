"""Reads COCO's instances (Lin et al. 2014, arXiv:1405.0312)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as masks

from kerasgen.annotations.annotation import Box, mask_from_run_lengths, run_lengths
from kerasgen.annotations.formats.dataset import (
    AnnotatedObject,
    AnnotatedPicture,
    AnnotatedPictures,
    Category,
    LeftOut,
    clipped_box,
)
from kerasgen.annotations.formats.picture_files import (
    PictureFinder,
    coco_finder,
    name_below,
    picture_size,
)
from kerasgen.io.files import read_json
from kerasgen.io.names import class_name_of

_LISTS = ("images", "annotations", "categories")
_IDS = {"id", "image_id", "category_id"}
_SINGLE = (None, False, 0, "0", "")
"""Values of `iscrowd` of a single object."""

_FURTHEST = 10
"""Corners of polygons are moved to within so many pictures around: pycocotools needs memory for all
pixels of an outline, and crashes without it."""


def is_coco(path: Path, *, of: Path | None = None) -> bool:
    """Whether a JSON file has the three lists of COCO's instances.

    Args:
        path: The file.
        of: A folder that must have its first picture; None for any.

    Raises:
        ValueError: If it is no JSON object.
    """
    content = read_json(path)
    if of is None or not _has_lists(content):
        return _has_lists(content)
    first = next(iter(content["images"]), None)
    name = first.get("file_name") if isinstance(first, dict) else None
    return PictureFinder(of, [of]).find(str(name)) is not None


def _has_lists(content: Mapping[str, Any]) -> bool:
    return all(isinstance(content.get(name), list) for name in _LISTS)


def read_coco(path: Path, root: Path) -> AnnotatedPictures:
    """Reads the pictures of an `instances.json`; crowd annotations are left out.

    Args:
        path: The file.
        root: The folder of the set, absolute: pictures are below it, in any folder that their names
            are relative to.

    Raises:
        ValueError: If the file, an entry of it, which is named, or a picture is damaged or missing.
    """
    content = read_json(path)
    if not _has_lists(content):
        raise ValueError(
            f"Not COCO's instances: it needs the lists {', '.join(_LISTS)}. Received: "
            f"path={str(path)!r}"
        )
    reader = _Reader(path, root, content)
    pictures = tuple(reader.pictures())
    return AnnotatedPictures(
        root, "COCO", tuple(reader.categories.values()), pictures, reader.left_out.remarks()
    )


class _Reader:
    def __init__(self, path: Path, root: Path, content: Mapping[str, Any]) -> None:
        self.path, self.root, self.content, self.left_out = path, root, content, LeftOut()
        self.categories = self._categories()

    def _where(self, name: str, index: int) -> str:
        entry = self.content[name][index]
        own = f" (id {entry['id']})" if isinstance(entry, dict) and "id" in entry else ""
        return f"path={str(self.path)!r}, {name}[{index}]{own}"

    def _entries(self, name: str, *needed: str) -> Iterator[tuple[dict[str, Any], str]]:
        for index, entry in enumerate(self.content[name]):
            where = self._where(name, index)
            lacking = [each for each in needed if not isinstance(entry, dict) or each not in entry]
            if lacking:
                raise ValueError(f"The entry has no `{lacking[0]}`. Received: {where}")
            for each in _IDS.intersection(needed):
                if not isinstance(entry[each], int | str):
                    raise ValueError(f"`{each}` must be an integer or text. Received: {where}")
            yield entry, where

    def _categories(self) -> dict[int, Category]:
        found: dict[int, Category] = {}
        for entry, where in self._entries("categories", "id", "name"):
            try:
                name, key = class_name_of(str(entry["name"])), entry["id"]
            except UnicodeEncodeError as error:
                raise ValueError(f"The name is no Unicode: {error}. Received: {where}") from error
            if not isinstance(key, int):
                raise ValueError(f"The `id` of a category must be an integer. Received: {where}")
            if key in found or name in {each.name for each in found.values()}:
                raise ValueError(
                    f"Two categories have this id or name: rename one. Received: {where}"
                )
            found[key] = Category(key, name, str(entry.get("supercategory") or ""))
        if not found:
            raise ValueError(f"There is no category. Received: path={str(self.path)!r}")
        return found

    def _by_picture(self) -> dict[Any, list[tuple[dict[str, Any], str]]]:
        known = {entry["id"] for entry, _ in self._entries("images", "id", "file_name")}
        found: dict[Any, list[tuple[dict[str, Any], str]]] = defaultdict(list)
        for entry, where in self._entries("annotations", "image_id", "category_id"):
            for key, ids in (("image_id", known), ("category_id", self.categories)):
                if entry[key] not in ids:
                    raise ValueError(f"There is no such {key}, {entry[key]}. Received: {where}")
            found[entry["image_id"]].append((entry, where))
        return found

    def pictures(self) -> Iterator[AnnotatedPicture]:
        """Yields the pictures with their objects."""
        by_picture, finder = self._by_picture(), coco_finder(self.root, self.path)
        seen: set[Any] = set()
        for entry, where in self._entries("images", "id", "file_name"):
            path = finder.find(str(entry["file_name"]))
            if path is None:
                raise ValueError(
                    f"The picture {entry['file_name']!r:.300} is missing below {str(self.root)!r}: "
                    f"put it beside the file or in `images`. Received: {where}"
                )
            if entry["id"] in seen or path in seen:
                raise ValueError(f"The picture or its id is listed twice. Received: {where}")
            seen |= {entry["id"], path}
            stated = entry.get("width"), entry.get("height")
            size = picture_size(path, stated, where, self.left_out)
            found = (self._object(*each, size) for each in by_picture[entry["id"]])
            objects = tuple(each for each in found if each is not None)
            yield AnnotatedPicture(path, name_below(path, self.root), *size, objects)

    def _object(
        self, entry: Mapping[str, Any], where: str, size: tuple[int, int]
    ) -> AnnotatedObject | None:
        if entry.get("iscrowd") not in _SINGLE:
            self.left_out.add("crowd annotation(s)", where)
            return None
        encoded, stated = _encoded(entry.get("segmentation"), size, where), entry.get("bbox")
        if stated is None and encoded is None:
            raise ValueError(f"The entry has neither `bbox` nor `segmentation`. Received: {where}")
        values = [0.0] * 4 if stated is None else _numbers(stated, 4, "bbox", where)
        if encoded is not None and min(values[2:]) <= 0:
            # Some tools write masks without boxes, or with empty ones.
            values = masks.toBbox(_bytes(encoded)).tolist()
        x, y, width, height = values
        box: Box = (x, y, x + width, y + height)
        inside = clipped_box(box, size)
        if inside is None:
            self.left_out.add("object(s) with a box that is empty or outside the picture", where)
            return None
        if encoded is not None and masks.area(_bytes(encoded)) == 0:
            self.left_out.add("mask(s) without a pixel, whose boxes are kept,", where)
            encoded = None
        return AnnotatedObject(self.categories[entry["category_id"]].name, inside, encoded)


def _numbers(values: Any, count: int | None, name: str, where: str) -> list[float]:
    is_list = isinstance(values, list) and (count is None or len(values) == count)
    plain = is_list and all(
        isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each)
        for each in values
    )
    if not plain:
        raise ValueError(
            f"`{name}` must be a list of {count or ''} numbers, not {values!r:.80}. "
            f"Received: {where}"
        )
    return [float(each) for each in values]


def encoded_polygons(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> dict[str, Any]:
    """Returns the compressed run lengths of the union of polygons.

    Args:
        polygons: x and y in turn, pixels, at least three points each.
        size: `(width, height)` of the picture in pixels.
    """
    height, width = size[::-1]
    near = [
        np.clip(np.reshape(each, (-1, 2)), -_FURTHEST * np.array(size), _FURTHEST * np.array(size))
        for each in polygons
    ]
    encoded = masks.frPyObjects([each.reshape(-1).tolist() for each in near], height, width)
    merged = masks.merge(encoded)
    return {"size": [height, width], "counts": merged["counts"].decode("ascii")}


def _encoded(segmentation: Any, size: tuple[int, int], where: str) -> dict[str, Any] | None:
    """Compressed run lengths of polygons, or of run lengths of either kind."""
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        polygons = [_numbers(each, None, "segmentation", where) for each in segmentation]
        for each in polygons:
            if len(each) < 6 or len(each) % 2:
                raise ValueError(
                    "A polygon needs x and y of three points or more, not "
                    f"{len(each)} numbers. Received: {where}"
                )
        return encoded_polygons(polygons, size)
    try:
        stated = tuple(segmentation["size"])
        mask = mask_from_run_lengths(segmentation) if stated == size[::-1] else None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"`segmentation` cannot be read: {error}. Received: {where}") from error
    if mask is None:
        raise ValueError(
            f"`segmentation` is [height, width] {list(stated)}, where the picture is "
            f"{list(size[::-1])}. Received: {where}"
        )
    return run_lengths(mask)


def _bytes(encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {"size": encoded["size"], "counts": encoded["counts"].encode("ascii")}
