"""What a server adds to a call: latency through gRPC and REST beside the direct call.

    python benchmarks/serving_latency.py --model saved_models/eyes/1

The model is served by the PredictionService of ``tests/serving`` in a process of its own (or by the
server at ``--grpc`` and ``--rest``). Direct calls and requests take turns, on the same inputs, so
that each pair meets the same machine. The ratio is that of the paired times; its median has a 95 %
interval from the order statistics. The first call is that after the start of the server.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import functools
import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import app, flags
from paired_ratios import ratio_text
from PIL import Image

from kerasgen.deployment import ServedModel
from kerasgen.deployment.client import RemoteModel
from kerasgen.deployment.serving_kit import ENVIRONMENT

FLAGS = flags.FLAGS
flags.DEFINE_string("model", "saved_models/eyes/1", "Version folder of an exported model.")
flags.DEFINE_integer("calls", 200, "Pairs of calls.", 20)
flags.DEFINE_list("batch_sizes", ["1", "8"], "Rows of a call.")
flags.DEFINE_string("grpc", None, "A server that runs, as grpc://HOST:8500.")
flags.DEFINE_string("rest", None, "The same, as http://HOST:8501.")
flags.DEFINE_integer("side", 256, "Side of the pictures that are sent.", 1)

SERVER = Path(__file__).parents[1] / "tests/serving/prediction_server.py"
Call = Callable[[], Any]


def rows_of(kind: str, count: int) -> list[dict[str, Any]]:
    """Inputs of ``serving_default``: JPEG files, or seeds and labels."""
    random = np.random.default_rng(0)
    if kind == "generator":
        return [{"seed": int(random.integers(2**62)), "label": 0} for _ in range(count)]
    files = []
    for _ in range(count):
        small = random.integers(0, 256, (16, 16, 3), np.uint8)
        stream = io.BytesIO()
        Image.fromarray(small).resize((FLAGS.side, FLAGS.side)).save(stream, "JPEG")
        files.append({"image_bytes": stream.getvalue()})
    return files


def direct_call(folder: Path, rows: list[dict[str, Any]]) -> Call:
    """The signature in this process, with its outputs as arrays."""
    loaded = tf.saved_model.load(str(folder))
    serve = loaded.signatures["serving_default"]
    dtypes = {"seed": tf.int64, "label": tf.int32, "image_bytes": tf.string}
    inputs = {name: [row[name] for row in rows] for name in rows[0]}

    def call() -> Any:
        tensors = {name: tf.constant(value, dtypes[name]) for name, value in inputs.items()}
        # A signature does not own its variables.
        return loaded, {name: value.numpy() for name, value in serve(**tensors).items()}

    return call


def seconds(call: Call) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def started(folder: Path) -> tuple[subprocess.Popen, str, str]:
    """The server's process and URLs."""
    command = [sys.executable, str(SERVER), f"model={folder}"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    pipes["env"] = {**os.environ, **ENVIRONMENT}
    process = subprocess.Popen(command, **pipes)
    words = process.stdout.readline().split() if process.stdout else []
    if words[:1] != ["READY"]:
        raise ValueError(f"The server does not start. Received: command={command}")
    return process, f"grpc://127.0.0.1:{words[1]}", f"http://127.0.0.1:{words[2]}"


def table_rows(folder: Path, urls: dict[str, str], name: str) -> list[str]:
    """One for each batch size and protocol."""
    lines = []
    kind = ServedModel(folder).kind
    remote = {protocol: RemoteModel(url, name) for protocol, url in urls.items()}
    # The protocol that is asked first meets a server that has computed nothing.
    first = {}
    for protocol, model in remote.items():
        first[protocol] = seconds(functools.partial(model.serve, rows_of(kind, 1)))
    for size in map(int, FLAGS.batch_sizes):
        rows = rows_of(kind, size)
        calls = {"direct": direct_call(folder, rows)}
        for protocol, model in remote.items():
            calls[protocol] = functools.partial(model.serve, rows)
        times: dict[str, list[float]] = {each: [] for each in calls}
        for index in range(FLAGS.calls + 10):
            for each in calls if index % 2 else reversed(calls):
                taken = seconds(calls[each])
                if index >= 10:
                    times[each].append(taken)
        for each, values in times.items():
            lines.append(_line(size, each, np.array(values), np.array(times["direct"]), first))
    return lines


def _line(
    size: int, name: str, own: np.ndarray, direct: np.ndarray, first: dict[str, float]
) -> str:
    p50, p95 = np.percentile(own * 1000, [50, 95])
    begin = f"{first[name] * 1000:.0f} ms" if name in first and size == 1 else ""
    ratio = "" if name == "direct" else ratio_text(own, direct)
    return f"| {size} | {name} | {p50:.1f} ms | {p95:.1f} ms | {ratio} | {begin} |"


def main(_: list[str]) -> None:
    """Prints the table."""
    folder = Path(FLAGS.model)
    given = {"gRPC": FLAGS.grpc, "REST": FLAGS.rest}
    urls = {protocol: url for protocol, url in given.items() if url}
    process, name = None, folder.parent.name
    if not urls:
        process, *both = started(folder)
        urls, name = dict(zip(given, both, strict=True)), "model"
    try:
        print("| rows | call | p50 | p95 | times the direct call | first call |")
        print("|" + " --- |" * 6)
        print("\n".join(table_rows(folder, urls, name)))
    finally:
        if process is not None:
            process.terminate()


if __name__ == "__main__":
    app.run(main)
