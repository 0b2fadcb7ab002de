"""A folder of synthetic pictures in COCO's format: ``instances.json``.

The format of Lin et al. 2014, "Microsoft COCO" (arXiv:1405.0312): ids from 1, boxes
``[x, y, width, height]`` in pixels, masks as compressed run lengths. Boxes and masks are those of
the visible part; an object without one has no entry.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

from kerasgen.annotations.annotation import Box, run_lengths
from kerasgen.annotations.records import ManifestRow, PlacedObject


class InstancesWriter:
    """Writes one `instances.json`, row by row.

    Only the short entries of the pictures are kept in memory, until `close`. The bytes depend on
    the rows, their order and the names only; there is no date. A picture's id is its index + 1, a
    category's its label + 1; annotations are counted from 1.

    Args:
        stream: Binary stream to write to; `close` leaves it open.
        class_names: The names of labels 0, 1, ...
    """

    def __init__(self, stream: BinaryIO, class_names: Sequence[str]) -> None:
        self._stream = stream
        self._images: list[str] = []
        self._annotations = 0
        names = [{"id": label + 1, "name": name} for label, name in enumerate(class_names)]
        info = {"description": "Synthetic pictures: settings.json says how they were made."}
        head = (
            f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(names)},\n"annotations": ['
        )
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
        self._images.append(json.dumps(entry))
        for placed in row.objects:
            box = placed.box
            if box is not None:
                comma = ",\n" if self._annotations else "\n"
                self._annotations += 1
                annotation = _annotation(self._annotations, image, placed, box)
                self._stream.write((comma + json.dumps(annotation)).encode())

    def close(self) -> None:
        """Writes the rest, which completes the JSON document."""
        images = ",\n".join(self._images)
        self._stream.write(f'\n],\n"images": [\n{images}\n]}}\n'.encode())


def _annotation(identity: int, image: int, placed: PlacedObject, box: Box) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {
        "id": identity,
        "image_id": image,
        "category_id": int(placed.label) + 1,
        "segmentation": run_lengths(placed.visible),
        "area": int(placed.visible.sum()),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "iscrowd": 0,
    }
