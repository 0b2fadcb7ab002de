"""Composes scenes of clothes with exact masks and boxes, and checks that the annotations are true.

    python examples/compose_clothing.py

With no folders it draws its own: 100 garments of ten classes and 40 floors, walls and rooms. With
yours, a folder of class folders (pictures with an alpha channel, with a `<name>.mask.png` beside
them, or of one object each on a quiet background) and a folder of any pictures:

    python examples/compose_clothing.py --foregrounds DIR --backgrounds DIR --workdir runs/mine

The default job takes about 15 seconds on two CPU cores. Expect garments of all sizes, turned,
tilted, some hidden by others or by pieces of other backgrounds, which carry no annotation; and a
last line that says that all annotations are right.

In the work folder, below scenes/: images/, instances.json (COCO), labels/ and data.yaml (YOLO),
metadata.jsonl (a line a scene: sources, matrices, masks, all that was drawn), sheet.png and
sheet_masks.png to look at. Interrupt it as you like: the same command goes on to the same bytes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from absl import flags

from kerasgen import cli
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.folder import check_scenes, compose_folder
from kerasgen.compositing.foregrounds import class_folders, read_foregrounds
from kerasgen.compositing.options import CompositingOptions
from kerasgen.compositing.rejections import REJECTED_FOREGROUNDS, foreground_lines, save_rejected
from kerasgen.compositing.sheets import save_sheets
from kerasgen.compositing.verification import Verification, verify_folder
from kerasgen.io.sheets import save_png
from kerasgen.procedural.garments import GARMENTS, drawn_backgrounds, drawn_garments

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", "runs/compose_clothing", "Folder of what is drawn and composed.")
flags.DEFINE_string("foregrounds", None, "Folder of class folders; drawn by rule if not given.")
flags.DEFINE_string("backgrounds", None, "Folder of pictures; drawn by rule if not given.")
flags.DEFINE_integer("count", 200, "Scenes.", 1)
flags.DEFINE_integer("size", 256, "Side of the scenes in pixels.", 16)
flags.DEFINE_integer("seed", 0, "Seed of everything random.", 0)
flags.DEFINE_integer("workers", cli.processors(), "Processes; the result is the same.", 1)

DRAWN = {"foregrounds": 100, "backgrounds": 40}
"""How many are drawn where no folder is given."""


def main() -> None:
    """Foregrounds, backgrounds, scenes, sheets, verification."""
    out = Path(FLAGS.workdir) / "scenes"
    options = CompositingOptions(size=FLAGS.size)
    foregrounds = FLAGS.foregrounds or draw_foregrounds()
    backgrounds = Backgrounds.from_folder(FLAGS.backgrounds or draw_backgrounds())
    names = class_folders(foregrounds)
    common = {"seed": FLAGS.seed, "options": options, "class_names": names}
    # What could fail after minutes of cutting is tried before.
    check_scenes(out, FLAGS.count, workers=FLAGS.workers, **common)
    with cli.progress("foregrounds") as report:
        found, rejected = read_foregrounds(foregrounds, names, workers=FLAGS.workers, report=report)
    print(*foreground_lines([item.label for item in found], rejected, names), sep="\n", flush=True)
    with cli.progress("scenes") as report:
        compose_folder(
            found,
            backgrounds,
            FLAGS.count,
            out,
            workers=FLAGS.workers,
            yolo=True,
            report=report,
            **common,
        )
    save_rejected(out / REJECTED_FOREGROUNDS, rejected, names)
    sheets = save_sheets(out, names)
    with cli.progress("verified") as report:
        verification = verify_folder(out, found, report=report)
    cli.write_json(Path(FLAGS.workdir) / "verification.json", dataclasses.asdict(verification))
    print(*(f"sheet: {path}" for path in sheets), sep="\n")
    print(summary(verification))


def draw_foregrounds() -> Path:
    """Writes garments with their alpha channels, if they are not there yet."""
    root = Path(FLAGS.workdir) / f"drawn-{FLAGS.seed}" / "foregrounds"
    batch = drawn_garments(DRAWN["foregrounds"], FLAGS.seed, size=192)
    for index, (image, label) in enumerate(zip(batch.foregrounds, batch.labels, strict=True)):
        save_new(root / GARMENTS[label] / f"{index:03}.png", image)
    return root


def draw_backgrounds() -> Path:
    """Writes floors, walls and rooms, if they are not there yet."""
    root = Path(FLAGS.workdir) / f"drawn-{FLAGS.seed}" / "backgrounds"
    for index, image in enumerate(drawn_backgrounds(DRAWN["backgrounds"], FLAGS.seed, size=384)):
        save_new(root / f"{index:03}.png", image)
    return root


def save_new(path: Path, image: np.ndarray) -> None:
    """Writes a picture that is not there."""
    if not path.exists():
        save_png(path, image)


def summary(verification: Verification) -> str:
    """What was verified, in words.

    Raises:
        ValueError: If an annotation is wrong.
    """
    failures = verification.failures
    if failures:
        wrong = f"{len(failures)} annotations are wrong, for the first: {failures[0]}"
        raise ValueError(f"{wrong} Received: workdir={FLAGS.workdir!r}")
    return (
        f"verified: {verification.pictures} scenes, {verification.objects} objects "
        f"({verification.compared} with detail enough to tell class and place), all right"
    )


if __name__ == "__main__":
    cli.run_example(main)
