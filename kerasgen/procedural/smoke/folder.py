"""A folder of pictures -> the same with smoke, its masks, and all that was known before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerasgen.annotations.annotated_folder import SourceFolder
from kerasgen.annotations.fill_folder import Entry, FilledFolder, fill_folder
from kerasgen.annotations.records import ManifestRow, PlacedObject
from kerasgen.annotations.synthetic_folder import picture_name
from kerasgen.io.files import check_apart, check_writable
from kerasgen.io.images import ImageError, PathLike
from kerasgen.io.progress import Report
from kerasgen.procedural.smoke.overlay import add_smoke, smoke_mask

CLASS = "smoke"
"""Of the objects that the smoke is."""


def lay_smoke(
    sources: PathLike,
    folder: PathLike,
    *,
    times: int = 1,
    threshold: float = 0.1,
    seed: int = 0,
    workers: int = 1,
    yolo: bool = False,
    report: Report | None = None,
) -> FilledFolder:
    """Lays smoke over each picture, and writes it with the smoke's mask as one more object.

    Args:
        sources: Folder of pictures of at least 16 pixels a side, see `SourceFolder`; what is known
            of them is kept.
        folder: New, or begun by the same call, which then goes on.
        times: Smokes of each picture.
        threshold: In [0, 1): the share of its light that a pixel loses to belong to the mask.
        seed: Not negative; with a picture's number it gives its smoke.
        workers: Processes.
        yolo: Whether to write YOLO's files, too.
        report: Called after each picture.

    Returns:
        What there is, with a sheet; pictures that cannot be read are rejected.

    Raises:
        ValueError: If an argument is out of range, or the folder holds other pictures.
        Unfinished: After a signal; what is done is kept.
    """
    check_apart(folder, sources=sources)
    check_writable(folder)
    if times < 1 or not 0 <= threshold < 1 or seed < 0:
        raise ValueError(
            "`times` must be at least 1, `threshold` in [0, 1) and `seed` not negative. "
            f"Received: times={times}, threshold={threshold}, seed={seed}"
        )
    known = SourceFolder(sources)
    names = [*known.class_names, *([] if CLASS in known.class_names else [CLASS])]
    filled = fill_folder(
        _SmokeJob(known, names.index(CLASS), times, threshold, seed),
        folder,
        len(known.names) * times,
        settings={"sources": known.sha256, "times": times, "threshold": threshold, "seed": seed},
        class_names=names,
        workers=workers,
        yolo=yolo,
        report=report,
    )
    return filled.with_sheet(sources)


class _SmokeJob:
    """Makes pictures, in whichever process."""

    def __init__(
        self, sources: SourceFolder, label: int, times: int, threshold: float, seed: int
    ) -> None:
        self._sources, self._label = sources, label
        self._times, self._threshold, self._seed = times, threshold, seed

    def __call__(self, indices: range) -> Iterator[Entry]:
        return map(self._entry, indices)

    def _entry(self, index: int) -> Entry:
        name = self._sources.names[index // self._times]
        try:
            clean = self._sources.read(name)
            smoky = add_smoke(clean, self._seed, index=index)
        # Of the picture: the arguments were checked.
        except (ImageError, ValueError) as error:
            frame = (picture_name(index), 1, 1, self._seed, index)
            return ManifestRow(*frame, (), {}, (), accepted=False, reason=str(error)), None
        known, own = self._sources.known(name), self._sources.source(name)
        mask = smoke_mask(smoky.density, self._threshold)
        smoke = PlacedObject(self._label, mask, mask, np.eye(3), own.path)
        height, width = clean.shape[:2]
        row = ManifestRow(
            picture_name(index),
            width,
            height,
            self._seed,
            index,
            (own, *known.sources),
            {**known.parameters(), "smoke": smoky.parameters},
            (*known.objects, smoke),
        )
        return row, smoky.image
