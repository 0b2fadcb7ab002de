"""Source pictures, with what a manifest or their class folders say of each."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kerasgen.annotations.annotation import Annotation
from kerasgen.annotations.folder_classes import doubtful_classes
from kerasgen.annotations.folder_layout import METADATA, SETTINGS
from kerasgen.annotations.records import ManifestRow, PlacedObject, Source
from kerasgen.io.files import file_sha256, json_lines, read_json
from kerasgen.io.folders import list_images
from kerasgen.io.images import PathLike, Pixels, read_image
from kerasgen.io.names import class_name_of, file_name_of, path_of, split_of, unicode_name
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.resizing import Fit, fit_matrix

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

    def fitted(self, size: tuple[int, int], new: tuple[int, int], fit: Fit) -> PictureFacts:
        """The facts of the picture after ``fit_image``.

        Objects that were cut off are left out, and boxes end at the frame.

        Args:
            size: (height, width) before, in pixels.
            new: (height, width) after, in pixels.
            fit: "crop", "pad" or "stretch".

        Raises:
            ImageError: If it is so thin that padding would leave nothing of it.
        """
        if size == new:
            return self
        matrix = fit_matrix(size, new, fit)
        moved = (_moved(placed, matrix, new) for placed in self.objects)
        return replace(
            self,
            annotation=self.annotation and self.annotation.transformed(matrix, new).clipped(new),
            objects=tuple(placed for placed in moved if placed.visible.any()),
        )


def _moved(placed: PlacedObject, matrix: np.ndarray, size: tuple[int, int]) -> PlacedObject:
    def moved(mask: np.ndarray) -> np.ndarray:
        return np.asarray(Annotation(mask=mask).transformed(matrix, size).mask, bool)

    visible, whole = moved(placed.visible), moved(placed.whole)
    return replace(placed, visible=visible, whole=whole, matrix=matrix @ placed.matrix)


class AnnotatedFolder:
    """A folder of pictures with, or without, a ``metadata.jsonl``.

    With a ``metadata.jsonl``, as ``kerasgen eyes`` or ``kerasgen compose`` write it, the pictures
    are those of its rows. Fields that other tools write are carried along as they are. Without it
    they are all pictures below the folder, and the class of a picture is its first subfolder; if
    all of these are named like splits (see ``split_of``), its second. A picture without such a
    subfolder has no class. Other files, and classes that may be splits, are warned of.

    Args:
        folder: The folder.

    Attributes:
        names: Relative paths of the pictures as Unicode, see ``unicode_name``, in a fixed order.
        class_names: Classes of the objects, or of the pictures.

    Raises:
        ValueError: If there are no pictures, a row cannot be read, or two rows are of one picture.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self._rows = _rows(self.folder)
        if self._rows is None:
            paths = list_images(self.folder, count_others=True)
            self.names = [unicode_name(path.relative_to(self.folder).as_posix()) for path in paths]
            self._class_level = _class_level(self.names)
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
            return file_sha256(self.path(name))
        except ValueError:
            # Missing or unreadable: its row will be rejected.
            return None

    def _class_of(self, name: str) -> str | None:
        folders = name.split("/")[:-1]
        return class_name_of(folders[self._class_level]) if folders[self._class_level :] else None

    def path(self, name: str) -> Path:
        """Returns the path of a picture; the file need not exist."""
        return path_of(self.folder, name)

    def facts(self, name: str) -> PictureFacts:
        """Returns what is known of a picture.

        Raises:
            ValueError: If its row, which is named, cannot be read.
        """
        if self._rows is None:
            return PictureFacts(class_name=self._class_of(name))
        row, location = self._rows[name]
        try:
            return _facts(row)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"The row cannot be read: {error!r}. Received: {location}") from error
        except ValueError as error:
            raise ValueError(f"{error} In: {location}") from error

    def check_rows(self) -> None:
        """Reads all rows once, so that a damaged one stops a long job before it begins.

        Raises:
            ValueError: If a row, which is named, cannot be read.
        """
        for name in self.names:
            self.facts(name)

    def sources(self, name: str) -> tuple[Source, ...]:
        """Returns the files that a picture was made from, if its row states them; else none."""
        return stated_sources(self._rows[name][0]) if self._rows is not None else ()

    def source(self, name: str) -> Source:
        """Returns a picture as a source of another one, with its SHA-256."""
        return Source("picture", name, file_sha256(self.path(name)))

    def read(self, name: str, channels: int = 3) -> Pixels:
        """Reads a picture, `[H, W, channels] uint8 in [0, 255]`.

        Raises:
            ImageError: If it cannot be read.
        """
        return read_image(self.path(name), channels=channels)

    def read_fitted(self, name: str, form: Preprocessing) -> tuple[Pixels, PictureFacts]:
        """Reads a picture and what is known of it, both brought to a network's form.

        Args:
            name: One of ``names``.
            form: Size, channels, fit and background.

        Returns:
            `[height, width, channels] uint8 in [0, 255]`, and the facts in its pixels.

        Raises:
            ImageError: If it cannot be read.
            ValueError: If its row cannot be read.
        """
        path = self.path(name)
        whole = read_image(path, channels=form.channels, background=form.background)
        facts = self.facts(name).fitted(whole.shape[:2], form.size, form.fit)
        return form.apply(whole), facts


