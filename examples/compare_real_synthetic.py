"""Compares real with synthetic pictures: an HTML page, and the numbers as JSON.

    python examples/compare_real_synthetic.py

Without folders it draws both sets: eyes as rendered, and eyes of the same model as a camera sees
them, which serve as the real ones. With your own pictures:

    python examples/compare_real_synthetic.py --real DIR --synthetic DIR --workdir runs/mine

First an autoencoder learns both sets together, so that its code is one space for both; then they
are compared on reduced pixels and on that code, and a small network, whose feature maps are shown,
is trained to distinguish them. ``kerasgen compare`` does the same without an autoencoder, on any
features.

The default job takes under two minutes on two CPU cores and writes index.html, report.json and the
autoencoder to the work folder. It can be interrupted at any time: the same command resumes it.
"""

from __future__ import annotations

from kerasgen import cli

cli.quiet_start()

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from absl import flags

from kerasgen.autoencoder import AutoencoderStep, build_autoencoder, encoder_of
from kerasgen.data import Pictures, labelled
from kerasgen.evaluation import CompareOptions, PictureSet, compare
from kerasgen.evaluation.comparison import CONFIG, Network
from kerasgen.evaluation.features import keras_features, pixel_features
from kerasgen.io import read_folder, unicode_name
from kerasgen.procedural import camera_eyes, rendered_eyes
from kerasgen.training import Player, Trainer, TrainerOptions, make_strategy

FLAGS = flags.FLAGS
cli.define_training_flags(workdir="runs/compare", batch_size=32)
flags.DEFINE_string("real", None, "Folder of real pictures; drawn by rule without it.")
flags.DEFINE_string("synthetic", None, "Folder of synthetic pictures; the same rule.")
flags.DEFINE_integer("size", 64, "Side of the pictures in pixels, a multiple of 8.", 16)
flags.DEFINE_integer("steps", 400, "Updates of the autoencoder.", 1)
flags.DEFINE_integer("network_steps", CONFIG.steps, "Updates of the classifier; 0 for none.", 0)

DRAWN = 300
"""How many eyes of each kind are drawn without folders."""


def main() -> None:
    """Pictures, autoencoder, comparison, page."""
    cli.set_precision(FLAGS.precision, FLAGS.strategy)
    options = TrainerOptions(log_every=FLAGS.log_every, save_every=FLAGS.save_every)
    trainer = Trainer(FLAGS.workdir, make_strategy(FLAGS.strategy), options)
    real, synthetic = load_sets()
    cli.keep_settings(FLAGS.workdir, settings())
    autoencoder = train_autoencoder(trainer, np.concatenate([real.images, synthetic.images]))
    if not trainer.chief:
        return
    autoencoder.save(Path(FLAGS.workdir) / "autoencoder.keras")
    spaces = [pixel_features(), keras_features(encoder_of(autoencoder), "autoencoder")]
    title = "drawn eyes" if FLAGS.real is None else f"{FLAGS.real} and {FLAGS.synthetic}"
    config = replace(CONFIG, steps=FLAGS.network_steps)
    compare_options = CompareOptions(
        features=spaces, network=Network(config=config) if config.steps else None, seed=FLAGS.seed
    )
    comparison = compare(
        real, synthetic, compare_options, workdir=FLAGS.workdir, title=title, report=print
    )
    print(f"{comparison.summary}\npage: {comparison.save(FLAGS.workdir)}")


def settings() -> dict:
    """The settings that identify the run."""
    names = ("real", "synthetic", "size", "steps", "batch_size", "seed", "precision")
    return {name: FLAGS[name].value for name in names}


def load_sets() -> tuple[PictureSet, PictureSet]:
    """Real and synthetic pictures, from folders or drawn by rule."""
    if not FLAGS.real and not FLAGS.synthetic:
        first = 10 * FLAGS.seed
        return (
            named(camera_eyes(DRAWN, first, FLAGS.size).images, "camera"),
            named(rendered_eyes(DRAWN, first + 1, FLAGS.size).images, "render"),
        )
    if not FLAGS.real or not FLAGS.synthetic:
        raise ValueError(
            "Pass both --real and --synthetic, or neither. "
            f"Received: real={FLAGS.real!r}, synthetic={FLAGS.synthetic!r}"
        )
    return read(FLAGS.real), read(FLAGS.synthetic)


def named(images: np.ndarray, prefix: str) -> PictureSet:
    """Drawn pictures, each a source of its own."""
    names = [f"{prefix} {number}" for number in range(len(images))]
    return PictureSet(images, names, names)


def read(folder: str) -> PictureSet:
    """A folder's pictures; each of its subfolders is a source, if there are several."""
    found = read_folder(folder, FLAGS.size)
    names = [unicode_name(path.relative_to(folder)) for path in found.paths]
    parents = [str(Path(name).parent) for name in names]
    return PictureSet(found.images, names, parents if len(set(parents)) > 1 else names)


def train_autoencoder(trainer: Trainer, images: np.ndarray) -> keras.Model:
    """One autoencoder for both sets."""
    keras.utils.set_random_seed(FLAGS.seed)
    with trainer.scope():
        network = build_autoencoder(images.shape[1:])
        step = AutoencoderStep(network, Player(network, keras.optimizers.Adam(1e-3)))
    pictures = Pictures.from_array(images, np.zeros(len(images), np.int32))
    batches = labelled(pictures, FLAGS.batch_size, seed=FLAGS.seed)
    trainer.run(step, batches, FLAGS.steps)
    return network


if __name__ == "__main__":
    cli.run_example(main)
