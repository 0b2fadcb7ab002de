"""Trains a smoke detector on synthetic smoke, and tests it on real smoke.

    python examples/train_smoke_classifier.py

Without folders it draws scenes, adds smoke to them, and tests on smoke of another kind. With your
own clean pictures, smoke from a network of ``train_smoke_cyclegan.py``, and real pictures in
``TEST/smoky`` and ``TEST/clean``:

    python examples/train_smoke_classifier.py --clean DIR --test TEST \
        --smoke saved_models/smoke_cyclegan_forward/1 --features SAVED_MODEL --workdir runs/mine

Pictures are split by their clean source. The detector's score on held-out synthetic pictures is
reported as "claimed": it is what one would have reported without real ones.

Controls: ``--jpeg 75`` compresses every picture of both kinds as JPEG, which removes the traces
that a network may leave; ``--clear MODEL`` (the backward network) also translates the clean
training pictures, so that both kinds have such traces.

A score means something else on another camera: ``--calibrate DIR``, 20 or more clean pictures of
your own camera at different times, none with smoke, no labels, sets the threshold for a stated
rate of false alarms (``--false_alarms``). It is written to figures.json and the model card, and
the exported model's ``class_name`` follows it.

The default job takes about two minutes on two CPU cores. It writes to the work folder: training.png
(clean | smoky), mistakes.png (real pictures, the worst first), figures.json; and, without
--features, a SavedModel below --export_to.
"""

from __future__ import annotations

from kerasgen import cli

cli.quiet_start()

from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from kerasgen.deployment import ServedModel, check_export, export_classifier, model_folder
from kerasgen.deployment.preprocessing import read_as_served, servable_file
from kerasgen.evaluation.classifiers import (
    DETECTOR_CONFIG,
    DetectionData,
    Detector,
    Score,
    Threshold,
    calibrated_threshold,
    check_promise,
    detector_of,
    fit_detector,
    measure_detection,
)
from kerasgen.evaluation.features import saved_model_features
from kerasgen.evaluation.judges import load_translator
from kerasgen.evaluation.reports import figure_lines
from kerasgen.io import Preprocessing, contact_sheet, encode_png, labelled_sheet, save_png
from kerasgen.procedural import through_jpeg
from kerasgen.procedural.scenery import camera_scenes
from kerasgen.procedural.smoke.overlay import smoky_copies
from kerasgen.training import Trainer, TrainerOptions, make_strategy

FLAGS = flags.FLAGS
cli.define_training_flags(workdir="runs/smoke_classifier", batch_size=32)
flags.DEFINE_string("clean", None, "Folder of clean pictures; drawn by rule without it.")
flags.DEFINE_string("smoke", "procedural", '"procedural", or a SavedModel that adds smoke.')
flags.DEFINE_integer("copies", 2, "Smoky pictures of each clean one.", 1)
flags.DEFINE_string("clear", None, "SavedModel that removes smoke, for clean training pictures.")
flags.DEFINE_integer("jpeg", None, "Compress all pictures as JPEG of this quality.", 1, 95)
flags.DEFINE_string("test", None, "Folder of real pictures, smoky/ and clean/; drawn without it.")
flags.DEFINE_string("calibrate", None, "Folder of clean pictures of your own camera.")
flags.DEFINE_float("false_alarms", 0.05, "Share of false alarms to calibrate for.", 0.0, 1.0)
flags.DEFINE_integer("size", 64, "Side of the pictures in pixels, a multiple of 16.", 16)
flags.DEFINE_string("features", None, "SavedModel of features for a linear head.")
flags.DEFINE_integer("steps", 1200, "Most updates of the detector.", 1)

DRAWN = {"clean": 300, "test": 100}
"""How many scenes of each kind are drawn without a folder."""

NAMES = ("clean", "smoky")
SHOWN = 12


