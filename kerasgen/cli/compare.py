"""``kerasgen compare``."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import FAILED, Condition, condition, source_name, whole_number

if TYPE_CHECKING:
    from kerasgen.data.images import PictureFolder
    from kerasgen.evaluation.comparing import PictureSet
    from kerasgen.evaluation.discrimination import Network

_MOST_IF_QUICK = 500

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
        help="compare class by class: the class is the first folder below each set's own",
    )
    compare.add_argument(
        "--quick",
        action="store_true",
        help=f"at most {_MOST_IF_QUICK} pictures of each set, drawn at random, and no network",
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
    compare.add_argument("--seed", type=int, default=0)
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
    from kerasgen.data.files import check_writable
    from kerasgen.evaluation.comparing import compare_sets
    from kerasgen.evaluation.feature_spaces import features_by_name
    from kerasgen.evaluation.features import cached_features
    from kerasgen.evaluation.report import READINGS

    conditions = [condition(text, (*READINGS, _NETWORK_AREA)) for text in arguments.fail_if]

    out = Path(arguments.out)
    check_writable(out)
    network = _network(arguments, [each.name for each in conditions])
    spaces = [
        cached_features(features_by_name(text), out / "features")
        for text in arguments.features or ["pixels"]
    ]
    sets = {name: _read(name, arguments) for name in ("real", "synthetic")}
    if arguments.labels and all(pictures.labels is None for pictures, _ in sets.values()):
        raise ValueError("--labels needs a folder for each class, and neither set has folders.")
    remarks = [remark for _, own in sets.values() for remark in own]
    if arguments.quick:
        remarks.insert(0, _QUICK)
    numbers = compare_sets(
        sets["real"][0],
        sets["synthetic"][0],
        spaces,
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
    f"A quick look: of each set at most {_MOST_IF_QUICK} pictures, drawn at random, and no network "
    "was trained, so there are no feature maps."
)


def _network(arguments: argparse.Namespace, conditions: Sequence[str]) -> Network | None:
    """What is to be trained, if anything."""
    from kerasgen.evaluation.discrimination import network_by_name

    if arguments.quick and arguments.network not in (None, "none"):
        raise ValueError(
            "--quick trains no network: leave out one of the two. "
            f"Received: --network {arguments.network}"
        )
    name = arguments.network or ("none" if arguments.quick else "small")
    if name == "none" and _NETWORK_AREA in conditions:
        raise ValueError(f"--fail-if {_NETWORK_AREA} needs a network: leave out --quick and none.")
    return None if name == "none" else network_by_name(name)


def _read(kind: str, arguments: argparse.Namespace) -> tuple[PictureSet, list[str]]:
    """One set's pictures, and remarks on them.

    All are decoded to plain pixels, and written as JPEG alike.
    """
    import numpy as np

    from kerasgen.data.camera import through_jpeg
    from kerasgen.evaluation.comparing import PictureSet

    folder = getattr(arguments, kind)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = _pictures(folder, arguments)
    for warning in heard:
        print(f"kerasgen: {folder}: {warning.message}", file=sys.stderr)
    colours = np.repeat(found.images, 3 // arguments.channels, axis=-1)
    images = through_jpeg(colours, _QUALITY)[..., : arguments.channels]
    names = [path.relative_to(folder).as_posix() for path in found.paths]
    sources = [source_name(name, _rule(kind, arguments)) for name in names]
    labels = _labels(names, folder) if arguments.labels else None
    return PictureSet(images, names, sources, labels), _remarks(kind, folder, found)


def _rule(kind: str, arguments: argparse.Namespace) -> str:
    """Which pictures of a set are one witness."""
    other = arguments.synthetic_sources if kind == "synthetic" else None
    return str(other or arguments.sources)


def _pictures(folder: str, arguments: argparse.Namespace) -> PictureFolder:
    """A folder's pictures; if it shall be quick, some drawn at random."""
    import numpy as np

    from kerasgen.data.images import (
        ImageError,
        PictureFolder,
        list_images,
        read_folder,
        read_image,
    )

    paths = list_images(folder)
    if not arguments.quick or len(paths) <= _MOST_IF_QUICK:
        return read_folder(folder, arguments.size, arguments.channels)
    order = np.random.default_rng(arguments.seed).permutation(len(paths))
    # Only these are read: of a large set that is most of the time.
    images, kept, rejected = [], [], []
    for place in np.sort(order[:_MOST_IF_QUICK]):
        try:
            images.append(read_image(paths[place], arguments.size, arguments.channels))
            kept.append(paths[place])
        except ImageError as error:
            rejected.append((paths[place], str(error)))
            warnings.warn(f"left out: {error}", stacklevel=2)
    if not images:
        raise ValueError(f"{rejected[0][1]} None can be read. Received: folder={folder!r}")
    return PictureFolder(np.stack(images), tuple(kept), tuple(rejected))


def _remarks(kind: str, folder: str, found: PictureFolder) -> list[str]:
    if not found.rejected:
        return []
    names = [path.relative_to(folder).as_posix() for path, _ in found.rejected]
    more = " and more" if len(names) > _MOST_NAMED else ""
    return [
        f"{len(names)} files of the {kind} set cannot be read and were left out: "
        f"{', '.join(names[:_MOST_NAMED])}{more}."
    ]


_MOST_NAMED = 5


def _labels(names: Sequence[str], folder: str) -> list[str] | None:
    """The first folder of each; None if none lies in one."""
    parts = [Path(name).parts for name in names]
    loose = [name for name, own in zip(names, parts, strict=True) if len(own) == 1]
    if len(loose) == len(names):
        return None
    if loose:
        raise ValueError(
            "With --labels every picture must lie in the folder of its class. "
            f"Received: {len(loose)} that do not in {folder!r}, the first is {loose[0]!r}"
        )
    return [own[0] for own in parts]


_QUALITY = 90
"""Of the JPEG that all go through, so that the traces of another are not the difference."""


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
