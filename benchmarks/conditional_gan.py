"""How useful are generated pictures to a classifier, compared with real ones? One table.

    python benchmarks/conditional_gan.py --data DIR --steps 40000

Each arm's GANs are trained with several seeds on the same training pictures, in folders of their
own. For each GAN, classifiers with several seeds are trained on generated pictures alone and tested
on real ones, as are the same classifiers trained on real pictures with as many updates (Ravuri &
Vinyals 2019, arXiv:1905.10887). Label fidelity is the share of generated pictures that a classifier
trained on real ones puts into the requested class. ``--validate`` tests on the validation part or,
without one, on held-out training pictures: for model selection.

``--help_at 0.5`` also measures whether the pictures help in addition to real ones: classifiers are
trained equally long on real pictures, the same augmented, and both with half of each batch
generated; differences to real alone are paired, over classifiers and test pictures. ``--features``
(a SavedModel) first drops the training pictures most similar to a test picture: near-duplicates.

``--write 48000`` writes as many pictures of each GAN for ``kerasgen prove`` (``pictures.npz``), all
classes equally often. ``--amount 500`` trains the GANs on 500 pictures, and writes them
(``real.npz``) and a fifth as many others (``validation.npz``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from absl import app, flags

from kerasgen import cgan, cli
from kerasgen.data import (
    Augmentation,
    Batches,
    LabelledImages,
    Pictures,
    balanced_indices,
    labelled,
    load_labelled,
    save_labelled,
    stratified_split,
)
from kerasgen.evaluation import Estimate
from kerasgen.evaluation.classifiers import (
    Generate,
    TrainConfig,
    mean_f1,
    predict,
    share_right,
    train_on_images,
)
from kerasgen.evaluation.features import saved_model_features, unlike_indices
from kerasgen.evaluation.judges import generator as generation
from kerasgen.evaluation.utility import arms as utility
from kerasgen.evaluation.utility import nested_order, verdict
from kerasgen.io import read_json, save_png
from kerasgen.training import Player, Trainer, TrainerOptions, minutes_of

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "As in train_clothing_cgan.py.", required=True)
flags.DEFINE_integer("size", 28, "Side of the pictures in pixels.", 8)
flags.DEFINE_enum("channels", "1", ["1", "3"], "1 for grey, 3 for colour.")
flags.DEFINE_enum("fit", "stretch", ["stretch", "crop", "pad"], "How pictures are made square.")
flags.DEFINE_string("workdir", "runs/conditional_gan", "Folder of all runs.")
flags.DEFINE_list("arms", ["modern"], "Arms, each NAME or NAME:STEPS.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds of the GANs.")
flags.DEFINE_integer("classifier_seeds", 2, "Classifiers for each GAN.", 1)
flags.DEFINE_integer("classifier_steps", 2000, "Updates of a classifier.", 1)
flags.DEFINE_integer("steps", 40000, "Updates of a GAN whose arm has no STEPS.", 1)
flags.DEFINE_integer("classifier_width", 32, "Channels of a classifier's first layers.", 1)
flags.DEFINE_bool("validate", False, "Test on the validation part, or on a sixth of train.")
flags.DEFINE_float("help_at", None, "Share of generated pictures in the mixed arms.", 0, 1)
flags.DEFINE_string("features", None, "SavedModel to find near-duplicates of test pictures.")
flags.DEFINE_float("drop", 0.03, "Share of the training pictures dropped with --features.", 0, 1)
flags.DEFINE_integer("write", 0, "Pictures of each GAN to write.", 0)
flags.DEFINE_integer("amount", None, "Training pictures of the GANs; all by default.", 5)
flags.DEFINE_bool("mirror", False, "Mirror half of the GANs' real pictures.")

BATCH = 64
ARMS: dict[str, dict[str, Any]] = {
    "modern": {},
    "group-norm": {"generator": {"normalization": "group"}},
    "no-penalty": {"penalty": 0.0},
    "no-class-head": {"discriminator": {"class_head": False}},
    "translation": {"policy": ("translation",)},
    "colour-translation": {"policy": ("colour", "translation")},
    "photographs": {"generator": cgan.PHOTOGRAPHS["generator"], **cgan.PHOTOGRAPHS["step"]},
}
"""The default, and the default with one change; "photographs", for few colour pictures of 64
pixels, with a generator that a CPU can train. "original" is another arm."""


def load() -> tuple[LabelledImages, LabelledImages]:
    """Training pictures and test pictures."""
    form = {"size": FLAGS.size, "channels": int(FLAGS.channels), "fit": FLAGS.fit}
    found = load_labelled(FLAGS.data, **form)
    train = found["train"]
    if FLAGS.features:
        train = without_near_duplicates(train)
    if FLAGS.amount is not None:
        train = part_of(train)
    if not FLAGS.validate:
        return train, found["test"]
    if "validation" in found:
        return train, found["validation"]
    kept, held_out = stratified_split(train.labels, 1 / 6, seed=0)
    return train.at(kept), train.at(held_out)


def part_of(train: LabelledImages) -> LabelledImages:
    """``--amount`` pictures; they and some others are written, for ``kerasgen prove``."""
    order = nested_order(train.names, train.labels, 0)[: FLAGS.amount + FLAGS.amount // 5]
    for name, part in (("real", order[: FLAGS.amount]), ("validation", order[FLAGS.amount :])):
        if len(part):
            save_labelled(Path(FLAGS.workdir) / f"{name}.npz", train.at(part))
    return train.at(order[: FLAGS.amount])


def without_near_duplicates(train: LabelledImages) -> LabelledImages:
    """Without the training pictures that are most similar to one of another part."""
    # Compared large and in colour, whatever the GAN is trained on.
    large = load_labelled(FLAGS.data, size=128, channels=3)
    own = large.pop("train")
    others = np.concatenate([part.images for part in large.values()])
    kept = unlike_indices(own.images, others, saved_model_features(FLAGS.features), FLAGS.drop)
    print(f"{len(train.labels) - len(kept)} training pictures are dropped: near-duplicates.")
    return train.at(kept)


def make_batches(train: LabelledImages, arm: str, seed: int) -> Batches:
    """Classes equally often; half a batch for the original schedule, whose other half are fakes."""
    even = train.at(balanced_indices(train.labels, seed))
    pictures = Pictures.from_array(even.images, even.labels)
    if arm == "original":
        return labelled(pictures, BATCH // 2, seed=seed)
    return labelled(
        pictures,
        BATCH,
        seed=seed,
        latent_size=cgan.LATENT_SIZE,
        augmentation=Augmentation(flip=FLAGS.mirror),
    )


def build(train: LabelledImages, arm: str, seed: int, steps: int) -> Any:
    """An arm's networks and step."""
    shape, count = train.images.shape[1:], len(train.class_names)
    if arm == "original":
        builders = cgan.build_original_generator, cgan.build_original_discriminator
        networks = [build(shape, count) for build in builders]
        players = [Player(each, keras.optimizers.Adam(2e-4, beta_1=0.5)) for each in networks]
        return cgan.OriginalCGANStep(*networks, *players, num_classes=count, seed=seed)
    changes = dict(ARMS[arm])
    generator = cgan.build_generator(shape, count, **changes.pop("generator", {}))
    judge = cgan.build_discriminator(shape, count, **changes.pop("discriminator", {}))
    return cgan.build_step(
        generator, judge, num_classes=count, steps=steps, batch_size=BATCH, seed=seed, **changes
    )


