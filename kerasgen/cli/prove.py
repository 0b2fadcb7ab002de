"""``kerasgen prove``."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import FAILED, condition, whole_number
from kerasgen.data.splits import source_of
from kerasgen.io.progress import progress

if TYPE_CHECKING:
    from kerasgen.data.labelled_images import LabelledImages
    from kerasgen.evaluation.utility.learners import Learner
    from kerasgen.evaluation.utility.prove import ProofConfig
    from kerasgen.evaluation.utility.training_sets import TrainingPools

_EQUIVALENT = ("equivalent_real", "equivalent_real_low")
_OF_GAIN = ("gain", "gain_low", "gain_high")
CONDITIONS = (*_OF_GAIN, *_EQUIVALENT)
"""Names that --fail-if takes: the gain with all real pictures, and the number of real pictures that
the synthetic set alone is equivalent to."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    prove = commands.add_parser("prove", help=_prove.__doc__, description=_prove.__doc__)
    add = prove.add_argument
    sources = "class folders, idx files, .npz or tfds:NAME"
    add("--real", required=True, help=f"real pictures to train on: {sources}")
    add("--synthetic", required=True, help="synthetic ones, with (some of) the same classes")
    add("--test", help="real pictures that nothing was trained on; else the test part of --real")
    add(
        "--validation",
        help="real pictures to choose by, that the generator has not seen either; else the "
        "validation part of --real, else a fifth of the pictures at hand is held out",
    )
    add("--out", required=True, help="folder of the report; the same command again goes on")
    add("--amounts", help="of real pictures, as 500,1000 (a sixteenth, a fourth and all)")
    add("--times", default="1,4", help="synthetic pictures added for each real one (1,4)")
    add("--seeds", type=whole_number, default=5, help="classifiers of each kind (5)")
    length = prove.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=whole_number, default=1000, help="updates of each classifier (1000)"
    )
    length.add_argument("--minutes", type=float, help="for all; updates are chosen to fit")
    add("--batch_size", type=whole_number, default=64, help="pictures in each update (64)")
    add("--width", type=whole_number, default=16, help="channels of the first layers (16)")
    add("--size", type=whole_number, help="side in pixels; if not given that of the pictures")
    add("--channels", type=int, choices=(1, 3), help="if not given as --real has them")
    add("--fit", choices=("crop", "pad", "stretch"), default="pad", help="of other forms (pad)")
    add(
        "--sources",
        choices=("picture", "folder", "name"),
        default="picture",
        help="which real pictures stay together as one group: each its own; those of one folder; "
        "those whose names are equal up to the last number (frames of a recording)",
    )
    add(
        "--features",
        metavar="NAME[:PATH]",
        help="train linear heads on these frozen features, such as savedmodel:DIR or "
        "mobilenet_v2:FILE (see compare), instead of small networks from scratch",
    )
    add("--score", choices=("accuracy", "macro_f1"), default="accuracy", help="judged by")
    add("--gate", action="store_true", help="try only those confirmed by a real-trained classifier")
    add(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help=f'such as "gain_low<0": exit status {FAILED} if it holds; of {", ".join(CONDITIONS)}',
    )
    prove.set_defaults(run=_prove)


def _prove(arguments: argparse.Namespace) -> int:
    """Says whether synthetic pictures help a classifier, and how many real ones they equal."""
    conditions = [condition(text, CONDITIONS) for text in arguments.fail_if]
    times = _numbers("times", arguments.times, float)
    if arguments.features is not None and arguments.minutes is not None:
        raise ValueError(
            "--minutes is for networks from scratch; on features every update is quick: give "
            f"--steps. Received: minutes={arguments.minutes:g}, features={arguments.features!r}"
        )
    from kerasgen.evaluation.utility.prove import prove_sets
    from kerasgen.io.files import check_writable

    out = Path(arguments.out)
    check_writable(out)
    pools, test, remarks = _read(arguments)
    sources = [source_of(name, arguments.sources) for name in test.names]
    config = _config(arguments, pools, test, times)
    _check_conditions([each.name for each in conditions], config, pools)
    title = f"{Path(arguments.real).name} and {Path(arguments.synthetic).name}"
    with progress("classifiers") as report:
        numbers = prove_sets(
            pools, test, config, out, test_groups=sources, title=title, remarks=remarks,
            report=report,
        )  # fmt: skip
    print(f"{numbers['summary']}\npage: {out / 'index.html'}")
    values = _values(numbers)
    held = [each for each in conditions if each.holds([values[each.name]])]
    failed = [each["arm"] for each in numbers["controls"] if not each["as_it_must"]]
    if conditions and failed and not held:
        raise ValueError(
            "The conditions cannot be checked, for a control did not behave: give more pictures, "
            f"--seeds or --steps. Received: {', '.join(failed)}"
        )
    for each in held:
        print(f"It holds: {each.text}")
    return FAILED if held else 0


