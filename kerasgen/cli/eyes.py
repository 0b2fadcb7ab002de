"""``kerasgen eyes``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kerasgen.cli.arguments import whole_number
from kerasgen.data.files import write_file


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    eyes = commands.add_parser("eyes", help=_draw_eyes.__doc__, description=_draw_eyes.__doc__)
    eyes.add_argument("--out", required=True, help="folder to write to")
    eyes.add_argument("--count", type=whole_number, default=100)
    eyes.add_argument("--look", choices=("rendered", "camera"), default="rendered")
    eyes.add_argument("--size", type=whole_number, default=64, help="side in pixels")
    eyes.add_argument("--seed", type=int, default=0)
    eyes.set_defaults(run=_draw_eyes)


def _draw_eyes(arguments: argparse.Namespace) -> None:
    """Writes pictures of eyes drawn by rule, and metadata.jsonl with what is true of them."""
    from kerasgen.data.procedural import camera_eyes, rendered_eyes
    from kerasgen.data.sheets import save_png

    draw = camera_eyes if arguments.look == "camera" else rendered_eyes
    eyes = draw(arguments.count, arguments.seed, arguments.size)
    folder = Path(arguments.out)
    rows = []
    for index, image in enumerate(eyes.images):
        name = f"eye-{index:06}.png"
        save_png(folder / name, image)
        pitch, yaw = map(float, eyes.gaze[index])
        row = {
            "file_name": name,
            "look": arguments.look,
            "seed": arguments.seed,
            "index": index,
            "gaze": {"pitch": pitch, "yaw": yaw},
            "annotation": eyes.annotation(index).to_dict(),
        }
        rows.append(json.dumps(row))
    write_file(folder / "metadata.jsonl", ("\n".join(rows) + "\n").encode())
    print(f"{len(rows)} pictures and metadata.jsonl in {folder}")
