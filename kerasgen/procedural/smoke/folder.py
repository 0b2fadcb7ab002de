"""Adds smoke to a folder of pictures, with masks; all previous annotations are kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.dossier import DRAWN, composite_of, type_of_file
from kerasgen.annotations.fill_folder import FilledFolder, FolderJob
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.output import Output
from kerasgen.annotations.records import Entry, ManifestRow, PlacedObject
from kerasgen.io.files import check_apart, check_writable
from kerasgen.io.images import ImageError, PathLike
from kerasgen.io.progress import Report
from kerasgen.procedural.smoke.overlay import add_smoke, smoke_mask

CLASS = "smoke"
"""Class name of the smoke objects."""


def lay_smoke(
    sources: PathLike,
    folder: PathLike,
    *,
    times: int = 1,
    threshold: float = 0.1,
    seed: int = 0,
    workers: int = 1,
    output: Output | None = None,
    report: Report | None = None,
) -> FilledFolder:
    """Adds smoke to each picture of a folder, with the mask of the smoke as one more object.

    Args:
        sources: Folder of pictures with sides of at least 16 pixels, see `AnnotatedFolder`; their
            annotations are kept.
        folder: New, or begun by the same call, which is then resumed.
        times: Number of smoky pictures per source.
        threshold: In [0, 1): a pixel that loses more than this share of its light belongs to the
            mask.
        seed: Not negative; with the index of a picture it determines its smoke.
        workers: Number of processes.
        output: Label files for YOLO, or a shard, see `fill_folder`.
        report: Called after each picture.

    Returns:
        The finished folder, with a sheet; pictures that cannot be read are rejected.

    Raises:
        ValueError: If an argument is out of range, or the folder holds other pictures.
        Unfinished: After a signal; finished pictures are kept.
    """
    return smoke_job(
        sources, folder, times=times, threshold=threshold, seed=seed, output=output
    ).fill(workers, report)


def smoke_job(
    sources: PathLike,
    folder: PathLike,
    *,
    times: int = 1,
    threshold: float = 0.1,
    seed: int = 0,
    output: Output | None = None,
) -> FolderJob:
    """The job of `lay_smoke`, with its arguments checked.

    Args:
        sources: As for `lay_smoke`, like all others.
        folder: As there; nothing is written yet.
        times: As there.
        threshold: As there.
        seed: As there.
        output: As there.

    Returns:
        The job; its `fill` is `lay_smoke`.

    Raises:
        ValueError: As there.
    """
    check_apart(folder, sources=sources)
    check_writable(folder)
    if times < 1 or not 0 <= threshold < 1 or seed < 0:
        raise ValueError(
            "`times` must be at least 1, `threshold` in [0, 1) and `seed` not negative. "
            f"Received: times={times}, threshold={threshold}, seed={seed}"
        )
    pictures = AnnotatedFolder(sources)
    pictures.check_rows()
    names = [*pictures.class_names, *([] if CLASS in pictures.class_names else [CLASS])]
    return FolderJob(
        _SmokeJob(pictures, names.index(CLASS), times, threshold, seed),
        folder,
        len(pictures.names) * times,
        settings={"sources": pictures.sha256, "times": times, "threshold": threshold, "seed": seed},
        class_names=names,
        output=output or Output(),
        finished=lambda filled: filled.with_sheet(sources),
    )


class _SmokeJob:
    """Makes pictures, in any process."""

    def __init__(
        self, sources: AnnotatedFolder, label: int, times: int, threshold: float, seed: int
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
        # The picture is at fault: the arguments were checked.
        except (ImageError, ValueError) as error:
            frame = (picture_name(index), 1, 1, self._seed, index)
            return Entry(ManifestRow(*frame, (), {}, (), accepted=False, reason=str(error)), None)
        facts, own = self._sources.facts(name), self._sources.source(name)
        mask = smoke_mask(smoky.density, self._threshold)
        smoke = PlacedObject(self._label, mask, mask, np.eye(3), own.path)
        height, width = clean.shape[:2]
        row = ManifestRow(
            picture_name(index),
            width,
            height,
            self._seed,
            index,
            (own, *facts.sources),
            {**facts.parameters(), "smoke": smoky.parameters},
            (*facts.objects, smoke),
        )
        # Drawn smoke over whatever the source is.
        made = composite_of([type_of_file(self._sources.path(name)), DRAWN])
        return Entry(row, smoky.image, made)
