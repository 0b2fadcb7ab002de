"""``kerasgen compare``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasgen.cli.arguments import whole_number

if TYPE_CHECKING:
    from kerasgen.evaluation.comparing import PictureSet

_CONDITION = re.compile(r"^([a-z_]+)\s*(>|<)\s*([-+0-9.e]+)$")

FAILED = 3
"""Exit status if a condition of --fail-if holds."""


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
        "vgg16:FILE, resnet50:FILE, mobilenet_v2:FILE, classifier:FILE, autoencoder:FILE",
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
    compare.add_argument("--seed", type=int, default=0)
    compare.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help=f'such as "kernel_distance>0.05", on any space: exit status {FAILED} if it holds',
    )
    compare.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    """Says how synthetic pictures differ from real ones: a page to read, and the numbers."""
    conditions = [_condition(text) for text in arguments.fail_if]
    from kerasgen.data.files import check_writable
    from kerasgen.evaluation.comparing import compare_sets
    from kerasgen.evaluation.feature_spaces import features_by_name
    from kerasgen.evaluation.features import cached_features

    out = Path(arguments.out)
    check_writable(out)
    spaces = [
        cached_features(features_by_name(text), out / "features")
        for text in arguments.features or ["pixels"]
    ]
    real, synthetic = _read(arguments.real, arguments), _read(arguments.synthetic, arguments)
    title = f"{Path(arguments.real).name} and {Path(arguments.synthetic).name}"
    numbers = compare_sets(real, synthetic, spaces, out, title=title, seed=arguments.seed)
    print(f"{numbers['summary']}\npage: {out / 'index.html'}")
    held = [
        text
        for text, condition in zip(arguments.fail_if, conditions, strict=True)
        if _holds(condition, numbers)
    ]
    for text in held:
        print(f"It holds: {text}")
    return FAILED if held else 0


def _read(folder: str, arguments: argparse.Namespace) -> PictureSet:
    """One folder's pictures. All are decoded to plain pixels, and written as JPEG alike."""
    import numpy as np

    from kerasgen.data.camera import through_jpeg
    from kerasgen.data.images import read_folder
    from kerasgen.evaluation.comparing import PictureSet

    found = read_folder(folder, arguments.size, arguments.channels)
    colours = np.repeat(found.images, 3 // arguments.channels, axis=-1)
    images = through_jpeg(colours, _QUALITY)[..., : arguments.channels]
    names = [str(path.relative_to(folder)) for path in found.paths]
    return PictureSet(images, names, [_source(name, arguments.sources) for name in names])


_QUALITY = 90
"""Of the JPEG that all go through, so that the traces of another are not the difference."""


def _source(name: str, kind: str) -> str:
    if kind == "folder":
        return str(Path(name).parent)
    if kind == "name":
        return re.sub(r"[0-9]+$", "", str(Path(name).with_suffix("")))
    return name


def _condition(text: str) -> tuple[str, str, float]:
    from kerasgen.evaluation.report import READINGS

    match = _CONDITION.match(text.strip())
    if match is None or match[1] not in READINGS:
        raise ValueError(
            f"--fail-if takes NAME>NUMBER or NAME<NUMBER, NAME among {', '.join(READINGS)}. "
            f"Received: {text!r}"
        )
    try:
        return match[1], match[2], float(match[3])
    except ValueError as error:
        raise ValueError(f"--fail-if: {match[3]!r} is no number. Received: {text!r}") from error


def _holds(condition: tuple[str, str, float], numbers: dict[str, Any]) -> bool:
    name, relation, limit = condition
    found = [space[name]["synthetic"] for space in numbers["features"].values()]
    values = [estimate["value"] for estimate in found if estimate is not None]
    return any(value > limit if relation == ">" else value < limit for value in values)
