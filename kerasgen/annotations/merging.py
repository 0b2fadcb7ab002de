"""Shards of one job, merged into the folder that one run would have filled."""

from __future__ import annotations

import heapq
import itertools
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.dossier.jobs import job_of
from kerasgen.annotations.dossier.writing import write_card
from kerasgen.annotations.fill_folder import SHEET, FilledFolder
from kerasgen.annotations.folder_layout import (
    DATA,
    METADATA,
    PARTS,
    REJECTED,
    SETTINGS,
    picture_name,
)
from kerasgen.annotations.manifest import Record, records_of
from kerasgen.annotations.output import SHARD, Shard, ShardOfJob
from kerasgen.annotations.synthetic_folder import SyntheticFolder
from kerasgen.io.files import access_to, check_apart, check_writable, read_json, write_file
from kerasgen.io.images import PathLike
from kerasgen.io.interruption import until_stopped
from kerasgen.io.progress import Report
from kerasgen.io.sheets import is_intact_png

_SHOWN = 3


def merge_shards(
    folder: PathLike,
    shards: Sequence[PathLike],
    *,
    sources: PathLike | None = None,
    report: Report | None = None,
) -> FilledFolder:
    """Merges the shards of a job into one folder, with the bytes of one run without shards.

    Pictures are hard links where the file system has them, else copies; kerasgen replaces files and
    never changes them, so that the shards stay as they are. Every picture is read, and its
    checksums are compared.

    Args:
        folder: New, or begun by the same call, which is then resumed.
        shards: The folders of all shards, in any order.
        sources: The folder of sources of the job, to draw the sheet again; without it the sheet
            of a job that had one is left out.
        report: Called after each picture.

    Returns:
        The merged folder. The sheets of scenes are not there yet, see `finish_merged`.

    Raises:
        ValueError: If a folder is no finished shard, the shards are of different jobs, one is
            missing or there twice, one lacks a picture or holds a damaged one, or nothing can be
            written, or `sources` are others. A shard that must be made, or made again, is named
            with its command.
        Stopped: After Ctrl-C or SIGTERM.
    """
    members = read_shards(shards)
    job = members[0].settings
    check_apart(folder, **{f"shard {each.part.shard}": each.folder for each in members})
    check_writable(folder)
    if sources is not None and AnnotatedFolder(sources).sha256 != job.get("sources"):
        raise ValueError(f"Not the sources of the shards. Received: sources={str(sources)!r}")
    for member in members:
        member.check_complete()
    yolo = _have_labels(members)
    own = {key: value for key, value in job.items() if key not in (SHARD, "class_names")}
    target = SyntheticFolder(folder, settings=own, class_names=job["class_names"])
    _give_all(members, target, report)
    count = members[0].part.count
    rejected = target.gather((record for record, _ in _records(members)), count, yolo=yolo)
    facts = write_card(target.folder)
    merged = FilledFolder(target.folder, count - rejected.count, rejected.count, facts=facts)
    if job.get("kind") == "scenes" or not any((each.folder / SHEET).exists() for each in members):
        return merged
    if job.get("sources") is not None and sources is None:
        return merged
    return merged.with_sheet(sources, (job.get("preprocessing") or {}).get("fit", "stretch"))


def _give_all(
    members: Sequence[ShardFolder], target: SyntheticFolder, report: Report | None
) -> None:
    for record, member in until_stopped(_records(members)):
        if record.fields["accepted"]:
            member.give(target, record.fields["file_name"])
        if report is not None:
            report(record.index + 1, member.part.count)


def _have_labels(members: Sequence[ShardFolder]) -> bool:
    without = [member for member in members if not (member.folder / DATA).exists()]
    if without and len(without) < len(members):
        raise ValueError(f"Only some shards have label files. {without[0].again('--yolo')}")
    return not without


def read_shards(folders: Sequence[PathLike]) -> list[ShardFolder]:
    """Reads the settings of all shards of a job.

    Args:
        folders: Their folders, in any order.

    Returns:
        One for each folder.

    Raises:
        ValueError: If a folder is no shard, the shards are of different jobs, or one is missing or
            there twice.
    """
    members = [ShardFolder.read(path) for path in folders]
    _check_job(members)
    return members


