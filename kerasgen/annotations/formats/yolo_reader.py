"""Reads YOLO's label files and `data.yaml` (https://docs.ultralytics.com/datasets)."""

from __future__ import annotations

import itertools
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kerasgen.annotations.annotation import Box
from kerasgen.annotations.formats.coco_reader import encoded_polygons
from kerasgen.annotations.formats.dataset import (
    SPLITS,
    AnnotatedObject,
    AnnotatedPicture,
    AnnotatedPictures,
    Category,
    LeftOut,
    clipped_box,
)
from kerasgen.annotations.formats.picture_files import (
    name_below,
    path_below,
    picture_size,
    text_of,
)
from kerasgen.io.files import access_to
from kerasgen.io.folders import list_images
from kerasgen.io.names import class_name_of, split_of

_DATA = ("data.yaml", "data.yml")
_NAMES = ("classes.txt", "obj.names", "labels/classes.txt")


def yolo_file(root: Path) -> Path | None:
    """The file that names a folder's classes: a YAML file with `names`, or `classes.txt`.

    Raises:
        ValueError: If `data.yaml` cannot be read, there are two YAML files with names, or there are
            labels beside pictures and no names.
    """
    files = sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
    described = [path for path in files if _has_names(path)]
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
        root: The folder of the set, absolute. A `path` in a YAML file may be that of another one.

    Raises:
        ValueError: If a file, a line of it, which is named, or a picture is damaged, missing or
            outside the folder.
    """
    described = _yaml(path) if path.suffix in (".yaml", ".yml") else {}
    names = _names(described["names"] if described else text_of(path).rstrip().splitlines(), path)
    home = Path(os.path.abspath(root / str(described.get("path") or ".")))
    if home.is_dir() and not home.is_relative_to(root):
        root = home
    reader = _Reader(root, names, "kpt_shape" in described)
    listed: list[tuple[Path, str | None]] = []
    if described:
        listed += _listed(described, path, [home, path.parent], root, reader.left_out)
    listed = listed or [(each, None) for each in _all_pictures(root)]
    parts = _one_part_each(listed, path)
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
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"Cannot be read as YAML: {reason}. Received: {str(path)!r}") from error
    return content if isinstance(content, dict) else {}


def _has_names(path: Path) -> bool:
    try:
        return "names" in _yaml(path)
    except ValueError:
        # Any other may be a file of another kind.
        if path.name in _DATA:
            raise
        return False


def _names(names: Any, path: Path) -> dict[int, str]:
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    plain = isinstance(numbered, dict) and all(isinstance(key, int) for key in numbered)
    if not plain or not numbered:
        raise ValueError(
            "`names` must be a list, or numbers with names, not "
            f"{names!r:.80}. Received: path={str(path)!r}"
        )
    found = {key: class_name_of(str(name).strip()) for key, name in numbered.items()}
    if len(set(found.values())) < len(found) or "" in found.values():
        raise ValueError(
            f"A name of a class is there twice, or empty: rename it. Received: path={str(path)!r}"
        )
    return dict(sorted(found.items()))


def _listed(
    described: Mapping[str, Any], path: Path, bases: list[Path], root: Path, left_out: LeftOut
) -> Iterator[tuple[Path, str]]:
    """The pictures that a YAML file lists, with their parts."""
    for split in SPLITS.values():
        entries = described.get(split) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            found = _resolved(str(entry), bases, root, path)
            if found is None:
                left_out.add("missing folder(s)", f"{split}: {entry} in {str(path)!r}")
            elif found.is_dir():
                for picture in list_images(found):
                    yield picture, split
            else:
                for line in filter(None, map(str.strip, text_of(found).splitlines())):
                    listed = _resolved(line, [found.parent, *bases], root, found)
                    if listed is None:
                        raise ValueError(
                            f"The picture {line!r} is missing. Received: path={str(found)!r}"
                        )
                    yield listed, split


def _one_part_each(listed: Sequence[tuple[Path, str | None]], path: Path) -> dict[Path, str | None]:
    """The part of each picture; one list of all, under several names perhaps, is no split."""
    members: dict[str | None, set[Path]] = defaultdict(set)
    for picture, split in listed:
        members[split].add(picture)
    for one, other in itertools.combinations(members, 2):
        common = members[one] & members[other]
        if common and members[one] != members[other]:
            raise ValueError(
                f"The picture {min(common).name!r} is in two parts, {one} and {other}: take it out "
                f"of one. Received: path={str(path)!r}"
            )
    parts = dict(reversed(listed))
    return dict.fromkeys(parts) if set(parts.values()) == {SPLITS["train"]} else parts


def _resolved(entry: str, bases: list[Path], root: Path, file: Path) -> Path | None:
    # Roboflow writes ../train/images for a folder beside the file.
    tried = [(base, each) for each in (entry, entry.removeprefix("../")) for base in bases]
    found = next(filter(None, (path_below(root, *each) for each in tried)), None)
    if found is None and any(os.path.exists(base / each) for base, each in tried):
        raise ValueError(
            f"{entry!r} is outside the folder {str(root)!r}: move it there, or state the folder of "
            f"all pictures as `path` in the YAML file. Received: path={str(file)!r}"
        )
    return found


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
        size = picture_size(path, (), "", self.left_out)
        labels = label_file(path)
        objects: list[AnnotatedObject] = []
        if labels.is_file():
            self.read_files.add(labels.resolve())
            for number, line in enumerate(text_of(labels).splitlines(), 1):
                where = f"path={str(labels)!r}, line={number}"
                found = self._object(line.split(), size, where) if line.strip() else None
                objects += [] if found is None else [found]
        name = name_below(path, self.root)
        return AnnotatedPicture(path, name, *size, tuple(objects), split)

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
