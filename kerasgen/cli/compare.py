"""``kerasgen compare``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import FAILED, Condition, condition, number_from_zero, whole_number

if TYPE_CHECKING:
    from kerasgen.evaluation.comparison.compare import Comparison

_LIMIT_IF_QUICK = 500


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    compare = commands.add_parser("compare", help=_compare.__doc__, description=_compare.__doc__)
    add = compare.add_argument
    add("real", help="folder of real pictures")
    add("synthetic", help="folder of synthetic pictures")
    add("--out", required=True, help="folder of the report")
    add(
        "--features",
        action="append",
        metavar="NAME[:PATH]",
        help="feature space, may be given several times: pixels (the default), savedmodel:DIR, "
        "vgg16:FILE, resnet50:FILE, mobilenet_v2:FILE, inception_v3:FILE, classifier:FILE, "
        "autoencoder:FILE",
    )
    add(
        "--network",
        metavar="NAME[:FILE]",
        help="what is trained to tell the sets apart, and whose feature maps are shown: small (the "
        "default, from scratch), vgg16:FILE and the like (a head on frozen features), none",
    )
    add(
        "--labels",
        action="store_true",
        help="compare class by class: the class is the first folder below each set's own, or the "
        "class_name of the rows of metadata.jsonl",
    )
    add(
        "--quick",
        action="store_true",
        help=f"at most {_LIMIT_IF_QUICK} pictures of each set, drawn at random, and no network",
    )
    add("--size", type=whole_number, default=64, help="side in pixels (64)")
    add("--channels", type=int, choices=(1, 3), default=3)
    add(
        "--sources",
        choices=("picture", "folder", "name"),
        default="picture",
        help="which pictures stay together in every split: each its own source; those of one "
        "folder; those whose names are alike up to the last number (frames of a recording)",
    )
    add(
        "--synthetic_sources",
        choices=("picture", "folder", "name"),
        help="the same for the synthetic pictures, if their names follow another rule",
    )
    add("--seed", type=number_from_zero, default=0)
    add(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help=f'such as "kernel_distance>0.05", on any space, or "network_area>0.7": exit status '
        f"{FAILED} if it holds",
    )
    compare.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    """Measures how synthetic pictures differ from real ones: a page to read, and the numbers."""
    from kerasgen.evaluation.comparison.compare import MEASURES, NETWORK_AREA, compare
    from kerasgen.evaluation.comparison.options import CompareOptions
    from kerasgen.io.files import check_writable

    conditions = [condition(text, MEASURES) for text in arguments.fail_if]
    network = _network(arguments)
    if network is None and NETWORK_AREA in {each.name for each in conditions}:
        raise ValueError(f"--fail-if {NETWORK_AREA} needs a network: leave out --quick and none.")
    options = CompareOptions(
        features=arguments.features or ("pixels",),
        network=network,
        size=arguments.size,
        channels=arguments.channels,
        sources=arguments.sources,
        synthetic_sources=arguments.synthetic_sources,
        by_class=arguments.labels,
        limit=_LIMIT_IF_QUICK if arguments.quick else None,
        seed=arguments.seed,
    )
    # What could fail after minutes of measuring is tried before.
    check_writable(arguments.out)
    comparison = compare(
        arguments.real, arguments.synthetic, options, workdir=arguments.out, report=print
    )
    page = comparison.save(arguments.out)
    print(f"{comparison.summary}\npage: {page}")
    held = [each for each in conditions if each.holds(_measured(each, comparison))]
    for each in held:
        print(f"It holds: {each.text}")
    return FAILED if held else 0


def _network(arguments: argparse.Namespace) -> str | None:
    """The name of what is to be trained, if anything."""
    if arguments.quick and arguments.network not in (None, "none"):
        raise ValueError(
            "--quick trains no network: leave out one of the two. "
            f"Received: --network {arguments.network}"
        )
    name = arguments.network or ("none" if arguments.quick else "small")
    return None if name == "none" else name


def _measured(limit: Condition, comparison: Comparison) -> list[float]:
    """What a condition is about; a script must not take what was not measured for good."""
    values = comparison.measured(limit.name)
    if not values:
        raise ValueError(
            f"{limit.name} was not measured, so the condition cannot be checked: "
            f"{' '.join(comparison.remarks)} Received: --fail-if {limit.text!r}"
        )
    return values