@dataclass(frozen=True)
class ShardFolder:
    """The folder of a shard.

    Attributes:
        folder: Its path.
        settings: The content of its `settings.json`.
        part: The shard as they state it.
    """

    folder: Path
    settings: dict[str, Any]
    part: ShardOfJob

    @classmethod
    def read(cls, path: PathLike) -> ShardFolder:
        """Reads the settings of a folder.

        Raises:
            ValueError: If it is no shard.
        """
        settings = read_json(Path(path) / SETTINGS)
        part = ShardOfJob.from_settings(settings)
        if part is None:
            raise ValueError(f"It was made without --shard. Received: shard={str(path)!r}")
        return cls(Path(path), settings, part)

    @property
    def job(self) -> dict[str, Any]:
        """What must be equal in all shards."""
        rest = {key: value for key, value in self.part.to_dict().items() if key != "number"}
        return {**self.settings, SHARD: rest}

    def again(self, more: str = "") -> str:
        """The sentence that says how to make the shard."""
        return _command(self.settings, self.part.shard, shlex.quote(str(self.folder)), more)

    def check_complete(self) -> None:
        """Raises a ValueError if rows or pictures are missing, or are not those of this shard."""
        name = f"Shard {self.part.shard} in {str(self.folder)!r}"
        if (self.folder / PARTS).exists() or not (self.folder / METADATA).exists():
            raise ValueError(f"{name} is unfinished. {self.again()}")
        missing = self.part.members()
        for record in self.records():
            if record.index not in missing:
                raise ValueError(f"{name} holds a picture of another. Received: {record.location}")
            if record.fields.get("file_name") != picture_name(record.index):
                # It becomes a path in the merged folder.
                raise ValueError(
                    f"{name} names a picture {record.fields.get('file_name')!r} that kerasgen "
                    f"calls {picture_name(record.index)!r}. Received: {record.location}"
                )
            if not record.fields.get("accepted") or self._has(record):
                missing.discard(record.index)
        if missing:
            shown = ", ".join(map(str, itertools.islice(missing, _SHOWN)))
            more = ", ..." if len(missing) > _SHOWN else ""
            raise ValueError(f"{name} lacks {len(missing)} pictures: {shown}{more}. {self.again()}")

    def _has(self, record: Record) -> bool:
        try:
            return os.stat(self.folder / str(record.fields.get("file_name"))).st_size > 0
        except OSError:
            return False

    def records(self) -> Iterator[Record]:
        """All rows, rejected ones included, in the order of their index."""
        paths = [self.folder / name for name in (METADATA, REJECTED)]
        return heapq.merge(*map(records_of, paths), key=lambda record: record.index)

    def give(self, target: SyntheticFolder, name: str) -> None:
        """Puts a picture, after a check of its checksums, into the merged folder."""
        source = self.folder / name
        with access_to(source):
            content = source.read_bytes()
        if not is_intact_png(content):
            raise ValueError(
                f"The picture is damaged: delete it. {self.again()} Received: path={str(source)!r}"
            )
        link_file(source, target.folder / name, content)


def link_file(source: Path, link: Path, content: bytes) -> None:
    """Makes a hard link, or a copy where the file system has none; another file is replaced.

    Args:
        source: An existing file.
        link: The path to make; missing parent folders are created.
        content: The bytes of the file.

    Raises:
        ValueError: If it cannot be written.
    """
    with access_to(link):
        if link.exists():
            if link.read_bytes() == content:
                return
            link.unlink()
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, link)
        except OSError:
            # Another file system, or one without hard links.
            write_file(link, content)


def _records(members: Sequence[ShardFolder]) -> Iterator[tuple[Record, ShardFolder]]:
    streams = [zip(member.records(), itertools.repeat(member)) for member in members]
    return heapq.merge(*streams, key=lambda pair: pair[0].index)


def _check_job(members: Sequence[ShardFolder]) -> None:
    first = members[0]
    by_number: dict[int, ShardFolder] = {}
    for member in members:
        keys = {*first.job, *member.job}
        changed = sorted(key for key in keys if first.job.get(key) != member.job.get(key))
        if changed:
            name = changed[0]
            raise ValueError(
                f"The shards are of different jobs: merge those of one. Received: {name}="
                f"{first.job.get(name)!r} in {str(first.folder)!r}, {member.job.get(name)!r} in "
                f"{str(member.folder)!r} (differing: {', '.join(changed)})"
            )
        other = by_number.setdefault(member.part.number, member)
        if other is not member:
            raise ValueError(
                f"Shard {member.part.shard} is there twice: leave one out. Received: "
                f"{str(other.folder)!r} and {str(member.folder)!r}"
            )
    lost = [number for number in range(first.part.of) if number not in by_number]
    if lost:
        shard = Shard(lost[0], first.part.of)
        part = ShardOfJob(lost[0], first.part.of, first.part.count, first.part.block)
        indices = part.members()
        shown = ", ".join(map(str, itertools.islice(indices, _SHOWN)))
        numbers = ", ".join(f"{number}/{shard.of}" for number in lost)
        raise ValueError(
            f"Shards {numbers} are missing; {shard} has {len(indices)} pictures: {shown}, ... "
            f"{_command(first.settings, shard, 'NEW_FOLDER')}"
        )


def _command(settings: dict[str, Any], shard: Shard, folder: str, more: str = "") -> str:
    job = job_of(settings)
    command = job.command if job else "cut" if settings.get("kind") == "cuts" else "COMMAND"
    flags = " ".join(filter(None, (f"--shard {shard}", f"--out {folder}", more)))
    return f"Run, with the other arguments as for all shards: kerasgen {command} ... {flags}"
