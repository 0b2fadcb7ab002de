"""A finished folder of synthetic pictures, packed into files of many pictures each."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasgen.annotations.folder_layout import check_own
from kerasgen.annotations.packing.card import packed_files
from kerasgen.annotations.packing.samples import Contents, Sample, read_contents, samples_of
from kerasgen.annotations.packing.webdataset import write_tar
from kerasgen.io.files import (
    access_to,
    check_apart,
    check_writable,
    file_sha256,
    keep_settings,
    read_json,
    replacing,
    write_file,
    write_json,
)
from kerasgen.io.images import PathLike
from kerasgen.io.interruption import until_stopped
from kerasgen.io.progress import Progress, Report, silent

INDEX = "index.json"
FORMATS = ("tfrecord", "webdataset")

Writer = Callable[[Path, Iterable[tuple[Sample, bytes]], Sequence[str]], None]
"""Writes a pack at a path, from the pictures and the class names."""


@dataclass(frozen=True)
class PackedFolder:
    """A folder of packs.

    Attributes:
        folder: Its path.
        pictures: Number of pictures.
        packs: Names of the packs, in order.
    """

    folder: Path
    pictures: int
    packs: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence, and the next command."""
        names = self.packs[0] if len(self.packs) == 1 else f"{self.packs[0]} to {self.packs[-1]}"
        return (
            f"{self.pictures:,} pictures in {names} in {self.folder}; {INDEX} has their numbers "
            f"and checksums\nnext: hf upload REPOSITORY {shlex.quote(str(self.folder))} "
            "--repo-type dataset"
        )


def pack_folder(
    folder: PathLike,
    out: PathLike,
    format: str,
    *,
    per_file: int = 1000,
    progress: Progress = silent,
) -> PackedFolder:
    """Packs a finished folder into TFRecord files or the tar files of WebDataset.

    The bytes of the packs depend on the folder, the format and `per_file` only. A pack is renamed
    when it is complete, so that a kill loses one, and the same call goes on. Packs that exist are
    read for their checksums; those that differ from `index.json` are written again. Pictures are
    read one by one: memory does not grow with their number.

    Args:
        folder: A finished folder, see `fill_folder`.
        out: New, empty, or begun by the same call.
        format: "tfrecord" or "webdataset", see `docs/formats.md`.
        per_file: Number of pictures in each pack; the last may have fewer.
        progress: Progress display.

    Returns:
        The packed folder: the packs, `index.json` and, if `folder` has one, its data card.

    Raises:
        ValueError: If an argument is invalid, the folder is not finished, a picture is missing or
            damaged, or `out` holds anything else or cannot be written.
        Stopped: After Ctrl-C or SIGTERM.
    """
    source, target = Path(folder), Path(out)
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}. Received: {format=}")
    if per_file < 1:
        raise ValueError(f"`per_file` must be at least 1. Received: {per_file=}")
    check_apart(target, **{"folder to pack": source})
    check_writable(target)
    check_own(target)
    contents = read_contents(source)
    settings = {
        "format": format,
        "per_file": per_file,
        "pictures": contents.count,
        "class_names": contents.class_names,
        "source_sha256": contents.sha256,
    }
    keep_settings(target, settings)
    packing = _Packing(source, target, format, per_file, contents, _writer(format))
    with progress("pictures") as report:
        packs = packing.write(report)
    for name, content in packed_files(source, packing.pattern, format).items():
        write_file(target / name, content)
    if format == "tfrecord":
        packing.describe([pack["pictures"] for pack in packs])
    write_json(target / INDEX, {**settings, "packs": packs})
    return PackedFolder(target, contents.count, tuple(pack["name"] for pack in packs))


def _writer(format: str) -> Writer:
    if format == "tfrecord":
        # It loads TensorFlow, which takes seconds.
        from kerasgen.annotations.packing.tfrecord import write_tfrecord

        return write_tfrecord
    return write_tar


@dataclass(frozen=True)
class _Packing:
    source: Path
    target: Path
    format: str
    per_file: int
    contents: Contents
    write_pack: Writer

    @property
    def pattern(self) -> str:
        """A pattern that matches the names of the packs."""
        return "made-*.tfrecord" if self.format == "tfrecord" else "made-*.tar"

    def name(self, number: int) -> str:
        """The name of a pack; several readers of TFRecords know the total from it."""
        total = -(-self.contents.count // self.per_file)
        middle = f"{number:05}-of-{total:05}" if self.format == "tfrecord" else f"{number:05}"
        return self.pattern.replace("*", middle)

    def write(self, report: Report) -> list[dict[str, Any]]:
        """Writes the packs that are missing or damaged; returns what the index says of all."""
        index, done = self._index(), 0
        packs: list[dict[str, Any]] = []
        samples = until_stopped(samples_of(self.source))
        for number in range(-(-self.contents.count // self.per_file)):
            path = self.target / self.name(number)
            members = itertools.islice(samples, self.per_file)
            count = min(self.per_file, self.contents.count - done)
            sha256 = file_sha256(path) if path.exists() else None
            if sha256 is None or sha256 != index.get(path.name, sha256):
                sha256 = self._write_pack(path, self._shown(members, done, report))
            elif sum(1 for _ in members):
                report(done + count, self.contents.count)
            done += count
            packs.append({"name": path.name, "pictures": count, "sha256": sha256})
        return packs

    def describe(self, lengths: Sequence[int]) -> None:
        """Writes what tensorflow-datasets reads TFRecords by."""
        from kerasgen.annotations.packing.tfds_metadata import write_tfds_metadata

        with access_to(self.target):
            write_tfds_metadata(self.target, self.contents, lengths)

    def _index(self) -> dict[str, str]:
        """The checksums of the packs by name, if all were written before."""
        path = self.target / INDEX
        listed = read_json(path).get("packs", []) if path.exists() else []
        return {pack["name"]: pack["sha256"] for pack in listed}

    def _shown(
        self, samples: Iterator[Sample], done: int, report: Report
    ) -> Iterator[tuple[Sample, bytes]]:
        for number, sample in enumerate(samples, done + 1):
            yield sample, sample.picture(self.source)
            report(number, self.contents.count)

    def _write_pack(self, path: Path, samples: Iterator[tuple[Sample, bytes]]) -> str:
        with replacing(path) as partial:
            self.write_pack(partial, samples, self.contents.class_names)
            # The same call takes a pack that is there for a complete one, even after a power cut.
            with partial.open("rb") as stream:
                os.fsync(stream.fileno())
            return file_sha256(partial)
