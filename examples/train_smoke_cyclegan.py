"""Trains networks that put smoke into clean pictures and take it out again, without pairs.

    python examples/train_smoke_cyclegan.py

With no folders it draws its own: clean rooms and streets, and others with smoke, denser and rougher
than ``add_smoke`` draws it unless told otherwise. With yours, two folders that need not belong
together:

    python examples/train_smoke_cyclegan.py --source CLEAN --target SMOKY \
        --test_source DIR --test_target DIR --features SAVED_MODEL --size 64 --width 32 \
        --minutes 90 --workdir runs/mine

``--method cut`` trains one direction only, in half the time. ``--start overlay`` gives the source
pictures smoke drawn by rule first: the network then only has to make given smoke look real, and the
density that is known stays a true annotation.

The default job, pictures of 32 pixels, takes about two minutes on a CPU core: long enough to see
that every part works, and no more. The pictures are mottled where the change map is light; there is
no smoke yet. Give photographs hours. Reduced pixels, the features without ``--features``, hardly
tell smoky from clean: their distances say little here.

It ends with these in the work folder: translated.png (source | translated | back | change map),
losses.png, figures.json (distances to real smoky pictures, how much of the structure is kept and,
for ``--start overlay``, whether the smoke still is where its mask says); and a SavedModel of each
direction below --export_to. Interrupt it as you like: the same command goes on where it stopped.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from absl import flags, logging

from kerasgen import cli, cyclegan
from kerasgen.data.augmentation import Augmentation
from kerasgen.data.domain_checks import domain_remarks
from kerasgen.data.pipeline import Pictures, unpaired
from kerasgen.deployment.export import export_translator
from kerasgen.evaluation.features.extractors import (
    FeatureExtractor,
    pixel_features,
    saved_model_features,
)
from kerasgen.evaluation.judges import translator
from kerasgen.evaluation.reports.loss_curves import save_loss_curves
from kerasgen.evaluation.reports.terminal import figure_lines
from kerasgen.io.files import check_writable
from kerasgen.io.sheets import labelled_sheet, save_png
from kerasgen.procedural.scenery import camera_scenes
from kerasgen.procedural.smoke.overlay import smoky_copies
from kerasgen.training.sample_sheets import sample_sheet
from kerasgen.training.trainer import Trainer, TrainerOptions, make_strategy

FLAGS = flags.FLAGS
cli.define_training_flags(workdir="runs/smoke_cyclegan", batch_size=4)
cli.define_length_flags(steps=1200)
flags.DEFINE_string("source", None, "Folder of clean pictures; drawn by rule if not given.")
flags.DEFINE_string("target", None, "Folder of smoky pictures; drawn by rule if not given.")
flags.DEFINE_string("test_source", None, "Clean pictures of other origin; else part of --source.")
flags.DEFINE_string("test_target", None, "Smoky pictures of other origin; else part of --target.")
flags.DEFINE_enum("method", "cyclegan", ["cyclegan", "cut"], "Both ways, or one way (CUT).")
flags.DEFINE_enum("start", "clean", ["clean", "overlay"], "What the forward network is given.")
flags.DEFINE_integer("size", 32, "Side of the pictures in pixels, a multiple of 4.", 16)
flags.DEFINE_integer("width", 16, "Channels of the generators' first feature map.", 1)
flags.DEFINE_integer("blocks", None, "Residual blocks; if not given what was published.", 1)
flags.DEFINE_integer("halvings", 2, "Of the discriminators: each judges squares of 34 pixels.", 1)
# The authors' is 10; but smoke hides what is behind it, so the way back cannot be exact.
flags.DEFINE_float("cycle_weight", 3.0, "Of cyclegan: how exact the way back must be.", 0)
flags.DEFINE_bool("change_mask", True, "Networks say where they change a picture.")
flags.DEFINE_string("features", None, "SavedModel to measure on; else the pixels themselves.")
flags.DEFINE_string("licence", "not stated", "Licence of your pictures, for the model card.")

DRAWN = {"source": 300, "target": 300, "test_source": 60, "test_target": 60}
"""How many pictures are drawn where no folders are given."""

SEEN = 0.1
"""Share of a pixel's light that smoke hides, for the pixel to count as smoke."""

FEWEST = 4
"""Test pictures of each domain that a distance can be measured on."""

SHOWN, AT_THE_END = 8, 32
"""Rows of the sheets drawn on the way, and of the last."""


