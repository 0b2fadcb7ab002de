"""The ``kerasgen prove`` command."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from kerasgen.cli.arguments import FAILED, condition, whole_number
from kerasgen.cli.start import check_there, load_tensorflow
from kerasgen.io.progress import progress

CONDITIONS = ("gain", "gain_low", "gain_high", "equivalent_real", "equivalent_real_low")
"""Measures that --fail-if takes: the proof's ``GAIN`` and ``EQUIVALENT``, without importing it."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    prove = commands.add_parser("prove", help=_prove.__doc__, description=_prove.__doc__)
    add = prove.add_argument
    sources = "class folders, idx files, .npz or tfds:NAME"
    add("--real", required=True, metavar="DATA", help=f"real training pictures: {sources}")
    add("--synthetic", required=True, metavar="DATA", help="synthetic pictures of the same classes")
    add(
        "--test", metavar="DATA", help="real pictures unseen by any model (default: part of --real)"
    )
    add(
        "--validation",
        metavar="DATA",
        help="real pictures to choose by, unseen by the generator (default: the validation part of "
        "--real, or else a fifth of the training pictures)",
    )
    add("--out", required=True, metavar="DIR", help="report folder; an unfinished one is continued")
    add(
        "--generator_saw",
        metavar="DATA",
        help="the real pictures that the generator was trained on, their number, or unknown "
        "(default: what the folder of kerasgen synthesize says): verdicts at fewer say so",
    )
    _add_training(prove)
    add(
        "--gate",
        action="store_true",
        help="also train on only those synthetic pictures whose class a classifier trained on real "
        "ones confirms",
    )
    add(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help=f'exit with status {FAILED} if the condition is met, such as "gain_low<0", on one of '
        f"{', '.join(CONDITIONS)}; may be repeated",
    )
    prove.set_defaults(run=_prove)


def _add_training(prove: argparse.ArgumentParser) -> None:
    """What is trained, on which amounts, and how long."""
    add = prove.add_argument
    add("--amounts", help="numbers of real pictures, as 500,1000 (default: 1/16, 1/4 and all)")
    add("--times", default="1,4", help="synthetic pictures added per real one")
    add(
        "--seeds",
        type=whole_number,
        default=5,
        help="classifiers per arm and amount; no verdict from fewer than 5",
    )
    add(
        "--augmentations",
        default="none,flip,shift,trivial",
        help="strengths of augmentation to choose from, for real pictures alone and with synthetic "
        "ones: none, flip, shift (and flip), trivial (one strong operation of several)",
    )
    length = prove.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=whole_number, default=1000, help="updates of each classifier"
    )
    length.add_argument(
        "--minutes", type=float, help="time for all classifiers, in place of --steps"
    )
    add("--batch_size", type=whole_number, default=64, help="pictures in an update")
    add("--width", type=whole_number, default=16, help="channels of the first layers")
    add(
        "--size",
        type=whole_number,
        help="side in pixels (default: that of the model of --synthetic, or of the pictures)",
    )
    add(
        "--channels",
        type=int,
        choices=(1, 3),
        help="1 for grey, 3 for colour (default: that of the model of --synthetic, or of --real)",
    )
    add(
        "--fit",
        choices=("crop", "pad", "stretch"),
        help="how pictures of other proportions are brought to the size (default: as the model of "
        "--synthetic read its pictures, or pad)",
    )
    add(
        "--sources",
        choices=("picture", "folder", "name"),
        default="picture",
        help="which real pictures are one source and stay together in every split: each by itself, "
        "those of one folder, or those whose names are alike up to the last number (frames of a "
        "recording)",
    )
    add(
        "--features",
        metavar="NAME[:PATH]",
        help="train linear heads on these frozen features, such as savedmodel:DIR or "
        "mobilenet_v2:FILE (see compare), in place of small networks from scratch",
    )
    add("--score", choices=("accuracy", "macro_f1"), default="accuracy", help="score to compare")


def _prove(arguments: argparse.Namespace) -> int:
    """Measures how much synthetic pictures help a classifier, and how many real ones they equal."""
    given = {each: getattr(arguments, each) for each in ("real", "synthetic", "test", "validation")}
    # Others are looked for by tensorflow-datasets.
    check_there(**{each: path for each, path in given.items() if not str(path).startswith("tfds:")})
    load_tensorflow()
    conditions = [condition(text, CONDITIONS) for text in arguments.fail_if]
    amounts = _numbers("amounts", arguments.amounts, int)
    times = _numbers("times", arguments.times, float)
    from kerasgen.evaluation.classifiers.training import TrainConfig
    from kerasgen.evaluation.utility.options import ProofOptions
    from kerasgen.evaluation.utility.proof_data import ImageForm, read_proof_data
    from kerasgen.evaluation.utility.prove import prove_data
    from kerasgen.io.files import check_writable

    options = ProofOptions(
        amounts=amounts or None,
        times=times,
        seeds=arguments.seeds,
        config=TrainConfig(arguments.steps, arguments.batch_size, width=arguments.width),
        minutes=arguments.minutes,
        features=arguments.features,
        score=arguments.score,
        gate=arguments.gate,
        augmentations=tuple(arguments.augmentations.split(",")),
    )
    check_writable(arguments.out)
    data = read_proof_data(
        arguments.real,
        arguments.synthetic,
        arguments.test,
        validation=arguments.validation,
        sources=arguments.sources,
        form=ImageForm(arguments.size, arguments.channels, arguments.fit),
        generator_saw=_seen(arguments.generator_saw),
    )
    proof = prove_data(
        data,
        options,
        workdir=arguments.out,
        title=f"{Path(arguments.real).name} and {Path(arguments.synthetic).name}",
        require={each.name for each in conditions},
        progress=progress,
    )
    proof.numbers["command"] = arguments.command
    print(f"{proof.summary}\npage: {proof.save(arguments.out)}")
    held = [each for each in conditions if each.holds([proof.measures[each.name]])]
    if conditions and proof.inconclusive and not held:
        raise ValueError(
            "The conditions cannot be checked: use more pictures, --seeds or --steps. "
            f"Received: {proof.inconclusive}"
        )
    for each in held:
        print(f"Condition met: {each.text}")
    if Path(arguments.synthetic).is_dir():
        words = shlex.join([arguments.synthetic, "--proof", arguments.out])
        print(f"next: kerasgen dossier {words}")
    return FAILED if held else 0


def _seen(text: str | None) -> int | str | None:
    """The argument of --generator_saw: a number, a data set, or None."""
    if text in (None, "unknown"):
        return None
    return int(text) if text.isdecimal() else text


def _numbers(name: str, text: str | None, kind: type) -> list[Any]:
    try:
        return sorted({kind(part) for part in text.split(",")}) if text else []
    except ValueError as error:
        raise ValueError(
            f"--{name} takes numbers separated by commas. Received: {name}={text!r}"
        ) from error
