"""What a step costs on several workers, compared with as many replicas in one process.

    python benchmarks/many_workers.py
    python benchmarks/many_workers.py --replicas 3

The recommended conditional GAN trains on 28-pixel pictures, with the same global batch and on the
same cores: in one process under MirroredStrategy with a logical CPU for each replica, and in one
process for each replica under MultiWorkerMirroredStrategy on this machine's own network. Both do
everything that ``Trainer`` does in a step. Blocks of steps alternate, and while one side computes,
the other waits, so that each pair of blocks meets the same machine. The ratio is that of a pair's
times; its median has a 95 % interval from the order statistics.

The difference is the cost of sending gradients between processes rather than within one. On
several machines their network decides: each worker sends and receives about twice the bytes of the
weights in every step, which are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from paired_ratios import ratio_text

SIDE, CLASSES = 28, 10


def main() -> None:
    """Starts both sides, times their blocks in turn and prints the table."""
    options = parsed()
    if options.side:
        train(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        sides = [Side(name, options, Path(folder)) for name in ("mirrored", "workers")]
        try:
            # The first block includes tracing.
            for side in sides:
                side.seconds()
            rounds = []
            for number in range(options.rounds):
                order = sides if number % 2 else sides[::-1]
                times = {side.name: side.timed() for side in order}
                rounds.append([times[side.name] for side in sides])
        finally:
            for side in sides:
                side.end()
    report(options, np.array(rounds) / options.block, sides[0].weights)


def parsed() -> argparse.Namespace:
    """The arguments; those of a child say which side it is on, and where it writes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replicas", type=int, default=2, help="Workers; a divisor of the batch.")
    parser.add_argument("--batch_size", type=int, default=48, help="Pictures in a global batch.")
    parser.add_argument("--block", type=int, default=10, help="Steps in a block.")
    parser.add_argument("--rounds", type=int, default=25, help="Pairs of blocks, at least 6.")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 6 or options.batch_size % options.replicas:
        parser.error("--rounds must be at least 6, and --batch_size a multiple of --replicas.")
    return options


class Side:
    """The processes of one side; they wait before each block.

    Args:
        name: "mirrored" or "workers".
        options: From ``parsed``.
        folder: Where it writes.
    """

    def __init__(self, name: str, options: argparse.Namespace, folder: Path) -> None:
        self.name, self.weights = name, 0
        flags = [f"--{each}={getattr(options, each)}" for each in ("replicas", "batch_size")]
        flags += [f"--block={options.block}", f"--rounds={options.rounds}"]
        flags += [f"--side={name}", f"--folder={folder / name}"]
        clusters = [{}] if name == "mirrored" else configurations(options.replicas)
        self._log = open(folder / f"{name}.log", "w+b")
        self._processes = [self._start(flags, each) for each in clusters]

    def _start(self, flags: Sequence[str], cluster: Mapping[str, str]) -> subprocess.Popen[str]:
        environment = {
            **os.environ, **cluster, "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, __file__, *flags], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip

    def timed(self) -> float:
        """Lets it compute one block; returns the seconds."""
        print(file=self._processes[0].stdin, flush=True)
        return self.seconds()

    def seconds(self) -> float:
        """Waits for the end of a block."""
        for line in self._processes[0].stdout or ():
            if line.startswith("weights "):
                self.weights = int(line.split()[1])
            if line.startswith("block "):
                return float(line.split()[1])
        self._log.seek(0)
        sys.exit(f"many_workers: {self.name} ended\n{self._log.read().decode()[-3000:]}")

    def end(self) -> None:
        """Ends its processes."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._log.close()


def configurations(count: int) -> list[dict[str, str]]:
    """``TF_CONFIG`` of each worker, on ports that nobody uses."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    return [{"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})} for task in tasks]


def train(options: argparse.Namespace) -> None:
    """One process of a side: trains block by block, each when it is told to."""
    import tensorflow as tf

    from kerasgen.training import Trainer, TrainerOptions, make_strategy

    if options.side == "mirrored":
        cpus = [tf.config.LogicalDeviceConfiguration() for _ in range(options.replicas)]
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    strategy = make_strategy("mirrored" if options.side == "mirrored" else "multiworker")
    steps = options.block * (options.rounds + 1)
    trainer = Trainer(
        options.folder, strategy, TrainerOptions(log_every=options.block, save_every=steps)
    )
    import keras

    from kerasgen import cgan
    from kerasgen.data import Pictures, labelled

    keras.utils.set_random_seed(0)
    shape = (SIDE, SIDE, 1)
    with trainer.scope():
        networks = cgan.build_generator(shape, CLASSES), cgan.build_discriminator(shape, CLASSES)
        sizes = {"num_classes": CLASSES, "steps": steps, "batch_size": options.batch_size}
        step = cgan.build_step(*networks, **sizes)
    images = np.random.default_rng(0).integers(0, 256, (600, *shape), np.uint8)
    pictures = Pictures.from_array(images, np.arange(600) % CLASSES)
    batches = labelled(pictures, options.batch_size, seed=0, latent_size=cgan.LATENT_SIZE)
    began = time.perf_counter()

    def wait(number: int, logs: Mapping[str, float]) -> None:
        nonlocal began
        print("block", time.perf_counter() - began, flush=True)
        sys.stdin.readline()
        began = time.perf_counter()

    weights = sum(each.count_params() for each in networks)
    print("weights", weights, flush=True)
    trainer.run(step, batches, steps, actions=[wait])


def report(options: argparse.Namespace, times: np.ndarray, weights: int) -> None:
    """Prints the medians and the ratio with its interval."""
    mirrored, workers = 1000.0 * np.median(times, axis=0)
    interval = ratio_text(times[:, 1], times[:, 0])
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, {options.rounds} pairs of {options.block} steps, "
          f"global batch {options.batch_size}, {weights * 4 / 1e6:.1f} MB of weights")  # fmt: skip
    print("| workers | one process, a step | workers, a step | ratio [95 % interval] |")
    print("| --- | --- | --- | --- |")
    print(f"| {options.replicas} | {mirrored:.0f} ms | {workers:.0f} ms | {interval} |")


if __name__ == "__main__":
    main()
