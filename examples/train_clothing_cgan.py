"""Trains a conditional GAN on pictures of known classes, and measures how good its pictures are.

    python examples/train_clothing_cgan.py

Without data it draws ten kinds of garments by rule, 28x28 grey. With your own, a folder of class
folders, a folder of idx.gz pairs, an .npz or a prepared tensorflow-datasets name:

    python examples/train_clothing_cgan.py --data DIR --minutes 30 --workdir runs/mine
    python examples/train_clothing_cgan.py --data tfds:fashion_mnist --minutes 30

The default job takes about four minutes on two CPU cores. Expect garments whose class a person
recognises, and a classifier trained on them alone some points below one trained on the drawn ones.

It writes to the work folder: classes.png (one column per class, one row per latent), nearest.png
(generated pictures, and under each the nearest training picture), interpolation.png, losses.png,
figures.json; and below --export_to a SavedModel whose inputs are a seed and a label. It can be
interrupted at any time: the same command resumes it.
"""

from __future__ import annotations

from kerasgen import cli

cli.quiet_start()

from pathlib import Path

import keras
import numpy as np
from absl import flags

from kerasgen import cgan
from kerasgen.compositing import on_plain_background
from kerasgen.data import (
    Augmentation,
    Batches,
    LabelledImages,
    Pictures,
    balanced_indices,
    labelled,
    load_labelled,
    stratified_split,
)
from kerasgen.deployment import ServedModel, check_export, export_generator
from kerasgen.evaluation.classifiers import Generate, TrainConfig, train_on_images
from kerasgen.evaluation.features import saved_model_features, unlike_indices
from kerasgen.evaluation.judges import generator as generation
from kerasgen.evaluation.reports import save_loss_curves
from kerasgen.io import Preprocessing, class_name_of, luminance, save_png
from kerasgen.procedural.garments import GARMENTS, drawn_garments
from kerasgen.training import Player, Trainer, TrainerOptions, make_strategy, sample_sheet

FLAGS = flags.FLAGS

cli.define_training_flags(workdir="runs/clothing_cgan", batch_size=64)
cli.define_length_flags(steps=2500)
flags.DEFINE_string("data", None, "Folder, .npz or tfds:NAME; drawn by rule without it.")
flags.DEFINE_list("classes", None, "Names of the classes to use; all by default.")
flags.DEFINE_integer("size", 28, "Side of the pictures in pixels, a multiple of 4.", 8)
flags.DEFINE_enum("channels", "1", ["1", "3"], "1 for grey, 3 for colour.")
flags.DEFINE_enum("fit", "stretch", ["stretch", "crop", "pad"], "How pictures are made square.")
flags.DEFINE_enum(
    "model",
    "modern",
    ["modern", "photographs", "original"],
    'Which networks and schedule; "photographs" is for few pictures of 64 pixels.',
)
flags.DEFINE_enum("sampling", "balanced", ["balanced", "natural"], "Classes equally often, or not.")
flags.DEFINE_bool("plain_background", False, "Train on the foregrounds, on white.")
flags.DEFINE_integer("classifier_steps", 600, "Updates of the classifiers for the figures.", 1)
flags.DEFINE_bool("mirror", False, "Mirror half of the training pictures.")
flags.DEFINE_string("features", None, "SavedModel that finds training pictures like test ones.")
flags.DEFINE_float("drop", 0.03, "With --features: share of such pictures left out.", 0, 1)

DRAWN = {"train": 3000, "test": 600}
"""How many garments are drawn without data."""


def main() -> None:
    """Data, networks, training, figures, sheets, export."""
    cli.set_precision(FLAGS.precision, FLAGS.strategy)
    # What could fail at the end of a long run is checked before it begins.
    check_export(FLAGS.export_to)
    options = TrainerOptions(log_every=FLAGS.log_every, save_every=FLAGS.save_every)
    trainer = Trainer(FLAGS.workdir, make_strategy(FLAGS.strategy), options)
    train, test = load_sets()
    check_sets(train, test)
    if network := cli.kept_network():
        finish(network, train, test)
        return
    cli.keep_settings(FLAGS.workdir, settings())
    batches = make_batches(train)
    steps = cli.run_length(trainer.strategy, lambda: build_step(train, 1), batches)
    keras.utils.set_random_seed(FLAGS.seed)
    with trainer.scope():
        step = build_step(train, steps)
    sheets = sample_sheet(
        Path(FLAGS.workdir) / "samples", lambda: draw_classes(step, train, batches), every=1000
    )
    trainer.run(step, batches, steps, actions=[sheets])
    if not trainer.chief:
        return
    save_loss_curves(
        {"train": trainer.workdir / "train" / "history.csv"}, trainer.workdir / "losses.png"
    )
    with step.averaged(batches):
        finish(step.generator, train, test)


