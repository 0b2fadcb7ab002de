"""Folders of synthetic pictures, with the annotations and sources of each picture.

    images/000000.png ...     the pictures; from 10,000 on in images/0001 and so on
    metadata.jsonl            one `ManifestRow` per picture; `file_name` is relative to the folder
    rejected.jsonl            rows of rejected pictures, which are not written
    instances.json            the same objects in COCO's format
    labels/000000.txt ...     the same boxes in YOLO's format, with data.yaml, on request
    settings.json             settings that all pictures share

Until a folder is finished, its rows are files in `.parts`, one for each block of pictures. A killed
run can be resumed, and a finished folder can grow; either way the bytes are those of one
uninterrupted run.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kerasgen.annotations.coco import InstancesWriter
from kerasgen.annotations.folder_layout import (
    DATA,
    IMAGES,
    INSTANCES,
    LABELS,
    METADATA,
    PARTS,
    REJECTED,
    SETTINGS,
    label_name,
    part_name,
    written_pictures,
)
from kerasgen.annotations.index_set import IndexSet
from kerasgen.annotations.manifest import (
    Record,
    encoded_part,
    part_paths,
    part_records,
    read_part,
    records_of,
)
from kerasgen.annotations.output import CATEGORIES, SHARD, ShardOfJob
from kerasgen.annotations.records import Entry, ManifestRow
from kerasgen.annotations.yolo import yolo_data, yolo_labels
from kerasgen.io.files import access_to, check_settings, strict_json
from kerasgen.io.images import PathLike, Pixels
from kerasgen.io.sheets import encode_png
from kerasgen.io.xmp import with_source_type

# For noisy 256x256 pictures Pillow's default, 6, takes 1.1 to 4 times as long, to save 0 to 16%.
_COMPRESSION = 1
_ATTEMPTS = 3


@dataclass(frozen=True)
class Rejections:
    """The rejected pictures of a folder.

    Attributes:
        count: Their number.
        first: The reason of the first; empty if there is none.
    """

    count: int
    first: str


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
        shard: The share of the pictures that the folder is to hold, kept among the settings, too;
            None for all.

    Raises:
        ValueError: If the folder holds other pictures, or was begun with other settings, if an
            argument is invalid, or if nothing can be written there.
    """

    def __init__(
        self,
        folder: PathLike,
        *,
        settings: Mapping[str, Any],
        class_names: Sequence[str],
        shard: ShardOfJob | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.shard = shard
        self.class_names = tuple(class_names)
        wrong = [name for name in self.class_names if not (name and name.isprintable())]
        if wrong or isinstance(class_names, str) or len({*class_names}) < len(class_names):
            raise ValueError(f"Class names must be unique texts. Received: {class_names=}")
        own = {} if shard is None else {SHARD: shard.to_dict()}
        content = {**settings, **own, "class_names": self.class_names}
        self._categories = settings.get(CATEGORIES, ())
        self._keep_settings(strict_json(content, indent=2))

    def members(self, count: int) -> IndexSet:
        """The indices below `count` of the pictures that the folder is to hold."""
        return IndexSet.full(count) if self.shard is None else self.shard.members()

    def missing(self, count: int) -> IndexSet:
        """The indices below `count` whose row or picture is missing or damaged.

        No picture is opened. Its file must have the size that its part states; once its row is
        gathered it must not be empty, as it may have been marked or signed since. Damage that
        keeps the size is found by `kerasgen merge` and `kerasgen verify`, a picture that was cut
        off after the end by the data card, see `read_facts`.

        Raises:
            ValueError: If `count` is less than 1 or than the number of rows that exist, or if a
                finished manifest is damaged.
        """
        done = self._done(count)
        missing = self.members(count)
        for record in done:
            missing.discard(record.index)
        return missing

    def write(self, row: ManifestRow, image: Pixels | None = None, made: str = "") -> None:
        """Writes a picture and its row, see `write_block`."""
        self.write_block([Entry(row, image, made)])

    def write_block(self, entries: Sequence[Entry]) -> None:
        """Writes pictures, then their rows in one part; they replace those of the same indices.

        Args:
            entries: In the order of their index, at least one. Other rows of a part that begins at
                the same index are kept.

        Raises:
            ValueError: If row and picture do not agree, or cannot be written.
        """
        for entry in entries:
            entry.check(len(self.class_names))
        name = part_name(entries[0].row.index)
        rows = {record.index: content for record, content in read_part(self.folder / name)}
        for entry in entries:
            size = self._put_picture(entry)
            rows[entry.row.index] = encoded_part(entry.row, size, entry.made)
        self.put(name, b"".join(rows[index] for index in sorted(rows)))

    def _put_picture(self, entry: Entry) -> int | None:
        """Writes the picture of a row, or removes that of a rejected one; returns its bytes."""
        row, image, made = entry
        if image is None:
            with access_to(self.folder / row.file_name):
                (self.folder / row.file_name).unlink(missing_ok=True)
            return None
        content = encode_png(image, _COMPRESSION)
        content = with_source_type(content, made) if made else content
        self.put(row.file_name, content)
        return len(content)

    def finish(self, count: int, *, yolo: bool = False) -> Rejections:
        """Gathers the rows of the pictures in the files named above.

        One process calls it when the others are done, and again after growth or a kill. It reads
        row by row: memory does not grow with their number but for a few bytes a picture.

        Args:
            count: Number of pictures of the job, rejected ones included.
            yolo: Whether to write labels in YOLO's format too; once written they are kept up to
                date. An existing `data.yaml` is not changed.

        Returns:
            The number of the rejected pictures, and the first reason.

        Raises:
            ValueError: As `missing`; if a picture is missing or has no row, if a row is damaged,
                or if a file cannot be written. The files are then unchanged.
        """
        done = self._done(count)
        yolo = yolo or (self.folder / LABELS).exists()
        return self.gather(done, count, yolo=yolo)

    def gather(self, records: Iterable[Record], count: int, *, yolo: bool) -> Rejections:
        """Writes the files named above, but no pictures, from records in the order of their index.

        Args:
            records: One for each index of the folder; their pictures are there.
            count: As for `finish`.
            yolo: Whether to write labels in YOLO's format too.

        Returns:
            As `finish`.

        Raises:
            ValueError: As `finish`.
        """
        with access_to(self.folder), ExitStack() as stack:
            names = (METADATA, REJECTED, INSTANCES)
            streams = [stack.enter_context(self._replacing(name)) for name in names]
            rejections = self._gather(records, count, yolo, *streams)
            for stream in streams:
                stream.flush()
            # The parts are removed next: a power cut must lose neither rows nor pictures.
            os.sync()
        if yolo and not (self.folder / DATA).exists():
            self.put(DATA, yolo_data(self.class_names).encode())
        self._sweep(range(count))
        return rejections

    def _gather(
        self,
        records: Iterable[Record],
        count: int,
        yolo: bool,
        metadata: BinaryIO,
        rejected: BinaryIO,
        instances: BinaryIO,
    ) -> Rejections:
        accepted = IndexSet.empty(count)
        rejections, first = 0, ""
        with tempfile.TemporaryFile(dir=self.folder / PARTS) as scratch:
            writer = InstancesWriter(instances, scratch, self.class_names, self._categories)
            for record in records:
                row = record.row()
                if not row.accepted:
                    rejected.write(record.line)
                    first = first or row.reason or ""
                    rejections += 1
                    continue
                metadata.write(record.line)
                writer.add(row)
                accepted.add(row.index)
                if yolo:
                    self._put_labels(row)
            writer.close()
        if len(accepted) + rejections != len(self.members(count)):
            lost = self.missing(count)
            if not lost:
                raise ValueError(f"Another process finishes it: run this again. Received: {count=}")
            shown = list(itertools.islice(lost, 3))
            raise ValueError(f"Write the {len(lost)} missing first: {shown}. Received: {count=}")
        self._check_rows(accepted, count)
        return Rejections(rejections, first)

    def _put_labels(self, row: ManifestRow) -> None:
        name, labels = label_name(row.index), yolo_labels(row).encode()
        path = self.folder / name
        # Replacing files is slow, and most labels are the same when a folder grows.
        if not path.is_file() or path.read_bytes() != labels:
            self.put(name, labels)

    def _check_rows(self, accepted: IndexSet, count: int) -> None:
        """Raises a ValueError if a picture has no row."""
        without = (name for index, name in written_pictures(self.folder) if index not in accepted)
        if name := min(without, default=""):
            raise ValueError(f"{name!r} has no row: raise count, or delete it. Received: {count=}")

    def _done(self, count: int) -> Iterator[Record]:
        """Complete records, by index; a part takes precedence over the row that it replaces."""
        if count < 1:
            raise ValueError(f"`count` must be at least 1. Received: count={count}")
        return self._whole_records(count)

    def _whole_records(self, count: int) -> Iterator[Record]:
        paths = (self.folder / METADATA, self.folder / REJECTED)
        gathered = [records_of(path) for path in paths if path.exists()]
        merged = heapq.merge(*gathered, part_records(self.folder), key=lambda each: each.index)
        for index, same in itertools.groupby(merged, key=lambda record: record.index):
            if index >= count:
                raise ValueError(f"The folder holds more: raise it. Received: {count=}, {index=}")
            whole = [record for record in same if self._is_whole(record)]
            yield from whole[-1:]

    def _is_whole(self, record: Record) -> bool:
        with suppress(OSError, ValueError, KeyError, TypeError):
            if not record.fields["accepted"]:
                return True
            size = os.stat(os.path.join(self.folder, record.fields["file_name"])).st_size
            return size > 0 if record.picture_bytes is None else size == record.picture_bytes
        return False

    def _sweep(self, gathered: range) -> None:
        """Removes the parts of gathered rows, and what killed processes left."""
        folder = self.folder / PARTS
        with access_to(folder):
            for path in part_paths(self.folder):
                if int(path.stem) in gathered:
                    path.unlink(missing_ok=True)
            for path in folder.glob("*.tmp"):
                path.unlink(missing_ok=True)
        for path in (*folder.glob("*"), folder):
            # Files that a running process has added meanwhile stay.
            with suppress(OSError):
                path.rmdir()

    def put(self, name: str, content: bytes) -> None:
        """Writes a file of the folder atomically.

        Args:
            name: Its path, relative to the folder.
            content: Its bytes.

        Raises:
            ValueError: If it cannot be written.
        """
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
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _keep_settings(self, content: bytes) -> None:
        path = self.folder / SETTINGS
        others = [name for name in (IMAGES, METADATA, LABELS) if (self.folder / name).exists()]
        if not path.exists():
            if others:
                received = f"folder={str(self.folder)!r}, with {others} and no {SETTINGS}"
                raise ValueError(f"The folder is another's: use a new one. Received: {received}")
            self.put(SETTINGS, content)
        check_settings(path, json.loads(content))
