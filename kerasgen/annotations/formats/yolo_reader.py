"""Reads YOLO's label files and `data.yaml` (https://docs.ultralytics.com/datasets)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kerasgen.annotations.annotation import Box
from kerasgen.annotations.formats.coco_reader import encoded_polygons
from kerasgen.annotations.formats.dataset import (
    AnnotatedObject,
    AnnotatedPicture,
    AnnotatedPictures,
    Category,
    LeftOut,
    clipped_box,
)
from kerasgen.annotations.formats.picture_files import name_below, upright_size
from kerasgen.io.files import access_to
from kerasgen.io.folders import list_images
from kerasgen.io.names import class_name_of, split_of

_SPLITS = ("train", "val", "test")
_NAMES = ("classes.txt", "obj.names", "labels/classes.txt")


def yolo_file(root: Path) -> Path | None:
    """The file that names a folder's classes: a YAML file with `names`, or `classes.txt`.

    Raises:
        ValueError: If a YAML file cannot be read, there are two with names, or there are labels
            beside pictures and no names.
    """
    described = [
        path
        for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
        if "names" in _yaml(path)
    ]
    if len(described) > 1:
        names = ", ".join(path.name for path in described)
        raise ValueError(f"Several files name classes, {names}: keep one. Received: {str(root)!r}")
    if described:
        return described[0]
    labels = [path / "labels" for path in _parts(root)]
    labelled = [path for path in labels if path.is_dir() and (path.parent / "images").is_dir()]
    if not labelled:
        return None
    for name in _NAMES:
        if (root / name).is_file():
            return root / name
    raise ValueError(
        f"The labels {str(labelled[0])!r} have no names of classes: write a data.yaml with `names` "
        f"into the folder. Received: folder={str(root)!r}"
    )


def read_yolo(path: Path, root: Path) -> AnnotatedPictures:
    """Reads the pictures of a folder in YOLO's format; one without a label file has no objects.

    Args:
        path: The file that names the classes, see `yolo_file`.
        root: The folder of the set.

    Raises:
        ValueError: If a file, a line of it, which is named, or a picture is damaged or missing.
    """
    described = _yaml(path) if path.suffix in (".yaml", ".yml") else {}
    names = _names(described["names"], path) if described else dict(enumerate(_lines(path)))
    reader = _Reader(root, names, "kpt_shape" in described)
    listed: list[tuple[Path, str | None]] = []
    if described:
        listed += _listed(described, path, reader.left_out)
    listed = listed or [(each, None) for each in _all_pictures(root)]
    parts = dict(reversed(listed))
    if len(set(parts.values())) == 1:
        # One folder under several names is no split.
        parts = dict.fromkeys(parts)
    pictures = tuple(reader.picture(each, parts[each]) for each in dict(listed))
    reader.check_unused()
    categories = tuple(Category(number, name) for number, name in names.items())
    return AnnotatedPictures(root, "YOLO", categories, pictures, reader.left_out.remarks())


def _parts(root: Path) -> list[Path]:
    """The folder and those of its parts: train, val and so on."""
    below = sorted(path for path in root.iterdir() if path.is_dir())
    return [root, *(path for path in below if split_of(path.name))]


def _yaml(path: Path) -> dict[str, Any]:
    try:
        with access_to(path):
            content = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"Cannot be read as YAML: {reason}. Received: {str(path)!r}") from error
    return content if isinstance(content, dict) else {}


def _lines(path: Path) -> list[str]:
    with access_to(path):
        lines = path.read_text(encoding="utf-8").splitlines()
    return [class_name_of(line.strip()) for line in lines if line.strip()]


def _names(names: Any, path: Path) -> dict[int, str]:
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    plain = isinstance(numbered, dict) and all(isinstance(key, int) for key in numbered)
    if not plain or not numbered:
        raise ValueError(
            "`names` must be a list, or numbers with names, not "
            f"{names!r:.80}. Received: path={str(path)!r}"
        )
    found = {key: class_name_of(str(name)) for key, name in numbered.items()}
    if len(set(found.values())) < len(found):
        raise ValueError(f"`names` has a name twice: rename one. Received: path={str(path)!r}")
    return dict(sorted(found.items()))


def _listed(
    described: Mapping[str, Any], path: Path, left_out: LeftOut
) -> Iterator[tuple[Path, str]]:
    """The pictures that a YAML file lists, with their parts."""
    bases = [path.parent / str(described.get("path") or "."), path.parent]
    for split in _SPLITS:
        entries = described.get(split) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            found = _resolved(str(entry), bases)
            if found is None:
                left_out.add("missing folder(s)", f"{split}: {entry} in {str(path)!r}")
            elif found.is_dir():
                for picture in list_images(found):
                    yield picture, split
            else:
                for line in _lines(found):
                    listed = _resolved(line, [found.parent, *bases])
                    if listed is None:
                        raise ValueError(
                            f"The picture {line!r} is missing. Received: path={str(found)!r}"
                        )
                    yield listed, split


def _resolved(entry: str, bases: list[Path]) -> Path | None:
    # Roboflow writes ../train/images for a folder beside the file.
    inner = entry.removeprefix("../") if entry.startswith("../") else entry
    tried = [base / each for each in (entry, inner) for base in bases]
    return next((path for path in tried if path.exists()), None)


def _all_pictures(root: Path) -> list[Path]:
    folders = [path / "images" for path in _parts(root) if (path / "images").is_dir()]
    if not folders:
        raise ValueError(f"There is no folder `images`. Received: folder={str(root)!r}")
    return [path for folder in folders for path in list_images(folder)]


def label_file(picture: Path) -> Path:
    """Returns a picture's label file: `labels` in place of its last `images`, or beside it."""
    parts = list(picture.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


class _Reader:
    def __init__(self, root: Path, names: Mapping[int, str], has_keypoints: bool) -> None:
        self.root, self.names, self.left_out = root, names, LeftOut()
        self.has_keypoints, self.read_files = has_keypoints, set[Path]()

    def picture(self, path: Path, split: str | None) -> AnnotatedPicture:
        """Reads a picture's labels."""
        size = upright_size(path)
        labels = label_file(path)
        objects: list[AnnotatedObject] = []
        if labels.is_file():
            self.read_files.add(labels.resolve())
            with access_to(labels):
                lines = labels.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines, 1):
                where = f"path={str(labels)!r}, line={number}"
                found = self._object(line.split(), size, where) if line.strip() else None
                objects += [] if found is None else [found]
        bases = [parent for parent in path.parents if parent.name == "images"] or [self.root]
        return AnnotatedPicture(path, name_below(path, bases), *size, tuple(objects), split)

    def _object(
        self, words: list[str], size: tuple[int, int], where: str
    ) -> AnnotatedObject | None:
        try:
            label, values = int(words[0]), [float(word) for word in words[1:]]
        except ValueError as error:
            raise ValueError(f"The line holds no numbers: {error}. Received: {where}") from error
        if label not in self.names:
            raise ValueError(f"No class has the number {label}. Received: {where}")
        if self.has_keypoints and len(values) > 4:
            self.left_out.add("object(s) with keypoints, which are", where)
            values = values[:4]
        if not all(map(math.isfinite, values)) or not (
            len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)
        ):
            raise ValueError(
                "The line must be a class with a box (4 numbers) or with the points of a polygon "
                f"(6 or more, even), not {len(values)} numbers. Received: {where}"
            )
        if max(values) > 1.5 or min(values) < -0.5:
            raise ValueError(
                f"Numbers must be shares of the picture, from 0 to 1. Received: {where}"
            )
        box = clipped_box(_box(values, size), size)
        if box is None:
            self.left_out.add("object(s) with a box that is empty or outside the picture", where)
            return None
        mask = None
        if len(values) > 4:
            points = [value * size[index % 2] for index, value in enumerate(values)]
            mask = encoded_polygons([points], size)
        return AnnotatedObject(self.names[label], box, mask)

    def check_unused(self) -> None:
        """Counts label files that belong to no picture."""
        for folder in _parts(self.root):
            for path in sorted((folder / "labels").rglob("*.txt")):
                if path.name != "classes.txt" and path.resolve() not in self.read_files:
                    self.left_out.add("label file(s) without a picture", str(path))


def _box(values: list[float], size: tuple[int, int]) -> Box:
    if len(values) == 4:
        x, y, width, height = values
        shares = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    else:
        xs, ys = values[::2], values[1::2]
        shares = (min(xs), min(ys), max(xs), max(ys))
    x0, y0, x1, y1 = (share * size[index % 2] for index, share in enumerate(shares))
    return x0, y0, x1, y1