def main() -> None:
    """Data, networks, training, figures, sheets, export."""
    cli.set_precision(FLAGS.precision, FLAGS.strategy)
    # What could fail at the end of a long run is tried before it begins.
    extractor = saved_model_features(FLAGS.features) if FLAGS.features else pixel_features()
    check_writable(FLAGS.export_to)
    cyclegan.blocks_for((FLAGS.size, FLAGS.size, 3))
    options = TrainerOptions(log_every=FLAGS.log_every, save_every=FLAGS.save_every)
    trainer = Trainer(FLAGS.workdir, make_strategy(FLAGS.strategy), options)
    sets = load_sets()
    cli.keep_settings(FLAGS.workdir, settings())
    starts = started(sets)
    batches = unpaired(
        Pictures.from_array(starts.source),
        Pictures.from_array(starts.target),
        FLAGS.batch_size,
        seed=FLAGS.seed,
        augmentation=Augmentation(flip=True),
        target_augmentation=Augmentation(flip=True),
    )
    replicas = trainer.strategy.num_replicas_in_sync
    steps = cli.run_length(trainer.strategy, lambda: build_step(1, replicas), batches)
    keras.utils.set_random_seed(FLAGS.seed)
    with trainer.scope():
        step = build_step(steps, replicas)
    sheets = sample_sheet(
        Path(FLAGS.workdir) / "samples", lambda: draw_sheet(step, starts, SHOWN), every=1000
    )
    trainer.run(step, batches, steps, actions=[sheets])
    with step.generator_player.averaged():
        finish(step, sets, starts, extractor, steps)


def settings() -> dict:
    """What makes this run this run; its length and the export may change on the way."""
    names = ("source", "target", "test_source", "test_target", "method", "start", "size", "width")
    more = ("blocks", "halvings", "cycle_weight", "change_mask", "batch_size", "seed", "precision")
    return {name: FLAGS[name].value for name in (*names, *more)}


def load_sets() -> translator.TranslationSets:
    """The four sets, from folders or drawn by rule."""
    if not FLAGS.source and not FLAGS.target:
        return draw_sets()
    if not FLAGS.source or not FLAGS.target:
        raise ValueError(
            "Give both --source and --target, or neither. "
            f"Received: source={FLAGS.source!r}, target={FLAGS.target!r}"
        )
    if Path(FLAGS.source).resolve() == Path(FLAGS.target).resolve():
        raise ValueError(
            f"--source and --target must be two folders. Received: both {FLAGS.source!r}"
        )
    source, test_source = cli.load_domain(FLAGS.source, FLAGS.size, FLAGS.test_source)
    target, test_target = cli.load_domain(FLAGS.target, FLAGS.size, FLAGS.test_target)
    for remark in domain_remarks(source, target):
        logging.warning("%s", remark)
    fewest = min(len(test_source), len(test_target))
    if fewest < FEWEST:
        raise ValueError(
            f"At least {FEWEST} pictures of each domain are needed for testing: give more, or "
            f"--test_source and --test_target. Received: {fewest}"
        )
    return translator.TranslationSets(source, target, test_source, test_target)


def draw_sets() -> translator.TranslationSets:
    """Scenes drawn by rule; the four sets share none."""
    made = []
    for number, (name, count) in enumerate(DRAWN.items()):
        seed, smoky = 10 * FLAGS.seed + number, "target" in name
        made.append(camera_scenes(count, seed, FLAGS.size, smoky=smoky).images)
    return translator.TranslationSets(*made)


def started(sets: translator.TranslationSets) -> translator.TranslationSets:
    """The sets as the networks see them: source pictures clean, or with smoke drawn by rule."""
    if FLAGS.start == "clean":
        return sets
    first = 10 * FLAGS.seed
    return translator.TranslationSets(
        smoky_copies(sets.source, first).images,
        sets.target,
        smoky_copies(sets.test_source, first + 1).images,
        sets.test_target,
    )


