"""Runs a Beam pipeline, shows its progress, and stops it at a signal."""

from __future__ import annotations

import logging
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasgen.io.files import write_file
from kerasgen.io.interruption import Interruption, Stopped, Unfinished, signals_blocked
from kerasgen.pipelines.local_runner import WorkerProcesses, local_runner

if TYPE_CHECKING:
    from apache_beam import Pipeline
    from apache_beam.options.pipeline_options import PipelineOptions

_LOCAL_NAMES = ("direct", "directrunner")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_PATIENCE = 0.2
"""Seconds between two looks at a running pipeline."""

_LOOK, _SHARE = 2.0, 0.05
"""Seconds between two counts of what is done, and the share of the time that they may take."""


class StopFile:
    """Tells workers in other processes and on other machines to stop, through a file.

    Args:
        path: On a file system that all workers share; ``SyntheticFolder`` removes it in the end if
            it is a ``.tmp`` in its parts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def clear(self) -> None:
        """Removes what an earlier run left."""
        self.path.unlink(missing_ok=True)

    def write(self) -> None:
        """Tells the workers."""
        write_file(self.path, b"")

    def is_set(self) -> bool:
        """Whether a worker is to leave out what is left; called before each piece of work."""
        return self.path.exists()


def check_shared(**paths: str | os.PathLike[str] | None) -> None:
    """Checks that paths are those of a file system.

    Args:
        paths: The paths, by argument name; None for those not used.

    Raises:
        ValueError: If one is a URL, like ``gs://bucket/folder``.
    """
    for name, path in paths.items():
        if path is not None and _URL.match(str(path)):
            raise ValueError(
                "Workers read and write a file system that all of them share, such as NFS, Lustre "
                f"or Filestore: mount it, and give the path. Received: {name}={str(path)!r}"
            )


def pipeline_options(flags: Sequence[str]) -> PipelineOptions:
    """Beam's options, from flags like ``--runner=FlinkRunner``; without a runner, this machine.

    Raises:
        ValueError: If Beam is not installed, or there is no such flag on this machine.
    """
    try:
        # Of Google's services it wants others, too, and says so.
        logging.disable(logging.WARNING)
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ValueError(
            f"Pipelines need apache-beam ({error}): pip install 'kerasgen-zoo[beam]'."
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    options = PipelineOptions(list(flags))
    known = options.get_all_options()
    if not _is_local(known["runner"]):
        return options
    unknown = [flag for flag in _names(flags) if flag not in known]
    if unknown or any(not word.startswith("--") for word in flags):
        raise ValueError(
            "Flags of the pipeline are --NAME=VALUE, and must be those of Beam's DirectRunner "
            "unless --runner=NAME says another. Received: " + " ".join(flags)
        )
    return options


def _is_local(runner: str | None) -> bool:
    return runner is None or runner.lower() in _LOCAL_NAMES


def _names(flags: Sequence[str]) -> list[str]:
    names = [word.removeprefix("--").partition("=")[0] for word in flags]
    return [name.removeprefix("no_") if name.startswith("no_direct") else name for name in names]


def run_pipeline(
    build: Callable[[Pipeline], Any],
    options: PipelineOptions,
    stop: StopFile,
    count: Callable[[], int],
    show: Callable[[int], None],
) -> None:
    """Runs a pipeline to its end.

    Args:
        build: Adds the steps.
        options: From ``pipeline_options``.
        stop: Read by the workers.
        count: Counts what is done; called now and then, less often if it is slow.
        show: Called with the number when it has changed.

    Raises:
        Stopped: After Ctrl-C or SIGTERM, once the workers have stopped.
        Unfinished: If the pipeline failed.
    """
    stop.clear()
    with tempfile.TemporaryDirectory() as scratch, Interruption() as interruption:
        workers = WorkerProcesses(Path(scratch))
        running = _Running(build, options, workers)
        # Ctrl-C interrupts no call of the pipeline.
        with signals_blocked(signal.SIGINT, signal.SIGTERM):
            running.start()
        for _ in _watched(running, count, show):
            if interruption.name and not stop.path.exists():
                stop.write()
                running.cancel()
            if workers.are_lost():
                workers.kill()
                raise Unfinished(
                    "A worker process was ended from outside, often for want of memory: fewer "
                    "workers need less."
                )
    stop.clear()
    if interruption.name:
        raise Stopped(f"{interruption.name}: stopped.")
    if running.error is not None:
        raise Unfinished(f"The pipeline failed: {_reason(running.error)}") from running.error


def _watched(
    running: threading.Thread, count: Callable[[], int], show: Callable[[int], None]
) -> Iterator[None]:
    """Yields now and then until a thread has ended, and shows its progress."""
    done = count()
    show(done)
    due = time.monotonic() + _LOOK
    while running.is_alive():
        running.join(_PATIENCE)
        yield
        if time.monotonic() >= due:
            before, begun = done, time.monotonic()
            done = count()
            due = time.monotonic() + max(_LOOK, (time.monotonic() - begun) / _SHARE)
            if done != before:
                show(done)


class _Running(threading.Thread):
    """A pipeline that runs in a thread, as some runners block until it is done."""

    def __init__(
        self,
        build: Callable[[Pipeline], Any],
        options: PipelineOptions,
        workers: WorkerProcesses,
    ) -> None:
        super().__init__(daemon=True)
        self._build, self._options, self._workers = build, options, workers
        self._result: Any = None
        self.error: Exception | None = None

    def run(self) -> None:
        from apache_beam import Pipeline

        try:
            runner = self._options.get_all_options()["runner"]
            if _is_local(runner):
                runner = local_runner(self._options, self._workers)
            pipeline = Pipeline(runner, self._options)
            self._build(pipeline)
            self._result = pipeline.run()
            self._result.wait_until_finish()
        except Exception as error:
            self.error = error

    def cancel(self) -> None:
        """Cancels a pipeline that runs elsewhere."""
        if self._result is not None:
            self._result.cancel()


def _reason(error: Exception) -> str:
    """The last line of a worker's traceback, which names the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Unfinished|Stopped)\b", line)]
    return (named or lines or [repr(error)])[-1]
