"""Trains networks that add smoke to clean pictures and remove it again, without pairs.

    python examples/train_smoke_cyclegan.py

Without folders it draws clean rooms and streets, and others with smoke, denser and rougher than
that of ``add_smoke`` by default. With your own pictures, two folders without pairs:

    python examples/train_smoke_cyclegan.py --source CLEAN --target SMOKY \
        --test_source DIR --test_target DIR --features SAVED_MODEL --size 64 --width 32 \
        --minutes 90 --workdir runs/mine

``--method cut`` trains one direction only, in half the time. ``--start overlay`` first adds smoke
by rule to the source pictures: the network then only has to make it look real, and its known
density stays a valid annotation.

The default job, with pictures of 32 pixels, takes about two minutes on a CPU core: enough to see
that every part works. Its pictures are mottled where the change map is light, and have no smoke
yet. Train on photographs for hours. Reduced pixels, the features without ``--features``, hardly
distinguish smoky from clean pictures: their distances mean little here.

It writes to the work folder: translated.png (source | translated | back | change map), losses.png,
figures.json (distances to real smoky pictures, how much of the structure is kept and, for
``--start overlay``, whether the smoke still matches its mask); and a SavedModel of each direction
below --export_to. It can be interrupted at any time: the same command resumes it.
"""

from __future__ import annotations

from kerasgen import cli

cli.quiet_start()

import dataclasses
from pathlib import Path

import keras
import numpy as np
from absl import flags, logging

from kerasgen import cyclegan
from kerasgen.data import Augmentation, Pictures, domain_remarks, unpaired
from kerasgen.deployment import ServedModel, check_export, export_translator
from kerasgen.evaluation.features import FeatureExtractor, pixel_features, saved_model_features
from kerasgen.evaluation.judges import translator
from kerasgen.evaluation.reports import figure_lines, save_loss_curves
from kerasgen.io import Preprocessing, labelled_sheet, save_png, to_uint8
from kerasgen.procedural.scenery import camera_scenes
from kerasgen.procedural.smoke.overlay import smoky_copies
from kerasgen.training import Trainer, TrainerOptions, make_strategy, sample_sheet

FLAGS = flags.FLAGS
cli.define_training_flags(workdir="runs/smoke_cyclegan", batch_size=4)
cli.define_length_flags(steps=1200)
flags.DEFINE_string("source", None, "Folder of clean pictures; drawn by rule without it.")
flags.DEFINE_string("target", None, "Folder of smoky pictures; drawn by rule without it.")
flags.DEFINE_string("test_source", None, "Clean pictures for testing; part of --source by default.")
flags.DEFINE_string("test_target", None, "Smoky pictures for testing; part of --target by default.")
flags.DEFINE_integer("gap", 0, "Pictures of each folder left out before its test part.", 0)
flags.DEFINE_enum("method", "cyclegan", ["cyclegan", "cut"], "Both directions, or one (CUT).")
flags.DEFINE_enum("start", "clean", ["clean", "overlay"], "Sources: clean, or with drawn smoke.")
flags.DEFINE_integer("size", 32, "Side of the pictures in pixels, a multiple of 4.", 16)
flags.DEFINE_integer("width", 16, "Channels of the generators' first feature map.", 1)
flags.DEFINE_integer("blocks", None, "Residual blocks; the published number by default.", 1)
flags.DEFINE_integer("halvings", 2, "Of the discriminators; 2 judge squares of 34 pixels.", 1)
# The authors' is 10; but smoke hides what is behind it, so that the cycle cannot be exact.
flags.DEFINE_float("cycle_weight", 3.0, "Of cyclegan: weight of the cycle loss.", 0)
flags.DEFINE_bool("change_mask", True, "Networks predict where they change a picture.")
flags.DEFINE_string("features", None, "SavedModel whose features are compared; pixels without it.")

DRAWN = {"source": 300, "target": 300, "test_source": 60, "test_target": 60}
"""How many pictures are drawn without folders."""

LEAST_DENSITY = 0.1
"""Share of a pixel's light that smoke hides, for the pixel to count as smoke."""

FEWEST = 4
"""Fewest test pictures of a domain between which a distance can be measured."""

SAMPLE_ROWS, FINAL_ROWS = 8, 32
"""Rows of the sheets during training and of the model card, and of the last."""


