"""The loop behind every folder of synthetic pictures: make missing pictures, then gather them."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kerasgen.annotations.dossier.facts import Facts
from kerasgen.annotations.dossier.source_types import save_sheet
from kerasgen.annotations.dossier.writing import write_card
from kerasgen.annotations.folder_layout import METADATA, PARTS, REJECTED
from kerasgen.annotations.folder_sheet import folder_sheet, shown_files
from kerasgen.annotations.index_set import IndexSet
from kerasgen.annotations.manifest import manifest_rows
from kerasgen.annotations.output import Output, Shard
from kerasgen.annotations.records import Entry, ManifestRow
from kerasgen.annotations.synthetic_folder import Rejections, SyntheticFolder
from kerasgen.io.files import access_to
from kerasgen.io.images import PathLike
from kerasgen.io.interruption import Unfinished
from kerasgen.io.parallel import make_and_keep, share_out
from kerasgen.io.progress import Report
from kerasgen.io.resizing import Fit
from kerasgen.io.sheets import encode_png

Job = Callable[[range], Iterable[Entry]]
"""Makes the pictures of some indices, in order; its results depend on these indices alone."""

SHEET = "sheet.png"
_ENOUGH = 20
"""Rejected pictures from which on a job can fail early."""


@dataclass(frozen=True, eq=False)
class FilledFolder:
    """A finished folder of synthetic pictures.

    Attributes:
        folder: Its path.
        pictures: Number of accepted pictures.
        rejected: Number of rejected ones; `rejected.jsonl` has the reasons.
        sheet: Path of a PNG that shows some pictures, or None.
        shard: Its number, if it is one of several folders; None if it holds all pictures.
        facts: What its data card states; None if that is not known.
    """

    folder: Path
    pictures: int
    rejected: int
    sheet: Path | None = None
    shard: Shard | None = None
    facts: Facts | None = field(default=None, repr=False)

    def rows(self) -> Iterator[ManifestRow]:
        """Yields the rows of the accepted pictures, see `manifest_rows`."""
        return manifest_rows(self.folder)

    def with_sheet(self, sources: PathLike | None = None, fit: Fit = "stretch") -> FilledFolder:
        """Writes `sheet.png`, see `folder_sheet`, and the card anew; returns the folder with it."""
        pixels = folder_sheet(self.folder, sources, fit)
        if pixels is None:
            return self
        save_sheet(self.folder / SHEET, pixels, shown_files(self.folder, sources))
        write_card(self.folder, self.facts)
        return replace(self, sheet=self.folder / SHEET)

    def __str__(self) -> str:
        """Summary in up to four lines."""
        lines = [f"{self.pictures} pictures and {METADATA} in {self.folder}"]
        if self.rejected:
            lines.append(f"{self.rejected} more were rejected: {self.folder / REJECTED} says why")
        if self.sheet is not None:
            lines.append(f"sheet: {self.sheet}")
        if self.shard is not None:
            lines.append(self.shard.next_step())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Summary with the sheet, for notebooks."""
        text = f"<p>{html.escape(str(self)).replace(chr(10), '<br>')}</p>"
        if self.sheet is not None:
            content = self.sheet.read_bytes()
        else:
            pixels = folder_sheet(self.folder)
            if pixels is None:
                return text
            content = encode_png(pixels)
        data = base64.b64encode(content).decode()
        return f'{text}<img src="data:image/png;base64,{data}">'


@dataclass(frozen=True, eq=False)
class FolderJob:
    """A job with the folder that it fills, see `fill_folder`.

    Attributes:
        job: As for `fill_folder`.
        folder: As for `fill_folder`.
        count: As for `fill_folder`.
        settings: As for `fill_folder`.
        class_names: As for `fill_folder`.
        block: As for `fill_folder`.
        output: As for `fill_folder`.
        most_rejected: As for `fill_folder`.
        finished: Adds what belongs to the finished folder beside pictures and rows, such as a
            sheet.
    """

    job: Job
    folder: PathLike
    count: int
    settings: Mapping[str, Any]
    class_names: Sequence[str]
    block: int = 1
    output: Output = Output()
    most_rejected: float = 1.0
    finished: Callable[[FilledFolder], FilledFolder] = lambda filled: filled

    def fill(self, workers: int = 1, report: Report | None = None) -> FilledFolder:
        """Fills the folder in this process and others, see `fill_folder`."""
        if min(self.count, workers) < 1:
            raise ValueError(
                "`count` and `workers` must be at least 1. "
                f"Received: count={self.count}, workers={workers}"
            )
        blocks = self.begin()
        total, missing = blocks.total, blocks.missing()
        with blocks.resumable():
            for done in _made(blocks, missing, workers, self.most_rejected):
                if report is not None:
                    report(total - len(missing) + done, total)
        return self.finish(blocks)

    def begin(self) -> Blocks:
        """Begins the folder, or takes up one that was begun; returns its blocks.

        Raises:
            ValueError: As `fill_folder`.
        """
        if self.count < 1:
            raise ValueError(f"`count` must be at least 1. Received: count={self.count}")
        part = self.output.share(self.count, self.block)
        target = SyntheticFolder(
            self.folder, settings=self.settings, class_names=self.class_names, shard=part
        )
        return Blocks(self.job, target, self.count, self.block)

    def finish(self, blocks: Blocks) -> FilledFolder:
        """Gathers the rows, once all blocks are made.

        Raises:
            ValueError: As `fill_folder`, or if a picture is missing.
        """
        target = blocks.target
        rejected = target.finish(self.count, yolo=self.output.yolo)
        if rejected.count > self.most_rejected * blocks.total:
            raise _too_many_rejected(rejected, blocks.total, target.folder)
        counts, facts = (blocks.total - rejected.count, rejected.count), write_card(target.folder)
        return self.finished(
            FilledFolder(target.folder, *counts, shard=self.output.shard, facts=facts)
        )