def settings() -> dict:
    """The settings that identify the run; the trainer compares pictures, classes and schedule."""
    names = ("classes", "size", "channels", "fit", "model", "sampling", "plain_background")
    more = ("mirror", "drop", "batch_size", "seed", "precision")
    return {name: FLAGS[name].value for name in (*names, *more)}


def load_sets() -> tuple[LabelledImages, LabelledImages]:
    """Training and test pictures, split before anything is trained."""
    if FLAGS.data is None and FLAGS.features:
        raise ValueError(f"--features needs --data. Received: features={FLAGS.features!r}")
    if FLAGS.data is None:
        return chosen(draw("train", 2 * FLAGS.seed)), chosen(draw("test", 2 * FLAGS.seed + 1))
    transform = on_plain_background if FLAGS.plain_background else None
    form = {"size": FLAGS.size, "channels": int(FLAGS.channels), "fit": FLAGS.fit}
    found = load_labelled(FLAGS.data, **form, transform=transform)
    if FLAGS.features and "test" not in found:
        raise ValueError(
            "--features finds training pictures like those of a test part, and --data has none. "
            f"Received: data={FLAGS.data!r}, features={FLAGS.features!r}"
        )
    if "test" in found:
        return chosen(without_twins(found["train"])), chosen(found["test"])
    kept, held_out = stratified_split(found["train"].labels, cli.HELD_OUT, FLAGS.seed)
    print(
        f"{FLAGS.data}: {len(held_out)} pictures, {cli.HELD_OUT:.0%} of every class, "
        "are for testing."
    )
    return chosen(found["train"].at(kept)), chosen(found["train"].at(held_out))


def without_twins(train: LabelledImages) -> LabelledImages:
    """Without the pictures that are most like one of another part, if there are --features."""
    if FLAGS.features is None:
        return train
    # Compared large and in colour, whatever the network is trained on.
    large = load_labelled(FLAGS.data, size=128, channels=3)
    own = large.pop("train")
    others = np.concatenate([part.images for part in large.values()])
    kept = unlike_indices(own.images, others, saved_model_features(FLAGS.features), FLAGS.drop)
    left_out = len(train.labels) - len(kept)
    print(f"{left_out} of {len(train.labels)} training pictures are left out: like test pictures.")
    return train.at(kept)


def draw(name: str, seed: int) -> LabelledImages:
    """Garments drawn by rule; the two sets share none."""
    batch = drawn_garments(DRAWN[name], seed, FLAGS.size)
    images = batch.images
    if FLAGS.channels == "1":
        # Rec. 601 luminance, as Pillow's conversion to grey.
        images = np.rint(luminance(images, np.float64))[..., None].astype(np.uint8)
    names = tuple(f"drawn-{name}-{seed}#{index}" for index in range(len(images)))
    return LabelledImages(images, batch.labels, GARMENTS, names)


def chosen(pictures: LabelledImages) -> LabelledImages:
    """Only the classes of --classes, numbered in that order."""
    if not FLAGS.classes:
        return pictures
    classes = tuple(map(class_name_of, FLAGS.classes))
    unknown = sorted(set(classes) - set(pictures.class_names))
    if unknown:
        raise ValueError(
            f"--classes has names that the data does not have; it has "
            f"{', '.join(pictures.class_names)}. Received: {', '.join(unknown)}"
        )
    number = {pictures.class_names.index(name): new for new, name in enumerate(classes)}
    kept = pictures.at(np.flatnonzero(np.isin(pictures.labels, list(number))))
    labels = np.array([number[label] for label in kept.labels], np.int32)
    return LabelledImages(kept.images, labels, classes, kept.names)


def check_sets(train: LabelledImages, test: LabelledImages) -> None:
    """Checks that there are classes to tell apart, with pictures of each in both sets."""
    if len(train.class_names) < 2:
        raise ValueError(
            "The figures need at least two classes: is the folder one level too low? "
            f"Received: {', '.join(train.class_names)}"
        )
    for name, pictures in (("training", train), ("test", test)):
        counts = np.bincount(pictures.labels, minlength=len(train.class_names))
        missing = [train.class_names[label] for label in np.flatnonzero(counts == 0)]
        if missing:
            raise ValueError(
                f"There is no {name} picture of {', '.join(missing)}: add some, or leave the class "
                f"out with --classes. Received: data={FLAGS.data!r}"
            )


