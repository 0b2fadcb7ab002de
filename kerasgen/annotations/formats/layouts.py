"""What is written of annotated pictures in each format, besides the pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import yaml

from kerasgen.annotations.formats.dataset import (
    SPLITS,
    AnnotatedObject,
    AnnotatedPicture,
    Category,
)
from kerasgen.annotations.formats.outlines import polygon_of, polygons_of

Placed = tuple[str, AnnotatedPicture]
"""Path of a picture below its folder of pictures, and the picture."""


def coco_document(
    pictures: Iterable[Placed], categories: Sequence[Category], masks: str
) -> dict[str, Any]:
    """Returns the content of an `instances.json`; ids of pictures and objects count from 1.

    Args:
        pictures: Their `file_name` and they.
        categories: All categories; if an id is below 1, all are moved up to count from 1.
        masks: "rle", "polygons" or "none".
    """
    lift = max(0, 1 - min(each.id for each in categories))
    ids = {each.name: each.id + lift for each in categories}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name, picture in pictures:
        size = {"width": picture.width, "height": picture.height}
        images.append({"id": len(images) + 1, "file_name": name, **size})
        for placed in picture.objects:
            keys = {"image_id": len(images), "category_id": ids[placed.category]}
            fields = {"id": len(annotations) + 1, **keys, **_coco_shape(placed, masks)}
            annotations.append({**fields, "iscrowd": 0})
    listed = [
        {"id": ids[each.name], "name": each.name, "supercategory": each.supercategory}
        for each in categories
    ]
    return {"images": images, "annotations": annotations, "categories": listed}


def _coco_shape(placed: AnnotatedObject, masks: str) -> dict[str, Any]:
    x0, y0, x1, y1 = placed.box
    box = {"bbox": [x0, y0, x1 - x0, y1 - y0]}
    mask = placed.mask if masks != "none" else None
    if mask is None:
        return {**box, "area": (x1 - x0) * (y1 - y0)}
    shape = placed.run_lengths if masks == "rle" else polygons_of(mask)
    return {**box, "area": int(mask.sum()), "segmentation": shape}


def yolo_lines(picture: AnnotatedPicture, labels: Mapping[str, int], masks: str) -> str:
    """Returns the text of a picture's label file.

    Args:
        picture: The picture.
        labels: The number of each category.
        masks: "none" for boxes, else polygons; an object without a mask has its box's corners.
    """
    size, lines = (picture.width, picture.height), []
    for placed in picture.objects:
        x0, y0, x1, y1 = placed.box
        values = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
        if masks != "none":
            mask = placed.mask
            corners = [x0, y0, x1, y0, x1, y1, x0, y1]
            values = corners if mask is None or not mask.any() else polygon_of(mask)
        shares = (f"{value / size[index % 2]:.6f}" for index, value in enumerate(values))
        lines.append(f"{labels[placed.category]} {' '.join(shares)}\n")
    return "".join(lines)


def yolo_data(categories: Sequence[Category], splits: Sequence[str]) -> str:
    """Returns the text of `data.yaml`; without a part `val` it names the pictures of `train`.

    Without a part `train` it names none: those of other parts are not to be trained on.

    Args:
        categories: In the order of their numbers.
        splits: The parts that there are; none if all pictures lie in `images`.
    """
    folders = {split: f"images/{split}" for split in SPLITS.values() if split in splits}
    train = folders.get("train", [] if folders else "images")
    parts = {"train": train, "val": folders.get("val", train), **folders}
    names = {number: each.name for number, each in enumerate(categories)}
    return yaml.safe_dump({**parts, "names": names}, sort_keys=False, allow_unicode=True)


def voc_document(name: str, picture: AnnotatedPicture) -> bytes:
    """Returns a picture's XML file; corners count pixels from 1, and are rounded.

    Args:
        name: Name of the picture's file.
        picture: The picture.
    """
    root = ElementTree.Element("annotation")
    _add(root, {"folder": "JPEGImages", "filename": name})
    size = {"width": picture.width, "height": picture.height, "depth": 3}
    _add(ElementTree.SubElement(root, "size"), size)
    _add(root, {"segmented": 0})
    for placed in picture.objects:
        element = ElementTree.SubElement(root, "object")
        _add(element, {"name": placed.category, "pose": "Unspecified"})
        _add(element, {"truncated": 0, "difficult": 0})
        x0, y0, x1, y1 = (int(value) for value in np.rint(placed.box))
        first = {"xmin": min(x0 + 1, picture.width), "ymin": min(y0 + 1, picture.height)}
        last = {"xmax": max(x1, first["xmin"]), "ymax": max(y1, first["ymin"])}
        _add(ElementTree.SubElement(element, "bndbox"), {**first, **last})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _add(parent: ElementTree.Element, texts: Mapping[str, Any]) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = str(text)


def one_line(content: Mapping[str, Any]) -> bytes:
    """Returns a JSON document of large lists."""
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"
