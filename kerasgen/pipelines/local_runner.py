"""Beam's runner for this machine, with worker processes that end with the pipeline."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineRunner

_WORKER = "apache_beam.runners.worker.sdk_worker_main"
_GRACE = 20.0
"""Seconds after which a pipeline that has lost a worker process must have ended by itself."""


class WorkerProcesses:
    """The worker processes of a pipeline on this machine, which write their numbers to a file.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lost: float | None = None

    @property
    def command(self) -> str:
        """A shell's command that becomes a worker.

        Ctrl-C and Slurm's SIGTERM reach all processes of a group: workers ignore them, as they are
        told by a ``StopFile``.
        """
        path, python = shlex.quote(str(self._path)), shlex.quote(sys.executable)
        return f"trap '' INT TERM; echo $$ >> {path}; exec {python} -m {_WORKER}"

    def are_lost(self) -> bool:
        """Whether one has ended long ago: Beam would wait for it for ever."""
        if all(map(_is_alive, self._numbers())):
            self._lost = None
            return False
        self._lost = self._lost or time.monotonic()
        return time.monotonic() - self._lost > _GRACE

    def kill(self) -> None:
        """Ends all of them."""
        for number in self._numbers():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def _numbers(self) -> list[int]:
        return [int(line) for line in self._path.read_text().split()] if self._path.exists() else []


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def local_runner(options: PipelineOptions, workers: WorkerProcesses) -> PipelineRunner:
    """The runner that Beam calls DirectRunner, which would first download another one (Prism).

    Args:
        options: Options of the pipeline; that of the mode is changed.
        workers: The processes, for ``--direct_running_mode=multi_processing``.

    Returns:
        The runner.
    """
    from apache_beam.options.pipeline_options import DirectOptions
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    settings = options.get_all_options()
    settings["default_sdk_harness_log_level"] = settings["default_sdk_harness_log_level"] or "ERROR"
    provision = beam_provision_api_pb2.ProvisionInfo(
        pipeline_options=JobServiceHandle.encode_pipeline_options(settings)
    )
    environment = None
    if settings["direct_running_mode"] == "multi_processing":
        # The runner would take a command of its own; without the mode it warns of several workers.
        options.view_as(DirectOptions).direct_running_mode = "in_memory"
        logging.getLogger(fn_runner.__name__).setLevel(logging.ERROR)
        environment = SubprocessSDKEnvironment.from_command_string(workers.command)
    return fn_runner.FnApiRunner(
        default_environment=environment, provision_info=fn_runner.ExtendedProvisionInfo(provision)
    )
