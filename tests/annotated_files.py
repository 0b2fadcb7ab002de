"""Drawn cells on a pale ground, annotated for COCO, YOLO and Pascal VOC."""

import json

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as masks

CATEGORIES = [
    {"id": 3, "name": "cell", "supercategory": "blood"},
    {"id": 7, "name": "plate", "supercategory": "blood"},
    {"id": 9, "name": "unseen", "supercategory": ""},
]
SIZE = (160, 120)
"""Width and height of the pictures."""

CELLS = [("cell", (40, 40), (18, 14)), ("plate", (110, 70), (12, 20))]
"""Category, centre and half axes of the ellipses in each picture."""


def ellipse(centre, axes, shift=0):
    mask = np.zeros(SIZE[::-1], np.uint8)
    cv2.ellipse(mask, (centre[0] + shift, centre[1]), axes, 0, 0, 360, 1, cv2.FILLED)
    return mask.astype(bool)


def drawn(count=3):
    """Pictures with the objects of each: category, mask."""
    for index in range(count):
        noise = np.random.default_rng(index).normal(0, 2, (*SIZE[::-1], 3))
        picture = np.full((*SIZE[::-1], 3), (214, 210, 200), float) + noise
        objects = [(name, ellipse(at, axes, 5 * index)) for name, at, axes in CELLS]
        for (_, mask), colour in zip(objects, ((170, 90, 120), (90, 70, 150)), strict=True):
            picture[mask] = np.array(colour) + noise[mask]
        yield np.clip(picture, 0, 255).astype(np.uint8), objects


def box_of(mask):
    """x0, y0, x1, y1 of a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def coco_set(root, form="box", images="images"):
    """Writes a COCO folder; its masks are of a `form`: box (none), rle, counts or polygon."""
    ids = {each["name"]: each["id"] for each in CATEGORIES}
    content = {"images": [], "annotations": [], "categories": CATEGORIES}
    (root / images).mkdir(parents=True)
    for index, (picture, objects) in enumerate(drawn()):
        Image.fromarray(picture).save(root / images / f"{index}.png")
        entry = {"file_name": f"{index}.png", "width": SIZE[0], "height": SIZE[1]}
        content["images"].append({"id": 10 + index, **entry})
        for name, mask in objects:
            x0, y0, x1, y1 = map(int, box_of(mask))
            added = {"bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0, **segmentation(mask, form)}
            keys = {"image_id": 10 + index, "category_id": ids[name]}
            content["annotations"].append({"id": len(content["annotations"]), **keys, **added})
    (root / "instances.json").write_text(json.dumps(content))
    return root


def segmentation(mask, form):
    """The field of an entry."""
    encoded = masks.encode(np.asfortranarray(mask, np.uint8))
    if form == "rle":
        value = {"size": list(mask.shape), "counts": encoded["counts"].decode()}
    elif form == "counts":
        flat = np.concatenate([[0], mask.T.reshape(-1).astype(int), [1]])
        edges = np.flatnonzero(np.diff(flat))
        counts = np.diff(np.concatenate([[0], edges[: mask.size]]))
        value = {"size": list(mask.shape), "counts": counts.tolist()}
    elif form == "polygon":
        outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, 2)
        value = [(outline[0].reshape(-1) + 0.5).tolist()]
    else:
        return {}
    return {"segmentation": value}


def changed(root, change):
    """Changes the content of an `instances.json`."""
    path = root / "instances.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return root


def yolo_set(root, form="box"):
    """Writes a YOLO folder with the parts train and val; a `form` is box or polygon."""
    names = ["cell", "plate"]
    for index, (picture, objects) in enumerate(drawn()):
        part = "val" if index == 2 else "train"
        for kind in ("images", "labels"):
            (root / kind / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(root / "images" / part / f"{index}.png")
        lines = []
        for name, mask in objects:
            x0, y0, x1, y1 = box_of(mask)
            values = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
            if form == "polygon":
                values = segmentation(mask, form)["segmentation"][0]
            shares = [value / SIZE[place % 2] for place, value in enumerate(values)]
            lines.append(" ".join(map(str, [names.index(name), *shares])))
        (root / "labels" / part / f"{index}.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text(
        "path: .\ntrain: images/train\nval: images/val\nnames: [cell, plate]\n"
    )
    return root


def voc_set(root):
    """Writes a Pascal VOC folder."""
    for folder in ("Annotations", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    for index, (picture, objects) in enumerate(drawn()):
        Image.fromarray(picture).save(root / "JPEGImages" / f"{index}.png")
        text = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for name, (x0, y0, x1, y1) in ((name, box_of(mask)) for name, mask in objects)
        )
        (root / "Annotations" / f"{index}.xml").write_text(
            f"<annotation><filename>{index}.png</filename><size><width>{SIZE[0]}</width>"
            f"<height>{SIZE[1]}</height></size>{text}</annotation>"
        )
    return root
