"""Detectors trained on synthetic smoke, tested on real smoke: which way to make smoke is best?

    python benchmarks/smoke_detection.py --data DIR --masks DIR --features SAVED_MODEL \
        --networks cyclegan=MODEL,cut=MODEL --refiners refined=MODEL --backward MODEL

``--data`` has ``train/`` and ``test/``, each with ``clean/`` and ``smoky/``; ``--masks`` has
``images/NAME.jpg`` and ``masks/NAME.png``, frames of video with masks of their smoke. Synthetic
smoke is added to the clean training pictures: by rule; by ``--networks``; by ``--refiners``, which
make smoke that was drawn by rule look real; or half by rule and half by one of these. The upper
bound, "real", is trained on the smoky training pictures.

Each arm is a linear head on frozen features and a small network from scratch, with several seeds,
tested on ``test/`` and on squares cut from the frames: some full of smoke, and as many without any
of the same frames, so that scene and colour do not help. Frames of one scene (see ``scenes``) are
resampled together. Controls: ``jpeg``, all pictures of both kinds compressed as JPEG, in training
and in test; ``cleared``, the clean training pictures pass through ``--backward``, so that both
kinds have traces of a network.

"Claimed" is the accuracy on held-out synthetic pictures, with the interval's ends, as means over
seeds: what one would have reported without real ones. ``leaky`` splits the pictures at random, as
the original does: a clean picture and its smoky copy may then be in different parts. Each
detector's scores are kept, so that a restart continues.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from absl import app, flags
from sklearn.cluster import AgglomerativeClustering

from kerasgen import cli
from kerasgen.data import crop_corners, cut
from kerasgen.evaluation.classifiers import DETECTOR_CONFIG, DetectionData, fit_detector
from kerasgen.evaluation.features import FeatureExtractor, cached_features, saved_model_features
from kerasgen.evaluation.judges import load_translator
from kerasgen.evaluation.metrics import Estimate, area_under_roc
from kerasgen.io import contact_sheet, read_folder, read_image, read_json, save_png
from kerasgen.procedural import through_jpeg
from kerasgen.procedural.smoke.overlay import smoky_copies
from kerasgen.training import Trainer, TrainerOptions

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "Folder with train/ and test/.", required=True)
flags.DEFINE_string("masks", None, "Folder with images/ and masks/; no scenes without it.")
flags.DEFINE_string("features", None, "SavedModel of the frozen features.", required=True)
flags.DEFINE_list("networks", [], "Networks that add smoke, each NAME=MODEL.")
flags.DEFINE_list("refiners", [], "Networks that make drawn smoke look real, each NAME=MODEL.")
flags.DEFINE_string("backward", None, "Network that removes smoke, for the control `cleared`.")
flags.DEFINE_list("arms", None, "Only these arms; all by default.")
flags.DEFINE_list("controls", ["plain", "jpeg", "cleared", "leaky"], "Controls; plain is none.")
flags.DEFINE_list("forms", ["frozen", "scratch"], "Frozen features, or a network from scratch.")
flags.DEFINE_integer("size", 64, "Side of the pictures in pixels.", 16)
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the detectors.")
flags.DEFINE_integer("steps", 1200, "Most updates of a detector.", 1)
flags.DEFINE_integer("copies", 2, "Smoky pictures of each clean one.", 2)
flags.DEFINE_string("workdir", "runs/smoke_detection", "Folder of all scores.")

CODE, CROPS = 75, 2
"""JPEG quality of the control; most squares of each kind from a frame."""

LARGE, SCENE_DISTANCE = 128, 0.3
"""Size in pixels at which frames are compared; smallest cosine distance between scenes."""

Make = Callable[[np.ndarray, int], np.ndarray]
"""Clean pictures and the number of the copy -> smoky ones."""


def makers() -> dict[str, Make]:
    """Each way to add smoke to clean pictures."""

    def drawn(clean: np.ndarray, copy: int) -> np.ndarray:
        return smoky_copies(clean, 100 + copy).images

    ways: dict[str, Make] = {"procedural": drawn}
    for name, path in _named(FLAGS.networks).items():
        ways[name] = _through(path, lambda clean, copy: clean[:, :, ::-1] if copy % 2 else clean)
    for name, path in _named(FLAGS.refiners).items():
        ways[name] = _through(path, drawn)
    for name in list(ways)[1:]:
        ways[f"procedural + {name}"] = _in_turns(drawn, ways[name])
    return ways


def _named(entries: list[str]) -> dict[str, str]:
    for entry in entries:
        if not all(entry.partition("=")):
            raise ValueError(f"Networks must be NAME=MODEL. Received: {entry!r}")
    return dict(entry.split("=", 1) for entry in entries)


def _through(path: str, start: Make) -> Make:
    translate = load_translator(path)
    return lambda clean, copy: translate(start(clean, copy)).pictures


def _in_turns(first: Make, second: Make) -> Make:
    return lambda clean, copy: (second if copy % 2 else first)(clean, copy)


def training_set(arm: str, way: Make | None, control: str) -> DetectionData:
    """The training set of an arm; a picture's source is its clean picture."""
    train = Path(FLAGS.data) / "train"
    clean = read_folder(train / "clean", FLAGS.size).images
    without = clean
    if control == "cleared":
        without = load_translator(FLAGS.backward)(clean).pictures
    if way is None:
        smoky, sources = read_folder(train / "smoky", FLAGS.size).images, None
    else:
        smoky = np.concatenate([way(clean, copy) for copy in range(FLAGS.copies)])
        indices = range(len(clean))
        sources = None if control == "leaky" else (indices, [*indices] * FLAGS.copies)
        sheet = contact_sheet(np.concatenate([clean[:24], smoky[:24], smoky[-24:]]), 24)
        save_png(Path(FLAGS.workdir) / f"{arm}.png", sheet)
    return DetectionData.of(without, smoky, sources)


