"""Writes annotated pictures in the formats of others."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasgen.annotations.folder_layout import DATA, IMAGES, INSTANCES, check_own
from kerasgen.annotations.formats.dataset import SPLITS, AnnotatedPicture, AnnotatedPictures
from kerasgen.annotations.formats.layouts import (
    coco_document,
    one_line,
    voc_document,
    yolo_data,
    yolo_lines,
)
from kerasgen.annotations.formats.names import folder_names, unique_stems
from kerasgen.annotations.formats.voc_reader import ANNOTATIONS, PICTURES, SETS
from kerasgen.annotations.formats.yolo_reader import label_file
from kerasgen.annotations.merging import link_file
from kerasgen.io.files import access_to, check_apart, check_writable, keep_settings, write_file
from kerasgen.io.folders import ENDINGS
from kerasgen.io.images import PathLike, read_image
from kerasgen.io.interruption import until_stopped
from kerasgen.io.progress import Report
from kerasgen.io.sheets import encode_png

FORMATS = ("coco", "yolo", "voc", "folders")
MASKS = {"coco": ("rle", "polygons", "none"), "yolo": ("none", "polygons")}
"""The forms of masks that a format has, the default first."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class ConvertedFolder:
    """Annotated pictures in another format.

    Attributes:
        folder: Its path.
        format: One of `FORMATS`.
        pictures: Number of pictures; of "folders", of crops.
        objects: Number of objects.
        splits: Number of pictures of each part; empty without parts.
        lost_masks: Number of masks that the format, or its form, does not hold.
        unassigned: Number of pictures that no part was stated for, where others have one: they are
            in `train`.
        renumbered: Whether categories have other numbers than before.
    """

    folder: Path
    format: str
    pictures: int
    objects: int
    splits: dict[str, int]
    lost_masks: int
    unassigned: int = 0
    renumbered: bool = False

    def __str__(self) -> str:
        """One sentence, what was lost, and the next command."""
        parts = ", ".join(f"{count} {name}" for name, count in self.splits.items())
        lines = [
            f"{self.pictures} pictures with {self.objects} objects as {self.format} in "
            f"{self.folder}{f' ({parts})' if parts else ''}"
        ]
        if self.lost_masks:
            lines.append(f"{self.lost_masks} masks were left out: only their boxes are written")
        if self.unassigned:
            lines.append(f"{self.unassigned} pictures without a part are in {SPLITS['train']}")
        if self.renumbered:
            lines.append(f"categories have new numbers, from 0: see {DATA}")
        out = shlex.quote(str(self.folder))
        if self.format == "folders":
            lines.append(f"next: kerasgen sheet {out} sheet.png")
        elif not (self.format == "coco" and self.splits):
            lines.append(f"next: kerasgen cut --foregrounds {out} --out cuts")
        return "\n".join(lines)


def convert_pictures(
    pictures: AnnotatedPictures,
    out: PathLike,
    format: str,
    *,
    masks: str | None = None,
    report: Report | None = None,
) -> ConvertedFolder:
    """Writes annotated pictures in a format of others; the same call goes on after a stop.

    Pictures are hard links where the file system has them, else copies, under the names of their
    files (with their folders if two are equal). Their parts become `train`, `val` and `test`.

    Args:
        pictures: The pictures, see ``read_annotated``.
        out: New, empty, or begun by the same call; outside the folder of the pictures.
        format: "coco", "yolo", "voc", or "folders": class folders with a crop of each box.
        masks: "rle", "polygons" or "none" for COCO, "polygons" or "none" (boxes) for YOLO; None for
            the first of these that the format has, boxes for YOLO.
        report: Called after each picture.

    Returns:
        The folder and its counts.

    Raises:
        ValueError: If an argument is invalid, a picture cannot be read, or ``out`` holds anything
            else or cannot be written.
        Stopped: After Ctrl-C or SIGTERM.
    """
    forms = MASKS.get(format, ("none",))
    masks = forms[0] if masks is None else masks
    if format not in FORMATS or masks not in forms:
        raise ValueError(
            f"The format {format!r} is none of {', '.join(FORMATS)}, or has no masks of this form: "
            f"it has {', '.join(forms)}. Received: {format=}, {masks=}"
        )
    target = Path(out)
    check_writable(target)
    check_own(target)
    check_apart(target, **{"annotated folder": pictures.folder})
    _check_names(pictures, format)
    writing = _Writing(pictures, target, masks)
    write: Callable[[str, AnnotatedPicture], None] = getattr(writing, f"_{format}")
    stems = unique_stems(pictures.pictures)
    own = {"kind": "converted", "format": format, "masks": masks, "source": pictures.sha256()}
    keep_settings(target, own)
    pairs = until_stopped(zip(stems, pictures.pictures, strict=True))
    for done, (stem, picture) in enumerate(pairs, 1):
        write(stem, picture)
        if report is not None:
            report(done, len(stems))
    writing.finish(format)
    return writing.result(format)