def _read(arguments: argparse.Namespace) -> tuple[TrainingPools, LabelledImages, list[str]]:
    """What is trained on, and test pictures, of one form and the same classes; and remarks."""
    from kerasgen.data.labelled_images import load_labelled
    from kerasgen.evaluation.utility.training_sets import TrainingPools

    form: dict[str, Any] = {"size": arguments.size, "channels": arguments.channels}
    sets = load_labelled(arguments.real, fit=arguments.fit, **form)
    real = sets["train"]
    form = {"size": real.images.shape[1:3], "channels": real.images.shape[3], "fit": arguments.fit}
    for part in ("test", "validation"):
        path = getattr(arguments, part)
        if path is not None:
            other = load_labelled(path, **form)
            sets[part] = other.get(part, other["train"]).with_classes(
                real.class_names, called=f"--{part}"
            )
    if "test" not in sets:
        raise ValueError(f"--real has no test part: give --test. Received: real={arguments.real!r}")
    made = load_labelled(arguments.synthetic, **form)["train"]
    sets["synthetic"] = made.with_classes(real.class_names, called="--synthetic")
    sets, remarks = _apart(sets)
    real = sets["train"]
    groups = [source_of(name, arguments.sources) for name in real.names]
    pools = TrainingPools(real, groups, sets["synthetic"], sets.get("validation"))
    return pools, sets["test"], remarks


def _apart(sets: dict[str, LabelledImages]) -> tuple[dict[str, LabelledImages], list[str]]:
    """No copy of a test picture elsewhere, and none of a validation picture to train on."""
    from kerasgen.evaluation.utility.training_sets import without_copies

    apart, remarks = dict(sets), []
    pairs = [("test", name) for name in ("validation", "train", "synthetic")]
    pairs += [("validation", name) for name in ("train", "synthetic")]
    for part, name in pairs:
        if part in apart and name in apart:
            before = len(apart[name].labels)
            apart[name] = without_copies(apart[name], apart[part])
            left = before - len(apart[name].labels)
            kind = "real" if name == "train" else name
            if left:
                remarks.append(
                    f"{left:,} {kind} pictures were left out: they are also among the {part} "
                    "pictures."
                )
    copies = len(apart["synthetic"].labels) - len(
        without_copies(apart["synthetic"], apart["train"]).labels
    )
    if copies:
        remarks.append(
            f"{copies:,} synthetic pictures are copies of real ones to train on, pixel by pixel: "
            "the set brings real pictures along, also where only some of them are at hand."
        )
    for remark in remarks:
        logging.getLogger(__name__).warning("%s", remark)
    return apart, remarks


def _config(
    arguments: argparse.Namespace, pools: TrainingPools, test: LabelledImages, times: list[float]
) -> ProofConfig:
    from kerasgen.evaluation.utility.prove import ProofConfig
    from kerasgen.evaluation.utility.runs import plan_runs

    most = len(pools.real.labels)
    if arguments.amounts:
        amounts = _numbers("amounts", arguments.amounts, int)
    else:
        least = 5 * len(pools.real.class_names)
        amounts = sorted({each for each in (most // 16, most // 4) if each >= least} | {most})
    # Before features are computed: what cannot be trained is refused at once.
    runs = plan_runs(pools, amounts, times, range(arguments.seeds), gate=arguments.gate)
    learner = _learner(arguments, pools, test, len(runs))
    return ProofConfig(amounts, times, arguments.seeds, learner, arguments.score, arguments.gate)


def _learner(
    arguments: argparse.Namespace, pools: TrainingPools, test: LabelledImages, classifiers: int
) -> Learner:
    from kerasgen.evaluation.classifiers.training import TrainConfig
    from kerasgen.evaluation.features.by_name import features_by_name
    from kerasgen.evaluation.features.extractors import cached_features
    from kerasgen.evaluation.utility.learners import FromScratch, OnFeatures
    from kerasgen.evaluation.utility.runs import steps_within

    config = TrainConfig(arguments.steps, arguments.batch_size, width=arguments.width)
    if arguments.features is not None:
        folder = Path(arguments.out) / "features"
        heads = OnFeatures(cached_features(features_by_name(arguments.features), folder), config)
        with progress("features") as report:
            heads.prepare(pools, test.images, report)
        return heads
    if arguments.minutes is not None:
        steps = steps_within(arguments.minutes, classifiers, pools, config, arguments.out)
        config = replace(config, steps=steps)
    return FromScratch(config)


def _check_conditions(names: Sequence[str], config: ProofConfig, pools: TrainingPools) -> None:
    """Refuses conditions on what will not be measured."""
    if len(config.amounts) < 2 and set(names) & set(_EQUIVALENT):
        raise ValueError(
            "--fail-if equivalent_real needs a learning curve: at least two --amounts. "
            f"Received: amounts={list(config.amounts)}"
        )
    most, made = config.amounts[-1], len(pools.synthetic.labels)
    if min(config.times) * pools.trained_on(most) > made and set(names) & set(_OF_GAIN):
        raise ValueError(
            f"--fail-if gain is about {most} real pictures, and there are too few synthetic ones "
            f"for any of --times: lower --amounts or --times. Received: {made} synthetic pictures"
        )


def _numbers(name: str, text: str, kind: type) -> list[Any]:
    try:
        return sorted({kind(part) for part in text.split(",")})
    except ValueError as error:
        raise ValueError(
            f"--{name} takes numbers with commas between. Received: {name}={text!r}"
        ) from error


def _values(numbers: dict[str, Any]) -> dict[str, float]:
    gain = numbers["verdicts"][-1]["gain"]
    values = {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
    for alone in numbers["equivalent_real"][:1]:
        values |= {"equivalent_real": alone["value"], "equivalent_real_low": alone["low"]}
    return values