def fill_folder(
    job: Job,
    folder: PathLike,
    count: int,
    *,
    settings: Mapping[str, Any],
    class_names: Sequence[str],
    block: int = 1,
    workers: int = 1,
    output: Output | None = None,
    most_rejected: float = 1.0,
    report: Report | None = None,
) -> FilledFolder:
    """Fills a `SyntheticFolder`; pictures that it already holds are not made again.

    The folder's bytes depend on the job, the count, the settings and `block`, but not on `workers`
    or on interruptions: a signal or a kill loses only the blocks in progress.

    Args:
        job: Makes the pictures; must be picklable if there are several workers.
        folder: New, empty, or begun with the same settings.
        count: Number of pictures, rejected ones included; a finished folder may grow.
        settings: As for `SyntheticFolder`.
        class_names: As for `SyntheticFolder`.
        block: Pictures per call of the job: blocks begin at its multiples on every run.
        workers: Number of processes that make pictures; 1 is the current one, with threads that
            write them.
        output: What is written: label files, and which share of the pictures; None for all
            pictures without label files. A shard keeps its count.
        most_rejected: Largest share of pictures that may be rejected, in [0, 1].
        report: Called after every block.

    Returns:
        The finished folder, with a data card and a Croissant description, see `write_card`.

    Raises:
        ValueError: If an argument is invalid, the folder has other settings or cannot be written,
            or more than `most_rejected` of the pictures are rejected.
        Unfinished: After Ctrl-C or SIGTERM, or if a worker was killed; finished pictures are kept.
    """
    return FolderJob(
        job,
        folder,
        count,
        {**settings, **(output or Output()).settings},
        class_names,
        block=block,
        output=output or Output(),
        most_rejected=most_rejected,
    ).fill(workers, report)


class Blocks:
    """The blocks of a job: makes and writes one, in any process.

    Args:
        job: Makes the pictures.
        target: Where they go.
        count: Number of pictures of the job.
        size: Pictures of a block.
    """

    def __init__(self, job: Job, target: SyntheticFolder, count: int, size: int) -> None:
        self.job, self.target, self.count, self.size = job, target, count, size

    @property
    def total(self) -> int:
        """Number of pictures that the folder is to hold, rejected ones included."""
        return len(self.target.members(self.count))

    def missing(self) -> IndexSet:
        """Indices of the pictures that are not there yet."""
        return self.target.missing(self.count)

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """Says after a stop what is missing, and how to go on."""
        try:
            yield
        except Unfinished as error:
            raise type(error)(
                f"{error} {len(self.missing())} of {self.total} pictures are missing; the others "
                f"are kept in {str(self.target.folder)!r}. Run the same command again to go on."
            ) from error

    def indices(self, number: int) -> range:
        """Indices of the pictures of block `number`."""
        return range(self.size * number, min(self.size * (number + 1), self.count))

    def __call__(self, number: int) -> dict[int, str]:
        """Makes and writes the block; returns the reason of each index that was rejected."""
        return self.keep(self.make(number))

    def make(self, number: int) -> list[Entry]:
        """Makes the block; if the job fails on its way, what it made before is written.

        Raises:
            ValueError: If the job makes none, or others than those of the block.
        """
        entries: list[Entry] = []
        try:
            entries.extend(Entry(*each) for each in self.job(self.indices(number)))
        except BaseException:
            if entries:
                self.keep(entries)
            raise
        made = [entry.row.index for entry in entries]
        if not made or not {*made} <= {*self.indices(number)}:
            raise ValueError(
                f"The job must make pictures of {self.indices(number)}. Received: indices {made}"
            )
        return entries

    def keep(self, entries: list[Entry]) -> dict[int, str]:
        """Writes the block; returns the reason of each index that was rejected."""
        self.target.write_block(entries)
        return {row.index: row.reason for row, *_ in entries if row.reason is not None}


def _made(blocks: Blocks, missing: IndexSet, workers: int, most_rejected: float) -> Iterator[int]:
    """Makes the missing pictures; yields how many there are after each block."""
    done = 0
    rejected = Rejections(0, "")
    numbers = missing.blocks(blocks.size)
    if len(numbers) > 0 and workers > 1:
        with access_to(blocks.target.folder):
            (blocks.target.folder / PARTS).mkdir(exist_ok=True)
        results = share_out(blocks, numbers, workers, blocks.target.folder / PARTS)
    else:
        results = make_and_keep(blocks.make, blocks.keep, numbers)
    # An error that somebody keeps would keep the handlers of signals, too.
    with closing(results):
        for number, reasons in results:
            done += missing.count_in(blocks.indices(number))
            new = [reason for index, reason in reasons.items() if index in missing]
            rejected = Rejections(rejected.count + len(new), rejected.first or "".join(new[:1]))
            if rejected.count >= _ENOUGH and rejected.count > most_rejected * done:
                raise _too_many_rejected(rejected, done, blocks.target.folder)
            yield done


def _too_many_rejected(rejected: Rejections, done: int, folder: Path) -> ValueError:
    return ValueError(
        f"{rejected.count} of {done} pictures cannot be made, for the first: {rejected.first} "
        f"Delete the folder and change that. Received: folder={str(folder)!r}"
    )
