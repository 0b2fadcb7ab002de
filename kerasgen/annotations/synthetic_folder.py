"""Folders of synthetic pictures, with the annotations and sources of each picture.

    images/000000.png ...     the pictures
    metadata.jsonl            one `ManifestRow` per picture; `file_name` is relative to the folder
    rejected.jsonl            rows of rejected pictures, which are not written
    instances.json            the same objects in COCO's format
    labels/000000.txt ...     the same boxes in YOLO's format, with data.yaml, on request
    settings.json             settings that all pictures share

Until a folder is finished, its rows are single files in `.parts`. A killed run can be resumed, and
a finished folder can grow; either way the bytes are those of one uninterrupted run.
"""

from __future__ import annotations

import heapq
import io
import itertools
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from kerasgen.annotations.coco import InstancesWriter
from kerasgen.annotations.records import SOURCE_TYPE, ManifestRow
from kerasgen.annotations.yolo import yolo_data, yolo_labels
from kerasgen.io.files import access_to, check_settings, json_lines, json_object, strict_json
from kerasgen.io.images import PathLike, Pixels
from kerasgen.io.sheets import encode_png
from kerasgen.io.xmp import with_source_type

METADATA, REJECTED, INSTANCES = "metadata.jsonl", "rejected.jsonl", "instances.json"
SETTINGS, PARTS, IMAGES, LABELS, DATA = "settings.json", ".parts", "images", "labels", "data.yaml"
# For noisy 256x256 pictures Pillow's default, 6, takes 1.1 to 4 times as long, to save 0 to 16%.
_COMPRESSION = 1
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_ATTEMPTS = 3


def picture_name(index: int) -> str:
    """Returns the `file_name` of picture `index`, relative to the folder of the manifest."""
    return f"{IMAGES}/{index:06}.png"