def load_tests() -> dict[str, DetectionData]:
    """Photographs, each a group of its own; and squares of frames, grouped by scene."""
    test = Path(FLAGS.data) / "test"
    clean, smoky = (read_folder(test / name, FLAGS.size).images for name in ("clean", "smoky"))
    photographs = {"photographs": DetectionData.of(clean, smoky)}
    return {**photographs, "scenes": load_squares()} if FLAGS.masks else photographs


def load_squares() -> DetectionData:
    """Squares with and without smoke, equally many from each frame."""
    folder = Path(FLAGS.masks)
    paths = sorted((folder / "images").iterdir())
    free: list[np.ndarray] = []
    marked: list[np.ndarray] = []
    sources: list[int] = []
    for number, (path, scene) in enumerate(zip(paths, scenes(paths), strict=True)):
        image = read_image(path)
        mask = read_image(folder / "masks" / f"{path.stem}.png", channels=1)[..., 0] > 127
        corners = crop_corners(mask, FLAGS.size, margin=8, most=CROPS, seed=number)
        free.append(cut(image, corners.free, FLAGS.size))
        marked.append(cut(image, corners.marked, FLAGS.size))
        sources += [scene] * len(corners.free)
    return DetectionData.of(np.concatenate(free), np.concatenate(marked), (sources, sources))


def scenes(paths: list[Path]) -> list[int]:
    """The scene of each frame, as a number: frames that look similar, whenever they were recorded.

    Clusters of features by average linkage; at this distance there are about as many as a person
    counts, and the two scenes that it joins, of hills, only widen the intervals.
    """
    frames = np.stack([read_image(path, LARGE, fit="stretch") for path in paths])
    clustering = AgglomerativeClustering(
        None, metric="cosine", linkage="average", distance_threshold=SCENE_DISTANCE
    )
    return clustering.fit_predict(frozen_features()(frames)).tolist()


def arm_scores(
    arm: str, way: Make | None, control: str, form: str, tests: dict[str, DetectionData]
) -> Iterator[dict]:
    """The scores of an arm's detectors, one per seed; missing ones are trained."""
    data = None
    for seed in FLAGS.seeds:
        folder = Path(FLAGS.workdir) / f"{form}-{FLAGS.size}" / control / arm / seed
        if not (folder / "answers.json").exists():
            print(f"== {form}, {control}, {arm}, seed {seed}", flush=True)
            data = data or coded(training_set(arm, way, control), control)
            scores = train_and_score(folder, data, control, form, seed, tests)
            cli.write_json(folder / "answers.json", scores)
        yield read_json(folder / "answers.json")


