"""Folders of foregrounds: ``<class>/<picture>``, with or without masks beside the pictures."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kerasgen.annotations import folder_classes
from kerasgen.annotations.folder_layout import SETTINGS
from kerasgen.annotations.formats import annotation_format, unused_annotations
from kerasgen.annotations.output import CATEGORIES
from kerasgen.compositing.foregrounds import (
    MAX_SIDE,
    MIN_QUALITY,
    Foreground,
    Rejection,
    read_foreground,
)
from kerasgen.compositing.rejections import main_reasons
from kerasgen.io.files import read_json
from kerasgen.io.folders import list_images
from kerasgen.io.images import PathLike
from kerasgen.io.names import split_of
from kerasgen.io.progress import Report


def read_foregrounds(
    folder: PathLike,
    class_names: Sequence[str] | None = None,
    *,
    min_quality: float = MIN_QUALITY,
    max_side: int = MAX_SIDE,
    workers: int = 1,
    report: Report | None = None,
) -> tuple[list[Foreground], list[Rejection]]:
    """Reads the foregrounds of ``<folder>/<class>/<picture>``.

    A file ``shirt.mask.png`` is the mask of ``shirt.jpg`` (or another format) beside it: white on
    the object, of the picture's size.

    Args:
        folder: Folder with one sub-folder per class.
        class_names: The names of labels 0, 1, ...; by default all sub-folders in the order of their
            names.
        min_quality: As for ``extract``.
        max_side: As for ``extract``.
        workers: Threads; the result does not depend on them.
        report: Called after each.

    Returns:
        The foregrounds, and the pictures without one, both in the order of classes and names.

    Raises:
        ValueError: If a class has no folder, no picture or no acceptable foreground.
    """
    root = Path(folder)
    jobs = class_pictures(root, class_names)
    names = list(class_names) if class_names is not None else class_folders(root)

    def read(job: tuple[int, Path]) -> Foreground | Rejection:
        label, path = job
        return read_foreground(
            path, label=label, root=root, min_quality=min_quality, max_side=max_side
        )

    with ThreadPoolExecutor(workers) as pool:
        results = []
        for result in pool.map(read, jobs):
            results.append(result)
            if report is not None:
                report(len(results), len(jobs))
    found = [result for result in results if isinstance(result, Foreground)]
    rejected = [result for result in results if isinstance(result, Rejection)]
    for label, name in enumerate(names):
        if not any(foreground.label == label for foreground in found):
            reasons = [item.reason for item in rejected if item.label == label]
            example, count = main_reasons(reasons)[0]
            reason = (
                f"most commonly ({count} of {len(reasons)}) a picture is rejected because it "
                f"{example}"
            )
            raise ValueError(
                f"No acceptable foreground in class {name!r}: {reason}. Give masks, other pictures "
                f"or a lower min_quality. Received: folder={str(root)!r}, {min_quality=}"
            )
    return found, rejected


def class_folders(folder: PathLike) -> list[str]:
    """The classes that the sub-folders are named after, sorted; hidden ones are left out.

    Raises:
        ValueError: If there are none, they are parts (train, test) with class folders of theirs, or
            the folder is annotated in a format that ``kerasgen cut`` reads.
    """
    if format_name := annotation_format(folder):
        raise ValueError(
            f"The folder has annotations of {format_name}, which are cut first: kerasgen cut "
            f"--foregrounds {shlex.quote(str(folder))} --out cuts"
        )
    names = [path.name for path in folder_classes.subfolders(folder)]
    received = f"Received: folder={str(folder)!r}"
    if not names:
        raise ValueError(f"Needs one sub-folder per class, with pictures. {received}")
    if all(map(split_of, names)):
        raise ValueError(
            f"The sub-folders are parts ({', '.join(names)}), not classes: use the folder of one "
            f"part. {received}"
        )
    return list(folder_classes.class_folders(folder))


def warn_of_unread(folder: PathLike) -> None:
    """Warns of files below a folder of foregrounds that are not read, annotations included.

    Raises:
        ValueError: If there is no picture.
    """
    list_images(folder, count_others=True)
    if remark := unused_annotations(folder):
        warnings.warn(remark, stacklevel=2)


def cut_categories(folder: PathLike) -> tuple[dict[str, Any], ...]:
    """The categories of the annotations that a folder of cut-outs was made from.

    Returns:
        One of each: ``id``, ``name``, ``supercategory`` and ``folder``, the class folder; none if
        it was made from class folders.
    """
    path = Path(folder, SETTINGS)
    settings = read_json(path) if path.is_file() else {}
    return tuple(settings.get(CATEGORIES, ())) if settings.get("kind") == "cuts" else ()


def class_pictures(
    folder: PathLike, class_names: Sequence[str] | None = None
) -> list[tuple[int, Path]]:
    """The pictures of ``<folder>/<class>/``.

    Args:
        folder: Folder with one sub-folder per class.
        class_names: The names of labels 0, 1, ...; None for ``class_folders``.

    Returns:
        Label and path of each, in the order of labels and names; masks are left out.

    Raises:
        ValueError: If a class has no folder or no picture, or as ``class_folders``.
    """
    names = class_folders(folder) if class_names is None else class_names
    found = folder_classes.class_folders(folder)
    return [
        (label, path)
        for label, name in enumerate(names)
        for below in found.get(name, [Path(folder, name)])
        for path in list_images(below)
    ]
