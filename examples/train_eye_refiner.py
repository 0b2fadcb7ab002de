"""Trains a refiner that makes rendered eyes look real, and measures realism and geometry.

    python examples/train_eye_refiner.py --prefit 2000

Without folders it draws eyes: clean renders, and eyes of the same model as a cheap camera sees
them. With your own pictures:

    python examples/train_eye_refiner.py --rendered DIR --real DIR --test_real DIR \
        --features SAVED_MODEL --workdir runs/mine

The default job takes two and a half minutes on two CPU cores. Expect eyes with the colours,
softness and grain of the camera-like ones, and the pupil about a quarter of a pixel from where it
was drawn.

It writes to the work folder: refined.png (rendered | refined | nearest real), losses.png,
figures.json; and a SavedModel below --export_to. It can be interrupted at any time (Ctrl-C,
SIGTERM, power): the same command resumes it, to the same weights.
"""

from __future__ import annotations

from kerasgen import cli

cli.quiet_start()

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from absl import flags

from kerasgen import refiner
from kerasgen.data import Augmentation, Batches, Pictures, balancing_repeats, unpaired
from kerasgen.deployment import ServedModel, check_export, export_refiner
from kerasgen.evaluation.features import FeatureExtractor, pixel_features, saved_model_features
from kerasgen.evaluation.judges import refiner as refinement
from kerasgen.evaluation.reports import figure_lines, save_loss_curves
from kerasgen.io import Preprocessing, labelled_sheet, save_png, to_float, to_uint8
from kerasgen.procedural import camera_eyes, rendered_eyes
from kerasgen.training import (
    BINARY_CROSS_ENTROPY,
    STYLE_SIZE,
    Player,
    Trainer,
    TrainerOptions,
    make_strategy,
    pixel_l1,
    sample_sheet,
)
from kerasgen.training.colour_moments import colour_moments

FLAGS = flags.FLAGS
cli.define_training_flags(workdir="runs/eye_refiner", batch_size=8)
flags.DEFINE_integer("prefit", 2000, "Updates of the first stage (L1 pass-through).", 0)
flags.DEFINE_integer("steps", 3000, "Updates of the second stage (adversarial).", 0)
flags.DEFINE_integer("prefit_batch_size", None, "Of the first stage; 2 per replica by default.", 2)
flags.DEFINE_enum("model", "dcgan", ["dcgan", "residual", "original"], "Which networks.")
flags.DEFINE_integer("image_size", 64, "Side of the pictures in pixels.", 32)
flags.DEFINE_string("rendered", None, "Folder of renders; drawn by rule without it.")
flags.DEFINE_string("real", None, "Folder of photographs; drawn by rule without it.")
flags.DEFINE_string("test_rendered", None, "Renders of other poses; part of --rendered by default.")
flags.DEFINE_string("test_real", None, "Photographs for testing; part of --real by default.")
flags.DEFINE_integer("gap", 0, "Pictures of each folder left out before its test part.", 0)
flags.DEFINE_string("features", None, "SavedModel whose features are compared; pixels without it.")

FEWEST = 4
"""Fewest pictures of a set between which a distance can be measured."""

DRAWN = {"rendered": 400, "real": 800, "test_rendered": 100, "test_real": 200}
"""How many eyes are drawn without folders."""


def main() -> None:
    """Data, networks, two stages, figures, export."""
    cli.set_precision(FLAGS.precision, FLAGS.strategy)
    # What could fail at the end of a long run is checked before it begins.
    check_export(FLAGS.export_to)
    options = TrainerOptions(log_every=FLAGS.log_every, save_every=FLAGS.save_every)
    trainer = Trainer(FLAGS.workdir, make_strategy(FLAGS.strategy), options)
    extractor = saved_model_features(FLAGS.features) if FLAGS.features else pixel_features()
    sets = load_eyes()
    extractor(sets.test_real[:2])
    if network := cli.kept_network():
        finish(network, sets, extractor)
        return
    cli.keep_settings(FLAGS.workdir, settings())
    replicas = trainer.strategy.num_replicas_in_sync
    keras.utils.set_random_seed(FLAGS.seed)
    with trainer.scope():
        prefit, refine = build_stages(replicas)
    first = eye_batches(sets, FLAGS.prefit_batch_size or 2 * replicas)
    trainer.run(prefit, first, FLAGS.prefit, phase="prefit")
    second = eye_batches(sets, FLAGS.batch_size)
    sheets = sample_sheet(
        Path(FLAGS.workdir) / "samples",
        lambda: draw_samples(refine, sets, second),
        every=1000,
    )
    trainer.run(refine, second, FLAGS.steps, phase="refine", actions=[sheets])
    if not trainer.chief:
        return
    histories = {name: trainer.workdir / name / "history.csv" for name in ("prefit", "refine")}
    save_loss_curves(histories, trainer.workdir / "losses.png")
    with refine.averaged(second):
        finish(refine.generator, sets, extractor)


