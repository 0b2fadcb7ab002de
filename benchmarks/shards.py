"""A job in one run, in a run that is killed again and again, and in four shards, one killed.

    python benchmarks/shards.py
    python benchmarks/shards.py --job "synthesize fashion --count 100000"
    python benchmarks/shards.py --job "synthesize eyes --times 100" --sources eyes_in

``--sources`` is a folder of 100 pictures, as of ``kerasgen eyes``. A run is killed (SIGKILL) when
its first pictures are there, or at a random moment up to a fifth of the time of the whole run
later, and the same command is run again. The shards are made in processes of their own and joined
by ``kerasgen merge``. Printed: the SHA-256 of the names and bytes of all files of the three
folders, which must be equal; how long each part took; and the time and the peak of memory in which
the missing pictures of an empty folder of ten million, and of one with some parts, are found.
"""

from __future__ import annotations

import random
import shlex
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
from folder_digest import folder_digest

from kerasgen.annotations import ManifestRow, SyntheticFolder, picture_name

FLAGS = flags.FLAGS
flags.DEFINE_string("job", "eyes --count 12000 --size 32", "A command that takes --shard.")
flags.DEFINE_string("sources", None, "Its --sources.")
flags.DEFINE_integer("kills", 5, "Kills of the second run.", 1)
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
    """One run, one that is killed, four shards and their merged folder."""
    sources = ["--sources", FLAGS.sources] if FLAGS.sources else []
    job = [*shlex.split(FLAGS.job), *sources]
    shards = [root / f"shard_{number}" for number in range(OF)]
    commands = [
        [*job, "--shard", f"{number}/{OF}", "--out", str(shard)]
        for number, shard in enumerate(shards)
    ]
    begun = time.perf_counter()
    timed("one run", lambda: run([*job, "--out", str(root / "once")]))
    longest = (time.perf_counter() - begun) / 5
    again = [*job, "--out", str(root / "killed")]
    for number in range(FLAGS.kills):
        left = kill(again, root / "killed", random.uniform(0, longest))
        print(f"kill {number + 1}: {left} pictures are there", flush=True)
    timed("the rest of it", lambda: run(again))
    left = timed(f"shard {KILLED}/{OF}, killed", lambda: kill(commands[KILLED], shards[KILLED]))
    print(f"{left} pictures were there when it was killed")
    for number, command in enumerate(commands):
        timed(f"shard {number}/{OF}", lambda command=command: run(command))
    before = [folder_digest(shard) for shard in shards]
    timed("merge", lambda: run(["merge", str(root / "merged"), *map(str, shards), *sources]))
    once, killed, merged = (folder_digest(root / name) for name in ("once", "killed", "merged"))
    print(f"one run: {once}\nkilled:  {killed}\nmerged:  {merged}")
    if not once == killed == merged or before != [folder_digest(shard) for shard in shards]:
        sys.exit("The folders differ.")


def run(words: list[str]) -> None:
    """Runs a command of kerasgen."""
    subprocess.run([*KERASGEN, *words], check=True, stdout=subprocess.DEVNULL)


def kill(words: list[str], folder: Path, later: float = 0.0) -> int:
    """Starts a command and kills it some seconds after its first picture.

    Returns:
        The number of pictures in its folder then.
    """
    before = len(list(folder.glob("images/**/*.png")))
    process = subprocess.Popen([*KERASGEN, *words], stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(folder.glob("images/**/*.png"))) <= before:
        time.sleep(0.005)
    time.sleep(later)
    process.kill()
    if process.wait() != -signal.SIGKILL:
        sys.exit("It was done before it was killed: raise --count.")
    return len(list(folder.glob("images/**/*.png")))


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