def build_step(steps: int, replicas: int) -> cyclegan.CycleGANStep | cyclegan.ContrastiveStep:
    """The chosen networks, and the step that trains them."""
    if FLAGS.batch_size % replicas:
        raise ValueError(
            f"--batch_size must be a multiple of {replicas} on {replicas} replica(s). "
            f"Received: batch_size={FLAGS.batch_size}"
        )
    shape = (FLAGS.size, FLAGS.size, 3)
    # An average longer than the run would still remember its first, random weights.
    half_life = min(5000, max(1, steps * FLAGS.batch_size // 10))
    options = {"steps": steps, "batch_size": FLAGS.batch_size, "half_life": half_life}
    if FLAGS.method == "cut":
        return cyclegan.build_contrastive_step(
            build_generator("forward"), build_discriminator("target_judge"),
            seed=FLAGS.seed, **options,
        )  # fmt: skip
    return cyclegan.build_step(
        build_generator("forward"),
        build_generator("backward"),
        build_discriminator("source_judge"),
        build_discriminator("target_judge"),
        image_shape=shape,
        cycle_weight=FLAGS.cycle_weight,
        seed=FLAGS.seed,
        **options,
    )


def build_generator(name: str) -> keras.Model:
    """One direction."""
    blocks = FLAGS.blocks or cyclegan.blocks_for((FLAGS.size, FLAGS.size, 3))
    return cyclegan.build_generator(
        width=FLAGS.width, blocks=blocks, change_mask=FLAGS.change_mask, name=name
    )


def build_discriminator(name: str) -> keras.Model:
    """The judge of one domain."""
    return cyclegan.build_discriminator(width=2 * FLAGS.width, halvings=FLAGS.halvings, name=name)


def directions(
    step: cyclegan.CycleGANStep | cyclegan.ContrastiveStep,
) -> dict[str, keras.Model]:
    """The trained generators by direction."""
    if isinstance(step, cyclegan.CycleGANStep):
        return {"forward": step.forward, "backward": step.backward}
    return {"forward": step.generator}


def finish(
    step: cyclegan.CycleGANStep | cyclegan.ContrastiveStep,
    sets: translator.TranslationSets,
    starts: translator.TranslationSets,
    extractor: FeatureExtractor,
    steps: int,
) -> None:
    """Figures, sheet, curves and SavedModels."""
    workdir = Path(FLAGS.workdir)
    networks = directions(step)
    made = translator.translating_function(networks["forward"])(starts.test_source).pictures
    overlay = smoky_copies(sets.test_source, 10 * FLAGS.seed + 1)
    arms = {"translated": made, "overlay": overlay.images}
    figures = {
        **translator.measure_arrival(arms, sets, extractor, seed=FLAGS.seed),
        "structure_kept": {
            name: dataclasses.asdict(translator.structure_kept(sets.test_source, pictures))
            for name, pictures in arms.items()
        },
    }
    if FLAGS.start == "overlay":
        mask = overlay.density > SEEN
        figures["mask_kept"] = {
            name: dataclasses.asdict(translator.mask_kept(sets.test_source, pictures, mask))
            for name, pictures in arms.items()
        }
    cli.write_json(workdir / "figures.json", figures)
    print("\n".join(figure_lines(figures)))
    save_png(workdir / "translated.png", draw_sheet(step, starts, AT_THE_END))
    save_loss_curves({"train": workdir / "train" / "history.csv"}, workdir / "losses.png")
    for direction, network in networks.items():
        probes = (starts if direction == "forward" else sets).test_source[:4]
        exported = export_translator(
            network,
            FLAGS.export_to,
            f"smoke_{FLAGS.method}_{direction}",
            image_size=(FLAGS.size, FLAGS.size),
            card=model_card(direction, starts, figures, steps),
            probes=probes,
        )
        print(f"model: {exported}")
    print(f"sheet: {workdir / 'translated.png'}")


def draw_sheet(
    step: cyclegan.CycleGANStep | cyclegan.ContrastiveStep,
    starts: translator.TranslationSets,
    rows: int,
) -> np.ndarray:
    """Source | translated | back, if there is a way | change map, if the network makes one."""
    shown = starts.test_source[:rows]
    networks = directions(step)
    with step.generator_player.averaged():
        there = translator.translating_function(networks["forward"])(shown)
        columns: dict[str, np.ndarray] = {"source": shown, "translated": there.pictures}
        if "backward" in networks:
            back = translator.translating_function(networks["backward"])
            columns["back"] = back(there.pictures).pictures
    if there.change is not None:
        levels = np.rint(255 * there.change).astype(np.uint8)
        columns["change"] = np.repeat(levels, 3, axis=-1)
    return labelled_sheet(columns)


def model_card(
    direction: str, sets: translator.TranslationSets, figures: Mapping, steps: int
) -> dict:
    """What a user of the model must know."""
    drawn = not FLAGS.source
    tasks = {"forward": "clean picture -> smoky picture", "backward": "smoky -> clean picture"}
    return {
        "task": tasks[direction],
        "settings": settings(),
        "steps": steps,
        "data": "drawn by rule (kerasgen.procedural.scenery)" if drawn else "your folders",
        "licence_of_data": "Apache-2.0, as kerasgen" if drawn else FLAGS.licence,
        "pictures": {
            name: len(getattr(sets, name))
            for name in ("source", "target", "test_source", "test_target")
        },
        "figures": dict(figures),
    }


if __name__ == "__main__":
    cli.run_example(main)
