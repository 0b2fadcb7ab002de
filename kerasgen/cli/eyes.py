"""``kerasgen eyes``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from kerasgen.annotations.synthetic_folder import METADATA, SETTINGS
from kerasgen.cli.arguments import number_from_zero, whole_number
from kerasgen.io.files import check_settings, check_writable, keep_settings, write_file
from kerasgen.io.progress import progress

_BLOCK = 64
"""Eyes drawn together."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    eyes = commands.add_parser("eyes", help=_draw_eyes.__doc__, description=_draw_eyes.__doc__)
    eyes.add_argument(
        "--out", required=True, help="folder to fill; the same command again goes on, or adds"
    )
    eyes.add_argument("--count", type=whole_number, default=100)
    eyes.add_argument("--look", choices=("rendered", "camera"), default="rendered")
    eyes.add_argument("--size", type=whole_number, default=64, help="side in pixels")
    eyes.add_argument("--seed", type=number_from_zero, default=0)
    eyes.set_defaults(run=_draw_eyes)


def _draw_eyes(arguments: argparse.Namespace) -> None:
    """Writes pictures of eyes drawn by rule, and metadata.jsonl with what is true of them."""
    from kerasgen.procedural.eyes import camera_eyes, rendered_eyes

    folder = Path(arguments.out)
    settings = {
        "kind": "eyes",
        "look": arguments.look,
        "size": arguments.size,
        "seed": arguments.seed,
    }
    _check_folder(folder, settings, arguments.count)
    draw = camera_eyes if arguments.look == "camera" else rendered_eyes
    # What is wrong with the arguments shows before anything is written.
    draw(1, arguments.seed, arguments.size)
    keep_settings(folder, settings)
    lines: list[str] = []
    with progress("pictures") as report:
        for first in range(0, arguments.count, _BLOCK):
            count = min(_BLOCK, arguments.count - first)
            eyes = draw(count, arguments.seed, arguments.size, first)
            lines += _saved(eyes, folder, first, arguments)
            report(len(lines), arguments.count)
    write_file(folder / METADATA, ("\n".join(lines) + "\n").encode())
    print(f"{len(lines)} pictures and {METADATA} in {folder}")


def _check_folder(folder: Path, settings: dict[str, Any], count: int) -> None:
    """Refuses what is another's, or has other eyes, or more."""
    check_writable(folder)
    metadata = folder / METADATA
    if (folder / SETTINGS).exists():
        check_settings(folder / SETTINGS, settings)
    elif metadata.exists() or any(folder.glob("eye-*.png")):
        raise ValueError(
            f"The folder is another's: use a new one. Received: folder={str(folder)!r}, with "
            f"pictures or {METADATA} and no {SETTINGS}"
        )
    there = len(metadata.read_bytes().splitlines()) if metadata.exists() else 0
    if there > count:
        raise ValueError(
            f"The folder holds {there} eyes: raise --count, or use a new one. "
            f"Received: count={count}, folder={str(folder)!r}"
        )


def _saved(eyes: Any, folder: Path, first: int, arguments: argparse.Namespace) -> list[str]:
    """Writes the pictures of one block; returns their rows."""
    from kerasgen.io.sheets import save_png

    lines = []
    for place, image in enumerate(eyes.images):
        name = f"eye-{first + place:06}.png"
        save_png(folder / name, image)
        pitch, yaw = map(float, eyes.gaze[place])
        row = {
            "file_name": name,
            "look": arguments.look,
            "seed": arguments.seed,
            "index": first + place,
            "gaze": {"pitch": pitch, "yaw": yaw},
            "annotation": eyes.annotation(place).to_dict(),
        }
        lines.append(json.dumps(row))
    return lines
