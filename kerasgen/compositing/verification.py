"""Checks the annotations of a folder of scenes against the pixels.

No detector is used, as it has errors of its own. The foregrounds are known: the check is whether
the picture shows this foreground, at this position, within this mask (``template_match``).
"""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasgen.annotations.folder_layout import INSTANCES, METADATA, SETTINGS
from kerasgen.annotations.manifest import Record, manifest_records
from kerasgen.annotations.output import CATEGORIES
from kerasgen.annotations.records import ManifestRow, PlacedObject
from kerasgen.compositing import template_match
from kerasgen.compositing.foregrounds import Foreground
from kerasgen.compositing.scene import by_label
from kerasgen.io.files import access_to, read_json
from kerasgen.io.images import PathLike, read_image
from kerasgen.io.progress import Report
from kerasgen.io.sheets import is_intact_png

_SHOWN = 10
_LOWEST_FIT = 0.5
# Stripes fit nearly as well when shifted.
_MARGIN = 0.05
_OTHERS = 4
_REACH = 2
# Above the worst values of correct annotations of scenes of photographs. The edge of a shadow on
# plain cloth is detail, too.
_MOST_UNEXPLAINED, _MOST_OVERLOOKED = 0.25, 0.75
_MOST_BEYOND, _SHARE_BEYOND = 8, 0.002
_TOLERANCE = 0.02


@dataclass(frozen=True)
class Failure:
    """An annotation that is wrong.

    Attributes:
        file_name: The picture, as its row has it.
        number: Index of the object in its row; None for the whole picture.
        reason: In words.
    """

    file_name: str
    number: int | None
    reason: str

    def __str__(self) -> str:
        """One line."""
        where = "" if self.number is None else f", object {self.number}"
        return f"{self.file_name}{where}: {self.reason}"


@dataclass(frozen=True)
class Verification:
    """The result of a check.

    Attributes:
        pictures: Number of pictures.
        objects: Number of objects in them.
        compared: Number of objects with enough visible detail to check class and position.
        failures: In the order of the pictures; one object may fail in several ways.
    """

    pictures: int
    objects: int
    compared: int
    failures: tuple[Failure, ...]

    def __str__(self) -> str:
        """The counts, and the first ten failures, one per line."""
        counts = (
            f"verified {self.pictures} pictures with {self.objects} objects, of which "
            f"{self.compared} have enough detail to check class and position: "
            f"{len(self.failures)} failures"
        )
        return "\n".join([counts, *map(str, self.failures[:_SHOWN])])


def verify_folder(
    folder: PathLike,
    foregrounds: Sequence[Foreground],
    *,
    most: int | None = None,
    report: Report | None = None,
) -> Verification:
    """Checks the annotations of a finished folder of scenes against its pictures.

    For every object: the label is that of its source. The pixels of its mask fit the source at its
    matrix better than 3 and 12 pixels away, and better than foregrounds of up to four other
    classes. Its whole mask lies within two pixels of the source's outline, except for specks; three
    quarters of its visible pixels show the source, and its hidden pixels do not. Box, occlusion and
    truncation are those of the masks; an object in front hides what it covers; pycocotools reads
    the same from ``instances.json``; and the checksums of the picture's file are right.

    Args:
        folder: A finished folder of ``compose_folder``.
        foregrounds: Those it was composed from.
        most: Number of pictures to check, from the first on; None for all.
        report: Called after each.

    Returns:
        The counts and failures.

    Raises:
        ValueError: If the folder is not finished or cannot be read; a damaged row is a failure.
    """
    root = Path(folder)
    settings = read_json(root / SETTINGS)
    manifest_records(root)  # Raises if there is no manifest.
    total = sum(1 for _ in itertools.islice(_lines(root), most))
    checker = _Checker(foregrounds, settings.get("class_names", []))
    instances = _Instances(root / INSTANCES, settings)
    failures: list[Failure] = []
    objects, last = 0, -1
    for done, (line, location) in enumerate(itertools.islice(_lines(root), most), 1):
        name = location
        try:
            record = Record.from_line(line, location)
            name = str(record.fields.get("file_name"))
            row, scene = _read(root, record)
        except ValueError as error:
            failures.append(Failure(name, None, str(error)))
            continue
        if row.index <= last:
            failures.append(Failure(name, None, f"its index, {row.index}, is not the next one"))
        last = row.index
        objects += len(row.objects)
        failures += [Failure(name, None, reason) for reason in instances.faults(row)]
        for number, fields in enumerate(record.fields["objects"]):
            failures += [
                Failure(name, number, reason)
                for reason in checker.faults(row, number, fields, scene)
            ]
        if report is not None:
            report(done, total)
    return Verification(total, objects, checker.compared, tuple(failures))


