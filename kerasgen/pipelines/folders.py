"""Folders of synthetic pictures, filled by a Beam pipeline: the same bytes as without it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from kerasgen.annotations.fill_folder import FilledFolder, FolderJob
from kerasgen.annotations.folder_layout import PARTS
from kerasgen.annotations.index_set import IndexSet
from kerasgen.annotations.manifest import count_parts
from kerasgen.io.progress import Report
from kerasgen.pipelines.running import StopFile, pipeline_options, run_pipeline

_LONGEST_RUN = 1000


def fill_in_pipeline(
    prepare: Callable[[], FolderJob], flags: Sequence[str] = (), *, report: Report | None = None
) -> FilledFolder:
    """Fills a folder on the workers of a Beam runner; blocks that are there are not made again.

    Args:
        prepare: Gives the job, with its models; called here and once in each worker process, so it
            must be picklable. The job's folder must be on a file system that all workers share.
        flags: Flags of the pipeline, like ``--runner=FlinkRunner``; none for one process here.
        report: Called now and then with the numbers of pictures made and of all.

    Returns:
        The finished folder, with the bytes that ``prepare().fill()`` gives.

    Raises:
        ValueError: If Beam is not installed, a flag is unknown, or as ``FolderJob.fill``.
        Unfinished: After Ctrl-C or SIGTERM, or if the pipeline failed; what is done is kept.
    """
    options = pipeline_options(flags)
    job = prepare()
    blocks = job.begin()
    missing = blocks.missing()
    runs = list(_runs(missing.blocks(job.block)))
    if runs:
        # Imports Beam.
        from kerasgen.pipelines.block_steps import make_blocks

        folder = blocks.target.folder
        stop = StopFile(folder / PARTS / "stop.tmp")
        first, left, total = count_parts(folder), len(missing), blocks.total
        show = report or (lambda done, of: None)

        def made() -> int:
            new = (count_parts(folder) - first) * job.block
            return total - left + min(new, left)

        with blocks.resumable():
            build = functools.partial(make_blocks, prepare=prepare, runs=runs, stop=stop)
            run_pipeline(
                build,
                options,
                stop,
                made,
                lambda done: show(done, total),
            )
        show(total, total)
    return job.finish(blocks)


def _runs(numbers: IndexSet) -> Iterator[tuple[int, int]]:
    """Runs of successive numbers, first and last + 1: a pipeline's description must be short."""
    first = last = -1
    for number in numbers:
        if number == last and last - first < _LONGEST_RUN:
            last += 1
            continue
        if last > first:
            yield first, last
        first, last = number, number + 1
    if last > first:
        yield first, last