def main() -> None:
    """Data, networks, training, figures, sheets, export."""
    cli.set_precision(FLAGS.precision, FLAGS.strategy)
    # What could fail at the end of a long run is checked before it begins.
    check_export(FLAGS.export_to)
    cyclegan.blocks_for((FLAGS.size, FLAGS.size, 3))
    options = TrainerOptions(log_every=FLAGS.log_every, save_every=FLAGS.save_every)
    trainer = Trainer(FLAGS.workdir, make_strategy(FLAGS.strategy), options)
    extractor = saved_model_features(FLAGS.features) if FLAGS.features else pixel_features()
    sets = load_sets()
    extractor(sets.test_target[:2])
    starts = started(sets)
    if network := cli.kept_network():
        finish({"forward": network}, sets, starts, extractor)
        return
    cli.keep_settings(FLAGS.workdir, settings())
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
        Path(FLAGS.workdir) / "samples", lambda: draw_samples(step, starts), every=1000
    )
    trainer.run(step, batches, steps, actions=[sheets])
    if not trainer.chief:
        return
    save_loss_curves(
        {"train": trainer.workdir / "train" / "history.csv"}, trainer.workdir / "losses.png"
    )
    with step.generator_player.averaged():
        finish(directions(step), sets, starts, extractor)


def settings() -> dict:
    """The settings that identify the run; the trainer compares pictures and schedule."""
    names = ("method", "start", "size", "width", "blocks", "halvings", "cycle_weight")
    more = ("change_mask", "batch_size", "seed", "precision")
    return {name: FLAGS[name].value for name in (*names, *more)}


def load_sets() -> translator.TranslationSets:
    """The four sets, from folders or drawn by rule."""
    if not FLAGS.source and not FLAGS.target:
        return draw_sets()
    if not FLAGS.source or not FLAGS.target:
        raise ValueError(
            "Pass both --source and --target, or neither. "
            f"Received: source={FLAGS.source!r}, target={FLAGS.target!r}"
        )
    if Path(FLAGS.source).resolve() == Path(FLAGS.target).resolve():
        raise ValueError(
            f"--source and --target must be two folders. Received: both {FLAGS.source!r}"
        )
    source, test_source = cli.load_domain(
        FLAGS.source, FLAGS.size, FLAGS.test_source, gap=FLAGS.gap
    )
    target, test_target = cli.load_domain(
        FLAGS.target, FLAGS.size, FLAGS.test_target, gap=FLAGS.gap
    )
    for remark in domain_remarks(source, target):
        logging.warning("%s", remark)
    fewest = min(len(test_source), len(test_target))
    if fewest < FEWEST:
        raise ValueError(
            f"At least {FEWEST} pictures of each domain are needed for testing: add some, or pass "
            f"--test_source and --test_target. Received: {fewest}"
        )
    return translator.TranslationSets(source, target, test_source, test_target)


def draw_sets() -> translator.TranslationSets:
    """Scenes drawn by rule; the four sets share none."""
    sets = []
    for number, (name, count) in enumerate(DRAWN.items()):
        seed, smoky = 10 * FLAGS.seed + number, "target" in name
        sets.append(camera_scenes(count, seed, FLAGS.size, smoky=smoky).images)
    return translator.TranslationSets(*sets)


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
    # A longer average would still contain the first, random weights.
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
    """The generator of one direction."""
    blocks = FLAGS.blocks or cyclegan.blocks_for((FLAGS.size, FLAGS.size, 3))
    return cyclegan.build_generator(
        width=FLAGS.width, blocks=blocks, change_mask=FLAGS.change_mask, name=name
    )


def build_discriminator(name: str) -> keras.Model:
    """The discriminator of one domain."""
    return cyclegan.build_discriminator(width=2 * FLAGS.width, halvings=FLAGS.halvings, name=name)


def directions(
    step: cyclegan.CycleGANStep | cyclegan.ContrastiveStep,
) -> dict[str, keras.Model]:
    """The trained generators by direction."""
    if isinstance(step, cyclegan.CycleGANStep):
        return {"forward": step.forward, "backward": step.backward}
    return {"forward": step.generator}


