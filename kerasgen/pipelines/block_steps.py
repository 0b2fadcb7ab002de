"""The steps that fill a folder; importing them needs Beam."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from kerasgen.annotations.fill_folder import Blocks, FolderJob
from kerasgen.annotations.folder_layout import SETTINGS
from kerasgen.pipelines.running import StopFile


def make_blocks(
    pipeline: beam.Pipeline,
    prepare: Callable[[], FolderJob],
    runs: Iterable[tuple[int, int]],
    stop: StopFile,
) -> beam.PCollection:
    """Makes blocks of a folder on the workers.

    Args:
        pipeline: The pipeline to add the steps to.
        prepare: Gives the job, in each worker process.
        runs: Numbers of the blocks: the first and the last + 1 of each run.
        stop: Read before each block.

    Returns:
        An empty collection.
    """
    return (
        pipeline
        | "Runs" >> beam.Create(list(runs))
        | "Blocks" >> beam.FlatMap(lambda run: range(*run)).with_output_types(int)
        | "Share out" >> beam.Reshuffle()
        | "Make" >> beam.ParDo(_MakeBlock(prepare, stop))
    )


class _MakeBlock(beam.DoFn):
    """Makes and writes one block; a block that a runner repeats has the same bytes."""

    def __init__(self, prepare: Callable[[], FolderJob], stop: StopFile) -> None:
        self._prepare, self._stop = prepare, stop
        # Models are loaded once in a process, whatever the number of its threads.
        self._shared = Shared()

    def setup(self) -> None:
        self._blocks = self._shared.acquire(self._load)

    def _load(self) -> Blocks:
        job = self._prepare()
        if not (Path(job.folder) / SETTINGS).exists():
            raise ValueError(
                "A worker does not see the folder that was begun: it must be on a file system that "
                f"all workers share, under the same path. Received: folder={str(job.folder)!r}"
            )
        return job.begin()

    def process(self, number: int) -> Iterator[Any]:
        if not self._stop.is_set():
            self._blocks(number)
            made = len(self._blocks.indices(number))
            Metrics.counter("kerasgen", "pictures").inc(made)
        return iter(())
