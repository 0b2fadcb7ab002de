"""The eye refiner on real pictures: a table of arms and seeds.

    python benchmarks/eye_refiner.py --data DIR --features SAVED_MODEL

``--data`` has ``rendered/``, ``real/``, ``test/rendered/`` and ``test/real/``. Arms: ``ours``;
``renders-as-fakes``, a bug of the original (its discriminator never sees a refined picture,
https://github.com/ToddBodnar/appl-eye-gan); ``pixel-l1``, the original's self-regularisation, which
also forbids new colours. All else is equal. A run with figures.json in its folder is not repeated:
interrupt the benchmark and run it again, or run two seeds in parallel (``--seeds 0`` and ``--seeds
1``); the table has all finished runs.

``--write`` writes every render refined, in four styles each, for ``kerasgen compare``: ``refined/``
in each run's folder, a folder for each render.

Last, the cost of one prefit update is compared with that of the original networks, in turns.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from kerasgen import cli, refiner
from kerasgen.data import Augmentation, Batches, Pictures, balancing_repeats, unpaired
from kerasgen.evaluation.features import FeatureExtractor, saved_model_features
from kerasgen.evaluation.judges import refiner as refinement
from kerasgen.io import contact_sheet, read_folder, read_json, save_png
from kerasgen.training import Player, Trainer, TrainerOptions, pixel_l1

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "Folder with rendered/, real/ and test/.", required=True)
flags.DEFINE_string("features", None, "SavedModel whose features are compared.", required=True)
flags.DEFINE_string("workdir", "runs/eye_refiner_table", "Folder of all runs.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds.")
flags.DEFINE_list("arms", ["ours", "renders-as-fakes", "pixel-l1"], "Arms.")
flags.DEFINE_integer("prefit", 2000, "Updates of the first stage.", 1)
flags.DEFINE_integer("steps", 6000, "Updates of the second stage.", 1)
flags.DEFINE_integer("threads", 0, "Threads of one operation; 0 for all cores.", 0)
flags.DEFINE_bool("write", False, "Whether to write the refined pictures.")
flags.DEFINE_bool("cost", True, "Whether to time the prefit updates.")

PREFIT_BATCH, BATCH, ORIGINAL_BATCH = 2, 8, 16
COLUMNS = {
    "KID, share of raw": lambda f: f["refined_share_of_rendered"],
    "KID refined": lambda f: _kid(f)["refined"]["value"],
    "unseen poses": lambda f: _kid(f)["refined_unseen"]["value"],
    "iris shift, px": lambda f: f["iris_shift"]["median"],
    "beyond 3 px": lambda f: f["iris_shift"]["share_beyond"],
    "corr x": lambda f: f["iris_shift"]["correlation_x"],
    "corr y": lambda f: f["iris_shift"]["correlation_y"],
    "lost": lambda f: f["iris_shift"]["lost"],
    "pupil shift, px": lambda f: f["pupil_shift"]["median"],
    "pupils lost": lambda f: f["pupil_shift"]["lost"],
    "CNN accuracy": lambda f: f["real_or_refined_balanced_accuracy"]["value"],
    "prefit L1": lambda f: f["prefit_l1"]["value"],
    "minutes": lambda f: f["refine_minutes"],
}


class RendersAsFakes(refiner.RefinerStep):
    """A bug of the original: the discriminator's fakes are raw renders, never refined pictures."""

    def _together(self, batch: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            refined = self.generate(*batch)
            fresh = self._judge_fakes(batch, refined)
            shown, real, _ = self._judge_real(batch, None)
            raw = self._judge_fakes(batch, batch[0])
            losses, total = self._generator_losses(batch, refined, real, fresh)
            more, judged = self._discriminator_losses(batch, shown, real, raw, None)
        self.generator_player.descend(tape, total)
        self.discriminator_player.descend(tape, judged)
        return {**losses, **more}


def build(arm: str, seed: int) -> tuple[refiner.PrefitStep, refiner.RefinerStep]:
    """Both stages of an arm."""
    options = (
        {"regularisation": pixel_l1, "regularisation_weight": 2.0} if arm == "pixel-l1" else {}
    )
    prefit, refine = refiner.build_steps(
        refiner.build_refiner(),
        refiner.build_discriminator(),
        batch_size=BATCH,
        prefit_steps=FLAGS.prefit,
        refine_steps=FLAGS.steps,
        seed=seed,
        **options,
    )
    if arm == "renders-as-fakes":
        refine.__class__ = RendersAsFakes
    return prefit, refine


def load() -> refinement.EyeSets:
    """The four sets, from their folders."""
    names = ("rendered", "real", "test/rendered", "test/real")
    return refinement.EyeSets(*(read_folder(Path(FLAGS.data) / name, 64).images for name in names))


def batches(sets: refinement.EyeSets, batch_size: int, seed: int) -> Batches:
    """As in ``examples/train_eye_refiner.py``."""
    rendered = np.repeat(sets.rendered, balancing_repeats(sets.rendered), axis=0)
    return unpaired(
        Pictures.from_array(rendered),
        Pictures.from_array(sets.real),
        batch_size,
        seed=seed,
        augmentation=Augmentation(rotation=10, shift=0.08, zoom=0.15),
    )


def run(arm: str, seed: int, sets: refinement.EyeSets, features: FeatureExtractor) -> dict:
    """Trains and measures one arm with one seed, or reads its figures."""
    folder = Path(FLAGS.workdir) / f"{arm}-{seed}"
    path, written = folder / "figures.json", folder / "refined"
    if path.exists() and (written.exists() or not FLAGS.write):
        return read_json(path)
    print(f"== {arm}, seed {seed}", flush=True)
    keras.utils.set_random_seed(seed)
    trainer = Trainer(folder, options=TrainerOptions(log_every=500, save_every=1000))
    prefit, refine = build(arm, seed)
    trainer.run(prefit, batches(sets, PREFIT_BATCH, seed), FLAGS.prefit, phase="prefit")
    figures = {"prefit_l1": vars(refinement.prefit_error(prefit.refiner, sets.test_rendered))}
    start = time.monotonic()
    second = batches(sets, BATCH, seed)
    trainer.run(refine, second, FLAGS.steps, phase="refine")
    figures["refine_minutes"] = (time.monotonic() - start) / 60
    with refine.averaged(second):
        function = refinement.refining_function(refine.generator, sets.real)
        if FLAGS.write:
            write(written, function, np.concatenate([sets.rendered, sets.test_rendered]))
        if path.exists():
            return read_json(path)
        figures |= refinement.measure_realism(function, sets, features, seed=seed)
        figures |= refinement.measure_geometry(function, sets, seed=seed)
        save_png(folder / "sheet.png", sheet(function, sets))
    cli.write_json(path, figures)
    return figures


def write(folder: Path, function: refinement.Refine, renders: np.ndarray) -> None:
    """Writes a folder for each render: its styles are one group in a comparison."""
    for style in range(4):
        for number, image in enumerate(function(renders, style)):
            save_png(folder / f"render{number}" / f"{style}.png", image)


def sheet(function: refinement.Refine, sets: refinement.EyeSets) -> np.ndarray:
    """Twelve renders (the last three of unseen poses) in four styles, and real test pictures."""
    renders = np.concatenate([sets.rendered[::12][:9], sets.test_rendered[::5][:3]])
    rows = [renders, *(function(renders, style) for style in range(4))]
    rows.append(sets.test_real[:: len(sets.test_real) // 12][:12])
    return contact_sheet(np.concatenate(rows), 12, scale=2)


def table(results: dict[str, list[dict]]) -> str:
    """One row per arm: mean over seeds [lowest, highest]."""
    lines = [f"| arm (seeds) | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    for arm, figures in results.items():
        cells = []
        for value in COLUMNS.values():
            numbers = [float("nan") if value(f) is None else value(f) for f in figures]
            low, high = min(numbers), max(numbers)
            cells.append(f"{np.mean(numbers):.3g} [{low:.3g}, {high:.3g}]")
        lines.append(f"| {arm} ({len(figures)}) | {' | '.join(cells)} |")
    reference = _kid(next(iter(results.values()))[0])
    for name in ("rendered", "cheap_baseline", "real_baseline"):
        entry = reference[name]
        cell = f"{entry['value']:.3g} [{entry['low']:.3g}, {entry['high']:.3g}]"
        share = entry["value"] / reference["rendered"]["value"]
        lines.append(f"| {name} | {share:.3g} | {cell} |{' |' * (len(COLUMNS) - 2)}")
    return "\n".join(lines)


def prefit_cost(pairs: int = 7) -> str:
    """Time of the original's prefit update and of ours, in turns, and their ratio."""
    generator = np.random.default_rng(0)
    sides: dict[str, tuple[Callable[..., dict], int]] = {}
    for name, build_network, size in (
        ("ours", refiner.build_refiner, PREFIT_BATCH),
        ("original", refiner.build_original_refiner, ORIGINAL_BATCH),
    ):
        network = build_network()
        step = refiner.PrefitStep(network, Player(network, keras.optimizers.Adam(1e-4)))
        sides[name] = (tf.function(lambda a, b, step=step: step(a, b)), size)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for pair in range(-1, pairs):
        for name, (update, size) in sides.items():
            images = tf.constant(generator.uniform(-1, 1, (size, 64, 64, 3)), tf.float32)
            repeats = 20 if name == "ours" else 1
            start = time.perf_counter()
            for _ in range(repeats):
                update(images, images)["l1_loss"].numpy()
            if pair >= 0:
                seconds[name].append((time.perf_counter() - start) / repeats)
    ratio = np.median(np.divide(seconds["original"], seconds["ours"]))
    per_picture = ratio * PREFIT_BATCH / ORIGINAL_BATCH
    return (
        f"prefit update: the original's (batch {ORIGINAL_BATCH}) takes {ratio:.0f} times as long "
        f"as ours (batch {PREFIT_BATCH}); per picture {per_picture:.0f} times as long (median of "
        f"{pairs} pairs)"
    )


def _kid(figures: dict) -> dict:
    return next(value for name, value in figures.items() if name.startswith("kid["))


def main(arguments: list[str]) -> None:
    """All missing runs, then the table."""
    del arguments
    tf.config.threading.set_intra_op_parallelism_threads(FLAGS.threads)
    sets, features = load(), saved_model_features(FLAGS.features)
    for seed in map(int, FLAGS.seeds):
        for arm in FLAGS.arms:
            run(arm, seed, sets, features)
    results = {}
    for arm in FLAGS.arms:
        found = sorted(Path(FLAGS.workdir).glob(f"{arm}-*/figures.json"))
        results[arm] = [read_json(path) for path in found]
    text = table(results) + ("\n\n" + prefit_cost() if FLAGS.cost else "")
    (Path(FLAGS.workdir) / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    app.run(main)
