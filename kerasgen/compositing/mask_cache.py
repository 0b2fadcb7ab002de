"""Folders of pictures with their estimated masks beside them.

Estimating a mask takes a hundred times as long as using it. ``foregrounds.read_foregrounds`` reads
such a folder as any other with masks, which can be viewed, corrected or deleted first.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from kerasgen.annotations.formats import annotation_format, read_annotated
from kerasgen.annotations.merging import ShardFolder, link_file, read_shards
from kerasgen.annotations.output import SHARD, Output, Shard
from kerasgen.annotations.sidecar_masks import MASK_ENDING, UPRIGHT, states_orientation
from kerasgen.compositing.annotated.cuts import cut_annotated
from kerasgen.compositing.foreground_folders import (
    class_folders,
    class_pictures,
    warn_of_unread,
)
from kerasgen.compositing.foregrounds import MIN_QUALITY, Rejection, read_foreground
from kerasgen.compositing.rejections import REJECTED_FOREGROUNDS, CutFolder, save_rejected
from kerasgen.io.files import access_to, check_apart, check_writable, keep_settings, write_file
from kerasgen.io.images import MAX_PIXELS, PathLike, read_image
from kerasgen.io.interruption import until_stopped
from kerasgen.io.progress import Report


def save_cuts(
    foregrounds: PathLike,
    folder: PathLike,
    class_names: Sequence[str] | None = None,
    *,
    min_quality: float = MIN_QUALITY,
    workers: int = 1,
    shard: Shard | None = None,
    report: Report | None = None,
) -> CutFolder:
    """Copies every picture with a foreground, byte for byte, and writes its mask beside it.

    Of a folder in COCO's, YOLO's or Pascal VOC's format, each object is cut out, see
    ``cut_annotated``. Existing copies are kept.

    Args:
        foregrounds: Folder with one sub-folder per class, see ``read_foregrounds``, or one that
            ``read_annotated`` reads.
        folder: Folder to write to, with the same file names.
        class_names: The sub-folders or categories to read; by default all in the order of their
            names.
        min_quality: As for ``read_foregrounds``.
        workers: Threads.
        shard: The share of the pictures to cut, see ``merge_cuts``; None for all.
        report: Called after each picture.

    Returns:
        The copied pictures, and those without a foreground.

    Raises:
        ValueError: If a picture folder is missing or empty, two pictures would have one mask, or
            ``folder`` lies within ``foregrounds``, cannot be written or was begun with another
            ``min_quality``.
    """
    check_apart(folder, foregrounds=foregrounds)
    if annotation_format(foregrounds):
        pictures = read_annotated(foregrounds)
        common: dict[str, Any] = {"min_quality": min_quality, "workers": workers, "shard": shard}
        return cut_annotated(pictures, folder, class_names, report=report, **common)
    warn_of_unread(foregrounds)
    root, target = Path(foregrounds), Path(folder)
    names = tuple(class_names if class_names is not None else class_folders(root))
    jobs = class_pictures(root, names)
    _check_stems(path for _, path in jobs)
    part = Output(shard=shard).share(len(jobs), block=1)
    own = {} if part is None else {SHARD: part.to_dict()}
    settings = {"kind": "cuts", "min_quality": min_quality, **own, "class_names": list(names)}
    keep_settings(target, settings)
    if shard is not None:
        jobs = jobs[shard.number :: shard.of]
    results: list[int | Rejection] = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda job: _cut(job, root, target, min_quality), jobs):
            results.append(result)
            if report is not None:
                report(len(results), len(jobs))
    rejected = tuple(result for result in results if isinstance(result, Rejection))
    save_rejected(target / REJECTED_FOREGROUNDS, rejected, names)
    labels = tuple(result for result in results if isinstance(result, int))
    return CutFolder(target, names, labels, rejected, shard)


def _check_stems(paths: Iterable[Path]) -> None:
    stems = Counter(path.with_suffix("") for path in paths)
    doubled = [str(stem) for stem, count in stems.items() if count > 1]
    if doubled:
        raise ValueError(f"Two pictures would have one mask: rename one. Received: {doubled[0]!r}")


def _cut(job: tuple[int, Path], root: Path, target: Path, min_quality: float) -> int | Rejection:
    """Copies one picture and writes its mask; returns its label or the rejection."""
    label, source = job
    copy = target / source.relative_to(root)
    if copy.exists():
        return label
    found = read_foreground(
        source, label=label, root=root, min_quality=min_quality, max_side=MAX_PIXELS
    )
    if isinstance(found, Rejection):
        return found
    if found.method != "alpha":
        mask = np.zeros(read_image(source).shape[:2], np.uint8)
        (x, y), (width, height) = found.offset, found.extent
        mask[y : y + height, x : x + width] = found.alpha
        exif = Image.Exif()
        # Without it, a mask beside a turned photograph may be of the stored pixels.
        if states_orientation(source):
            exif[ExifTags.Base.Orientation] = UPRIGHT
        stream = io.BytesIO()
        Image.fromarray(mask).save(stream, "PNG", exif=exif)
        write_file(copy.with_name(copy.stem + MASK_ENDING), stream.getvalue())
    # Last: a copied picture always has its mask.
    write_file(copy, source.read_bytes())
    return label


def merge_cuts(
    folder: PathLike, shards: Sequence[PathLike], *, report: Report | None = None
) -> CutFolder:
    """Merges the shards of ``save_cuts`` into one folder, with the bytes of one run.

    Files are hard links where the file system has them, else copies. They are looked for, but not
    compared with the pictures that they were copied from.

    Args:
        folder: New, or begun by the same call, which is then resumed.
        shards: The folders of all shards, in any order.
        report: Called after each file.

    Returns:
        The merged folder.

    Raises:
        ValueError: If the folders are not all shards of one job, once each, one lacks a picture,
            or nothing can be written.
        Stopped: After Ctrl-C or SIGTERM.
    """
    members = read_shards(shards)
    check_apart(folder, **{f"shard {each.part.shard}": each.folder for each in members})
    check_writable(folder)
    settings = {key: value for key, value in members[0].settings.items() if key != SHARD}
    names, target = settings["class_names"], Path(folder)
    rejected = [each for member in members for each in _rejected(member, names)]
    found = [(member.folder, path) for member in members for path in _files(member, names)]
    keep_settings(target, settings)
    for done, (root, path) in enumerate(until_stopped(found), 1):
        with access_to(path):
            content = path.read_bytes()
        link_file(path, target / path.relative_to(root), content)
        if report is not None:
            report(done, len(found))
    rejected.sort(key=lambda each: (each.label, each.path))
    save_rejected(target / REJECTED_FOREGROUNDS, rejected, names)
    labels = [_label(path.relative_to(root), names) for root, path in found if not _is_mask(path)]
    return CutFolder(target, tuple(names), tuple(sorted(labels)), tuple(rejected))


def _files(member: ShardFolder, names: Sequence[str]) -> list[Path]:
    """The pictures and masks of a shard, after a check that all are there."""
    files = sorted(path for path in member.folder.glob("*/**/*") if path.is_file())
    empty = [path for path in files if path.stat().st_size == 0]
    count = sum(not _is_mask(path) for path in files) + len(_rejected(member, names))
    expected = len(member.part.members())
    if empty or count != expected:
        what = f"an empty file, {str(empty[0])!r}" if empty else f"{count} of {expected} pictures"
        raise ValueError(
            f"Shard {member.part.shard} in {str(member.folder)!r} has {what}. {member.again()}"
        )
    return files


def _rejected(member: ShardFolder, names: Sequence[str]) -> list[Rejection]:
    path = member.folder / REJECTED_FOREGROUNDS
    if not path.exists():
        raise ValueError(
            f"Shard {member.part.shard} in {str(member.folder)!r} is unfinished. {member.again()}"
        )
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Rejection(row["path"], names.index(row["class"]), row["reason"], float(row["quality"]))
            for row in csv.DictReader(stream)
        ]


def _is_mask(path: Path) -> bool:
    return path.name.endswith(MASK_ENDING)


def _label(path: Path, names: Sequence[str]) -> int:
    """The class of a picture: the first folder above it that is named like one."""
    return next(names.index(part) for part in path.parts if part in names)