def finish(
    networks: dict[str, keras.Model],
    sets: translator.TranslationSets,
    starts: translator.TranslationSets,
    extractor: FeatureExtractor,
) -> None:
    """Sheet, SavedModels, and figures of the forward one."""
    workdir = Path(FLAGS.workdir)
    save_png(workdir / "translated.png", draw_sheet(networks, starts, FINAL_ROWS))
    sheet = draw_sheet(networks, starts, SAMPLE_ROWS)

    def measure(served: ServedModel) -> dict:
        figures = measure_forward(served, sets, starts, extractor)
        cli.write_json(workdir / "figures.json", figures)
        print("\n".join(figure_lines(figures)))
        return {"figures": figures}

    for direction, network in networks.items():
        probes = (starts if direction == "forward" else sets).test_source[:4]
        exported = export_translator(
            network,
            FLAGS.export_to,
            name_of(direction),
            preprocessing=Preprocessing(FLAGS.size, FLAGS.size),
            card=model_card(direction, starts),
            probes=probes,
            measure=measure if direction == "forward" else None,
            sheet=sheet,
        )
        print(f"model: {exported}")
    print(f"sheet: {workdir / 'translated.png'}")


def name_of(direction: str) -> str:
    """The name of the model of one direction; --name is that of the forward one."""
    if FLAGS.name is None:
        return f"smoke_{FLAGS.method}_{direction}"
    return FLAGS.name if direction == "forward" else f"{FLAGS.name}_{direction}"


def measure_forward(
    served: ServedModel,
    sets: translator.TranslationSets,
    starts: translator.TranslationSets,
    extractor: FeatureExtractor,
) -> dict:
    """Figures of the exported forward generator, beside smoke drawn by rule."""
    inputs = starts.test_source
    parts = [inputs[start : start + 16] for start in range(0, len(inputs), 16)]
    found = [served.change(part, range(len(part)))["picture"] for part in parts]
    overlay = smoky_copies(sets.test_source, 10 * FLAGS.seed + 1)
    arms = {"translated": to_uint8(np.concatenate(found)), "overlay": overlay.images}
    figures = {
        **translator.measure_arrival(arms, sets, extractor, seed=FLAGS.seed),
        "structure_kept": {
            name: dataclasses.asdict(translator.structure_kept(sets.test_source, pictures))
            for name, pictures in arms.items()
        },
    }
    if FLAGS.start == "overlay":
        mask = overlay.density > LEAST_DENSITY
        figures["mask_kept"] = {
            name: dataclasses.asdict(translator.mask_kept(sets.test_source, pictures, mask))
            for name, pictures in arms.items()
        }
    return figures


def draw_samples(
    step: cyclegan.CycleGANStep | cyclegan.ContrastiveStep, starts: translator.TranslationSets
) -> np.ndarray:
    """The sheet of the averaged weights."""
    with step.generator_player.averaged():
        return draw_sheet(directions(step), starts, SAMPLE_ROWS)


def draw_sheet(
    networks: dict[str, keras.Model], starts: translator.TranslationSets, rows: int
) -> np.ndarray:
    """Source | translated | back, with a backward network | change map, if there is one."""
    shown = starts.test_source[:rows]
    forward = translator.translating_function(networks["forward"])(shown)
    columns: dict[str, np.ndarray] = {"source": shown, "translated": forward.pictures}
    if "backward" in networks:
        back = translator.translating_function(networks["backward"])
        columns["back"] = back(forward.pictures).pictures
    if forward.change is not None:
        levels = np.rint(255 * forward.change).astype(np.uint8)
        columns["change"] = np.repeat(levels, 3, axis=-1)
    return labelled_sheet(columns)


def model_card(direction: str, sets: translator.TranslationSets) -> dict:
    """The model card."""
    drawn = None if FLAGS.source else "kerasgen.procedural.scenery"
    before = "clean picture" if FLAGS.start == "clean" else "picture with smoke drawn by rule"
    tasks = {"forward": f"{before} -> smoky picture", "backward": "smoky -> clean picture"}
    by_rule = "Its scenes and their smoke are drawn by rule: it has seen no photograph."
    card = {
        "task": tasks[direction],
        "limits": [by_rule] if drawn else [],
        "headline": ["structure_kept, translated", "mask_kept, translated"],
        "settings": settings(),
        "pictures": {
            name: len(getattr(sets, name))
            for name in ("source", "target", "test_source", "test_target")
        },
    }
    return cli.run_card(card, {"train": FLAGS.batch_size}, drawn=drawn)


if __name__ == "__main__":
    cli.run_example(main)