def main() -> None:
    """Pictures, detector, figures, sheets, export."""
    cli.set_precision(FLAGS.precision, FLAGS.strategy)
    # What could fail at the end of a long run is checked before it begins.
    check_export(FLAGS.export_to)
    options = TrainerOptions(log_every=FLAGS.log_every, save_every=FLAGS.save_every)
    trainer = Trainer(FLAGS.workdir, make_strategy(FLAGS.strategy), options)
    features = saved_model_features(FLAGS.features) if FLAGS.features else None
    clean, test, camera = load_clean(), load_test(), load_camera()
    if network := cli.kept_network():
        claimed = ServedModel(FLAGS.network).card["figures"]["claimed"]
        finish(detector_of(network, claimed), test, camera)
        return
    cli.keep_settings(FLAGS.workdir, settings())
    data = make_training_set(clean)
    if trainer.chief:
        save_png(Path(FLAGS.workdir) / "training.png", training_sheet(data, len(clean)))
        print(f"sheet: {Path(FLAGS.workdir) / 'training.png'}")
    config = replace(DETECTOR_CONFIG, steps=FLAGS.steps, batch_size=FLAGS.batch_size)
    detector = fit_detector(trainer, data, config, features=features, seed=FLAGS.seed)
    if trainer.chief:
        finish(detector, test, camera)


def settings() -> dict:
    """The settings that identify the run; the trainer compares pictures and features."""
    names = ("copies", "jpeg", "size", "batch_size", "seed", "precision")
    return {name: FLAGS[name].value for name in names}


def form() -> Preprocessing:
    """How files become pictures, in training, tests and the exported model."""
    return Preprocessing(FLAGS.size, FLAGS.size)


def load_clean() -> np.ndarray:
    """Clean pictures for the training set, ``[N, S, S, 3]`` uint8."""
    if FLAGS.clean is None:
        return camera_scenes(DRAWN["clean"], 10 * FLAGS.seed, FLAGS.size, smoky=False).images
    return read_as_served(FLAGS.clean, form()).images


class TestSet(NamedTuple):
    """Test pictures, and the files that the exported model is tested on."""

    pictures: DetectionData
    files: list[bytes]


def load_test() -> TestSet:
    """Test pictures, none of which is a source of the training set."""
    kinds = [test_pictures(name) for name in NAMES]
    files = [file for _, own in kinds for file in own]
    return TestSet(DetectionData.of(*(images for images, _ in kinds)), files)


def test_pictures(name: str) -> tuple[np.ndarray, list[bytes]]:
    """The clean or the smoky ones; a file of each, after the JPEG control if there is one."""
    if FLAGS.test is None:
        drawn = camera_scenes(DRAWN["test"], 10 * FLAGS.seed + 1, FLAGS.size, smoky=name == "smoky")
        images = coded(drawn.images)
    else:
        found = read_as_served(Path(FLAGS.test) / name, form())
        if FLAGS.jpeg is None:
            return found.images, [servable_file(path, form()) for path in found.paths]
        images = coded(found.images)
    return images, [encode_png(image) for image in images]


def load_camera() -> np.ndarray | None:
    """Clean pictures of one's own camera, enough for the rate; None without a folder."""
    if FLAGS.calibrate is None:
        return None
    images = read_as_served(FLAGS.calibrate, form()).images
    check_promise(len(images), FLAGS.false_alarms)
    return coded(images)


def make_training_set(clean: np.ndarray) -> DetectionData:
    """Clean pictures, and smoky copies of them, each with the index of its source."""
    smoky = [make_smoky(clean, copy) for copy in range(FLAGS.copies)]
    without = clean if FLAGS.clear is None else translated(FLAGS.clear, clean)
    sources = range(len(clean))
    return DetectionData.of(
        coded(without), coded(np.concatenate(smoky)), (sources, [*sources] * FLAGS.copies)
    )


def make_smoky(clean: np.ndarray, copy: int) -> np.ndarray:
    """Adds smoke to each picture; a network translates mirror images for odd copies."""
    if FLAGS.smoke == "procedural":
        return smoky_copies(clean, 10 * FLAGS.seed + 4 + copy).images
    mirrored = clean[:, :, ::-1] if copy % 2 else clean
    return translated(FLAGS.smoke, mirrored)


