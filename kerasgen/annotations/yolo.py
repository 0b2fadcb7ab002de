"""A folder of synthetic pictures in YOLO's format: a label file per picture, and ``data.yaml``.

The format of Ultralytics (https://docs.ultralytics.com/datasets/detect): classes from 0, boxes
``centre x, centre y, width, height`` as shares of the frame. Boxes are those of the visible part;
an object without one has no line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from kerasgen.annotations.records import ManifestRow


def yolo_labels(row: ManifestRow) -> str:
    """Returns the text of a picture's YOLO label file; empty if no object is visible.

    Returns:
        A line per visible object: its label (from 0), and centre x, centre y, width and height of
        its box, as shares of the frame in [0, 1] with six decimals.
    """
    lines = []
    for placed in row.objects:
        box = placed.box
        if box is not None:
            x0, y0, x1, y1 = box
            x, width = (x0 + x1) / 2 / row.width, (x1 - x0) / row.width
            y, height = (y0 + y1) / 2 / row.height, (y1 - y0) / row.height
            lines.append(f"{placed.label} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    return "".join(lines)


def yolo_data(class_names: Sequence[str]) -> str:
    """Returns the text of the `data.yaml` beside `images` and `labels`.

    It has no `path`: YOLO then uses the folder of the file itself.

    Args:
        class_names: The names of labels 0, 1, ...; printable.
    """
    names = "".join(
        f"  {label}: {json.dumps(name, ensure_ascii=False)}\n"
        for label, name in enumerate(class_names)
    )
    return (
        "train: images\n"
        "# Put real pictures here: a score on synthetic ones says nothing about real ones.\n"
        "val: images\n"
        f"names:{' {}' if not names else ''}\n{names}"
    )