def settings() -> dict:
    """The settings that identify the run; the trainer compares pictures and schedules."""
    names = ("model", "image_size", "batch_size", "seed", "precision")
    return {name: FLAGS[name].value for name in names}


def load_eyes() -> refinement.EyeSets:
    """The four sets, from folders or drawn by rule."""
    if not FLAGS.rendered and not FLAGS.real:
        return draw_eyes()
    if not FLAGS.rendered or not FLAGS.real:
        raise ValueError(
            "Pass both --rendered and --real, or neither. "
            f"Received: rendered={FLAGS.rendered!r}, real={FLAGS.real!r}"
        )
    rendered, test_rendered = cli.load_domain(
        FLAGS.rendered, FLAGS.image_size, FLAGS.test_rendered, gap=FLAGS.gap
    )
    real, test_real = cli.load_domain(FLAGS.real, FLAGS.image_size, FLAGS.test_real, gap=FLAGS.gap)
    check_counts({"real": real, "test_rendered": test_rendered, "test_real": test_real})
    return refinement.EyeSets(rendered, real, test_rendered, test_real)


def check_counts(sets: Mapping[str, np.ndarray]) -> None:
    """Checks that the pictures suffice to measure distances."""
    counts = {name: len(images) for name, images in sets.items()}
    if min(counts.values()) < FEWEST:
        raise ValueError(
            f"At least {FEWEST} real pictures for training, and {FEWEST} of each kind for testing, "
            "are needed: add some, or pass --test_rendered and --test_real. "
            f"Received: {', '.join(f'{name}={count}' for name, count in counts.items())}"
        )


def draw_eyes() -> refinement.EyeSets:
    """Eyes drawn by rule; the sets share none, and pupil centres of the test eyes are kept."""
    size, first = FLAGS.image_size, 10 * FLAGS.seed
    test_rendered = rendered_eyes(DRAWN["test_rendered"], first + 2, size)
    test_real = camera_eyes(DRAWN["test_real"], first + 3, size)
    return refinement.EyeSets(
        rendered_eyes(DRAWN["rendered"], first, size).images,
        camera_eyes(DRAWN["real"], first + 1, size).images,
        test_rendered.images,
        test_real.images,
        test_rendered.pupil_centre,
        test_real.pupil_centre,
    )


def finish(network: keras.Model, sets: refinement.EyeSets, extractor: FeatureExtractor) -> None:
    """Figures, sheet and SavedModel."""
    workdir = Path(FLAGS.workdir)
    # Before the figures: should they fail, the sheet is there.
    sheet = draw_sheet(network, sets, extractor)
    save_png(workdir / "refined.png", sheet)

    def measure(served: ServedModel) -> dict:
        function = served_refiner(served)
        figures = {
            **refinement.measure_realism(function, sets, extractor, seed=FLAGS.seed),
            **refinement.measure_geometry(function, sets, seed=FLAGS.seed),
        }
        cli.write_json(workdir / "figures.json", figures)
        print("\n".join(figure_lines(figures)))
        return {"figures": figures}

    exported = export_refiner(
        network,
        FLAGS.export_to,
        FLAGS.name or f"eye_refiner_{FLAGS.model}",
        preprocessing=Preprocessing(FLAGS.image_size, FLAGS.image_size),
        card=model_card(sets),
        measure=measure,
        probes=sets.test_rendered[:4],
        styles=styles_of(network, sets.real),
        sheet=sheet,
    )
    print(f"sheet: {workdir / 'refined.png'}\nmodel: {exported}")


def served_refiner(served: ServedModel) -> refinement.Refine:
    """The exported refiner; the seed picks a style and noise for each picture."""

    def refine(images: np.ndarray, seed: int) -> np.ndarray:
        seeds = np.random.default_rng(seed).integers(2**63, size=len(images)).tolist()
        parts = [slice(start, start + 64) for start in range(0, len(images), 64)]
        found = [served.change(images[part], seeds[part])["picture"] for part in parts]
        return to_uint8(np.concatenate(found))

    return refine


