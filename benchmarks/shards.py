"""Four shards of a job, one of them killed on its way, beside one run without shards.

    python benchmarks/shards.py

Draws eyes at once, then in shards 0/4 to 3/4, each in a process of its own. Shard 2/4 is killed
(SIGKILL) when its first pictures are there, and the same command is run again. ``kerasgen merge``
joins the shards. Printed: the SHA-256 of the names and bytes of all files of both folders, which
must be equal; how long each part took; and the time and the peak of memory in which the missing
pictures of an empty folder of ten million, and of one with some parts, are found.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags

from kerasgen.annotations import ManifestRow, SyntheticFolder, picture_name

FLAGS = flags.FLAGS
flags.DEFINE_integer("count", 12_000, "Number of eyes.", 256)
flags.DEFINE_integer("size", 32, "Side of the pictures in pixels.", 16)
flags.DEFINE_integer("many", 10_000_000, "Number of pictures to look for.", 1)
flags.DEFINE_integer("parts", 10_000, "Number of those that are there, for the second case.", 1)

OF, KILLED = 4, 2
KERASGEN = [sys.executable, "-m", "kerasgen.cli"]


def main(arguments: list[str]) -> None:
    """Runs both, and compares."""
    del arguments
    with tempfile.TemporaryDirectory() as folder:
        compare_runs(Path(folder))
    for parts in (0, FLAGS.parts):
        with tempfile.TemporaryDirectory() as folder:
            measure_missing(Path(folder), parts)


def compare_runs(root: Path) -> None:
    """One run, four shards and their merged folder."""
    job = ["eyes", "--count", str(FLAGS.count), "--size", str(FLAGS.size)]
    shards = [str(root / f"shard_{number}") for number in range(OF)]
    commands = [
        [*job, "--shard", f"{number}/{OF}", "--out", shard] for number, shard in enumerate(shards)
    ]
    timed("one run", lambda: run([*job, "--out", str(root / "once")]))
    left = timed(f"shard {KILLED}/{OF}, killed", lambda: kill(commands[KILLED], shards[KILLED]))
    print(f"{left} pictures were there when it was killed")
    for number, command in enumerate(commands):
        timed(f"shard {number}/{OF}", lambda command=command: run(command))
    before = [digest(Path(shard)) for shard in shards]
    timed("merge", lambda: run(["merge", str(root / "merged"), *shards]))
    once, merged = digest(root / "once"), digest(root / "merged")
    print(f"one run: {once}\nmerged:  {merged}")
    if once != merged or before != [digest(Path(shard)) for shard in shards]:
        sys.exit("The folders differ.")


def run(words: list[str]) -> None:
    """Runs a command of kerasgen."""
    subprocess.run([*KERASGEN, *words], check=True, stdout=subprocess.DEVNULL)


def kill(words: list[str], folder: str) -> int:
    """Starts a command and kills it when pictures are there; returns how many."""
    process = subprocess.Popen([*KERASGEN, *words], stdout=subprocess.DEVNULL)
    while not list(Path(folder, "images").glob("**/*.png")):
        time.sleep(0.005)
    process.kill()
    if process.wait() != -signal.SIGKILL:
        sys.exit("It was done before it was killed: raise --count.")
    return len(list(Path(folder, "images").glob("**/*.png")))


def digest(folder: Path) -> str:
    """SHA-256 of the names and bytes of all files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def timed(name: str, work: Callable[[], Any]) -> Any:
    """Does something and prints how long it took."""
    begun = time.perf_counter()
    result = work()
    print(f"{name}: {time.perf_counter() - begun:.1f} s", flush=True)
    return result


def measure_missing(root: Path, parts: int) -> None:
    """Looks for the missing pictures of a folder; prints time and memory."""
    folder = SyntheticFolder(root, settings={}, class_names=())
    picture = np.zeros((8, 8, 3), np.uint8)
    for index in range(parts):
        folder.write(ManifestRow(picture_name(index), 8, 8, 0, index, (), {}, ()), picture)
    begun = time.perf_counter()
    missing = folder.missing(FLAGS.many)
    seconds = time.perf_counter() - begun
    tracemalloc.start()
    folder.missing(FLAGS.many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{parts} of {FLAGS.many} pictures there: {len(missing)} missing, found in", end=" ")
    print(f"{seconds:.3f} s, peak {peak / 1e6:.1f} MB")


if __name__ == "__main__":
    app.run(main)
