"""Pictures per second of ``synthesize`` beside two plain loops with the same network.

    python benchmarks/synthesis_rate.py --model saved_models/fashion/1

The plain loops are ``model.predict`` and an ONNX Runtime session, each followed by Pillow's
``save``: pictures without annotations, provenance or resume. Both get the batch size of
``--batch_sizes`` that is best in a first round. Then all take turns, so that each round meets the
same machine. Models are loaded and warmed up beforehand; everything else counts, for ``synthesize``
also its manifest, cards and sheet. A refiner's sources are drawn eyes in files, which the loops
read with Pillow. Ratios are those of one round each; their median has a 95 % interval from the
order statistics.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import functools
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from absl import app, flags
from paired_ratios import ratio_text
from PIL import Image

from kerasgen.deployment import NETWORK, ServedModel, synthesize
from kerasgen.deployment.runtimes import RUNTIMES, convert
from kerasgen.io import save_png, to_float, to_uint8
from kerasgen.procedural import rendered_eyes

FLAGS = flags.FLAGS
flags.DEFINE_string("model", "saved_models/fashion/1", "A generator or a refiner.")
flags.DEFINE_integer("count", 4096, "Pictures of a run.", 64)
flags.DEFINE_integer("rounds", 7, "Rounds after the first.", 6)
flags.DEFINE_list("batch_sizes", ["32", "64", "128", "256", "512"], "Of the plain loops.")

SOURCES = 256
Inputs = dict[str, np.ndarray]
Network = Callable[[Inputs], Any]


def main(arguments: list[str]) -> None:
    """Measures the rates and prints a table."""
    del arguments
    served = ServedModel(FLAGS.model)
    with tempfile.TemporaryDirectory() as room:
        sources = None if served.kind == "generator" else drawn_sources(Path(room) / "sources")
        loops = {
            "model.predict + Pillow": predicting(served),
            "ONNX Runtime + Pillow": onnx(served, Path(room)),
        }
        runs = {"kerasgen synthesize": lambda folder: whole(served, sources, folder)}
        for name, network in loops.items():
            size = best_batch_size(network, served, sources, Path(room))
            runs[f"{name}, {size} a batch"] = looping(network, served, sources, size)
        rates: dict[str, list[float]] = {name: [] for name in runs}
        for _, (name, run) in itertools.product(range(FLAGS.rounds), runs.items()):
            rates[name].append(rate(run, Path(room)))
    report(rates)


def report(rates: dict[str, list[float]]) -> None:
    """Prints the medians, and the ratio of the first to each other."""
    own = np.array(next(iter(rates.values())))
    print("| | pictures a second | kerasgen's rate, times this |\n| --- | --- | --- |")
    for name, found in rates.items():
        print(f"| {name} | {np.median(found):.0f} | {ratio_text(own, np.array(found))} |")


def rate(run: Callable[[Path], None], room: Path) -> float:
    """Pictures per second of one run into a new folder."""
    folder = room / "made"
    start = time.perf_counter()
    run(folder)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return FLAGS.count / seconds


def whole(served: ServedModel, sources: Path | None, folder: Path) -> None:
    """The job as kerasgen does it."""
    times = 1 if sources is None else -(-FLAGS.count // SOURCES)
    synthesize(served, folder, sources=sources, count=FLAGS.count, times=times)


def best_batch_size(network: Network, served: ServedModel, sources: Any, room: Path) -> int:
    """The batch size with the highest rate in one round; every size is called once before."""
    found = {}
    for size in map(int, FLAGS.batch_sizes):
        run = looping(network, served, sources, size)
        for _ in range(2):
            found[size] = rate(run, room)
    return max(found, key=lambda size: found[size])


def looping(
    network: Network, served: ServedModel, sources: Path | None, size: int
) -> Callable[[Path], None]:
    """The plain loop at one batch size."""

    def run(folder: Path) -> None:
        folder.mkdir()
        done = 0
        for inputs in batches(served, sources, size):
            for picture in to_uint8(network(inputs)):
                pixels = picture[..., 0] if picture.shape[-1] == 1 else picture
                Image.fromarray(pixels).save(folder / f"{done:06d}.png")
                done += 1

    return run


def batches(served: ServedModel, sources: Path | None, size: int) -> Iterator[Inputs]:
    """Random inputs of the network, or the files of a folder as Pillow reads them."""
    random = np.random.default_rng(0)
    network = keras_network(served.folder)
    shapes = {each.name: each.shape[1:] for each in network.inputs}
    for first in range(0, FLAGS.count, size):
        count = min(size, FLAGS.count - first)
        inputs = {
            name: random.standard_normal((count, *shape)).astype(np.float32)
            for name, shape in shapes.items()
            if name not in ("images", "label")
        }
        if "label" in shapes:
            inputs["label"] = np.arange(count, dtype=np.int32) % len(served.class_names)
        if sources is not None:
            numbers = [index % SOURCES for index in range(first, first + count)]
            files = [sources / f"{number:04d}.png" for number in numbers]
            inputs["images"] = np.stack([opened(path, served) for path in files])
        yield inputs


def opened(path: Path, served: ServedModel) -> np.ndarray:
    """A file as the network takes it, by Pillow."""
    with Image.open(path) as image:
        mode = "L" if served.form.channels == 1 else "RGB"
        height, width = served.form.size
        pixels = np.asarray(image.convert(mode).resize((width, height)))
    return to_float(pixels.reshape(height, width, -1))


def drawn_sources(folder: Path) -> Path:
    """Writes drawn eyes."""
    for index, image in enumerate(rendered_eyes(SOURCES, 0).images):
        save_png(folder / f"{index:04d}.png", image)
    return folder


@functools.cache
def keras_network(folder: Path) -> keras.Model:
    """The network of a version folder, with floats in and out."""
    return keras.saving.load_model(folder / NETWORK, compile=False)


def predicting(served: ServedModel) -> Network:
    """``model.predict`` of one batch."""
    network = keras_network(served.folder)
    names = [each.name for each in network.inputs]

    def run(inputs: Inputs) -> np.ndarray:
        found = network.predict(
            [inputs[name] for name in names], batch_size=len(inputs[names[0]]), verbose=0
        )
        return found["picture"] if isinstance(found, dict) else found

    return run


def onnx(served: ServedModel, room: Path) -> Network:
    """A session of ONNX Runtime."""
    convert(served.folder, ["onnx"], out=room)
    session = RUNTIMES["onnx"].load(room / "onnx")
    return lambda inputs: session(inputs)["picture"]


if __name__ == "__main__":
    app.run(main)
