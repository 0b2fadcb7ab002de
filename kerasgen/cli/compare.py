"""``kerasgen compare``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import FAILED, Condition, condition, number_from_zero, whole_number
from kerasgen.cli.compared_set import MOST_IF_QUICK, list_set, read_set

if TYPE_CHECKING:
    from kerasgen.evaluation.comparison.real_fake_classifier import Network

_NETWORK_AREA = "network_area"
"""The area under the ROC curve of the trained network, as a condition."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    compare = commands.add_parser("compare", help=_compare.__doc__, description=_compare.__doc__)
    compare.add_argument("real", help="folder of real pictures")
    compare.add_argument("synthetic", help="folder of synthetic pictures")
    compare.add_argument("--out", required=True, help="folder of the report")
    compare.add_argument(
        "--features",
        action="append",
        metavar="NAME[:PATH]",
        help="feature space, may be given several times: pixels (the default), savedmodel:DIR, "
        "vgg16:FILE, resnet50:FILE, mobilenet_v2:FILE, inception_v3:FILE, classifier:FILE, "
        "autoencoder:FILE",
    )
    compare.add_argument(
        "--network",
        metavar="NAME[:FILE]",
        help="what is trained to tell the sets apart, and whose feature maps are shown: small (the "
        "default, from scratch), vgg16:FILE and the like (a head on frozen features), none",
    )
    compare.add_argument(
        "--labels",
        action="store_true",
        help="compare class by class: the class is the first folder below each set's own, or the "
        "class_name of the rows of metadata.jsonl",
    )
    compare.add_argument(
        "--quick",
        action="store_true",
        help=f"at most {MOST_IF_QUICK} pictures of each set, drawn at random, and no network",
    )
    compare.add_argument("--size", type=whole_number, default=64, help="side in pixels")
    compare.add_argument("--channels", type=int, choices=(1, 3), default=3)
    compare.add_argument(
        "--sources",
        choices=("picture", "folder", "name"),
        default="picture",
        help="which pictures are one witness: each its own; those of one folder; those whose names "
        "are alike up to the last number (frames of a recording)",
    )
    compare.add_argument(
        "--synthetic_sources",
        choices=("picture", "folder", "name"),
        help="the same of the synthetic pictures, where their names tell something else",
    )
    compare.add_argument("--seed", type=number_from_zero, default=0)
    compare.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help=f'such as "kernel_distance>0.05", on any space, or "network_area>0.7": exit status '
        f"{FAILED} if it holds",
    )
    compare.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    """Says how synthetic pictures differ from real ones: a page to read, and the numbers."""
    from kerasgen.evaluation.comparison.compare import compare_sets
    from kerasgen.evaluation.comparison.page import READINGS
    from kerasgen.evaluation.features.by_name import features_by_name
    from kerasgen.evaluation.features.extractors import cached_features
    from kerasgen.io.files import check_writable

    # What could fail after minutes of measuring is tried before.
    conditions = [condition(text, (*READINGS, _NETWORK_AREA)) for text in arguments.fail_if]
    _check_size(arguments.size)
    out = Path(arguments.out)
    check_writable(out)
    listed = [list_set(kind, arguments) for kind in ("real", "synthetic")]
    if arguments.labels and all(each.labels is None for each in listed):
        raise ValueError("--labels needs a folder for each class, and neither set has folders.")
    network = _network(arguments, [each.name for each in conditions])
    spaces = [features_by_name(text) for text in arguments.features or ["pixels"]]
    sets = {each.kind: read_set(each, arguments) for each in listed}
    for space in spaces:
        space(sets["real"][0].images[:1])
    remarks = [remark for _, own in sets.values() for remark in own]
    if arguments.quick:
        remarks.insert(0, _QUICK)
    numbers = compare_sets(
        sets["real"][0],
        sets["synthetic"][0],
        [cached_features(space, out / "features") for space in spaces],
        out,
        network=network,
        title=f"{Path(arguments.real).name} and {Path(arguments.synthetic).name}",
        remarks=remarks,
        seed=arguments.seed,
    )
    print(f"{numbers['summary']}\npage: {out / 'index.html'}")
    held = [each for each in conditions if each.holds(_measured(each, numbers))]
    for each in held:
        print(f"It holds: {each.text}")
    return FAILED if held else 0


_QUICK = (
    f"A quick look: of each set at most {MOST_IF_QUICK} pictures, drawn at random, and no network "
    "was trained, so there are no feature maps."
)


def _network(arguments: argparse.Namespace, conditions: Sequence[str]) -> Network | None:
    """What is to be trained, if anything."""
    from kerasgen.evaluation.comparison.real_fake_classifier import SMALL, network_by_name
    from kerasgen.evaluation.features.by_name import application

    if arguments.quick and arguments.network not in (None, "none"):
        raise ValueError(
            "--quick trains no network: leave out one of the two. "
            f"Received: --network {arguments.network}"
        )
    name = arguments.network or ("none" if arguments.quick else "small")
    if name == "none" and _NETWORK_AREA in conditions:
        raise ValueError(f"--fail-if {_NETWORK_AREA} needs a network: leave out --quick and none.")
    if name == "none":
        return None
    network = network_by_name(name)
    if network.backbone != SMALL:
        # Read for nothing but to see that it can be.
        application(network.backbone, network.weights)
    return network


def _check_size(size: int) -> None:
    from kerasgen.evaluation.features.image_statistics import SMALLEST_SIDE

    if size < SMALLEST_SIDE:
        raise ValueError(f"--size must be at least {SMALLEST_SIDE} pixels. Received: size={size}")


def _measured(asked: Condition, numbers: dict[str, Any]) -> list[float]:
    """What a condition is about; a script must not take what was not measured for good."""
    values = _values(asked.name, numbers)
    if not values:
        reasons = [*numbers["remarks"]]
        reasons += [text for space in numbers["features"].values() for text in space["remarks"]]
        raise ValueError(
            f"{asked.name} was not measured, so the condition cannot be told: "
            f"{' '.join(dict.fromkeys(reasons))} Received: --fail-if {asked.text!r}"
        )
    return values


def _values(name: str, numbers: dict[str, Any]) -> list[float]:
    """All that a condition's name stands for: a distance on any space."""
    if name == _NETWORK_AREA:
        found = [
            network["area_under_roc"]["synthetic"] for network in [numbers["network"]] if network
        ]
    else:
        found = [space[name]["synthetic"] for space in numbers["features"].values()]
    return [estimate["value"] for estimate in found if estimate is not None]
