"""Pipelines of Apache Beam beside one process: bytes, numbers, time and memory.

    python benchmarks/beam.py

First ``kerasgen synthesize`` and ``kerasgen beam synthesize`` on two processes: the SHA-256 of the
names and bytes of all files must be equal. Then two sets of eyes of 28 pixels, drawn by rule, are
compared by ``kerasgen beam compare`` with one worker and with three, and in this process, where all
pictures are in memory: the numbers must be equal to 1e-9. Printed, too: time, processor time and
peak memory of each command, and processor time for a million pictures, from the difference of two
sizes, so that the start does not count. It needs the extra ``[beam]``, and ends with status 1 if
anything is otherwise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from folder_digest import folder_digest

from kerasgen.evaluation.comparison import (
    SETS,
    ListedSet,
    count_pictures,
    listed_pictures,
    read_set,
)
from kerasgen.evaluation.features import appearance, grey_histograms, pixel_features
from kerasgen.evaluation.metrics import (
    Moments,
    frechet_distance,
    kernel_distance,
    kernel_distance_of_parts,
    part_distances,
)

FLAGS = flags.FLAGS
flags.DEFINE_string("model", "fashion", "Generator of the zoo.")
flags.DEFINE_integer("count", 2_000, "Number of its pictures.", 64)
flags.DEFINE_integer("pictures", 20_000, "Pictures of each set that is compared.", 8_000)
flags.DEFINE_integer("few", 5_000, "Pictures of each set for the second measurement.", 4_000)

SIDE, TOLERANCE = 28, 1e-9
KERASGEN = [sys.executable, "-m", "kerasgen.cli"]
ARMS = ("synthetic", "baseline")

MEASURE = """
import resource, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
"""Prints time, processor time of all processes and the peak of the largest. It is a process of its
own, as the peak of a process is never below that of the one that starts it."""