class SyntheticFolder:
    """A folder that any number of processes fill with synthetic pictures, in one or more runs.

    All files are written atomically, a row after its picture, so that a kill loses only the
    pictures in progress. It may leave temporary files in `.parts`. `finish` removes these, even
    those of running processes, as it cannot know which are alive elsewhere; these write them again.

    Args:
        folder: New, empty or begun before.
        settings: Settings that all pictures share, as JSON values; without their count, which may
            grow.
        class_names: The names of labels 0, 1, ...; kept among the settings.

    Raises:
        ValueError: If the folder holds other pictures, or was begun with other settings, if an
            argument is invalid, or if nothing can be written there.
    """

    def __init__(
        self, folder: PathLike, *, settings: Mapping[str, Any], class_names: Sequence[str]
    ) -> None:
        self.folder = Path(folder)
        self.class_names = tuple(class_names)
        wrong = [name for name in self.class_names if not (name and name.isprintable())]
        if wrong or isinstance(class_names, str) or len({*class_names}) < len(class_names):
            raise ValueError(f"Class names must be unique texts. Received: {class_names=}")
        self._keep_settings(strict_json({**settings, "class_names": self.class_names}, indent=2))

    def missing(self, count: int) -> list[int]:
        """Returns the indices below `count` whose row or picture is missing or damaged.

        Raises:
            ValueError: If `count` is less than 1 or than the number of rows that exist, or if a
                finished manifest is damaged.
        """
        done = {record.index for record in self._done(count)}
        return [index for index in range(count) if index not in done]

    def write(self, row: ManifestRow, image: Pixels | None = None, made: str = "") -> None:
        """Writes a picture and its row; they replace those of the same index.

        Args:
            row: Its `file_name` must be `picture_name(index)`.
            image: `[H, W, 1 | 3 | 4] uint8 in [0, 255]`; `None` for a rejected row.
            made: The digital source type that the file states, see `with_source_type`.

        Raises:
            ValueError: If row and picture do not agree, or cannot be written.
        """
        label = max((int(placed.label) for placed in row.objects), default=-1)
        if label >= len(self.class_names):
            raise ValueError(f"There is no class of that label. Received: label={label}")
        if row.file_name != picture_name(row.index):
            received = f"file_name={row.file_name!r}, index={row.index}"
            raise ValueError(f"`file_name` must be picture_name(index). Received: {received}")
        if row.accepted != (image is not None):
            received = f"accepted={row.accepted}, image={'none' if image is None else 'array'}"
            raise ValueError(f"Accepted rows, and no others, have a picture. Received: {received}")
        line = strict_json(row.to_dict() | ({SOURCE_TYPE: made} if made else {}))
        if image is None:
            with access_to(self.folder / row.file_name):
                (self.folder / row.file_name).unlink(missing_ok=True)
        else:
            self._put(row.file_name, _png(image, (row.height, row.width), made))
        self._put(f"{PARTS}/{row.index // 1000:03}/{row.index:06}.json", line)

    def finish(self, count: int, *, yolo: bool = False) -> list[str]:
        """Gathers the rows of pictures 0 to `count` - 1 in the files named above.

        One process calls it when the others are done, and again after growth or a kill.

        Args:
            count: Number of pictures, rejected ones included.
            yolo: Whether to write labels in YOLO's format too; once written they are kept up to
                date. An existing `data.yaml` is not changed.

        Returns:
            The reasons of the rejected pictures, in the order of their indices.

        Raises:
            ValueError: As `missing`; if a picture is missing or has no row, if a row is damaged,
                or if a file cannot be written. The files are then unchanged.
        """
        parts = self._part_paths()
        yolo = yolo or (self.folder / LABELS).exists()
        with access_to(self.folder), ExitStack() as stack:
            names = (METADATA, REJECTED, INSTANCES)
            streams = [stack.enter_context(self._replacing(name)) for name in names]
            rejected = self._gather(count, yolo, *streams)
            for stream in streams:
                # The parts are removed next: a power cut must not lose both.
                stream.flush()
                os.fsync(stream.fileno())
        if yolo and not (self.folder / DATA).exists():
            self._put(DATA, yolo_data(self.class_names).encode())
        self._sweep(parts)
        return rejected

    def _gather(
        self, count: int, yolo: bool, metadata: BinaryIO, rejected: BinaryIO, instances: BinaryIO
    ) -> list[str]:
        writer = InstancesWriter(instances, self.class_names)
        without_row = {f"{IMAGES}/{path.name}" for path in (self.folder / IMAGES).glob("*.png")}
        accepted = 0
        reasons: list[str] = []
        for record in self._done(count):
            row = record.row()
            if not row.accepted:
                rejected.write(record.line)
                reasons.append(row.reason or "")
                continue
            metadata.write(record.line)
            writer.add(row)
            without_row.discard(row.file_name)
            accepted += 1
            if yolo:
                name, labels = f"{LABELS}/{row.index:06}.txt", yolo_labels(row).encode()
                path = self.folder / name
                # Replacing files is slow, and most labels are the same when a folder grows.
                if not path.is_file() or path.read_bytes() != labels:
                    self._put(name, labels)
        writer.close()
        if accepted + len(reasons) != count:
            lost = self.missing(count)
            raise ValueError(f"Write the {len(lost)} missing first: {lost[:3]}. Received: {count=}")
        if name := min(without_row, default=""):
            raise ValueError(f"{name!r} has no row: raise count, or delete it. Received: {count=}")
        return reasons

    def _done(self, count: int) -> Iterator[Record]:
        """Complete records, by index; a part takes precedence over the row that it replaces."""
        if count < 1:
            raise ValueError(f"`count` must be at least 1. Received: count={count}")
        paths = (self.folder / METADATA, self.folder / REJECTED)
        gathered = [_records(path) for path in paths if path.exists()]
        merged = heapq.merge(*gathered, self._parts(), key=lambda record: record.index)
        for index, same in itertools.groupby(merged, key=lambda record: record.index):
            if index >= count:
                raise ValueError(f"The folder holds more: raise it. Received: {count=}, {index=}")
            whole = [record for record in same if self._is_whole(record.fields)]
            yield from whole[-1:]

    def _is_whole(self, fields: Mapping[str, Any]) -> bool:
        with suppress(OSError, SyntaxError, ValueError, KeyError, TypeError):
            if not fields["accepted"]:
                return True
            content = (self.folder / fields["file_name"]).read_bytes()
            with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
                image.verify()  # All checksums but the last one.
                size_matches = image.size == (fields["width"], fields["height"])
            return size_matches and content.endswith(_PNG_END)
        return False

    def _part_paths(self) -> list[Path]:
        return sorted((self.folder / PARTS).glob("*/*.json"), key=lambda path: int(path.stem))

    def _parts(self) -> Iterator[Record]:
        for path in self._part_paths():
            # A damaged part counts as missing.
            with suppress(ValueError, FileNotFoundError):
                record = Record.from_line(path.read_bytes(), f"path={str(path)!r}")
                if record.index == int(path.stem):
                    yield record

    def _sweep(self, parts: Sequence[Path]) -> None:
        folder = self.folder / PARTS
        with access_to(folder):
            for path in (*parts, *folder.glob("*.tmp")):
                path.unlink(missing_ok=True)
        for path in (*folder.glob("*"), folder):
            # Files that a running process has added meanwhile stay.
            with suppress(OSError):
                path.rmdir()

    def _put(self, name: str, content: bytes) -> None:
        with access_to(self.folder / name):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    with self._replacing(name) as stream:
                        stream.write(content)
                    return
                except (FileNotFoundError, FileExistsError):  # Another process has swept.
                    if attempt == _ATTEMPTS:
                        raise

    @contextmanager
    def _replacing(self, name: str) -> Iterator[BinaryIO]:
        temporary = self.folder / PARTS / f"{os.getpid()}-{uuid.uuid4().hex}.tmp"
        for folder in (temporary.parent, (self.folder / name).parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                yield stream
            os.replace(temporary, self.folder / name)
        finally:
            temporary.unlink(missing_ok=True)

    def _keep_settings(self, content: bytes) -> None:
        path = self.folder / SETTINGS
        others = [name for name in (IMAGES, METADATA, LABELS) if (self.folder / name).exists()]
        if not path.exists():
            if others:
                received = f"folder={str(self.folder)!r}, with {others} and no {SETTINGS}"
                raise ValueError(f"The folder is another's: use a new one. Received: {received}")
            self._put(SETTINGS, content)
        check_settings(path, json.loads(content))


@dataclass(frozen=True)
class Record:
    """A line of `metadata.jsonl`, decoded but not yet checked.

    Attributes:
        index: Index of the picture.
        line: Its bytes.
        fields: The decoded JSON object.
        location: Path and line number, for messages.
    """

    index: int
    line: bytes
    fields: dict[str, Any]
    location: str

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
    return _records(path)


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


def _records(path: Path) -> Iterator[Record]:
    last = -1
    for fields, line, location in json_lines(path):
        record = _record(fields, line, location)
        if record.index <= last:
            raise ValueError(f"Rows must be in the order of index. Received: {record.location}")
        last = record.index
        yield record


def _record(fields: dict[str, Any], line: bytes, location: str) -> Record:
    if not isinstance(fields.get("index"), int):
        raise ValueError(f"Not a row of a manifest: it has no index. Received: {location}")
    return Record(fields["index"], line.strip() + b"\n", fields, location)


def _png(image: Pixels, size: tuple[int, int], made: str) -> bytes:
    if image.shape not in [(*size, channels) for channels in (1, 3, 4)] or image.dtype != np.uint8:
        received = f"shape={image.shape}, dtype={image.dtype}, row of (height, width)={size}"
        raise ValueError(f"Not [H, W, 1 | 3 | 4] uint8, as large as its row. Received: {received}")
    content = encode_png(image, _COMPRESSION)
    return with_source_type(content, made) if made else content