def run(
    arm: str,
    steps: int,
    seed: int,
    sets: tuple[LabelledImages, LabelledImages],
    judges: list[keras.Model],
) -> None:
    """Trains one GAN and measures it, unless its files exist."""
    train, test = sets
    workdir = Path(FLAGS.workdir) / f"{arm}-{steps}-{seed}"
    pictures = workdir / "pictures.npz"
    results = [workdir / "figures.json", *([pictures] if FLAGS.write else [])]
    if all(path.exists() for path in results):
        return
    print(f"== {arm}, seed {seed}", flush=True)
    keras.utils.set_random_seed(seed)
    step = build(train, arm, seed, steps)
    trainer = Trainer(workdir, options=TrainerOptions(log_every=500, save_every=2500))
    batches = make_batches(train, arm, seed)
    trainer.run(step, batches, steps)
    generator = step.generator
    latent_size = generator.inputs[0].shape[1]
    with step.averaged(batches):

        def generate(latents: Any, labels: Any) -> Any:
            return generator([latents, labels], training=False)

        if FLAGS.write:
            write_pictures(pictures, generate, latent_size, train.class_names)
        if results[0].exists():
            return
        sheet = generation.class_sheet(generate, latent_size, train.class_names)
        save_png(workdir / "classes.png", sheet)
        labels = np.arange(48) % len(train.class_names)
        samples = generation.sample(generate, latent_size, labels, 1)
        save_png(workdir / "nearest.png", generation.nearest_sheet(samples, train.images))
        figures = generation.measure_generator(
            generate, latent_size, train, test, train_config(), judges
        )
        if FLAGS.help_at is not None:
            help_of(workdir, generate, latent_size, sets, judges)
    minutes = minutes_of(workdir / "train", BATCH // 2 if arm == "original" else BATCH)
    cli.write_json(workdir / "figures.json", {**figures, "minutes": minutes})


def write_pictures(path: Path, generate: Generate, size: int, names: tuple[str, ...]) -> None:
    """Writes pictures for ``kerasgen prove --synthetic``."""
    labels = np.arange(FLAGS.write, dtype=np.int32) % len(names)
    samples = generation.sample(generate, size, labels, 2)
    save_labelled(path, LabelledImages(samples, labels, names, ("made",) * len(labels)))


def train_config() -> TrainConfig:
    """The configuration of every classifier."""
    return TrainConfig(steps=FLAGS.classifier_steps, width=FLAGS.classifier_width)


def help_of(
    workdir: Path,
    generate: Generate,
    latent_size: int,
    sets: tuple[LabelledImages, LabelledImages],
    judges: list[keras.Model],
) -> None:
    """Writes a table of arms; each arm's predictions are kept, so that a restart continues."""
    train, test = sets
    arms = utility.utility_arms(train, generate, latent_size, train_config(), share=FLAGS.help_at)
    seeds = range(FLAGS.classifier_seeds)
    del arms["real"]
    predictions = {"real": np.stack([predict(judge, test.images) for judge in judges])}
    for name, arm in arms.items():
        # The arms without generated pictures are the same for all GANs.
        folder = workdir if "synthetic" in name else Path(FLAGS.workdir)
        path = folder / f"answers of {name}.json"
        if not path.exists():
            print(f"== classifiers on {name}", flush=True)
            answers = utility.train_and_predict(arm, test, train_config(), seeds)
            cli.write_json(path, {"answers": answers.tolist()})
        predictions[name] = np.array(read_json(path)["answers"])
    lines = [
        "| trained on | accuracy, % | macro F1, % | accuracy, to real alone | macro F1, to real |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, answers in predictions.items():
        compared = [(score, test.labels, answers) for score in (share_right, mean_f1)]
        cells = [_percent(utility.score_with_interval(*each)) for each in compared]
        gains = [utility.gain_with_interval(*each, predictions["real"]) for each in compared]
        cells += [verdict(each, len(answers)) for each in gains]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"\n{len(test.labels)} test pictures, {len(seeds)} classifiers each.")
    (workdir / "help.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines), flush=True)


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def judges_of(train: LabelledImages) -> list[keras.Model]:
    """The classifiers trained on real pictures; kept, since all arms use them."""
    judges = []
    for seed in range(FLAGS.classifier_seeds):
        path = Path(FLAGS.workdir) / f"real-{FLAGS.classifier_steps}-{seed}.keras"
        if not path.exists():
            print(f"== classifier on real pictures, seed {seed}", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".part-{path.name}")
            train_on_images(train, train_config(), seed).save(partial)
            partial.replace(path)
        judges.append(keras.models.load_model(path))
    return judges


COLUMNS = {
    "accuracy, %": lambda f: 100 * np.mean([s["accuracy"]["value"] for s in f["generated"]]),
    "macro F1, %": lambda f: 100 * np.mean([s["macro_f1"]["value"] for s in f["generated"]]),
    "gap, points": lambda f: f["gap_points"],
    "label fidelity, %": lambda f: 100 * f["label_fidelity"]["value"],
    "nearest train": lambda f: f["copying"]["generated"]["value"],
    "nearer than 95 % of real": lambda f: f["copying"]["generated_below"]["value"],
    "minutes": lambda f: f["minutes"],
}


def table(real: list[dict[str, Any]], test: LabelledImages) -> str:
    """One row per arm; means over GAN seeds with lowest and highest."""
    lines = [
        "| trained on (GANs) | " + " | ".join(COLUMNS) + " |",
        "| --- " * (len(COLUMNS) + 1) + "|",
    ]
    for entry in FLAGS.arms:
        arm, steps = _arm(entry)
        paths = sorted(Path(FLAGS.workdir).glob(f"{arm}-{steps}-*/figures.json"))
        found = [read_json(path) for path in paths]
        cells = [_range([column(figures) for figures in found]) for column in COLUMNS.values()]
        lines.append(f"| {arm}, {steps} updates ({len(found)}) | " + " | ".join(cells) + " |")
    shares = [
        _range([100 * one[name]["value"] for one in real]) for name in ("accuracy", "macro_f1")
    ]
    lines.append(f"| real pictures ({len(real)} classifiers) | {' | '.join(shares)} | 0 |")
    first = real[0]["accuracy"]
    lines.append(
        f"\n{len(test.labels)} test pictures: one classifier's accuracy has a 95 % interval of "
        f"[{100 * first['low']:.1f}, {100 * first['high']:.1f}] (bootstrap)."
    )
    return "\n".join(lines)


def _range(values: list[float]) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def _arm(entry: str) -> tuple[str, int]:
    name, _, steps = entry.partition(":")
    if name not in (*ARMS, "original"):
        raise ValueError(f"--arms must be among {', '.join(ARMS)}, original. Received: {entry}")
    return name, int(steps or FLAGS.steps)


def main(_: list[str]) -> None:
    """All missing runs, then the table."""
    sets = load()
    judges = judges_of(sets[0])
    for seed in map(int, FLAGS.seeds):
        for entry in FLAGS.arms:
            run(*_arm(entry), seed, sets, judges)
    test = sets[1]
    real = [generation.scores(test.labels, predict(judge, test.images)) for judge in judges]
    text = table(real, test)
    (Path(FLAGS.workdir) / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    app.run(main)
