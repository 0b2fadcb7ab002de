"""Stops long jobs between two pieces of work, so that no finished work is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")


class Unfinished(RuntimeError):
    """A job ended early; its finished work is kept, and the message says how to resume it."""


class Stopped(Unfinished):
    """A job was stopped by a signal."""


class Interruption:
    """Turns the first SIGTERM or SIGINT into a flag; a second one has its usual effect.

    Python allows signal handlers in the main thread only; in others the flag is never set.
    """

    _SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self._signal: int | None = None
        self._previous: dict[int, Any] = {}

    @property
    def name(self) -> str:
        """The signal received, "SIGTERM" or "SIGINT", or an empty string."""
        return "" if self._signal is None else signal.Signals(self._signal).name

    def __enter__(self) -> Interruption:
        """Installs the handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in self._SIGNALS:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restores the previous handlers."""
        self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


@contextmanager
def signals_blocked(*signals: signal.Signals) -> Iterator[None]:
    """Blocks signals in this thread; threads and processes that it starts meanwhile inherit it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def until_stopped(items: Iterable[Item]) -> Iterator[Item]:
    """Yields items one by one; a signal ends it between two of them.

    Raises:
        Stopped: After SIGTERM or SIGINT.
    """
    with Interruption() as interruption:
        for item in items:
            if interruption.name:
                raise Stopped(f"{interruption.name}: stopped. Run the same command again to go on.")
            yield item
