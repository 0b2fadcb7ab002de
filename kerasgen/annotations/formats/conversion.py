"""Writes annotated pictures in the formats of others."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from kerasgen.annotations.folder_layout import DATA, check_own
from kerasgen.annotations.formats.dataset import SPLITS, AnnotatedPictures
from kerasgen.annotations.formats.names import folder_names, unique_stems
from kerasgen.annotations.formats.writers import WRITERS, Writer
from kerasgen.io.files import check_apart, check_writable, keep_settings
from kerasgen.io.folders import ENDINGS
from kerasgen.io.images import PathLike
from kerasgen.io.interruption import until_stopped
from kerasgen.io.progress import Report

FORMATS = tuple(WRITERS)
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
    writer = WRITERS[format](pictures, target, masks)
    stems = unique_stems(pictures.pictures)
    own = {"kind": "converted", "format": format, "masks": masks, "source": pictures.sha256()}
    keep_settings(target, own)
    pairs = until_stopped(zip(stems, pictures.pictures, strict=True))
    for done, (stem, picture) in enumerate(pairs, 1):
        writer.write(stem, picture)
        if report is not None:
            report(done, len(stems))
    # Last: until then the folder is not finished.
    writer.finish()
    return _result(writer, format)


def _result(writer: Writer, format: str) -> ConvertedFolder:
    pictures, splits = writer.pictures, writer.splits
    objects = [each for picture in pictures.pictures for each in picture.objects]
    masks = sum(each.run_lengths is not None for each in objects)
    ids = [each.id for each in pictures.categories]
    return ConvertedFolder(
        writer.target,
        format,
        writer.written,
        len(objects),
        splits,
        masks if writer.masks == "none" else 0,
        sum(each.split is None for each in pictures.pictures) if splits else 0,
        format == "yolo" and pictures.format != "Pascal VOC" and ids != list(range(len(ids))),
    )


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
