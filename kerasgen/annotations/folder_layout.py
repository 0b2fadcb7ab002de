"""Names of the files in a folder of synthetic pictures."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from kerasgen.io.files import access_to

METADATA, REJECTED, INSTANCES = "metadata.jsonl", "rejected.jsonl", "instances.json"
SETTINGS, PARTS, IMAGES, LABELS, DATA = "settings.json", ".parts", "images", "labels", "data.yaml"

PER_FOLDER = 10_000
"""Pictures in one folder; more make file systems and file managers slow."""


def picture_name(index: int) -> str:
    """Returns the `file_name` of picture `index`, relative to the folder of the manifest.

    The first 10,000 lie in `images`, the next in `images/0001`, and so on: names stay when a folder
    grows.
    """
    below = f"{index // PER_FOLDER:04}/" if index >= PER_FOLDER else ""
    return f"{IMAGES}/{below}{index:06}.png"


def written_pictures(folder: Path) -> Iterator[tuple[int, str]]:
    """Yields index, -1 for none, and name of each PNG file below the pictures of a folder."""
    images = folder / IMAGES
    for path in itertools.chain(images.glob("*.png"), images.glob("*/*.png")):
        name = path.relative_to(folder).as_posix()
        index = int(path.stem) if path.stem.isdecimal() else -1
        yield index if name == picture_name(index) else -1, name


def label_name(index: int) -> str:
    """Returns the name of picture `index`'s labels in YOLO's format: its own, below `labels`."""
    return picture_name(index).replace(IMAGES, LABELS, 1).removesuffix(".png") + ".txt"


def part_name(index: int) -> str:
    """Returns where the row of picture `index` is until the folder is finished."""
    return f"{PARTS}/{index // 1000:03}/{index:06}.jsonl"


def check_own(folder: Path) -> None:
    """Checks that a folder to write is new, empty, or was begun by kerasgen.

    Args:
        folder: Its path.

    Raises:
        ValueError: If it holds other files, or cannot be read.
    """
    with access_to(folder):
        names = os.listdir(folder) if folder.exists() else []
    others = sorted(name for name in names if not name.startswith("."))
    if others and SETTINGS not in others:
        raise ValueError(
            "The folder holds other files: use a new one. Received: "
            f"out={str(folder)!r}, with {', '.join(others[:3])}"
        )
