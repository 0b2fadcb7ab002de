"""Calls one function for many indices, in one process or in several.

Processes are spawned, since a fork of a process with TensorFlow's or OpenCV's threads may hang. The
arrays that the function holds are written once, to a file that all processes map, so that they are
in memory once.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
import uuid
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from kerasgen.io.interruption import Interruption, Stopped, Unfinished, signals_blocked

Work = Callable[[int], Any]
Layout = list[tuple[int, int]]

_LONGEST_CHUNK = 16
_CHUNKS_AHEAD = 2
_ALIGNMENT = 64
_PATIENCE = 0.2
_MOST_THREADS = 2
"""That keep what was made; each holds a block of pictures."""
_work: Work
_stop: Event


def processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_out(
    work: Work, indices: Collection[int], workers: int, scratch: Path
) -> Generator[tuple[int, Any]]:
    """Calls a function for each index; stops cleanly at SIGTERM or Ctrl-C.

    Args:
        work: The function; must be picklable if there are several workers, and its result must
            depend on the index alone.
        indices: Indices to call it with, in this order; iterated once.
        workers: Number of processes; 1 is the current one.
        scratch: An existing folder for a temporary file.

    Yields:
        Each index with the result of the function, in order of completion.

    Raises:
        ValueError: If the function raises it.
        Stopped: After a signal.
        Unfinished: If a process was killed.
    """
    with Interruption() as interruption:
        results = _in_this_process(work, indices, interruption)
        if workers > 1 and len(indices) > 1:
            results = _in_processes(work, indices, workers, scratch, interruption)
        done = 0
        for result in results:
            done += 1
            yield result
        if done < len(indices):
            raise Stopped(f"{interruption.name}: stopped.")


def make_and_keep(
    make: Callable[[int], Any], keep: Callable[[Any], Any], indices: Collection[int]
) -> Generator[tuple[int, Any]]:
    """Makes something for each index while threads keep what was made before, as in files.

    Args:
        make: Called for one index after another, in this thread.
        keep: Called with what was made, in threads, some at a time.
        indices: Indices to make something for, in this order; iterated once.

    Yields:
        Each index with the result of `keep`, in this order.

    Raises:
        ValueError: If a function raises it; what was made before is kept.
        Stopped: After a signal; what was made is kept.
    """
    threads = min(processors(), _MOST_THREADS)
    with Interruption() as interruption, ThreadPoolExecutor(threads) as pool:
        pending: deque[tuple[int, Future]] = deque()
        begun = 0
        for index in indices:
            if interruption.name:
                break
            pending.append((index, pool.submit(keep, make(index))))
            begun += 1
            while len(pending) > threads or (pending and pending[0][1].done()):
                done, future = pending.popleft()
                yield done, future.result()
        for done, future in pending:
            yield done, future.result()
        if begun < len(indices):
            raise Stopped(f"{interruption.name}: stopped.")


def _in_this_process(
    work: Work, indices: Collection[int], interruption: Interruption
) -> Iterator[tuple[int, Any]]:
    for index in indices:
        if interruption.name:
            return
        yield index, work(index)


def _in_processes(
    work: Work, indices: Collection[int], workers: int, scratch: Path, interruption: Interruption
) -> Iterator[tuple[int, Any]]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    chunks = _chunks(indices, workers)
    chunk = next(chunks, [])
    with _packed(work, scratch) as pack:
        pool = ProcessPoolExecutor(
            min(workers, len(indices)), context, initializer=_begin, initargs=(*pack, stop)
        )
        pending: set[Future] = set()
        try:
            while pending or (chunk and not interruption.name):
                while chunk and len(pending) < workers + _CHUNKS_AHEAD and not interruption.name:
                    # New processes inherit the mask: Ctrl-C reaches all, only this one handles it.
                    with signals_blocked(signal.SIGINT):
                        pending.add(pool.submit(_call, chunk))
                    chunk = next(chunks, [])
                done, pending = wait(pending, _PATIENCE, FIRST_COMPLETED)
                if interruption.name:
                    stop.set()
                for future in done:
                    yield from future.result()
        except BrokenProcessPool as error:
            if not interruption.name:
                raise Unfinished(
                    "A worker process was ended from outside, often for want of memory: fewer "
                    f"workers need less. Received: {workers=}"
                ) from error
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _chunks(indices: Collection[int], workers: int) -> Iterator[list[int]]:
    # Short enough that all processes end at about the same time.
    length = max(1, min(_LONGEST_CHUNK, len(indices) // (4 * workers)))
    left = iter(indices)
    while chunk := list(itertools.islice(left, length)):
        yield chunk


@contextlib.contextmanager
def _packed(work: Work, scratch: Path) -> Iterator[tuple[bytes, Layout, Path]]:
    """Writes the arrays that a function holds to a file; yields the arguments of `_unpacked`."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(work, protocol=5, buffer_callback=buffers.append)
    path = scratch / f"{os.getpid()}-{uuid.uuid4().hex}.tmp"
    layout: Layout = []
    try:
        with _writing(path) as stream:
            for buffer in buffers:
                stream.write(b"\0" * (-stream.tell() % _ALIGNMENT))
                start = stream.tell()
                stream.write(buffer.raw())
                layout.append((start, stream.tell()))
            # An empty file cannot be mapped.
            stream.write(b"\0")
        yield head, layout, path
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[Any]:
    try:
        with path.open("xb") as stream:
            yield stream
    except OSError as error:
        raise ValueError(f"Cannot write: {error}. Received: path={str(path)!r}") from error


def _unpacked(head: bytes, layout: Layout, path: Path) -> Work:
    with path.open("rb") as stream:
        mapped = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(head, buffers=[mapped[start:stop] for start, stop in layout])


def _begin(head: bytes, layout: Layout, path: Path, stop: Event) -> None:
    """Initialises a process."""
    global _work, _stop
    import cv2

    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The number of processes is the number of cores to use.
    cv2.setNumThreads(1)
    _work, _stop = _unpacked(head, layout, path), stop


def _end_with_parent() -> None:
    """Exits when the parent was killed: the process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _call(indices: list[int]) -> list[tuple[int, Any]]:
    results = []
    for index in indices:
        if _stop.is_set():
            break
        results.append((index, _work(index)))
    return results
