"""Cuts the objects out of annotated pictures, each with its mask beside it."""

from __future__ import annotations

import dataclasses
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kerasgen.annotations.annotation import tight_box
from kerasgen.annotations.dossier import type_of_file
from kerasgen.annotations.folder_layout import check_own
from kerasgen.annotations.formats import (
    AnnotatedPicture,
    AnnotatedPictures,
    folder_names,
    unique_stems,
)
from kerasgen.annotations.output import CATEGORIES, SHARD, Output, Shard
from kerasgen.annotations.sidecar_masks import MASK_ENDING
from kerasgen.compositing.annotated.box_masks import mask_in_box
from kerasgen.compositing.foregrounds import MIN_QUALITY, Rejection
from kerasgen.compositing.rejections import REJECTED_FOREGROUNDS, CutFolder, save_rejected
from kerasgen.compositing.segmentation import Mask, feathered
from kerasgen.io.files import check_apart, check_writable, keep_settings, write_file
from kerasgen.io.images import ImageError, PathLike, Pixels, read_image
from kerasgen.io.interruption import until_stopped
from kerasgen.io.names import split_of
from kerasgen.io.progress import Report
from kerasgen.io.sheets import encode_png
from kerasgen.io.xmp import with_source_type

_MARGIN = 4
_SMALLEST_AREA = 32


class _Job(NamedTuple):
    """An object to cut: its place in its picture, its label and its file."""

    number: int
    label: int
    name: str


def cut_annotated(
    pictures: AnnotatedPictures,
    folder: PathLike,
    class_names: Sequence[str] | None = None,
    *,
    min_quality: float = MIN_QUALITY,
    workers: int = 1,
    shard: Shard | None = None,
    report: Report | None = None,
) -> CutFolder:
    """Cuts out each annotated object, and writes its mask beside it.

    An object with a mask is cut by it; for one with a box alone a mask is estimated and judged, see
    ``mask_in_box``. Object 3 of ``shelf.jpg``, a cup, becomes ``cup/shelf-003.png`` and
    ``cup/shelf-003.mask.png``. Existing files are kept. Warns of what was not read.

    Args:
        pictures: The pictures, see ``read_annotated``.
        folder: New, empty, or begun by the same call; outside the folder of the pictures.
        class_names: The categories to cut; None for all.
        min_quality: In [0, 1]; poorer estimated masks are rejected, and always those of quality 0.
        workers: Threads.
        shard: The share of the objects to cut; None for all.
        report: Called after each object.

    Returns:
        The cut-outs, and the objects without one. Its classes are those categories that have
        objects.

    Raises:
        ValueError: If a category is unknown, two files would have one name, or ``folder`` cannot be
            written, holds other files, or was begun with other settings or annotations.
        Stopped: After Ctrl-C or SIGTERM.
    """
    target = Path(folder)
    _check_target(target, pictures)
    for remark in pictures.remarks:
        warnings.warn(remark, stacklevel=3)
    folders = _folders(pictures, class_names)
    names, results = tuple(sorted(folders.values())), list[int | Rejection]()
    jobs = _jobs(pictures, {name: names.index(each) for name, each in folders.items()}, names)
    own = {"kind": "cuts", "min_quality": min_quality, **_shard_settings(shard, len(jobs))}
    keep_settings(target, {**own, **_source_settings(pictures), "class_names": list(names)})
    mine = jobs if shard is None else jobs[shard.number :: shard.of]
    by_picture = _by_picture(mine)

    def cut(index: int) -> list[int | Rejection]:
        return _cut(pictures.pictures[index], by_picture[index], target, min_quality)

    with ThreadPoolExecutor(workers) as pool:
        for each in until_stopped(pool.map(cut, by_picture)):
            results += each
            if report is not None:
                report(len(results), len(mine))
    rejected = [result for result in results if isinstance(result, Rejection)]
    rejected.sort(key=lambda each: (each.label, each.path))
    save_rejected(target / REJECTED_FOREGROUNDS, rejected, names)
    labels = sorted(result for result in results if isinstance(result, int))
    return CutFolder(target, names, tuple(labels), tuple(rejected), shard)


def _check_target(target: Path, pictures: AnnotatedPictures) -> None:
    check_apart(target, **{"annotated folder": pictures.folder})
    check_writable(target)
    check_own(target)