def train_and_score(
    folder: Path,
    data: DetectionData,
    control: str,
    form: str,
    seed: str,
    tests: dict[str, DetectionData],
) -> dict:
    """Trains one detector; its scores of all test pictures."""
    trainer = Trainer(folder, options=TrainerOptions(log_every=600, save_every=10_000))
    features = frozen_features() if form == "frozen" else None
    config = replace(DETECTOR_CONFIG, steps=FLAGS.steps)
    detector = fit_detector(trainer, data, config, features=features, seed=int(seed))
    scores = {
        name: detector.score(coded(test, control).images).tolist() for name, test in tests.items()
    }
    return {"claimed": detector.claimed, "scores": scores}


def frozen_features() -> FeatureExtractor:
    """Kept on disk: seeds and arms share many pictures."""
    return cached_features(saved_model_features(FLAGS.features), Path(FLAGS.workdir) / "features")


def coded(data: DetectionData, control: str) -> DetectionData:
    """The pictures after the control ``jpeg``."""
    if control != "jpeg":
        return data
    return DetectionData(through_jpeg(data.images, CODE), data.present, data.sources)


COLUMNS = ("area under ROC", "gain on procedural", "accuracy", "clean pictures right")


def main(arguments: list[str]) -> None:
    """All missing detectors, then one table for each form and control."""
    del arguments
    tests = load_tests()
    print({name: _counts(test) for name, test in tests.items()}, flush=True)
    if "scenes" in tests:
        save_png(Path(FLAGS.workdir) / "scenes.png", contact_sheet(_shown(tests["scenes"]), 24))
    ways: dict[str, Make | None] = {**makers(), "real": None}
    for name in FLAGS.arms or ways:
        if name not in ways:
            raise ValueError(f"--arms must be among {', '.join(ways)}. Received: {name}")
    chosen = {name: way for name, way in ways.items() if name in (FLAGS.arms or ways)}
    texts = []
    for form in FLAGS.forms:
        for control in FLAGS.controls:
            found = {
                arm: list(arm_scores(arm, way, control, form, tests)) for arm, way in chosen.items()
            }
            texts.append(f"{form}, {FLAGS.size} px, {control}\n\n{table(found, tests)}\n")
            print(texts[-1], flush=True)
    path = Path(FLAGS.workdir) / f"table-{FLAGS.size}.md"
    path.write_text("\n".join(texts), encoding="utf-8")


def table(found: dict[str, list[dict]], tests: dict[str, DetectionData]) -> str:
    """One row per arm."""
    titles = [f"{name}: {column}" for name in tests for column in COLUMNS]
    lines = [
        f"| trained on | claimed | {' | '.join(titles)} |",
        "| --- " * (len(titles) + 2) + "|",
    ]
    for arm, results in found.items():
        cells = [_claimed([one["claimed"]["accuracy"] for one in results])]
        for name, test in tests.items():
            scores = np.array([one["scores"][name] for one in results])
            base = np.array([one["scores"][name] for one in found.get("procedural", [])])
            cells += row(test, scores, base if arm != "procedural" and len(base) else None)
        lines.append(f"| {arm} ({len(results)}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def _claimed(accuracies: list[dict]) -> str:
    """Means over seeds, each with its own held-out pictures."""
    ends = (100 * np.mean([one[end] for one in accuracies]) for end in ("value", "low", "high"))
    return "{:.1f} % [{:.1f}, {:.1f}]".format(*ends)


def row(test: DetectionData, scores: np.ndarray, base: np.ndarray | None) -> list[str]:
    """The cells of one arm on one test set, in the order of ``COLUMNS``."""
    present, groups = test.present, test.groups
    gain = ""
    if base is not None:
        gain = _plain(area_under_roc(present, scores, groups, baseline=base), "+.3f")
    right = (scores > 0) == present
    halves = [right[:, kind].mean() for kind in (present, ~present)]
    return [
        _plain(area_under_roc(present, scores, groups), ".3f"),
        gain,
        f"{50 * sum(halves):.1f} %",
        f"{100 * halves[1]:.1f} %",
    ]


def _plain(estimate: Estimate, form: str) -> str:
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _counts(test: DetectionData) -> dict[str, int]:
    without, with_it = np.bincount(test.present).tolist()
    return {"without": without, "with": with_it, "groups": len(np.unique(test.groups))}


def _shown(test: DetectionData) -> np.ndarray:
    """A square of each scene without smoke, then one with smoke."""
    scenes = np.unique(test.groups)
    rows = [
        np.flatnonzero((test.groups == scene) & (test.present == present))[0]
        for present in (False, True)
        for scene in scenes
    ]
    return test.images[rows]


if __name__ == "__main__":
    app.run(main)
