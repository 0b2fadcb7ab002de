"""Progress of long jobs: a bar on a terminal, a line every few seconds in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tqdm import tqdm

Report = Callable[[int, int], None]
"""Called with the number done and the total."""

Progress = Callable[[str], AbstractContextManager[Report]]
"""Starts the progress of one part of a job, by the name of the items: `progress` or `silent`."""

_EVERY = 5.0
"""Seconds between lines."""


@contextmanager
def progress(name: str) -> Iterator[Report]:
    """Shows progress within the block.

    Args:
        name: Name of the items, like "scenes".

    Yields:
        A function to call after each item, with the number done and the total. Items done before
        the first call do not count for the time left.
    """
    if sys.stderr.isatty():
        with tqdm(desc=name) as bar:
            yield _on_terminal(bar)
    else:
        yield _in_lines(name)


@contextmanager
def silent(name: str) -> Iterator[Report]:
    """Shows nothing; replaces `progress`."""
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
