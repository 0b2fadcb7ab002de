"""Beam's runner for this machine, with worker processes that end with the pipeline."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.runner import PipelineRunner

_WORKER = """
import os, sys, threading, time
def end_with_parent():
    while os.getppid() == int(sys.argv[2]):
        time.sleep(0.5)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
from apache_beam.runners.worker.sdk_worker_main import main
main(sys.argv)
with open(sys.argv[1], "a") as stream:
    stream.write(f"{os.getpid()}\\n")
"""
"""A worker of Beam that says at its end that it was not killed, and does not outlive its parent."""


class WorkerProcesses:
    """The worker processes of a pipeline on this machine, which write their numbers to files.

    Args:
        folder: An existing folder for these files.
    """

    def __init__(self, folder: Path) -> None:
        self._begun, self._ended = folder / "begun", folder / "ended"

    @property
    def command(self) -> str:
        """A shell's command that becomes a worker.

        Ctrl-C and Slurm's SIGTERM reach all processes of a group: workers ignore them, as they are
        told by a ``StopFile``.
        """
        own = str(self._ended), str(os.getpid())
        worker = shlex.join([sys.executable, "-c", _WORKER, *own])
        return f"trap '' INT TERM; echo $$ >> {shlex.quote(str(self._begun))}; exec {worker}"

    def are_lost(self) -> bool:
        """Whether one was killed: Beam would wait for it for ever."""
        gone = [number for number in _numbers(self._begun) if not _is_alive(number)]
        # The file last: a worker may end meanwhile.
        return not {*gone} <= {*_numbers(self._ended)}

    def kill(self) -> None:
        """Ends those that have not ended themselves."""
        for number in {*_numbers(self._begun)} - {*_numbers(self._ended)}:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def _numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


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
