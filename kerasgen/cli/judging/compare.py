"""The ``kerasgen compare`` command."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from kerasgen.cli.arguments import (
    FAILED,
    Condition,
    add_sets,
    condition,
)
from kerasgen.cli.start import check_there, load_tensorflow

if TYPE_CHECKING:
    from kerasgen.evaluation.comparison.compare import Comparison

_LIMIT_IF_QUICK = 500


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the subparsers."""
    compare = commands.add_parser("compare", help=_compare.__doc__, description=_compare.__doc__)
    add = compare.add_argument
    add_sets(compare)
    add("--out", required=True, metavar="DIR", help="folder of the report")
    add(
        "--features",
        action="append",
        metavar="NAME[:PATH]",
        help="feature space: pixels, savedmodel:DIR, vgg16:FILE, resnet50:FILE, mobilenet_v2:FILE, "
        "inception_v3:FILE, classifier:FILE or autoencoder:FILE; repeat the flag for several "
        "(default: pixels)",
    )
    add(
        "--network",
        metavar="NAME[:FILE]",
        help="classifier trained to separate the sets, whose feature maps are shown: small (from "
        "scratch), vgg16:FILE and the like (a head on frozen features) or none (default: small)",
    )
    add(
        "--labels",
        action="store_true",
        help="compare class by class: the class is the first folder below the set's own, or the "
        "class_name in metadata.jsonl",
    )
    add(
        "--quick",
        action="store_true",
        help=f"use at most {_LIMIT_IF_QUICK} pictures of each set, drawn at random, and no network",
    )
    add(
        "--sources",
        choices=("picture", "folder", "name"),
        help="which pictures are one source and stay together in every split: each by itself, "
        "those of one folder, or those whose names are alike up to the last number (frames of a "
        "recording); with name, rows of metadata.jsonl have the source that they state (default: "
        "that, and frames of recordings where they are recognised)",
    )
    add(
        "--synthetic_sources",
        choices=("picture", "folder", "name"),
        help="the same for the synthetic pictures (default: as --sources)",
    )
    add(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help=f"exit with status {FAILED} if the condition is met, such as "
        '"kernel_distance>0.05" (in any feature space) or "network_area>0.7"; may be repeated',
    )
    compare.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    """Measures how synthetic pictures differ from real ones, and writes a report."""
    check_there(real=arguments.real, synthetic=arguments.synthetic)
    load_tensorflow()
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
    # Fails here rather than after minutes of measuring.
    check_writable(arguments.out)
    comparison = compare(
        arguments.real, arguments.synthetic, options, workdir=arguments.out, report=print
    )
    comparison.numbers["command"] = arguments.command
    page = comparison.save(arguments.out)
    print(f"{comparison.summary}\npage: {page}")
    held = [each for each in conditions if each.holds(_measured(each, comparison))]
    for each in held:
        print(f"Condition met: {each.text}")
    sets = shlex.join(["--real", arguments.real, "--synthetic", arguments.synthetic])
    print(f"next, if both have classes: kerasgen prove {sets} --out proof")
    return FAILED if held else 0


def _network(arguments: argparse.Namespace) -> str | None:
    """The name of the network to train; None for no network."""
    if arguments.quick and arguments.network not in (None, "none"):
        raise ValueError(
            "--quick trains no network: leave out one of the two. "
            f"Received: --network {arguments.network}"
        )
    name = arguments.network or ("none" if arguments.quick else "small")
    return None if name == "none" else name


def _measured(limit: Condition, comparison: Comparison) -> list[float]:
    """The values that a condition limits; an error if nothing was measured."""
    values = comparison.measured(limit.name)
    if not values:
        raise ValueError(
            f"{limit.name} was not measured, so the condition cannot be checked: "
            f"{' '.join(comparison.remarks)} Received: --fail-if {limit.text!r}"
        )
    return values