def make_batches(train: LabelledImages) -> Batches:
    """Training batches; half as large for the original schedule, whose other half are fakes."""
    if FLAGS.sampling == "balanced":
        train = train.at(balanced_indices(train.labels, FLAGS.seed))
    pictures = Pictures.from_array(train.images, train.labels, class_names=train.class_names)
    augmentation = Augmentation(flip=FLAGS.mirror)
    if FLAGS.model == "original":
        if FLAGS.batch_size % 2:
            raise ValueError(f"--batch_size must be even. Received: {FLAGS.batch_size}")
        half = FLAGS.batch_size // 2
        return labelled(pictures, half, seed=FLAGS.seed, augmentation=augmentation)
    return labelled(
        pictures,
        FLAGS.batch_size,
        seed=FLAGS.seed,
        latent_size=cgan.LATENT_SIZE,
        augmentation=augmentation,
    )


def build_step(train: LabelledImages, steps: int) -> cgan.CGANStep | cgan.OriginalCGANStep:
    """The chosen networks, and the step that trains them."""
    shape, count = train.images.shape[1:], len(train.class_names)
    if FLAGS.model != "original":
        changes = cgan.PHOTOGRAPHS if FLAGS.model == "photographs" else {}
        return cgan.build_step(
            cgan.build_generator(shape, count, **changes.get("generator", {})),
            cgan.build_discriminator(shape, count),
            num_classes=count,
            steps=steps,
            batch_size=FLAGS.batch_size,
            balanced=FLAGS.sampling == "balanced",
            seed=FLAGS.seed,
            **changes.get("step", {}),
        )
    builders = cgan.build_original_generator, cgan.build_original_discriminator
    networks = [build(shape, count) for build in builders]
    players = [Player(each, keras.optimizers.Adam(2e-4, beta_1=0.5)) for each in networks]
    return cgan.OriginalCGANStep(*networks, *players, num_classes=count, seed=FLAGS.seed)


def finish(generator: keras.Model, train: LabelledImages, test: LabelledImages) -> None:
    """Figures, sheets and SavedModel."""
    workdir, names = Path(FLAGS.workdir), train.class_names
    generate, latent_size = inference(generator), generator.inputs[0].shape[1]
    sheet = generation.class_sheet(generate, latent_size, names)
    save_png(workdir / "classes.png", sheet)
    save_png(
        workdir / "interpolation.png",
        generation.interpolation_sheet(generate, latent_size, len(names)),
    )
    samples = generation.sample(generate, latent_size, np.arange(48) % len(names), seed=1)
    save_png(workdir / "nearest.png", generation.nearest_sheet(samples, train.images))

    def measure(served: ServedModel) -> dict:
        print("Training two classifiers, one on real and one on generated pictures.")
        config = TrainConfig(steps=FLAGS.classifier_steps)
        judges = [train_on_images(train, config, seed=0)]
        figures = generation.measure_generator(
            served.draw, latent_size, train, test, config, judges
        )
        cli.write_json(workdir / "figures.json", figures)
        print("\n".join(generation.summary_lines(figures)))
        return {"figures": figures}

    exported = export_generator(
        generator,
        FLAGS.export_to,
        FLAGS.name or f"clothing_cgan_{FLAGS.model}",
        class_names=names,
        card=model_card(train, test),
        preprocessing=form_of(train),
        measure=measure,
        sheet=sheet,
    )
    print(f"sheets: {workdir / 'classes.png'}, nearest.png, interpolation.png\nmodel: {exported}")


def form_of(train: LabelledImages) -> Preprocessing | None:
    """How the files of --data became pictures."""
    return None if FLAGS.data is None else Preprocessing(*train.images.shape[1:], FLAGS.fit)


def inference(generator: keras.Model) -> Generate:
    """The generator in inference mode."""
    return lambda latents, labels: generator([latents, labels], training=False)


def draw_classes(
    step: cgan.CGANStep | cgan.OriginalCGANStep, train: LabelledImages, batches: Batches
) -> np.ndarray:
    """The class sheet, from the averaged weights."""
    generator = step.generator
    with step.averaged(batches):
        return generation.class_sheet(
            inference(generator), generator.inputs[0].shape[1], train.class_names
        )


def model_card(train: LabelledImages, test: LabelledImages) -> dict:
    """The model card."""
    drawn = "kerasgen.procedural.garments" if FLAGS.data is None else None
    limits = ["Its garments are drawn by rule: it has seen no photograph."] if drawn else []
    card = {
        "task": "class label and seed -> picture",
        "limits": limits,
        "headline": ["generated, accuracy", "real, accuracy", "label_fidelity"],
        "settings": settings(),
        "pictures": {"train": len(train.labels), "test": len(test.labels)},
        "pictures_of_class": dict(
            zip(train.class_names, np.bincount(train.labels).tolist(), strict=True)
        ),
    }
    return cli.run_card(card, {"train": FLAGS.batch_size}, drawn=drawn)


if __name__ == "__main__":
    cli.run_example(main)
