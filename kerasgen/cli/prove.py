"""``kerasgen prove``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kerasgen.cli.arguments import FAILED, condition, whole_number
from kerasgen.io.progress import progress

CONDITIONS = ("gain", "gain_low", "gain_high", "equivalent_real", "equivalent_real_low")
"""Names that --fail-if takes: the proof's ``GAIN`` and ``EQUIVALENT``, without loading it."""


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
    )
    check_writable(arguments.out)
    data = read_proof_data(
        arguments.real,
        arguments.synthetic,
        arguments.test,
        validation=arguments.validation,
        sources=arguments.sources,
        form=ImageForm(arguments.size, arguments.channels, arguments.fit),
    )
    proof = prove_data(
        data,
        options,
        workdir=arguments.out,
        title=f"{Path(arguments.real).name} and {Path(arguments.synthetic).name}",
        require={each.name for each in conditions},
        progress=progress,
    )
    print(f"{proof.summary}\npage: {proof.save(arguments.out)}")
    held = [each for each in conditions if each.holds([proof.measures[each.name]])]
    if conditions and proof.failed_controls and not held:
        raise ValueError(
            "The conditions cannot be checked, for a control did not behave: give more pictures, "
            f"--seeds or --steps. Received: {', '.join(proof.failed_controls)}"
        )
    for each in held:
        print(f"It holds: {each.text}")
    return FAILED if held else 0


def _numbers(name: str, text: str | None, kind: type) -> list[Any]:
    try:
        return sorted({kind(part) for part in text.split(",")}) if text else []
    except ValueError as error:
        raise ValueError(
            f"--{name} takes numbers with commas between. Received: {name}={text!r}"
        ) from error
