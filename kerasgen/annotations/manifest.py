"""The rows of a folder of synthetic pictures, read one at a time."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasgen.annotations.folder_layout import METADATA, PARTS, part_name
from kerasgen.annotations.records import SOURCE_TYPE, ManifestRow
from kerasgen.io.files import json_lines, json_object, strict_json
from kerasgen.io.images import PathLike


@dataclass(frozen=True)
class Record:
    """A line of `metadata.jsonl`, decoded but not yet checked.

    Attributes:
        index: Index of the picture.
        line: Its bytes.
        fields: The decoded JSON object.
        location: Path and line number, for messages.
        picture_bytes: Size of the picture's file as it was written, in bytes, if the line is in a
            part: the picture of a gathered row may have been marked or signed since. None for
            gathered and for rejected rows.
    """

    index: int
    line: bytes
    fields: dict[str, Any]
    location: str
    picture_bytes: int | None = None

    @classmethod
    def from_line(cls, line: bytes, location: str) -> Record:
        """Decodes a line.

        Raises:
            ValueError: If it is no JSON object with an index.
        """
        return _record(json_object(line, location), line, location)

    def row(self) -> ManifestRow:
        """Returns the checked row.

        Raises:
            ValueError: If the fields are no valid row.
        """
        try:
            return ManifestRow.from_dict(self.fields)
        except ValueError as error:
            raise ValueError(f"{error} In: {self.location}") from error


def manifest_records(folder: PathLike) -> Iterator[Record]:
    """Yields the lines of a finished folder's `metadata.jsonl`, in the order of their index.

    Raises:
        ValueError: If there is no such file, or a line, which is named, has no index.
    """
    path = Path(folder) / METADATA
    if not path.exists():
        raise ValueError(f"No {METADATA}: finish the folder first. Received: path={str(path)!r}")
    return records_of(path)


def manifest_rows(folder: PathLike) -> Iterator[ManifestRow]:
    """Yields the rows of a finished folder's accepted pictures, in the order of their index.

    Raises:
        ValueError: If there is no `metadata.jsonl`, a line, which is named, is no valid row, or the
            picture of a row is missing.
    """
    for record in manifest_records(folder):
        row = record.row()
        if not (Path(folder) / row.file_name).is_file():
            received = f"file_name={row.file_name!r}, {record.location}"
            raise ValueError(f"The picture of the row is missing. Received: {received}")
        yield row


def read_manifest(folder: PathLike) -> list[ManifestRow]:
    """Reads all rows of a finished folder, see `manifest_rows`; masks take H * W bytes each."""
    return list(manifest_rows(folder))


def records_of(path: Path) -> Iterator[Record]:
    """Yields the lines of `metadata.jsonl` or `rejected.jsonl`, in the order of their index.

    Raises:
        ValueError: If a line, which is named, has no index, or not a larger one than before.
    """
    last = -1
    for fields, line, location in json_lines(path):
        record = _record(fields, line, location)
        if record.index <= last:
            raise ValueError(f"Rows must be in the order of index. Received: {record.location}")
        last = record.index
        yield record


def encoded_part(row: ManifestRow, picture_bytes: int | None, made: str = "") -> bytes:
    """The content of a part: the row, and below it the size of its picture's file in bytes.

    The row keeps the digital source type that the file states, which may lose it.
    """
    line = strict_json(row.to_dict() | ({SOURCE_TYPE: made} if made else {}))
    return line + strict_json({"picture_bytes": picture_bytes})


def part_paths(folder: Path) -> Iterator[Path]:
    """Yields the parts of an unfinished folder in the order of their index."""
    for thousand in _numbered(folder / PARTS):
        for path in _numbered(thousand):
            if path.suffix == ".jsonl":
                yield path


def count_parts(folder: Path) -> int:
    """The number of the parts of an unfinished folder, one for each block."""
    thousands = _numbered(folder / PARTS)
    return sum(path.suffix == ".jsonl" for each in thousands for path in _numbered(each))


def part_records(folder: Path) -> Iterator[Record]:
    """Yields the records of the parts in the order of their index; damaged ones are left out.

    Parts may overlap, if a block was filled up in another run: of one index all records are given.
    """
    waiting: list[tuple[int, int, Record]] = []
    count = 0
    for path in part_paths(folder):
        # A part has no row before that of its name.
        while waiting and waiting[0][0] < int(path.stem):
            yield heapq.heappop(waiting)[-1]
        for record, _ in read_part(path):
            heapq.heappush(waiting, (record.index, count, record))
            count += 1
    while waiting:
        yield heapq.heappop(waiting)[-1]


def read_part(path: Path) -> Iterator[tuple[Record, bytes]]:
    """Yields the records of a part with their bytes, up to damage; nothing if it is not there."""
    with suppress(ValueError, KeyError, FileNotFoundError):
        location = f"path={str(path)!r}"
        lines = path.read_bytes().splitlines(keepends=True)
        for line, rest in zip(lines[::2], lines[1::2], strict=False):
            size = json_object(rest, location)["picture_bytes"]
            record = _record(json_object(line, location), line, location, size)
            if line is lines[0] and path.name != Path(part_name(record.index)).name:
                return
            yield record, line + rest


def _numbered(folder: Path) -> list[Path]:
    """What is in a folder and has a number for a name, in the order of the numbers."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    numbered = [name for name in names if name.partition(".")[0].isdecimal()]
    return [folder / name for name in sorted(numbered, key=lambda name: int(name.split(".")[0]))]


def _record(
    fields: dict[str, Any], line: bytes, location: str, picture_bytes: int | None = None
) -> Record:
    if not isinstance(fields.get("index"), int):
        raise ValueError(f"Not a row of a manifest: it has no index. Received: {location}")
    return Record(fields["index"], line.strip() + b"\n", fields, location, picture_bytes)
