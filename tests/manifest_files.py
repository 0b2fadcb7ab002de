"""Rows and pictures for the tests of manifests."""

import json
from pathlib import Path

import numpy as np

from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.records import ManifestRow, PlacedObject, Source
from kerasgen.annotations.synthetic_folder import SyntheticFolder

NAMES = ("eye", "lid")
SETTINGS = {"seed": 3, "size": (24, 20), "blend": None}
COUNT = 12
REJECTED = (5, 10)


def scene(index, size=(20, 24)):
    """Row and picture of an index: two or three discs, the later ones in front."""
    draw = np.random.default_rng([3, index])
    ys, xs = np.mgrid[: size[0], : size[1]]
    whole, matrices = [], []
    for _ in range(2 + index % 2):
        x, y, radius = draw.uniform(0, 20, 2).tolist() + [draw.uniform(2, 7)]
        whole.append((xs - x) ** 2 + (ys - y) ** 2 < radius**2)
        matrices.append([[radius, 0.1, x], [-0.1, radius, y], [0, 0, 1]])
    objects = tuple(
        PlacedObject(
            label=position % 2,
            visible=mask & ~np.any([np.zeros(size, bool), *whole[position + 1 :]], axis=0),
            whole=mask,
            matrix=np.array(matrices[position]),
            source=f"discs/{position}.png",
            truncation=float(draw.uniform()),
        )
        for position, mask in enumerate(whole)
    )
    sources = tuple(Source("foreground", f"discs/{k}.png", f"{k:064x}") for k in range(3))
    rejected = index in REJECTED
    row = ManifestRow(
        file_name=picture_name(index),
        width=size[1],
        height=size[0],
        seed=3,
        index=index,
        sources=sources,
        parameters={"gamma": float(draw.uniform()), "steps": [1, None], "name": "Grün\u2028"},
        objects=() if rejected else objects,
        accepted=not rejected,
        reason="nothing is seen" if rejected else None,
    )
    return row, None if rejected else draw.integers(0, 256, (*size, 3)).astype(np.uint8)


def opened(path):
    return SyntheticFolder(path, settings=SETTINGS, class_names=NAMES)


def fill(path, indices):
    folder = opened(path)
    for index in indices:
        folder.write(*scene(index))
    return folder


def tree(path):
    """Every file's bytes, hidden ones too, and every folder."""
    return {
        item.relative_to(path).as_posix(): item.read_bytes() if item.is_file() else None
        for item in Path(path).rglob("*")
    }


def lines(path):
    def refuse(name):
        raise AssertionError(name)

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
