"""Kills and terminates one of two workers at random steps, and takes checkpoint folders away.

    python benchmarks/two_workers.py --out /tmp/two_workers

Two processes train the example ``train_clothing_cgan.py`` on tiny pictures. In each of two chains
a random worker gets SIGKILL or SIGTERM at a random step, five times, and once its checkpoints are
gone for a while. Every time both must end; without the folder both must stop and name the steps.
Afterwards both run to the end: weights within 1e-5 of those of an uninterrupted run, on both
workers, and exactly one export. It takes about 45 minutes on two busy CPU cores and ends with
status 1 if anything is otherwise. Results go to ``results.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgen.training import read_history

ROOT = Path(__file__).parents[1]
STEPS, CHAINS, WITHIN, TOLERANCE = 90, 2, 600.0, 1e-5
FOLDERS = ("checkpoints", "checkpoints-worker1")
SETTINGS = (
    "--strategy=multiworker", "--size=8", "--batch_size=8", f"--steps={STEPS}", "--log_every=1",
    "--save_every=7", "--classifier_steps=2",
)  # fmt: skip


def main() -> None:
    """Runs the chains and compares their ends with the uninterrupted run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stops", type=int, default=5, help="Stopped workers in each chain.")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    save_pictures(options.out / "pictures.npz")
    moments = random.Random(options.seed)
    whole = options.out / "whole"
    check(run(whole) == [0, 0], f"the uninterrupted run failed, see {whole}")
    expected = weights(whole, FOLDERS[0])
    results = []
    for number in range(CHAINS):
        folder = options.out / f"chain{number}"
        stops = chain(folder, options.stops, moments)
        check(run(folder) == [0, 0], f"the last run failed, see {folder}")
        distances = {name: distance(expected, weights(folder, name)) for name in FOLDERS}
        exports = len(list((folder / "models" / "clothing_cgan_modern").iterdir()))
        check(max(distances.values()) <= TOLERANCE, f"other weights: {distances}")
        check(exports == 1, f"{exports} exports")
        results.append({"stops": stops, "distances": distances, "exports": exports})
        print(json.dumps(results[-1]), flush=True)
        (options.out / "results.json").write_text(json.dumps(results, indent=2), encoding="utf-8")


def chain(folder: Path, count: int, moments: random.Random) -> list[dict]:
    """Stops a random worker ``count`` times, on the way takes its checkpoints away."""
    stops = []
    for number in range(count):
        step = moments.randint(number * STEPS // count + 1, (number + 1) * STEPS // count - 4)
        worker, name = moments.randrange(2), moments.choice(["SIGKILL", "SIGTERM"])
        codes = run(folder, step=step, worker=worker, name=name)
        check(all(codes), f"a worker ended well after {name} to {worker}: {codes}, see {folder}")
        stops.append({"step": step, "worker": worker, "signal": name, "codes": codes})
        print(stops[-1], flush=True)
        if number == count // 2:
            stops.append({"without_checkpoints": worker, "codes": lose(folder, worker)})
            print(stops[-1], flush=True)
    return stops


def lose(folder: Path, worker: int) -> list[int]:
    """Runs without a worker's checkpoints, which then come back; both must name the steps."""
    checkpoints = folder / "run" / "train" / FOLDERS[worker]
    away = checkpoints.rename(folder / "away")
    codes = run(folder)
    check(codes == [1, 1], f"without {checkpoints.name} the workers ended with {codes}")
    for index in range(2):
        log = (folder / f"worker{index}.log").read_text(encoding="utf-8")
        check(f"worker {worker}: none" in log, f"worker {index} named no steps")
    if checkpoints.exists():
        checkpoints.rename(folder / f"empty{time.monotonic_ns()}")
    away.rename(checkpoints)
    return codes


def run(folder: Path, *, step: int = 0, worker: int = 0, name: str = "") -> list[int]:
    """Runs both workers to their end; one gets a signal once ``step`` is reported."""
    folder.mkdir(exist_ok=True)
    addresses = [f"127.0.0.1:{port}" for port in free_ports()]
    workers = [start(folder, addresses, index) for index in range(2)]
    patience = time.monotonic() + WITHIN
    try:
        if name:
            history = folder / "run" / "train" / "history.csv"
            while not (rows := read_history(history)) or rows[-1]["step"] < step:
                check(workers[worker].poll() is None, f"worker {worker} ended before step {step}")
                check(time.monotonic() < patience, f"step {step} was not reached")
                time.sleep(0.01)
            workers[worker].send_signal(signal.Signals[name])
        return [each.wait(max(0.0, patience - time.monotonic())) for each in workers]
    finally:
        for each in workers:
            each.kill()
            each.wait()


def start(folder: Path, addresses: list[str], index: int) -> subprocess.Popen:
    """Starts one worker."""
    task = {"type": "worker", "index": index}
    environment = {
        **os.environ,
        "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task}),
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [
        sys.executable, str(ROOT / "examples" / "train_clothing_cgan.py"), *SETTINGS,
        f"--data={folder.parent / 'pictures.npz'}", f"--workdir={folder / 'run'}",
        f"--export_to={folder / 'models'}",
    ]  # fmt: skip
    with open(folder / f"worker{index}.log", "wb") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def free_ports() -> list[int]:
    """Two ports that nobody uses."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def save_pictures(path: Path) -> None:
    """160 pictures of noise, bright or dark."""
    images = np.random.default_rng(0).integers(0, 256, (160, 8, 8), np.uint8)
    labels = np.arange(160) % 2
    images[labels == 1] //= 3
    parts = {"train": slice(120), "test": slice(120, None)}
    arrays = {f"x_{name}": images[part] for name, part in parts.items()}
    np.savez(path, **arrays, **{f"y_{name}": labels[part] for name, part in parts.items()})


def weights(folder: Path, name: str) -> dict[str, np.ndarray]:
    """Every variable of a worker's last checkpoint, by name."""
    path = folder / "run" / "train" / name / f"step-{STEPS}"
    reader = tf.train.load_checkpoint(str(path))
    names = [each for each in reader.get_variable_to_shape_map() if each.startswith("state/")]
    return {each: reader.get_tensor(each) for each in names}


def distance(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    """Largest difference between any two numbers."""
    check(first.keys() == second.keys() and len(first) > 20, "other variables")
    return max(float(np.abs(value - second[name]).max()) for name, value in first.items())


def check(condition: bool, message: str) -> None:
    """Ends the benchmark with a message if something is not as it must be."""
    if not condition:
        sys.exit(f"two_workers: {message}")


if __name__ == "__main__":
    main()