def _check_names(pictures: AnnotatedPictures, format: str) -> None:
    """Checks that the format's readers take all names."""
    for picture in pictures.pictures if format != "folders" else ():
        if picture.path.suffix.lower() not in ENDINGS:
            raise ValueError(
                f"The file of a picture must end in one of {' '.join(ENDINGS)}: save it as one. "
                f"Received: path={str(picture.path)!r}"
            )
    for each in pictures.categories:
        if format == "voc" and _NOT_XML.search(each.name):
            raise ValueError(
                "XML has no such characters: rename the category. Received: "
                f"category={each.name!r}, format={format!r}"
            )
    if format == "folders":
        folder_names(pictures.categories)


class _Writing:
    def __init__(self, pictures: AnnotatedPictures, target: Path, masks: str) -> None:
        self.pictures, self.target, self.masks = pictures, target, masks
        self.labels = {each.name: number for number, each in enumerate(pictures.categories)}
        self.unassigned = sum(each.split is None for each in pictures.pictures)
        self.has_parts = self.unassigned < len(pictures.pictures)
        counts = Counter(map(self._part, pictures.pictures))
        self.splits = {split: counts[split] for split in SPLITS.values() if counts[split]}
        self.crops = 0

    def _part(self, picture: AnnotatedPicture) -> str:
        """The part of a picture; `train` if others have one and it has none."""
        return (picture.split or SPLITS["train"]) if self.has_parts else ""

    def _give(self, folder: Path, stem: str, picture: AnnotatedPicture) -> Path:
        path = folder / f"{stem}{picture.path.suffix.lower()}"
        with access_to(picture.path):
            content = picture.path.read_bytes()
        link_file(picture.path.resolve(), path, content)
        return path

    def _coco(self, stem: str, picture: AnnotatedPicture) -> None:
        self._give(self.target / self._part(picture) / IMAGES, stem, picture)

    def _yolo(self, stem: str, picture: AnnotatedPicture) -> None:
        path = self._give(self.target / IMAGES / self._part(picture), stem, picture)
        text = yolo_lines(picture, self.labels, self.masks)
        below = label_file(path.relative_to(self.target))
        write_file(self.target / below, text.encode())

    def _voc(self, stem: str, picture: AnnotatedPicture) -> None:
        path = self._give(self.target / PICTURES, stem, picture)
        content = voc_document(path.name, picture)
        write_file(self.target / ANNOTATIONS / f"{stem}.xml", content)

    def _folders(self, stem: str, picture: AnnotatedPicture) -> None:
        folders = folder_names(self.pictures.categories)
        image = read_image(picture.path)
        for number, placed in enumerate(picture.objects):
            x0, y0, x1, y1 = (round(value) for value in placed.box)
            crop = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
            name = f"{folders[placed.category]}/{stem}-{number:03}.png"
            write_file(self.target / self._part(picture) / name, encode_png(crop))
            self.crops += 1

    def finish(self, format: str) -> None:
        """Writes what describes all pictures, last: until then the folder is not finished."""
        categories = self.pictures.categories
        if format == "coco":
            for split in self.splits or [""]:
                document = coco_document(self._members(split), categories, self.masks)
                write_file(self.target / split / INSTANCES, one_line(document))
        elif format == "yolo":
            write_file(self.target / DATA, yolo_data(categories, list(self.splits)).encode())
        elif format == "voc":
            for split in self.splits or ["trainval"]:
                names = [Path(name).stem for name, _ in self._members(split)]
                text = "".join(f"{name}\n" for name in names)
                write_file(self.target / SETS / f"{split}.txt", text.encode())

    def _members(self, split: str) -> Iterator[tuple[str, AnnotatedPicture]]:
        stems: Sequence[str] = unique_stems(self.pictures.pictures)
        for stem, picture in zip(stems, self.pictures.pictures, strict=True):
            if not self.has_parts or self._part(picture) == split:
                yield f"{stem}{picture.path.suffix.lower()}", picture

    def result(self, format: str) -> ConvertedFolder:
        """The folder and its counts."""
        objects = [each for picture in self.pictures.pictures for each in picture.objects]
        masks = sum(each.run_lengths is not None for each in objects)
        return ConvertedFolder(
            self.target,
            format,
            self.crops if format == "folders" else len(self.pictures.pictures),
            len(objects),
            self.splits,
            masks if self.masks == "none" else 0,
            self.unassigned if self.has_parts else 0,
            format == "yolo"
            and [each.id for each in self.pictures.categories] != list(self.labels.values()),
        )
