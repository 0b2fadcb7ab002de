"""Sides of a benchmark in processes of their own, so that they do not affect each other."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Built = tuple[Callable[[], object], dict[str, Any]]
"""A piece of work, and facts about the side that can be sent to the parent."""


class Side:
    """A child process that builds one side, and then works on request.

    Args:
        build: Called in the child; a function of a module, since it is pickled by name.
        *arguments: Arguments of ``build``.

    Attributes:
        facts: The facts that ``build`` returned.
    """

    def __init__(self, build: Callable[..., Built], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        # Not daemonic: compilers of PyTorch start processes of their own.
        self._process = context.Process(target=_serve, args=(build, arguments, other))
        self._process.start()
        other.close()
        self.facts: dict[str, Any] = self._connection.recv()

    def timed(self, count: int = 1) -> float:
        """Seconds for some pieces of work, one after the other."""
        self._connection.send(count)
        return float(self._connection.recv())

    def end(self) -> float:
        """Ends the process; its peak memory in MiB, since ``forget_peak`` where it was called."""
        self._connection.send(None)
        peak = float(self._connection.recv())
        self._process.join()
        return peak


def _serve(build: Callable[..., Built], arguments: tuple, connection: Connection) -> None:
    work, facts = build(*arguments)
    connection.send(facts)
    while (count := connection.recv()) is not None:
        connection.send(seconds(work, count))
    connection.send(_peak())


def seconds(work: Callable[[], object], count: int = 1) -> float:
    """How long some pieces of work take."""
    start = time.perf_counter()
    for _ in range(count):
        work()
    return time.perf_counter() - start


def forget_peak() -> float:
    """MiB that this process has in memory; its peak is measured from here on. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    if Path("/proc/self/status").exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _status(name: str) -> float:
    """An entry of /proc/self/status in MiB; ``getrusage`` would start from the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 2**10
