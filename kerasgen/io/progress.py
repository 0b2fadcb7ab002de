"""How far a long job has come: a bar on a terminal, a line now and then in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tqdm import tqdm

Report = Callable[[int, int], None]
"""Called with how many are done, and of how many."""

Progress = Callable[[str], AbstractContextManager[Report]]
"""Opens the progress of one part of a job, by the name of what is counted: `progress`, `silent`."""

_EVERY = 5.0
"""Seconds between two lines."""


@contextmanager
def progress(name: str) -> Iterator[Report]:
    """Shows progress within the block.

    Args:
        name: Of what is counted, like "scenes".

    Yields:
        To be called after each, with the number done and the number of all. What was done before
        the first call counts as done earlier, and not for the time left.
    """
    if sys.stderr.isatty():
        with tqdm(desc=name) as bar:
            yield _on_terminal(bar)
    else:
        yield _in_lines(name)


@contextmanager
def silent(name: str) -> Iterator[Report]:
    """Shows nothing, in place of `progress`."""
    yield lambda done, total: None


def _on_terminal(bar: tqdm) -> Report:
    def show(done: int, total: int) -> None:
        if bar.total is None:
            bar.total, bar.initial, bar.n = total, done - 1, done - 1
        bar.update(done - bar.n)

    return show


def _in_lines(name: str) -> Report:
    begun = shown = time.monotonic()
    before: int | None = None

    def show(done: int, total: int) -> None:
        nonlocal shown, before
        before = done - 1 if before is None else before
        now = time.monotonic()
        if now - shown < _EVERY and done < total:
            return
        shown = now
        rate = (done - before) / max(now - begun, 1e-9)
        minutes, seconds = divmod(round((total - done) / rate), 60)
        left = f", {minutes}:{seconds:02} left" if done < total else ""
        print(f"{name} {done}/{total}, {rate:.1f} a second{left}", flush=True)

    return show