def _lines(root: Path) -> Iterator[tuple[bytes, str]]:
    """The lines of the manifest with their locations; blank ones are left out."""
    path = root / METADATA
    with access_to(path), path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield line, f"{METADATA}, line {number}"


def _read(root: Path, record: Record) -> tuple[ManifestRow, template_match.Plane]:
    row = record.row()
    path = root / row.file_name
    scene = template_match.luminance(read_image(path))
    if not is_intact_png(path.read_bytes()):
        raise ValueError("the file is damaged: delete it, and run `kerasgen compose` again")
    if scene.shape != (row.height, row.width):
        size = f"{scene.shape[1]} x {scene.shape[0]}"
        raise ValueError(f"the picture has {size} pixels, not {row.width} x {row.height}")
    return row, scene


class _Checker:
    """Checks one object after the other."""

    def __init__(self, foregrounds: Sequence[Foreground], class_names: Sequence[str]) -> None:
        self.compared = 0
        self._names = class_names
        self._groups = by_label(foregrounds)
        self._sources = {item.path: item for item in foregrounds}

    def faults(
        self, row: ManifestRow, number: int, fields: Mapping[str, Any], scene: template_match.Plane
    ) -> Iterator[str]:
        """Yields the faults of object ``number`` of a row; ``fields`` are as in the file."""
        placed = row.objects[number]
        source = self._sources.get(placed.source)
        if source is None:
            yield f"source: {placed.source!r} is none of the foregrounds"
            return
        digests = {item.sha256 for item in row.sources if item.path == placed.source}
        if source.sha256 not in digests:
            yield f"source: {placed.source!r} is another file than the one composed"
        if placed.label != source.label:
            its, own = self._name(source.label), self._name(placed.label)
            yield f"label: is {own}, but {placed.source!r} is of class {its}"
        front = [item.whole for item in row.objects[number + 1 :]]
        covered = np.any(front, axis=0) if front else np.zeros_like(placed.whole)
        yield from _numbers(placed, fields)
        yield from _outline(placed, source)
        yield from _masks(placed, covered, source, scene)
        yield from self._position(row, placed, source, scene)

    def _position(
        self,
        row: ManifestRow,
        placed: PlacedObject,
        source: Foreground,
        scene: template_match.Plane,
    ) -> Iterator[str]:
        others = self._others(placed.label, row.index)
        fit = template_match.fit(scene, placed.visible, source, placed.matrix, others)
        if fit is None:
            return
        self.compared += 1
        if fit.own < _LOWEST_FIT:
            yield f"position: its source is not visible there (correlation {fit.own:.2f})"
        if fit.shifted[0] > fit.own + _MARGIN:
            x, y = fit.shifted[1]
            better = f"{fit.shifted[0]:.2f} against {fit.own:.2f}"
            yield f"position: its source fits better {x} pixels right and {y} down ({better})"
        value, other = fit.other
        if other is not None and value > fit.own + _MARGIN:
            better = f"{other.path!r} fits better ({value:.2f} against {fit.own:.2f})"
            yield f"class: {self._name(other.label)} {better}"

    def _others(self, label: int, index: int) -> list[Foreground]:
        classes = [group for other, group in self._groups.items() if other != label]
        chosen = [classes[(index + step) % len(classes)] for step in range(len(classes))][:_OTHERS]
        return [group[index % len(group)] for group in chosen]

    def _name(self, label: int) -> str:
        return repr(self._names[label]) if label < len(self._names) else f"{label}, nameless"