def translated(model: str, images: np.ndarray) -> np.ndarray:
    """Pictures that an exported translator gives."""
    return load_translator(model_folder(model))(images).pictures


def coded(images: np.ndarray) -> np.ndarray:
    """Pictures after the JPEG control, the same for both kinds, in training and test."""
    return images if FLAGS.jpeg is None else through_jpeg(images, FLAGS.jpeg)


def finish(detector: Detector, test: TestSet, camera: np.ndarray | None) -> None:
    """Threshold, figures, sheet of mistakes and SavedModel."""
    workdir = Path(FLAGS.workdir)
    found = None
    if camera is not None:
        found = calibrated_threshold(detector.score(camera), FLAGS.false_alarms)
        print(found)
    sheet = mistakes_sheet(detector, test.pictures)
    save_png(workdir / "mistakes.png", sheet)
    print(f"sheet: {workdir / 'mistakes.png'}")
    if FLAGS.features is not None:
        save_figures(detector, found, test.pictures, detector.score)
        return

    def measure(served: ServedModel) -> dict:
        scores = served_scores(served, test.files)
        return {"figures": save_figures(detector, found, test.pictures, lambda images: scores)}

    exported = export_classifier(
        detector.network,
        FLAGS.export_to,
        FLAGS.name or "smoke_classifier",
        class_names=NAMES,
        preprocessing=form(),
        card=model_card(test.pictures),
        probes=test.pictures.images[:4],
        threshold=None if found is None else found.log_odds,
        measure=measure,
        sheet=sheet,
    )
    print(f"model: {exported}")


def served_scores(served: ServedModel, files: list[bytes]) -> np.ndarray:
    """Log-odds of smoke that the exported model gives to files, ``[N]``."""
    clean, smoky = served.serve(files)["probabilities"].astype(np.float64).T
    # A probability of 0 in 32 bits is one below 1e-45.
    return np.log(np.maximum(smoky, 1e-45)) - np.log(np.maximum(clean, 1e-45))


def save_figures(
    detector: Detector, found: Threshold | None, test: DetectionData, score: Score
) -> dict:
    """Measures on the test pictures, writes and prints."""
    figures = {"claimed": detector.claimed, "real": measure_detection(score, test)}
    if found is not None:
        figures["threshold"] = asdict(found)
        figures["real, calibrated"] = measure_detection(score, test, threshold=found.log_odds)
    cli.write_json(Path(FLAGS.workdir) / "figures.json", figures)
    print("\n".join(figure_lines(figures)))
    return figures


def training_sheet(data: DetectionData, count: int) -> np.ndarray:
    """Clean | smoky, of the same source."""
    rows = np.linspace(0, count - 1, min(SHOWN, count)).astype(int)
    return labelled_sheet({"clean": data.images[rows], "smoky": data.images[count + rows]})


def mistakes_sheet(detector: Detector, test: DetectionData) -> np.ndarray:
    """Two rows: clean pictures that look the most smoky, smoky ones that look the most clean."""
    scores = detector.score(test.images)
    rows = []
    for present in (False, True):
        indices = np.flatnonzero(test.present == present)
        order = np.argsort(scores[indices] if present else -scores[indices], kind="stable")
        rows.append(test.images[indices[order[:SHOWN]]])
    count = min(map(len, rows))
    return contact_sheet(np.concatenate([row[:count] for row in rows]), count, scale=2)


def model_card(test: DetectionData) -> dict:
    """The model card."""
    drawn = "kerasgen.procedural.scenery" if FLAGS.clean is None else None
    by_rule = "Its scenes and their smoke are drawn by rule, those that it is tested on, too."
    card = {
        "task": "picture -> is there smoke?",
        "limits": [by_rule] if drawn else [],
        "headline": ["real, area_under_roc", "real, accuracy"],
        "settings": settings(),
        "test_pictures": {"smoky": int(test.present.sum()), "clean": int((~test.present).sum())},
    }
    return cli.run_card(card, {"train": FLAGS.batch_size}, drawn=drawn)


if __name__ == "__main__":
    cli.run_example(main)