def main(arguments: list[str]) -> None:
    """Runs both."""
    del arguments
    with tempfile.TemporaryDirectory() as folder:
        compare_bytes(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        compare_numbers(Path(folder))


def compare_bytes(root: Path) -> None:
    """One process, and a pipeline on two."""
    more, words = 5 * FLAGS.count, ["synthesize", FLAGS.model, "--count"]
    words, many = [*words, str(FLAGS.count)], [*words, str(more)]
    few = run("synthesize", [*words, "--out", str(root / "once")])
    used = run(f"synthesize, {more} pictures", [*many, "--out", str(root / "many")])
    print_rate("synthesize", few, used, more - FLAGS.count)
    few = run("the same again", [*words, "--out", str(root / "once")])
    used = run("the same again", [*many, "--out", str(root / "many")])
    print_rate("of it at the end, in one process", few, used, more - FLAGS.count)
    run("beam synthesize, 2 processes", ["beam", *words, "--out", str(root / "beam"), *workers(2)])
    found = {name: folder_digest(root / name) for name in ("once", "beam")}
    print(f"one process: {found['once']}\nBeam:        {found['beam']}")
    if len(set(found.values())) > 1:
        sys.exit("The folders differ.")


def workers(number: int) -> list[str]:
    """Flags for several processes on this machine."""
    if number == 1:
        return []
    return ["--", "--direct_running_mode=multi_processing", f"--direct_num_workers={number}"]


def run(name: str, words: list[str]) -> float:
    """Runs a command of kerasgen; prints what it took, and returns the processor time in s."""
    found = subprocess.run(
        [sys.executable, "-c", MEASURE, *KERASGEN, *words], capture_output=True, text=True
    )
    if found.returncode:
        sys.exit(f"{name} failed: {found.stderr}")
    seconds, used, peak = map(float, found.stdout.split()[-3:])
    print(f"{name}: {seconds:.0f} s, processors {used:.1f} s, peak {peak:.0f} MB", flush=True)
    return used


def print_rate(name: str, few: float, many: float, pictures: int) -> None:
    """Prints core-hours for a million pictures, from processor times of two runs.

    Args:
        name: What was run.
        few: Processor time of the smaller run, in s.
        many: That of the larger one.
        pictures: How many pictures the larger one had more.
    """
    print(f"{name}: {(many - few) / pictures * 1e6 / 3600:.3f} core-hours for a million pictures")


def compare_numbers(root: Path) -> None:
    """Two sets by pipelines, and in this process."""
    used: dict[tuple[int, int], float] = {}
    for count in (FLAGS.few, FLAGS.pictures):
        for kind, look in (("real", "rendered"), ("synthetic", "camera")):
            draw = ["eyes", "--size", str(SIDE), "--look", look, "--out", str(root / kind)]
            run(f"eyes, {count} {look}", [*draw, "--count", str(count)])
        for number in (1, 3):
            words = ["compare", str(root / "real"), str(root / "synthetic"), "--size", str(SIDE)]
            out = str(root / f"workers_{number}")
            name = f"beam compare, 2 x {count}, {number} worker(s)"
            used[count, number] = run(name, ["beam", *words, "--out", out, *workers(number)])
    more = 2 * (FLAGS.pictures - FLAGS.few)
    print_rate("beam compare", used[FLAGS.few, 1], used[FLAGS.pictures, 1], more)
    whole = numbers_at_once(root)
    for number in (1, 3):
        path = root / f"workers_{number}/figures.json"
        found = json.loads(path.read_text(encoding="utf-8"))
        differences = {name: relative(value, get(found, name)) for name, value in whole.items()}
        worst = max(differences, key=lambda name: differences[name])
        print(
            f"{number} worker(s), {found['parts']} parts, {len(whole)} numbers: largest relative "
            f"difference {differences[worst]:.1e} ({'/'.join(worst)})"
        )
        if not differences[worst] <= TOLERANCE:
            sys.exit("The numbers differ.")


def relative(expected: float, found: float) -> float:
    """The difference, relative to the expected number."""
    return abs(found - expected) / abs(expected) if expected else abs(found)


def get(found: Any, name: tuple[str, ...]) -> float:
    """A number of ``figures.json``."""
    for key in name:
        found = found[key]
    return float(found)


def numbers_at_once(root: Path) -> dict[tuple[str, ...], float]:
    """All numbers, from pictures in memory."""
    parts = divided(root)
    count = max(part for part, _ in parts) + 1
    images = {key: read(root, key[1], names) for key, names in parts.items()}
    whole = {own: np.concatenate([images[part, own] for part in range(count)]) for own in SETS}
    found = dict(statistics_at_once(whole))
    space = pixel_features()
    features = {key: space(each) for key, each in images.items()}
    joined = {own: np.concatenate([features[part, own] for part in range(count)]) for own in SETS}
    for arm in ARMS:
        pair = joined["reference"], joined[arm]
        moments = [
            Moments(len(each), each.mean(axis=0, dtype=float), np.cov(each.T.astype(float)))
            for each in pair
        ]
        distances = [
            (
                kernel_distance(
                    features[part, "reference"], features[part, arm], part_size=None, subsets=2
                ).value,
                part_distances(features[part, "reference"], features[part, arm])[1],
            )
            for part in range(count)
        ]
        means = np.mean(distances, axis=0)
        kernel = kernel_distance_of_parts((means[0], means[1]), *moments)
        found["features", space.name, "kernel_distance", arm] = kernel
        found["features", space.name, "frechet_distance", arm] = frechet_distance(*pair).value
    return found


def statistics_at_once(
    images: dict[str, np.ndarray],
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Means and deviations of image statistics, and distances of grey histograms."""
    shares = {own: grey_histograms(each).mean(axis=0) for own, each in images.items()}
    for arm in ARMS:
        distance = np.abs(np.cumsum(shares["reference"] - shares[arm])).sum()
        yield ("appearance", "grey_histogram", arm), float(distance)
    for own, each in images.items():
        for name, values in appearance(each).items():
            yield ("appearance", name, own, "mean"), float(values.mean())
            yield ("appearance", name, own, "deviation"), float(values.std(ddof=1))


def divided(root: Path) -> dict[tuple[int, str], list[str]]:
    """Names of the pictures of each part and set."""
    division = count_pictures(root / "real", root / "synthetic", None, 0).division(0)
    parts: dict[tuple[int, str], list[str]] = {}
    for kind in ("real", "synthetic"):
        for picture in listed_pictures(root / kind, None):
            if place := division.place(kind, picture):
                parts.setdefault(place, []).append(picture.name)
    return parts


def read(root: Path, own: str, names: list[str]) -> np.ndarray:
    """Pictures of a part, ``[N, 28, 28, 3]`` uint8."""
    folder = root / ("synthetic" if own == "synthetic" else "real")
    return read_set(ListedSet(own, folder, sorted(names), None, None), SIDE, 3)[0].images


if __name__ == "__main__":
    app.run(main)