def _numbers(placed: PlacedObject, fields: Mapping[str, Any]) -> Iterator[str]:
    box = None if placed.box is None else list(placed.box)
    if fields.get("box") != box:
        yield f"box: is {fields.get('box')}, and {box} around its visible pixels"
    occlusion = fields.get("occlusion")
    if not isinstance(occlusion, int | float) or abs(occlusion - placed.occlusion) > 1e-6:
        yield f"occlusion: is {occlusion!r}, and by the masks {placed.occlusion:.3f}"


def _outline(placed: PlacedObject, source: Foreground) -> Iterator[str]:
    height, width = placed.whole.shape
    x0, y0, x1, y1 = template_match.moved_box(source, placed.matrix)
    # The object and the frame, whichever reaches further.
    box = (min(0.0, x0), min(0.0, y0), max(float(width), x1), max(float(height), y1))
    expected = template_match.outline(source, placed.matrix, box)
    top, left = int(-box[1]), int(-box[0])
    inside = expected[top : top + height, left : left + width]
    wrong = template_match.beyond(inside, placed.whole, _REACH)
    if wrong > _MOST_BEYOND + _SHARE_BEYOND * inside.sum():
        yield f"mask: {wrong} pixels are more than {_REACH} from where its source's outline falls"
    area = max(1, expected.sum())
    outside = 1 - inside.sum() / area
    # Blurred, thin parts of a small object fall below one half.
    if abs(outside - placed.truncation) > _TOLERANCE + 1.5 / area**0.5:
        yield f"truncation: is {placed.truncation:.3f}, and {outside:.3f} by its source's outline"


def _masks(
    placed: PlacedObject,
    covered: template_match.Mask,
    source: Foreground,
    scene: template_match.Plane,
) -> Iterator[str]:
    if (placed.visible & covered).any():
        yield "mask: it is visible through an object in front of it"
    hidden = placed.whole & ~placed.visible & ~covered
    unexplained, overlooked = template_match.masks(
        scene, placed.visible, hidden, source, placed.matrix
    )
    if unexplained > _MOST_UNEXPLAINED:
        yield f"mask: {unexplained:.0%} of its visible pixels show something else"
    if overlooked > _MOST_OVERLOOKED:
        yield f"mask: its hidden pixels are visible (correlation {overlooked:.2f})"


class _Instances:
    """The annotations as pycocotools reads them."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        from pycocotools.coco import COCO

        # A class folder cannot have every name that a category can.
        known = {each["folder"]: each["name"] for each in settings.get(CATEGORIES, ())}
        self._names = [known.get(name, name) for name in settings.get("class_names", [])]
        try:
            # It prints messages.
            with contextlib.redirect_stdout(io.StringIO()):
                self._coco = COCO(str(path))
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            received = f"Received: path={str(path)!r}"
            raise ValueError(f"pycocotools cannot read it: {error!r}. {received}") from error

    def faults(self, row: ManifestRow) -> Iterator[str]:
        """Yields where ``instances.json`` differs from a row."""
        image = self._coco.imgs.get(row.index + 1)
        if image is None or image["file_name"] != row.file_name:
            yield f"{INSTANCES}: has no such picture"
            return
        found = sorted(self._coco.imgToAnns[image["id"]], key=lambda entry: entry["id"])
        seen = [placed for placed in row.objects if placed.box is not None]
        if len(found) != len(seen):
            yield f"{INSTANCES}: has {len(found)} objects, not {len(seen)}"
            return
        for entry, placed in zip(found, seen, strict=True):
            x, y, width, height = entry["bbox"]
            name = self._coco.cats.get(entry["category_id"], {}).get("name")
            agreements = {
                "class": placed.label < len(self._names) and name == self._names[placed.label],
                "box": (x, y, x + width, y + height) == placed.box,
                "mask": np.array_equal(self._coco.annToMask(entry) > 0, placed.visible),
                "area": entry["area"] == np.count_nonzero(placed.visible),
            }
            for what, agrees in agreements.items():
                if not agrees:
                    yield f"{INSTANCES}: annotation {entry['id']} has another {what}"
