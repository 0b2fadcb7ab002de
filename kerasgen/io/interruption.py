"""Ends long jobs between two pieces of work, so that nothing done is lost."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Unfinished(RuntimeError):
    """A job ended before its time; what it has done is kept, and the message says how to go on."""


class Stopped(Unfinished):
    """The same, because of a signal."""


class Interruption:
    """Turns the first SIGTERM or SIGINT into a flag; a second one acts as it always did.

    Python allows signal handlers in the main thread only; elsewhere there is never a flag.
    """

    _SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self._signal: int | None = None
        self._previous: dict[int, Any] = {}

    @property
    def name(self) -> str:
        """The signal that came, "SIGTERM" or "SIGINT", or an empty text."""
        return "" if self._signal is None else signal.Signals(self._signal).name

    def __enter__(self) -> Interruption:
        """Listens from now on."""
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
        """Puts back what was there before."""
        self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
