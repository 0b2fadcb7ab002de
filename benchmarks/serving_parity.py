"""Served pixels against training pixels, and a classifier's accuracy through both.

    python benchmarks/serving_parity.py --pictures DIR [--model saved_models/NAME/1 --test DIR]

First table: mean difference, in levels of 255, between the reader of training pictures and a served
signature, for kinds of files and proportions made from the pictures of ``--pictures``; worst of the
three fits. "before" is what signatures did until now: TensorFlow's ``decode_image``, then a
bilinear stretch. Second table, with an exported classifier and a folder with a folder for each of
its classes: its accuracy through the reader, through ``serving_default``, and through the old way.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from absl import app, flags
from PIL import Image

from kerasgen.deployment import ServedModel
from kerasgen.deployment.preprocessing import preprocess, servable_file
from kerasgen.evaluation.metrics import share_interval
from kerasgen.io import Preprocessing, list_images, read_image

FLAGS = flags.FLAGS
flags.DEFINE_string("pictures", None, "Folder of pictures that the files are made from.")
flags.DEFINE_integer("count", 8, "Pictures that are read from it.", 1)
flags.DEFINE_integer("size", 64, "Side of the network's pictures.", 8)
flags.DEFINE_string("model", None, "An exported classifier.")
flags.DEFINE_string("test", None, "Folder with a folder for each class.")

SHAPES = {"4:3": (480, 360), "3:4": (360, 480), "1:1": (400, 400), "9:1": (720, 80)}


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def translucent(image: Image.Image) -> Image.Image:
    """The picture, more and more transparent to the left."""
    ramp = np.tile(np.linspace(0, 255, image.width).astype(np.uint8), (image.height, 1))
    image = image.copy()
    image.putalpha(Image.fromarray(ramp))
    return image


def deep(image: Image.Image) -> bytes:
    """A PNG file of 16 bits."""
    levels = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return cv2.imencode(".png", levels)[1].tobytes()


def turned(number: int) -> Image.Exif:
    """EXIF data with an orientation."""
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


KINDS: dict[str, Callable[[Image.Image], bytes]] = {
    "PNG": lambda image: saved(image, "PNG"),
    "PNG, grey": lambda image: saved(image.convert("L"), "PNG"),
    "PNG, palette": lambda image: saved(image.quantize(64), "PNG"),
    "PNG, alpha": lambda image: saved(translucent(image), "PNG"),
    "PNG, 16 bits": deep,
    "JPEG": lambda image: saved(image, "JPEG", quality=90),
    "JPEG, grey": lambda image: saved(image.convert("L"), "JPEG"),
    "JPEG, CMYK": lambda image: saved(image.convert("CMYK"), "JPEG"),
    "JPEG, EXIF 6": lambda image: saved(image, "JPEG", exif=turned(6)),
    "WebP": lambda image: saved(image, "WEBP"),
    "BMP": lambda image: saved(image, "BMP"),
    "BMP, palette": lambda image: saved(image.quantize(64), "BMP"),
    "TIFF": lambda image: saved(image, "TIFF"),
    "GIF": lambda image: saved(image.quantize(64), "GIF"),
}


def old_way(data: bytes, form: Preprocessing) -> np.ndarray:
    """What signatures did before: ``[height, width, 3]`` in [0, 255]."""
    image = tf.io.decode_image(data, channels=3, expand_animations=False)
    resized = tf.image.resize(tf.cast(image, tf.float32), form.size, antialias=True)
    return np.rint(np.clip(resized.numpy(), 0, 255))


def new_way(data: bytes, form: Preprocessing) -> np.ndarray:
    """What signatures do now."""
    return (preprocess(tf.constant([data]), form)[0].numpy() + 1) * 127.5


def difference(read: Callable[[bytes, Preprocessing], np.ndarray], data: bytes) -> float:
    """Mean difference to the training reader, worst of the fits; NaN if one refuses the file."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        try:
            return max(
                float(np.abs(form.read(file.name) - read(data, form)).mean())
                for form in (
                    Preprocessing(FLAGS.size, FLAGS.size, fit=fit)
                    for fit in ("crop", "pad", "stretch")
                )
            )
        except (ValueError, tf.errors.InvalidArgumentError):
            return float("nan")


def mean_difference(read: Callable[[bytes, Preprocessing], np.ndarray], files: list[bytes]) -> str:
    """Over some files, as a cell of the table."""
    mean = np.mean([difference(read, file) for file in files])
    return "refused" if np.isnan(mean) else f"{mean:.2g}"


def pixel_table() -> None:
    """Prints the mean over the pictures, before and after, by kind and shape."""
    paths = list_images(FLAGS.pictures)
    chosen = [paths[index] for index in np.linspace(0, len(paths) - 1, FLAGS.count).astype(int)]
    images = [Image.fromarray(read_image(path)) for path in chosen]
    print(f"| file | {' | '.join(SHAPES)} |\n|{' --- |' * (len(SHAPES) + 1)}")
    for name, write in KINDS.items():
        cells = []
        for shape in SHAPES.values():
            files = [write(image.resize(shape, Image.Resampling.BICUBIC)) for image in images]
            cells.append(" -> ".join(mean_difference(way, files) for way in (old_way, new_way)))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def accuracy_table() -> None:
    """Prints how many files a classifier gets right through each reader, and agreements."""
    served = ServedModel(FLAGS.model)
    paths = {path: path.relative_to(FLAGS.test).parts[0] for path in list_images(FLAGS.test)}
    files = [servable_file(path, served.form) for path in paths]
    ways = {
        "training reader": served.classify([read_image(path) for path in paths]),
        "serving_default": [name.decode() for name in served.serve(files)["class_name"]],
        "old signature": _classified(served, files),
    }
    truth = np.array(list(paths.values()))
    print("\n| pixels from | right | accuracy | other answers than the first |\n|" + " --- |" * 4)
    for name, answers in ways.items():
        right = int((np.array(answers) == truth).sum())
        share = right / len(truth)
        low, high = share_interval(share, len(truth))
        other = int((np.array(answers) != np.array(ways["training reader"])).sum())
        cells = (name, f"{right} of {len(truth)}", f"{share:.1%} [{low:.1%}, {high:.1%}]", other)
        print(f"| {' | '.join(map(str, cells))} |")


def _classified(served: ServedModel, files: list[bytes]) -> list[str]:
    pixels = np.stack([old_way(file, served.form) for file in files]).astype(np.uint8)
    # Pictures of the network's own size are not resized again.
    return served.classify(list(pixels))


def main(_: list[str]) -> None:
    """Both tables."""
    if FLAGS.pictures:
        pixel_table()
    if FLAGS.model:
        accuracy_table()


if __name__ == "__main__":
    app.run(main)
