"""Drawn garments and floors as folders of files, for the tests of scenes."""

import hashlib
import json

import numpy as np

from kerasgen.annotations.annotation import (
    mask_from_run_lengths,
    run_lengths,
    tight_box,
    translation,
)
from kerasgen.io.sheets import save_png
from kerasgen.procedural.garments import GARMENTS, drawn_backgrounds, drawn_garments

NAMES = ("dress", "pants", "shirt", "skirt")


def material(root, each=3, size=96):
    """Writes `each` garments of four classes and four floors; returns both folders."""
    labels = [GARMENTS.index(name) for name in NAMES] * each
    batch = drawn_garments(len(labels), 0, size, labels)
    for index, (image, label) in enumerate(zip(batch.foregrounds, batch.labels, strict=True)):
        save_png(root / "foregrounds" / GARMENTS[label] / f"{index}.png", image)
    for index, image in enumerate(drawn_backgrounds(4, 0, 128)):
        save_png(root / "backgrounds" / f"{index}.png", image)
    return root / "foregrounds", root / "backgrounds"


def tree(folder):
    """Every file below a folder with the SHA-256 of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edited(folder, change):
    """Changes the first object of each row, which is a dictionary; returns how many."""
    path = folder / "metadata.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    changed = sum(bool(change(row, row["objects"][0])) for row in rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return changed


def remasked(item, change):
    """Changes both masks of an object's dictionary, and all that follows from them."""
    visible, whole = (change(mask_from_run_lengths(item[name])) for name in ("visible", "whole"))
    reseen(item, visible, whole)


def reseen(item, visible, whole):
    """Sets both masks of an object's dictionary, and all that follows from them."""
    box = tight_box(visible)
    item["visible"], item["whole"] = run_lengths(visible), run_lengths(whole)
    item["box"] = None if box is None else list(box)
    item["occlusion"] = 1 - visible.sum() / whole.sum()


def moved_matrix(x, y):
    """A change that moves an object's matrix, see `edited`."""

    def change(row, item):
        item["matrix"] = (translation(x, y) @ np.array(item["matrix"])).tolist()
        return True

    return change
