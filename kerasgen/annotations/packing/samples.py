"""The pictures of a finished folder, one by one, with what packs state of each."""

from __future__ import annotations

import hashlib
import os
import struct
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasgen.annotations.folder_layout import METADATA, PARTS, SETTINGS, picture_name
from kerasgen.annotations.manifest import Record, manifest_records
from kerasgen.io.files import access_to, read_json
from kerasgen.io.names import class_name_of
from kerasgen.io.sheets import is_intact_png

_SIZE = slice(16, 24)
"""Where a PNG file states its width and height."""


@dataclass(frozen=True)
class PackedObject:
    """A visible object of a picture.

    Attributes:
        label: Index into the class names.
        box: `(x0, y0, x1, y1)` in pixels.
    """

    label: int
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Sample:
    """A picture and what a pack states of it.

    Attributes:
        record: Its row, as the manifest has it.
        name: Path of the picture, relative to the folder.
        width: Width in pixels.
        height: Height in pixels.
        class_name: Class of the whole picture, or None.
        objects: Its visible objects, from back to front.
    """

    record: Record
    name: str
    width: int
    height: int
    class_name: str | None
    objects: tuple[PackedObject, ...]

    @classmethod
    def of(cls, record: Record) -> Sample:
        """Reads a row; its masks are not decoded.

        Raises:
            ValueError: If a field that packs need is missing or of no use.
        """
        fields = record.fields
        try:
            name, (width, height) = fields["file_name"], (fields["width"], fields["height"])
            if name != picture_name(record.index):
                raise ValueError(f"file_name={name!r} is not picture_name(index)")
            if not (isinstance(width, int) and isinstance(height, int)):
                raise TypeError(f"width={width!r}, height={height!r}")
            objects = tuple(
                _object(placed) for placed in fields["objects"] if placed["box"] is not None
            )
            class_name = _class_name(fields["parameters"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"The row cannot be packed: {error!r}. In: {record.location}"
            ) from error
        return cls(record, name, width, height, class_name, objects)

    def picture(self, folder: Path) -> bytes:
        """Reads the picture's file.

        Raises:
            ValueError: If it is missing, damaged, or not of the size that its row states.
        """
        path = folder / self.name
        with access_to(path):
            content = path.read_bytes()
        if not is_intact_png(content):
            raise ValueError(
                "The picture is damaged: delete it and run the command that filled the folder "
                f"again. Received: path={str(path)!r}"
            )
        if struct.unpack(">II", content[_SIZE]) != (self.width, self.height):
            raise ValueError(
                f"The picture is not as large as its row says, {self.width}x{self.height}: delete "
                "it and run the command that filled the folder again. Received: "
                f"path={str(path)!r}"
            )
        return content


@dataclass(frozen=True)
class Contents:
    """What a folder holds, found without opening a picture.

    Attributes:
        count: Number of pictures.
        class_names: The names of labels 0, 1, ...
        sha256: SHA-256 of the rows and the sizes of the pictures' files, in bytes.
        classified: Number of pictures that have a class.
    """

    count: int
    class_names: tuple[str, ...]
    sha256: str
    classified: int


def samples_of(folder: Path) -> Iterator[Sample]:
    """Yields the pictures of a finished folder in the order of their index.

    Raises:
        ValueError: If a row, which is named, cannot be read.
    """
    return map(Sample.of, manifest_records(folder))


def read_contents(folder: Path) -> Contents:
    """Reads all rows of a folder, and looks for all pictures.

    Raises:
        ValueError: If the folder is not finished, has no pictures or no settings; if a row cannot
            be read, a picture is missing or empty, or a class or label has no name.
    """
    with access_to(folder):
        os.listdir(folder)
    if (folder / PARTS).exists() or not all(
        (folder / name).exists() for name in (METADATA, SETTINGS)
    ):
        raise ValueError(
            "The folder is not a finished one of kerasgen: run the command that fills it again. "
            f"Received: folder={str(folder)!r}"
        )
    named = [
        class_name_of(str(name)) for name in read_json(folder / SETTINGS).get("class_names", ())
    ]
    digest, found, highest = hashlib.sha256(), set(), -1
    count = classified = 0
    for sample in samples_of(folder):
        digest.update(sample.record.line + b"%d\n" % _size(folder, sample))
        highest = max([highest, *(each.label for each in sample.objects)])
        if sample.class_name is not None:
            found.add(sample.class_name)
            classified += 1
        count += 1
    if not count:
        raise ValueError(f"There are no pictures. Received: folder={str(folder)!r}")
    names = tuple(named or sorted(found))
    plain = {unicodedata.normalize("NFC", name.strip()) for name in names}
    if len(plain) < len(names) or "" in plain:
        raise ValueError(
            "Class names must differ in more than spaces and the form of their letters. "
            f"Received: folder={str(folder)!r}, class_names={list(names)}"
        )
    unnamed = sorted(found - {*names}) or ([f"label {highest}"] if highest >= len(names) else [])
    if unnamed:
        raise ValueError(
            f"`class_names` of {SETTINGS} lacks {', '.join(unnamed)}: add what is missing. "
            f"Received: folder={str(folder)!r}, class_names={list(names)}"
        )
    return Contents(count, names, digest.hexdigest(), classified)


def _size(folder: Path, sample: Sample) -> int:
    try:
        size = os.stat(folder / sample.name).st_size
    except OSError:
        size = 0
    if not size:
        raise ValueError(
            "The picture is missing or empty: run the command that filled the folder again. "
            f"Received: path={str(folder / sample.name)!r}"
        )
    return size


def _object(placed: Mapping[str, Any]) -> PackedObject:
    x0, y0, x1, y1 = map(float, placed["box"])
    if placed["label"] < 0:
        raise ValueError(f"label={placed['label']}")
    return PackedObject(int(placed["label"]), (x0, y0, x1, y1))


def _class_name(parameters: Mapping[str, Any]) -> str | None:
    name = parameters.get("class_name")
    return class_name_of(name) if isinstance(name, str) else None
