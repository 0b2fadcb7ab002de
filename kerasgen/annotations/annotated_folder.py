"""Pictures to make others of, with what is known of each: by a manifest, or by class folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kerasgen.annotations.annotation import Annotation, scaling
from kerasgen.annotations.records import ManifestRow, PlacedObject, Source
from kerasgen.annotations.synthetic_folder import METADATA, SETTINGS
from kerasgen.io.files import file_sha256, json_lines, read_json
from kerasgen.io.images import SPLITS, PathLike, Pixels, list_images, read_image

_MOVED = {"file_name", "width", "height", "objects", "sources", "accepted", "reason"}
"""Fields of a row that are moved with the picture, or hold for the old one only."""

_OLD_PIXELS = {"annotation", "changed"}
"""Parameters that would be wrong in the pixels of another picture."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one picture, in its own pixels.

    Attributes:
        class_name: Of the whole picture, or None.
        annotation: Keypoints and the like, or None.
        objects: What was placed in it, from back to front.
        sources: The files that the objects, and the picture, were made from.
        facts: What else its row says, as JSON values: its seed, a direction of gaze, ...
    """

    class_name: str | None = None
    annotation: Annotation | None = None
    objects: tuple[PlacedObject, ...] = ()
    sources: tuple[Source, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """What a row of a picture that is made of it says of all but its objects."""
        parameters: dict[str, Any] = {"source": dict(self.facts)}
        if self.class_name is not None:
            parameters["class_name"] = self.class_name
        if self.annotation is not None:
            parameters["annotation"] = self.annotation.to_dict()
        return parameters

    def stretched(self, size: tuple[int, int], new: tuple[int, int]) -> Known:
        """The same after the picture was stretched, both sizes (height, width) in pixels."""
        if size == new:
            return self
        matrix = scaling(new[1] / size[1], new[0] / size[0])
        return replace(
            self,
            annotation=self.annotation and self.annotation.transformed(matrix, new),
            objects=tuple(_moved(placed, matrix, new) for placed in self.objects),
        )


def _moved(placed: PlacedObject, matrix: np.ndarray, size: tuple[int, int]) -> PlacedObject:
    def moved(mask: np.ndarray) -> np.ndarray:
        return np.asarray(Annotation(mask=mask).transformed(matrix, size).mask, bool)

    visible, whole = moved(placed.visible), moved(placed.whole)
    return replace(placed, visible=visible, whole=whole, matrix=matrix @ placed.matrix)


class SourceFolder:
    """A folder of pictures with, or without, a ``metadata.jsonl``.

    With one, the pictures are those of its rows, whether ``kerasgen eyes`` or ``kerasgen compose``
    wrote them; else all pictures below the folder, and the first folder on the way to a picture is
    its class. Where all of those first folders are named as splits are (train, validation, val,
    test), the class is the next folder on the way; without one there is no class.

    Args:
        folder: Where they are.

    Attributes:
        names: Paths from the folder, in a fixed order.
        class_names: Of the objects' labels, or of the pictures.

    Raises:
        ValueError: If there are no pictures, or a row cannot be read.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self._rows = _rows(self.folder)
        if self._rows is None:
            paths = list_images(self.folder)
            self.names = [path.relative_to(self.folder).as_posix() for path in paths]
            first = {name.split("/")[0] for name in self.names if "/" in name}
            self._class_place = 1 if first and first <= set(SPLITS) else 0
            found = {self._class_of(name) for name in self.names} - {None}
            self.class_names = tuple(sorted(map(str, found)))
        else:
            self.names = list(self._rows)
            self.class_names = _class_names(self.folder)

    @cached_property
    def sha256(self) -> str:
        """Of the names and the files, metadata.jsonl included; all are read, once.

        A folder that others are made of must not change on the way.
        """
        digest = hashlib.sha256()
        names = self.names if self._rows is None else [METADATA, *self.names]
        for name in names:
            digest.update(json.dumps([name, self._file_sha256(name)]).encode() + b"\n")
        return digest.hexdigest()

    def _file_sha256(self, name: str) -> str | None:
        try:
            return file_sha256(self.folder / name)
        except ValueError:
            # Missing or not readable: its own row will say so.
            return None

    def _class_of(self, name: str) -> str | None:
        folders = name.split("/")[:-1]
        return folders[self._class_place] if len(folders) > self._class_place else None

    def known(self, name: str) -> Known:
        """What is known of a picture.

        Raises:
            ValueError: If its row cannot be read.
        """
        if self._rows is None:
            return Known(class_name=self._class_of(name))
        row = self._rows[name]
        parameters = row.get("parameters", {})
        annotation = parameters.get("annotation")
        facts = {key: value for key, value in row.items() if key not in _MOVED}
        if parameters:
            facts["parameters"] = {
                key: value for key, value in parameters.items() if key not in _OLD_PIXELS
            }
        known = Known(
            parameters.get("class_name"),
            annotation and Annotation.from_dict(annotation),
            facts=facts,
        )
        if "objects" not in row:
            return known
        made = ManifestRow.from_dict(row)
        return replace(known, objects=made.objects, sources=made.sources)

    def source(self, name: str) -> Source:
        """A picture as a source of another."""
        return Source("picture", name, file_sha256(self.folder / name))

    def read(self, name: str, channels: int = 3) -> Pixels:
        """A picture, `[H, W, channels] uint8 in [0, 255]`.

        Raises:
            ImageError: If it cannot be read.
        """
        return read_image(self.folder / name, channels=channels)


def _rows(folder: Path) -> dict[str, Mapping[str, Any]] | None:
    path = folder / METADATA
    if not path.is_file():
        return None
    rows: dict[str, Mapping[str, Any]] = {}
    for fields, _, place in json_lines(path):
        if not isinstance(fields.get("file_name"), str):
            raise ValueError(f"A row needs a `file_name`. Received: {place}")
        rows[fields["file_name"]] = fields
    if not rows:
        raise ValueError(f"There is no row. Received: path={str(path)!r}")
    return rows


def _class_names(folder: Path) -> tuple[str, ...]:
    path = folder / SETTINGS
    return tuple(read_json(path).get("class_names", ())) if path.is_file() else ()
