"""Folders to pack: scenes with boxes, some without; pictures of a class; grey and transparent."""

import dataclasses
import json

import numpy as np
from manifest_files import scene

from kerasgen.annotations.fill_folder import fill_folder
from kerasgen.annotations.records import Entry

COUNT = 23
CLASSES = ("cat", "Bär", "dog")


def scenes(indices):
    """Two are rejected, see `scene`; one in four has no objects."""
    for index in indices:
        row, picture = scene(index)
        row = dataclasses.replace(row, objects=() if index % 4 == 0 else row.objects)
        yield Entry(row, picture)


def large(indices):
    """Noise of 64 kB each."""
    for index in indices:
        yield Entry(*scene(index, (150, 150)))


def classified(indices):
    """Grey, coloured and transparent pictures, each of a class."""
    for index in indices:
        row, picture = scene(index)
        parameters = {**row.parameters, "class_name": CLASSES[index % 3]}
        row = dataclasses.replace(row, objects=(), parameters=parameters)
        if picture is not None:
            parts = (picture[..., :1], picture, np.concatenate([picture, picture[..., :1]], -1))
            picture = parts[index % 3]
        yield Entry(row, picture)


def fill(folder, job, names, count=COUNT):
    settings = {"kind": "rendered_eyes", "size": 24, "seed": 3}
    return fill_folder(job, folder, count, settings=settings, class_names=names).folder


def rows_of(folder):
    """The rows of a folder, decoded."""
    return list(map(json.loads, (folder / "metadata.jsonl").read_bytes().splitlines()))