def stated_sources(row: Mapping[str, Any]) -> tuple[Source, ...]:
    """The files that a picture was made from, as its row states them; none if it does not."""
    try:
        return tuple(Source(**fields) for fields in row.get("sources") or ())
    except (TypeError, ValueError):
        # A row of another program: its field means something else.
        return ()


def _class_level(names: Sequence[str]) -> int:
    """How many folders, those of the splits, lie above the class folders."""
    below: dict[str, set[str]] = defaultdict(set)
    for first, *rest in (name.split("/")[:-1] for name in names if "/" in name):
        below[first].update(rest[:1])
    if below and all(map(split_of, below)):
        return 1
    if remark := doubtful_classes(below):
        warnings.warn(remark, stacklevel=3)
    return 0


def _facts(row: Mapping[str, Any]) -> PictureFacts:
    is_own = "sources" in row and isinstance(row.get("objects"), list)
    moved = _MOVED if is_own else {*_MOVED} - {"objects"}
    extra = {key: value for key, value in row.items() if key not in moved}
    parameters = row.get("parameters", {})
    if not isinstance(parameters, Mapping):
        return PictureFacts(extra=extra)
    fields = parameters.get("annotation")
    annotation = Annotation.from_dict(fields) if isinstance(fields, Mapping) else None
    if parameters:
        # Another tool's annotation, a text, is carried along.
        dropped = _OLD_PIXELS if annotation else _OLD_PIXELS - {"annotation"}
        extra["parameters"] = {
            key: value for key, value in parameters.items() if key not in dropped
        }
    name = parameters.get("class_name")
    facts = PictureFacts(
        class_name_of(name) if isinstance(name, str) else None,
        annotation,
        extra=extra,
    )
    if not is_own:
        return facts
    parsed = ManifestRow.from_dict(row)
    return replace(facts, objects=parsed.objects, sources=parsed.sources)


def _rows(folder: Path) -> dict[str, tuple[Mapping[str, Any], str]] | None:
    """The rows by picture, each with its location."""
    path = folder / METADATA
    if not path.is_file():
        return None
    rows: dict[str, tuple[Mapping[str, Any], str]] = {}
    for fields, _, location in json_lines(path):
        name = file_name_of(fields, location)
        if name in rows:
            raise ValueError(
                f"Two rows are of one picture, {name!r}: keep one. Received: {rows[name][1]} and "
                f"{location}"
            )
        rows[name] = (fields, location)
    if not rows:
        raise ValueError(f"There is no row. Received: path={str(path)!r}")
    return rows


def _class_names(folder: Path) -> tuple[str, ...]:
    path = folder / SETTINGS
    names = read_json(path).get("class_names", ()) if path.is_file() else ()
    return tuple(class_name_of(str(name)) for name in names)
