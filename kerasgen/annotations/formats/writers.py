"""Writes pictures and their annotations, one writer for each format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from kerasgen.annotations.folder_layout import DATA, IMAGES, INSTANCES
from kerasgen.annotations.formats.dataset import SPLITS, AnnotatedPicture, AnnotatedPictures
from kerasgen.annotations.formats.layouts import (
    coco_document,
    one_line,
    voc_document,
    yolo_data,
    yolo_lines,
)
from kerasgen.annotations.formats.names import folder_names
from kerasgen.annotations.formats.voc_reader import ANNOTATIONS, PICTURES, SETS
from kerasgen.annotations.formats.yolo_reader import label_file
from kerasgen.annotations.merging import link_file
from kerasgen.io.files import access_to, write_file
from kerasgen.io.images import read_image
from kerasgen.io.sheets import encode_png


class Writer:
    """Writes pictures one after the other, and then what describes all of them.

    Args:
        pictures: The pictures.
        target: The folder to fill.
        masks: The form of masks.

    Attributes:
        splits: Number of pictures of each part; empty without parts.
        written: Number of pictures, or crops, so far.
    """

    def __init__(self, pictures: AnnotatedPictures, target: Path, masks: str) -> None:
        self.pictures, self.target, self.masks = pictures, target, masks
        self._has_parts = any(each.split for each in pictures.pictures)
        counts = Counter(map(self._part, pictures.pictures))
        self.splits = {split: counts[split] for split in SPLITS.values() if counts[split]}
        self.written = 0
        self._members: list[tuple[str, AnnotatedPicture]] = []

    def write(self, stem: str, picture: AnnotatedPicture) -> None:
        """Writes a picture, and what the format has for it alone.

        Args:
            stem: The name of its file, without the ending.
            picture: The picture.
        """
        folder = self.target / self._folder(self._part(picture))
        path = folder / f"{stem}{picture.path.suffix.lower()}"
        with access_to(picture.path):
            content = picture.path.read_bytes()
        link_file(picture.path.resolve(), path, content)
        self._annotate(path, picture)
        self._members.append((path.name, picture))
        self.written += 1

    def finish(self) -> None:
        """Writes what describes all pictures."""

    def _folder(self, part: str) -> str:
        return IMAGES

    def _annotate(self, path: Path, picture: AnnotatedPicture) -> None:
        pass

    def _part(self, picture: AnnotatedPicture) -> str:
        """The part of a picture; `train` if others have one and it has none."""
        return (picture.split or SPLITS["train"]) if self._has_parts else ""

    def _of(self, part: str) -> Iterator[tuple[str, AnnotatedPicture]]:
        return ((name, each) for name, each in self._members if self._part(each) == part)


class _Coco(Writer):
    def _folder(self, part: str) -> str:
        return f"{part}/{IMAGES}" if part else IMAGES

    def finish(self) -> None:
        for part in self.splits or [""]:
            document = coco_document(self._of(part), self.pictures.categories, self.masks)
            write_file(self.target / part / INSTANCES, one_line(document))


class _Yolo(Writer):
    def _folder(self, part: str) -> str:
        return f"{IMAGES}/{part}"

    def _annotate(self, path: Path, picture: AnnotatedPicture) -> None:
        labels = {each.name: number for number, each in enumerate(self.pictures.categories)}
        below = label_file(path.relative_to(self.target))
        write_file(self.target / below, yolo_lines(picture, labels, self.masks).encode())

    def finish(self) -> None:
        text = yolo_data(self.pictures.categories, list(self.splits))
        write_file(self.target / DATA, text.encode())


class _Voc(Writer):
    def _folder(self, part: str) -> str:
        return PICTURES

    def _annotate(self, path: Path, picture: AnnotatedPicture) -> None:
        content = voc_document(path.name, picture)
        write_file(self.target / ANNOTATIONS / f"{path.stem}.xml", content)

    def finish(self) -> None:
        for part in self.splits or [""]:
            text = "".join(f"{Path(name).stem}\n" for name, _ in self._of(part))
            write_file(self.target / SETS / f"{part or 'trainval'}.txt", text.encode())


class _Folders(Writer):
    @cached_property
    def _folders(self) -> dict[str, str]:
        return folder_names(self.pictures.categories)

    def write(self, stem: str, picture: AnnotatedPicture) -> None:
        image = read_image(picture.path)
        for number, placed in enumerate(picture.objects):
            x0, y0, x1, y1 = (round(value) for value in placed.box)
            crop = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
            name = f"{self._folders[placed.category]}/{stem}-{number:03}.png"
            write_file(self.target / self._part(picture) / name, encode_png(crop))
            self.written += 1


WRITERS = {"coco": _Coco, "yolo": _Yolo, "voc": _Voc, "folders": _Folders}
"""By the names of the formats."""