def build_stages(replicas: int) -> tuple[refiner.PrefitStep, refiner.RefinerStep]:
    """Both stages of the chosen model, on the same refiner."""
    for name, multiple in (("prefit_batch_size", 2 * replicas), ("batch_size", replicas)):
        if (FLAGS[name].value or multiple) % multiple:
            raise ValueError(
                f"--{name} must be a multiple of {multiple} on {replicas} replica(s). "
                f"Received: {name}={FLAGS[name].value}"
            )
    size = (FLAGS.image_size, FLAGS.image_size, 3)
    if FLAGS.model == "original":
        return build_original_stages()
    if FLAGS.model == "residual":
        network = refiner.build_residual_refiner(size, width=32, style_size=STYLE_SIZE)
    else:
        network = refiner.build_refiner(size)
    return refiner.build_steps(
        network,
        refiner.build_discriminator(size),
        batch_size=FLAGS.batch_size,
        prefit_steps=FLAGS.prefit,
        refine_steps=FLAGS.steps,
        seed=FLAGS.seed,
    )


def build_original_stages() -> tuple[refiner.PrefitStep, refiner.RefinerStep]:
    """The original networks, losses and optimizers; a step is about a hundred times the work."""
    network = refiner.build_original_refiner()
    judge = refiner.build_original_discriminator()
    prefit = refiner.PrefitStep(
        network, Player(network, keras.optimizers.RMSprop(1e-4)), seed=FLAGS.seed
    )
    refine = refiner.RefinerStep(
        network,
        judge,
        Player(network, keras.optimizers.RMSprop(1e-4)),
        Player(judge, keras.optimizers.RMSprop(1e-3)),
        adversarial=BINARY_CROSS_ENTROPY,
        regularisation=pixel_l1,
        regularisation_weight=refiner.PASS_THROUGH_WEIGHTS["normal"],
        seed=FLAGS.seed,
    )
    return prefit, refine


def eye_batches(sets: refinement.EyeSets, batch_size: int) -> Batches:
    """Unpaired batches; renders are balanced by similarity, rotated, shifted and zoomed."""
    rendered = np.repeat(sets.rendered, balancing_repeats(sets.rendered), axis=0)
    return unpaired(
        Pictures.from_array(rendered),
        Pictures.from_array(sets.real),
        batch_size,
        seed=FLAGS.seed,
        augmentation=Augmentation(rotation=10, shift=0.08, zoom=0.15),
    )


def styles_of(network: keras.Model, photographs: np.ndarray, most: int = 256) -> np.ndarray | None:
    """Styles for the exported model to choose from, if it has a style input."""
    if not refiner.has_input(network, "style"):
        return None
    spread = photographs[:: -(-len(photographs) // most)]
    return colour_moments(to_float(spread)).numpy()


def draw_samples(
    step: refiner.RefinerStep, sets: refinement.EyeSets, batches: Batches
) -> np.ndarray:
    """The sheet of the averaged weights."""
    with step.averaged(batches):
        return draw_sheet(step.generator, sets, pixel_features())


def draw_sheet(
    network: keras.Model, sets: refinement.EyeSets, extractor: FeatureExtractor
) -> np.ndarray:
    """Rendered | refined twice, in other styles | the nearest real training picture."""
    function = refinement.refining_function(network, sets.real)
    seen, unseen = sets.rendered[:: max(1, len(sets.rendered) // 6)][:6], sets.test_rendered[:6]
    renders = np.concatenate([seen, unseen])
    first, second = function(renders, 1), function(renders, 2)
    nearest = refinement.nearest_real(first, sets.real, extractor)
    return labelled_sheet(
        {"rendered": renders, "refined": first, "again": second, "nearest real": nearest}
    )


def model_card(sets: refinement.EyeSets) -> dict:
    """The model card."""
    drawn = None if FLAGS.rendered else "kerasgen.procedural.eyes"
    phases = {"prefit": FLAGS.prefit_batch_size or 2, "refine": FLAGS.batch_size}
    by_rule = "Its renders and its photographs are drawn by rule: train it on yours for yours."
    card = {
        "task": "rendered eye -> real-looking eye, geometry kept",
        "limits": [by_rule] if drawn else [],
        "headline": ["refined_share_of_rendered", "pupil_shift, median"],
        "settings": settings(),
        "prefit_steps": FLAGS.prefit,
        "refine_steps": FLAGS.steps,
        "pictures": {
            name: len(getattr(sets, name))
            for name in ("rendered", "real", "test_rendered", "test_real")
        },
    }
    return cli.run_card(card, phases, drawn=drawn)


if __name__ == "__main__":
    cli.run_example(main)
