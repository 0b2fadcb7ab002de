"""Labelled pictures of class folders, and of folders with ``metadata.jsonl``."""

from __future__ import annotations

import functools
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.folder_classes import class_folders, subfolders
from kerasgen.annotations.folder_layout import METADATA
from kerasgen.io.folders import ENDINGS, list_images, unread_files
from kerasgen.io.images import Pixels, read_image
from kerasgen.io.names import split_of, unicode_name

MOST_CLASSES = 10_000
SPLITS = ("train", "validation", "test")
_LOGGER = logging.getLogger(__name__)


class Item(NamedTuple):
    """One picture, not read yet; `read` returns `[h, w, 1 | 3] uint8` or raises `ImageError`."""

    name: str
    label: int
    read: Callable[[], Pixels]


class LabelledSource(NamedTuple):
    """Classes and pictures: "train", and "validation" and "test" if they exist."""

    class_names: tuple[str, ...]
    splits: Mapping[str, Iterable[Item]]


def read_manifest_classes(root: Path) -> LabelledSource:
    """Lists a folder of ``kerasgen synthesize`` whose rows have a class.

    Raises:
        ValueError: If a row has none, or one that ``settings.json`` does not name.
    """
    folder = AnnotatedFolder(root)
    class_of = {name: folder.facts(name).class_name for name in folder.names}
    unknown = [name for name, class_name in class_of.items() if class_name is None]
    if unknown:
        raise ValueError(
            f"{len(unknown)} pictures have no `class_name` in {METADATA}, first {unknown[0]!r}. "
            f"Received: source={str(root)!r}"
        )
    found = {str(name) for name in class_of.values()}
    classes = folder.class_names or tuple(sorted(found))
    if others := sorted(found - set(classes)):
        raise ValueError(
            f"{METADATA} has classes that settings.json does not have: {', '.join(others)}. "
            f"Received: source={str(root)!r}"
        )
    items = [
        Item(name, classes.index(str(label)), functools.partial(read_image, folder.path(name)))
        for name, label in class_of.items()
    ]
    return LabelledSource(classes, {"train": items})


def read_class_folders(root: Path) -> LabelledSource:
    """Lists class folders, or the class folders of ``train/`` and of other splits beside it.

    Raises:
        ValueError: If there is no class folder, or a split has two folders or other classes.
    """
    folders = subfolders(root)
    parts: dict[str, list[Path]] = defaultdict(list)
    for path in folders:
        parts[split_of(path.name) or ""].append(path)
    others = parts.pop("", [])
    received = f"Received: source={str(root)!r} with {', '.join(path.name for path in folders)}"
    if any(map(subfolders, parts.get("train", []))):
        for split, paths in parts.items():
            if len(paths) > 1:
                raise ValueError(f"Two folders are the {split} part. {received}")
        if others:
            names = ", ".join(path.name for path in others)
            _LOGGER.warning("Not read, as no split: %s", names)
        splits = {split: parts[split][0] for split in SPLITS if split in parts}
    elif parts and not others:
        raise ValueError(f"Labels are read from class folders: make train/<class>/. {received}")
    else:
        splits = {"train": root}
    found = {split: class_folders(path) for split, path in splits.items()}
    classes = tuple(found["train"])
    if not classes:
        raise ValueError(
            "There is no class folder: put pictures into <class>/. "
            f"Received: source={str(splits['train'])!r}"
        )
    check_class_count(len(classes), splits["train"])
    listed = {split: _listed(root, path, found[split], classes) for split, path in splits.items()}
    return LabelledSource(classes, listed)


def check_class_count(count: int, source: object) -> None:
    """Checks that labels can be classes.

    Raises:
        ValueError: If there are more than ``MOST_CLASSES``.
    """
    if count > MOST_CLASSES:
        raise ValueError(
            f"{count} classes are more than {MOST_CLASSES}: are the labels really classes, or the "
            f"folders class folders? Received: source={str(source)!r}"
        )


def _listed(
    root: Path, folder: Path, found: Mapping[str, Sequence[Path]], classes: Sequence[str]
) -> list[Item]:
    extra = sorted(set(found) - set(classes))
    if extra:
        raise ValueError(
            f"No class of train/: {', '.join(extra[:5])}. Rename or remove it, or add it there. "
            f"Received: folder={str(folder)!r}"
        )
    files = [path.name.lower() for path in folder.iterdir() if path.is_file()]
    stray = sum(name.endswith(ENDINGS) and name[0] != "." for name in files)
    if stray:
        _LOGGER.warning("Not read: %d pictures of no class, in %s itself", stray, folder)
    for remark in unread_files(folder):
        _LOGGER.warning("%s: %s", folder, remark)
    items = []
    for label, name in enumerate(classes):
        for path in itertools.chain.from_iterable(map(list_images, found.get(name, ()))):
            read = functools.partial(read_image, path)
            items.append(Item(unicode_name(path.relative_to(root).as_posix()), label, read))
    return items
