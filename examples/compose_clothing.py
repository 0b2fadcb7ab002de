"""Composes scenes of clothes with exact masks and boxes, and verifies the annotations.

    python examples/compose_clothing.py

Without folders it draws 100 garments of ten classes and 40 floors, walls and rooms. With your own,
a folder of class folders (pictures with an alpha channel, with a `<name>.mask.png` beside them, or
of one object each on a plain background) and a folder of any pictures:

    python examples/compose_clothing.py --foregrounds DIR --backgrounds DIR --workdir runs/mine

The default job takes about 15 seconds on two CPU cores. Expect garments of all sizes, rotated,
tilted, some hidden by others or by pieces of other backgrounds, which have no annotation; and a
last line that reports that no annotation is wrong.

In the work folder, below scenes/: images/, instances.json (COCO), labels/ and data.yaml (YOLO),
metadata.jsonl (one line per scene: sources, matrices, masks, random parameters), sheet.png and
sheet_masks.png. It can be interrupted at any time: the same command resumes it, to the same bytes.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from absl import flags

from kerasgen import cli
from kerasgen.annotations import Output
from kerasgen.annotations.dossier import DRAWN as DRAWN_BY_RULE
from kerasgen.compositing import SceneOptions
from kerasgen.compositing.compose import compose
from kerasgen.io import encode_png, with_source_type, write_file
from kerasgen.procedural.garments import GARMENTS, drawn_backgrounds, drawn_garments

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", "runs/compose_clothing", "Folder of drawn and composed pictures.")
flags.DEFINE_string("foregrounds", None, "Folder of class folders; drawn by rule without it.")
flags.DEFINE_string("backgrounds", None, "Folder of pictures; drawn by rule without it.")
flags.DEFINE_integer("count", 200, "Number of scenes.", 1)
flags.DEFINE_integer("size", 256, "Side of the scenes in pixels.", 16)
flags.DEFINE_integer("seed", 0, "Seed of all random numbers.", 0)
flags.DEFINE_integer("workers", cli.processors(), "Processes; the result does not depend on it.", 1)

COUNTS = {"foregrounds": 100, "backgrounds": 40}
"""How many are drawn without a folder."""


def main() -> None:
    """Foregrounds, backgrounds, scenes, sheets, verification."""
    composed = compose(
        FLAGS.foregrounds or draw_foregrounds(),
        FLAGS.backgrounds or draw_backgrounds(),
        Path(FLAGS.workdir) / "scenes",
        count=FLAGS.count,
        options=SceneOptions(size=FLAGS.size),
        seed=FLAGS.seed,
        workers=FLAGS.workers,
        output=Output(yolo=True),
        verify=None,
        progress=cli.progress,
    )
    print(composed)
    verification = composed.verification
    cli.write_json(Path(FLAGS.workdir) / "verification.json", dataclasses.asdict(verification))
    if verification.failures:
        raise ValueError(f"Annotations are wrong. Received: workdir={FLAGS.workdir!r}")


def draw_foregrounds() -> Path:
    """Writes garments with their alpha channels, unless they exist."""
    root = Path(FLAGS.workdir) / f"drawn-{FLAGS.seed}" / "foregrounds"
    batch = drawn_garments(COUNTS["foregrounds"], FLAGS.seed, size=192)
    for index, (image, label) in enumerate(zip(batch.foregrounds, batch.labels, strict=True)):
        save_new(root / GARMENTS[label] / f"{index:03}.png", image)
    return root


def draw_backgrounds() -> Path:
    """Writes floors, walls and rooms, unless they exist."""
    root = Path(FLAGS.workdir) / f"drawn-{FLAGS.seed}" / "backgrounds"
    for index, image in enumerate(drawn_backgrounds(COUNTS["backgrounds"], FLAGS.seed, size=384)):
        save_new(root / f"{index:03}.png", image)
    return root


def save_new(path: Path, image: np.ndarray) -> None:
    """Writes a picture that states that it is drawn, unless it exists."""
    if not path.exists():
        write_file(path, with_source_type(encode_png(image), DRAWN_BY_RULE))


if __name__ == "__main__":
    cli.run_example(main)
