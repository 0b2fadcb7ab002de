"""Malformed requests to a server: does it live, what does it answer, how much memory does it take?

    python benchmarks/malformed_requests.py --requests 10000

A small classifier and a small generator are exported and served by the PredictionService of
``tests/serving``, in a process of its own. Requests of all kinds of ``malformed_kinds`` come in
turn, each followed by a good one. By kind: requests, refusals (and how many name a row), answers
that equal those of the model called directly, wrong answers (any other, any to a request that has
no right one, and refusals without a reason), deaths, and the most memory that one request added.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import grpc
import keras
import numpy as np
import tensorflow as tf
from absl import app, flags, logging
from malformed_kinds import CLASSIFIER, GENERATOR, KINDS, SIDE, Case, good, predict
from tensorflow_serving.apis import predict_pb2

from kerasgen.cli import progress
from kerasgen.deployment import export_classifier, export_generator
from kerasgen.deployment.serving_kit import ENVIRONMENT
from kerasgen.io import Preprocessing

FLAGS = flags.FLAGS
flags.DEFINE_integer("requests", 10_000, "Malformed requests.", 1)
flags.DEFINE_integer("seed", 0, "Random seed.")
flags.DEFINE_bool("batching", False, "Whether the server merges requests.")

SERVER = Path(__file__).parents[1] / "tests/serving/prediction_server.py"
PREDICT = "/tensorflow.serving.PredictionService/Predict"
_ROW = re.compile(r"\brows?\b")
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Server:
    """The process of the server, started again if it dies."""

    def __init__(self, models: dict[str, Path]) -> None:
        entries = [f"{name}={folder}" for name, folder in models.items()]
        self._command = [sys.executable, str(SERVER), *entries]
        self._command += ["--batching"] if FLAGS.batching else []
        self.start()

    def start(self) -> None:
        """Starts the process and waits for its ports."""
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT},
        )
        words = self.process.stdout.readline().split() if self.process.stdout else []
        if words[:1] != ["READY"]:
            raise ValueError(f"The server does not start. Received: command={self._command}")
        self.rest = f"http://127.0.0.1:{words[2]}"
        channel = grpc.insecure_channel(f"127.0.0.1:{words[1]}", options=_OPTIONS)
        self._call = channel.unary_unary(
            PREDICT,
            request_serializer=lambda each: (
                each if isinstance(each, bytes) else each.SerializeToString()
            ),
            response_deserializer=predict_pb2.PredictResponse.FromString,
        )

    def ask(self, request: Any) -> predict_pb2.PredictResponse | str | bytes:
        """The answer, or why there is none."""
        if isinstance(request, tuple):
            return self._over_rest(*request)
        try:
            return self._call(request, timeout=120)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"

    def _over_rest(self, path: str, body: bytes) -> str | bytes:
        try:
            with urllib.request.urlopen(self.rest + path, body, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            return f"{error.code}: {error.read().decode(errors='replace')}"
        except OSError as error:
            return f"UNAVAILABLE: {error}"

    def memory(self, name: str) -> float:
        """``VmRSS`` or, since it was last forgotten, the highest ``VmHWM``, in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]

    def forget_peak(self) -> None:
        """Lets ``VmHWM`` start again."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def died(self) -> bool:
        """Whether the process is gone; it is then started again."""
        if self.process.poll() is None:
            return False
        self.start()
        return True


def exported(folder: Path) -> dict[str, Path]:
    """A small classifier and a small generator."""
    layers = keras.layers
    images = keras.Input((SIDE, SIDE, 3), name="images")
    logits = layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(images)))
    latent, label = keras.Input((2,), name="latent"), keras.Input((), dtype="int32", name="label")
    mixed = layers.Dense(SIDE * SIDE, "tanh")(latent + layers.Embedding(2, 2)(label))
    pictures = layers.Reshape((SIDE, SIDE, 1))(mixed)
    named: dict[str, Any] = {"class_names": ["dark", "light"], "card": {}}
    return {
        CLASSIFIER: export_classifier(
            keras.Model(images, logits),
            folder,
            CLASSIFIER,
            preprocessing=Preprocessing(SIDE, SIDE),
            probes=np.zeros((1, SIDE, SIDE, 3), np.uint8),
            **named,
        ),
        GENERATOR: export_generator(
            keras.Model([latent, label], pictures), folder, GENERATOR, **named
        ),
    }


def judged(case: Case, answer: Any, direct: Any) -> str:
    """``row`` or ``refused`` (without a row), ``right`` or ``wrong``."""
    if isinstance(answer, str):
        if case.must_answer:
            return "wrong"
        code, _, reason = answer.partition(": ")
        if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED") or not reason.strip():
            return "wrong"
        return "row" if _ROW.search(reason) else "refused"
    if case.must_fail or case.inputs is None or isinstance(answer, bytes):
        return "wrong"
    try:
        wanted = direct(**{name: tf.constant(value) for name, value in case.inputs.items()})
    except (tf.errors.OpError, UnicodeDecodeError):
        return "wrong"
    return "right" if _equal(answer, wanted) else "wrong"


def _equal(answer: predict_pb2.PredictResponse, wanted: Any) -> bool:
    if set(answer.outputs) != set(wanted):
        return False
    for name, value in wanted.items():
        found, own = tf.make_ndarray(answer.outputs[name]), value.numpy()
        if found.shape != own.shape:
            return False
        same = np.array_equal if own.dtype == object else np.allclose
        if not same(found, own):
            return False
    return True


def main(_: list[str]) -> None:
    """Sends everything, and prints the table."""
    logging.set_verbosity(logging.WARNING)
    if FLAGS.requests < len(KINDS):
        raise SystemExit(f"--requests must be at least {len(KINDS)}, one of each kind")
    with tempfile.TemporaryDirectory() as room:
        models = exported(Path(room))
        loaded = tf.saved_model.load(str(models[CLASSIFIER]))
        direct = loaded.signatures["serving_default"]
        server = Server(models)
        ordinary = predict(CLASSIFIER, image_bytes=[good("PNG")])
        first = server.ask(ordinary)
        for kind in ("PNG", "JPEG", "WEBP", "BMP") * 10:
            # What a server needs once, for its threads, is not growth.
            server.ask(predict(CLASSIFIER, image_bytes=[good(kind)] * 8))
        table(*sent(server, direct, ordinary, first))
        server.process.terminate()


def sent(server: Server, direct: Any, ordinary: Any, first: Any) -> tuple[Any, ...]:
    """Counts of each kind, the most memory of one request, and of all."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    most: dict[str, float] = defaultdict(float)
    random = np.random.default_rng(FLAGS.seed)
    base, names = server.memory("VmRSS"), list(KINDS)
    with progress("requests") as report:
        for index in range(FLAGS.requests):
            name = names[index % len(names)]
            case = KINDS[name](random)
            before = server.memory("VmRSS")
            server.forget_peak()
            answer = server.ask(case.request)
            if server.died():
                found[name]["deaths"] += 1
                base = server.memory("VmRSS")
            else:
                most[name] = max(most[name], server.memory("VmHWM") - before)
            found[name][judged(case, answer, direct)] += 1
            found[name]["next"] += server.ask(ordinary) == first
            report(index + 1, FLAGS.requests)
    return found, most, server.memory("VmRSS") - base


def table(found: dict[str, Counter[str]], most: dict[str, float], growth: float) -> None:
    """Prints the counts as Markdown."""
    columns = ("row", "refused", "right", "wrong", "deaths", "next")
    titles = (
        "requests | row named | refused otherwise | right | wrong | deaths | next is right | MB"
    )
    print(f"| kind | {titles} |\n|{' --- |' * 9}")
    whole: Counter[str] = Counter()
    for name, counts in found.items():
        requests = sum(counts[each] for each in columns[:4])
        cells = [requests, *(counts[each] for each in columns), f"{most[name]:.0f}"]
        print(f"| {name} | {' | '.join(map(str, cells))} |")
        whole.update(counts)
        whole["requests"] += requests
    print(
        f"{whole['requests']} requests of {len(found)} kinds: {whole['deaths']} deaths, "
        f"{whole['wrong']} wrong answers, {whole['requests'] - whole['next']} wrong answers to the "
        f"good request that followed; memory grew by {growth:.0f} MB in all, and by at most "
        f"{max(most.values()):.0f} MB during a request."
    )


if __name__ == "__main__":
    app.run(main)
