"""A folder of synthetic pictures in COCO's format: ``instances.json``.

The format of Lin et al. 2014, "Microsoft COCO" (arXiv:1405.0312): ids from 1, boxes
``[x, y, width, height]`` in pixels, masks as compressed run lengths. Boxes and masks are those of
the visible part; an object without one has no entry.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from kerasgen.annotations.annotation import Box, run_lengths
from kerasgen.annotations.records import ManifestRow, PlacedObject


class InstancesWriter:
    """Writes one `instances.json`, row by row.

    Nothing is kept in memory. The bytes depend on the rows, their order and the names only; there
    is no date. A picture's id is its index + 1; annotations are counted from 1.

    Args:
        stream: Binary stream to write to; `close` leaves it open.
        scratch: Empty binary stream to write to and read from; the entries of the pictures, which
            come last, wait there until `close`.
        class_names: The names of labels 0, 1, ...
        known: `id`, `name`, `supercategory` and `folder`, the class, of categories that keep them;
            other classes get the ids after the largest of these, from 1.
    """

    def __init__(
        self,
        stream: BinaryIO,
        scratch: BinaryIO,
        class_names: Sequence[str],
        known: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._stream, self._scratch = stream, scratch
        self._images = self._annotations = 0
        categories, self._ids = _categories(class_names, known)
        info = {"description": "Synthetic pictures: settings.json says how they were made."}
        texts = json.dumps(info), json.dumps(categories)
        head = f'{{"info": {texts[0]},\n"categories": {texts[1]},\n"annotations": ['
        self._stream.write(head.encode())

    def add(self, row: ManifestRow) -> None:
        """Adds a picture and its visible objects."""
        image = row.index + 1
        entry = {
            "id": image,
            "file_name": row.file_name,
            "width": row.width,
            "height": row.height,
        }
        self._scratch.write(((",\n" if self._images else "") + json.dumps(entry)).encode())
        self._images += 1
        for placed in row.objects:
            box = placed.box
            if box is not None:
                comma = ",\n" if self._annotations else "\n"
                self._annotations += 1
                annotation = {
                    "id": self._annotations,
                    "image_id": image,
                    "category_id": self._ids[int(placed.label)],
                    **_shape(placed, box),
                }
                self._stream.write((comma + json.dumps(annotation)).encode())

    def close(self) -> None:
        """Writes the rest, which completes the JSON document."""
        self._stream.write(b'\n],\n"images": [\n')
        self._scratch.seek(0)
        shutil.copyfileobj(self._scratch, self._stream)
        self._stream.write(b"\n]}\n")


def _categories(
    class_names: Sequence[str], known: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[int]]:
    """COCO's list of categories, and the id of each label."""
    ids = {str(each["folder"]): int(each["id"]) for each in known}
    listed = [{key: each[key] for key in ("id", "name", "supercategory")} for each in known]
    for name in class_names:
        if name not in ids:
            ids[name] = max(ids.values(), default=0) + 1
            listed.append({"id": ids[name], "name": name})
    return listed, [ids[name] for name in class_names]


def _shape(placed: PlacedObject, box: Box) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {
        "segmentation": run_lengths(placed.visible),
        "area": int(placed.visible.sum()),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "iscrowd": 0,
    }
