"""Source pictures, with what a manifest or their class folders say of each."""

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
"""Fields of a row that change with the picture, or hold for the source only."""

_OLD_PIXELS = {"annotation", "changed"}
"""Parameters that hold in the pixels of the source only."""


@dataclass(frozen=True, eq=False)
class PictureFacts:
    """What is known of one picture, in its own pixels.

    Attributes:
        class_name: Class of the whole picture, or None.
        annotation: Keypoints, box or mask of the whole picture, or None.
        objects: The objects placed in it, from back to front.
        sources: The files that the picture and its objects come from.
        extra: All other fields of its row, as JSON values, such as its seed.
    """

    class_name: str | None = None
    annotation: Annotation | None = None
    objects: tuple[PlacedObject, ...] = ()
    sources: tuple[Source, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """The row parameters of a picture made from this one; its objects are not among them."""
        parameters: dict[str, Any] = {"source": dict(self.extra)}
        if self.class_name is not None:
            parameters["class_name"] = self.class_name
        if self.annotation is not None:
            parameters["annotation"] = self.annotation.to_dict()
        return parameters

    def stretched(self, size: tuple[int, int], new: tuple[int, int]) -> PictureFacts:
        """The facts of the picture after it was resized without keeping its proportions.

        Args:
            size: (height, width) before, in pixels.
            new: (height, width) after, in pixels.
        """
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


class AnnotatedFolder:
    """A folder of pictures with, or without, a ``metadata.jsonl``.

    With a ``metadata.jsonl``, as ``kerasgen eyes`` or ``kerasgen compose`` write it, the pictures
    are those of its rows. Without it they are all pictures below the folder, and the class of a
    picture is its first subfolder; if all of these are named like splits (train, validation, val,
    test), its second. A picture without such a subfolder has no class.

    Args:
        folder: The folder.

    Attributes:
        names: Relative paths of the pictures, in a fixed order.
        class_names: Classes of the objects, or of the pictures.

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
            self._class_level = 1 if first and first <= set(SPLITS) else 0
            found = {self._class_of(name) for name in self.names} - {None}
            self.class_names = tuple(sorted(map(str, found)))
        else:
            self.names = list(self._rows)
            self.class_names = _class_names(self.folder)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the names and bytes of all files, metadata.jsonl included; computed once."""
        digest = hashlib.sha256()
        names = self.names if self._rows is None else [METADATA, *self.names]
        for name in names:
            digest.update(json.dumps([name, self._file_sha256(name)]).encode() + b"\n")
        return digest.hexdigest()

    def _file_sha256(self, name: str) -> str | None:
        try:
            return file_sha256(self.folder / name)
        except ValueError:
            # Missing or unreadable: its row will be rejected.
            return None

    def _class_of(self, name: str) -> str | None:
        folders = name.split("/")[:-1]
        return folders[self._class_level] if len(folders) > self._class_level else None

    def facts(self, name: str) -> PictureFacts:
        """Returns what is known of a picture.

        Raises:
            ValueError: If its row cannot be read.
        """
        if self._rows is None:
            return PictureFacts(class_name=self._class_of(name))
        row = self._rows[name]
        parameters = row.get("parameters", {})
        annotation = parameters.get("annotation")
        extra = {key: value for key, value in row.items() if key not in _MOVED}
        if parameters:
            extra["parameters"] = {
                key: value for key, value in parameters.items() if key not in _OLD_PIXELS
            }
        facts = PictureFacts(
            parameters.get("class_name"),
            annotation and Annotation.from_dict(annotation),
            extra=extra,
        )
        if "objects" not in row:
            return facts
        parsed = ManifestRow.from_dict(row)
        return replace(facts, objects=parsed.objects, sources=parsed.sources)

    def sources(self, name: str) -> tuple[Source, ...]:
        """Returns the files that a picture was made from, if its row states them; else none."""
        listed = self._rows[name].get("sources") if self._rows is not None else None
        try:
            return tuple(Source(**fields) for fields in listed or ())
        except (TypeError, ValueError):
            # A row of another program: its field means something else.
            return ()

    def source(self, name: str) -> Source:
        """Returns a picture as a source of another one, with its SHA-256."""
        return Source("picture", name, file_sha256(self.folder / name))

    def read(self, name: str, channels: int = 3) -> Pixels:
        """Reads a picture, `[H, W, channels] uint8 in [0, 255]`.

        Raises:
            ImageError: If it cannot be read.
        """
        return read_image(self.folder / name, channels=channels)


def _rows(folder: Path) -> dict[str, Mapping[str, Any]] | None:
    path = folder / METADATA
    if not path.is_file():
        return None
    rows: dict[str, Mapping[str, Any]] = {}
    for fields, _, location in json_lines(path):
        if not isinstance(fields.get("file_name"), str):
            raise ValueError(f"A row needs a `file_name`. Received: {location}")
        rows[fields["file_name"]] = fields
    if not rows:
        raise ValueError(f"There is no row. Received: path={str(path)!r}")
    return rows


def _class_names(folder: Path) -> tuple[str, ...]:
    path = folder / SETTINGS
    return tuple(read_json(path).get("class_names", ())) if path.is_file() else ()
