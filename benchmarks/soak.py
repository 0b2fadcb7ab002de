"""Does the memory of a long run grow? A server with four clients, or one long ``synthesize``.

    python benchmarks/soak.py --what serve --minutes 60
    python benchmarks/soak.py --what synthesize --minutes 60

``serve``: the zoo's generators, refiner and classifier on the PredictionService of
``tests/serving``, two clients through gRPC and two through REST, requests of 1 to 8 rows, pictures
of all sizes up to 512 pixels. ``synthesize``: refined eyes, one after another, until it is ended
with SIGTERM. Every ten seconds the resident memory of the process is read. Printed: its median in
the second tenth of the time, in which every kind of request has been seen, and in the last, and the
growth between them.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import io
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from PIL import Image

from kerasgen.deployment.client import RemoteModel
from kerasgen.deployment.serving_kit import ENVIRONMENT
from kerasgen.io import save_png
from kerasgen.procedural import rendered_eyes

FLAGS = flags.FLAGS
flags.DEFINE_enum("what", "serve", ["serve", "synthesize"], "What runs.")
flags.DEFINE_float("minutes", 60.0, "How long.", 0.5)
flags.DEFINE_integer("clients", 4, "Clients of the server.", 1)

ROOT = Path(__file__).parents[1]
SERVER, MODELS = ROOT / "tests/serving/prediction_server.py", ROOT / "saved_models"
SERVED = ("fashion", "clothing-64", "eyes", "smoke-classifier")
MOST_ROWS, MOST_PIXELS, EVERY = 8, 512, 10.0


def main(_: list[str]) -> None:
    """Runs, reads the memory, and prints the growth."""
    running = serving() if FLAGS.what == "serve" else synthesising()
    with running as (process, count):
        sizes = []
        end = time.monotonic() + 60 * FLAGS.minutes
        while time.monotonic() < end:
            time.sleep(min(EVERY, max(end - time.monotonic(), 0)))
            if process.poll() is not None:
                raise RuntimeError(f"The process has ended. Received: status={process.returncode}")
            sizes.append(resident_mb(process.pid))
        done = count()
    tenth = max(len(sizes) // 10, 1)
    early, late = statistics.median(sizes[tenth : 2 * tenth]), statistics.median(sizes[-tenth:])
    print("| what | minutes | done | resident, second tenth | last tenth | growth |")
    print("|" + " --- |" * 6)
    growth = f"{100 * (late / early - 1):+.1f} %"
    minutes = f"{FLAGS.minutes:g}"
    print(f"| {FLAGS.what} | {minutes} | {done} | {early:.0f} MB | {late:.0f} MB | {growth} |")


def resident_mb(process: int) -> float:
    """Resident memory of a process, in megabytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"The process has ended. Received: {process=}")


@contextmanager
def serving() -> Iterator[Any]:
    """A server under its clients, and the number of answered requests."""
    command = [sys.executable, str(SERVER), *(f"{name}={MODELS / name / '1'}" for name in SERVED)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    pipes["env"] = {**os.environ, **ENVIRONMENT}
    with subprocess.Popen(command, **pipes) as process:
        _, grpc_port, rest_port = process.stdout.readline().split()
        urls = [f"grpc://127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}"]
        stop = threading.Event()
        clients = [Client(urls[number % 2], number, stop) for number in range(FLAGS.clients)]
        for client in clients:
            client.start()
        try:
            yield process, lambda: sum(client.answered for client in clients)
        finally:
            stop.set()
            for client in clients:
                client.join()
            process.terminate()
    if failed := [client.failure for client in clients if client.failure]:
        raise RuntimeError(f"A client failed: {failed[0]}")


class Client(threading.Thread):
    """Sends requests to each model in turn until it is stopped."""

    def __init__(self, url: str, seed: int, stop: threading.Event) -> None:
        super().__init__()
        self._models = [RemoteModel(url, name) for name in SERVED]
        self._random, self._stop_event = np.random.default_rng(seed), stop
        self.answered, self.failure = 0, ""

    def run(self) -> None:
        """Sends requests."""
        while not self._stop_event.is_set():
            model = self._models[self.answered % len(self._models)]
            rows = [self._row(model.kind) for _ in range(self._random.integers(1, MOST_ROWS + 1))]
            try:
                answers = model.serve(rows)
            except Exception as error:
                self.failure = repr(error)
                return
            if len(answers) != len(rows):
                self.failure = f"{len(answers)} answers to {len(rows)} rows"
                return
            self.answered += 1

    def _row(self, kind: str) -> dict[str, Any]:
        if kind == "generator":
            return {"seed": int(self._random.integers(2**62)), "label": 0}
        size = tuple(map(int, self._random.integers(16, MOST_PIXELS, 2)))
        small = self._random.integers(0, 256, (8, 8, 3), np.uint8)
        stream = io.BytesIO()
        ending = "JPEG" if self._random.random() < 0.5 else "PNG"
        Image.fromarray(small).resize(size).save(stream, ending)
        return {"image_bytes": stream.getvalue()}


@contextmanager
def synthesising() -> Iterator[Any]:
    """A ``kerasgen synthesize`` that does not end by itself, and the number of its pictures."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as room:
        sources, out = Path(room) / "sources", Path(room) / "out"
        for index, image in enumerate(rendered_eyes(100, 0).images):
            save_png(sources / f"{index:04d}.png", image)
        command = [sys.executable, "-m", "kerasgen.cli", "synthesize", str(MODELS / "eyes/1")]
        command += ["--sources", str(sources), "--times", "100000", "--out", str(out)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            yield process, lambda: sum(1 for _ in (out / "images").rglob("*.png"))
            process.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    app.run(main)