def _shard_settings(shard: Shard | None, count: int) -> dict[str, Any]:
    part = Output(shard=shard).share(count, block=1)
    return {} if part is None else {SHARD: part.to_dict()}


def _source_settings(pictures: AnnotatedPictures) -> dict[str, Any]:
    """What the annotations are, with all categories and their folders, for scenes to keep."""
    folders = folder_names(pictures.categories)
    categories = [
        {**dataclasses.asdict(each), "folder": folders[each.name]} for each in pictures.categories
    ]
    return {"source": pictures.sha256(), CATEGORIES: categories}


def _folders(pictures: AnnotatedPictures, class_names: Sequence[str] | None) -> dict[str, str]:
    """The folder of each category that has objects and is wanted, by name."""
    used = {each.category for picture in pictures.pictures for each in picture.objects}
    if unknown := sorted({*(class_names or ())} - used):
        raise ValueError(f"No object is of category {unknown[0]!r}. There are: {sorted(used)}")
    wanted = used if class_names is None else {*class_names}
    folders = folder_names(pictures.categories)
    found = {name: folder for name, folder in folders.items() if name in wanted}
    if all(map(split_of, found.values())):
        raise ValueError(
            "Folders of these names would be read as parts, not as classes: rename a category. "
            f"Received: categories={sorted(found)}"
        )
    return found


def _jobs(
    pictures: AnnotatedPictures, labels: Mapping[str, int], names: Sequence[str]
) -> list[tuple[int, _Job]]:
    jobs = []
    stems = unique_stems(pictures.pictures)
    for index, (picture, stem) in enumerate(zip(pictures.pictures, stems, strict=True)):
        for number, placed in enumerate(picture.objects):
            label = labels.get(placed.category)
            if label is not None:
                file = f"{names[label]}/{stem}-{number:03}.png"
                jobs.append((index, _Job(number, label, file)))
    return jobs


def _by_picture(jobs: Sequence[tuple[int, _Job]]) -> dict[int, list[_Job]]:
    found: dict[int, list[_Job]] = defaultdict(list)
    for index, job in jobs:
        found[index].append(job)
    return found


def _cut(
    picture: AnnotatedPicture, jobs: Sequence[_Job], target: Path, min_quality: float
) -> list[int | Rejection]:
    """Cuts objects of one picture; returns the label or the rejection of each."""
    if all((target / job.name).exists() for job in jobs):
        return [job.label for job in jobs]
    try:
        image = read_image(picture.path)
    except ImageError as error:
        return [Rejection(job.name, job.label, str(error)) for job in jobs]
    made = type_of_file(picture.path)
    return [_cut_object(picture, job, image, target, min_quality, made) for job in jobs]


def _cut_object(
    picture: AnnotatedPicture,
    job: _Job,
    image: Pixels,
    target: Path,
    min_quality: float,
    made: str | None,
) -> int | Rejection:
    path = target / job.name
    if path.exists():
        return job.label
    mask, is_estimated = picture.objects[job.number].mask, False
    if mask is None:
        own = picture.objects[job.number].box
        boxes = [each.box for each in picture.objects if each.box != own]
        found = mask_in_box(image, own, boxes)
        if found.quality == 0 or found.quality < min_quality:
            return Rejection(job.name, job.label, found.fault, found.quality)
        mask, is_estimated = found.mask, True
    if mask.sum() < _SMALLEST_AREA:
        reason = f"has a mask with {mask.sum()} pixels, below {_SMALLEST_AREA}"
        return Rejection(job.name, job.label, reason)
    rows, columns = _window(mask)
    colours, mask = image[rows, columns], mask[rows, columns]
    if mask.all():
        return Rejection(job.name, job.label, "has a mask that covers the whole picture")
    alpha = feathered(mask) if is_estimated else mask.astype(np.uint8) * 255
    write_file(path.with_name(path.stem + MASK_ENDING), encode_png(alpha[..., None]))
    content = encode_png(colours)
    # Last: a cut-out always has its mask.
    write_file(path, with_source_type(content, made) if made else content)
    return job.label


def _window(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns of a mask, with some of its surroundings."""
    x0, y0, x1, y1 = (int(value) for value in tight_box(mask) or (0, 0, 0, 0))
    return (
        slice(max(0, y0 - _MARGIN), y1 + _MARGIN),
        slice(max(0, x0 - _MARGIN), x1 + _MARGIN),
    )
