"""A folder of drawn eyes with their annotations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kerasgen.annotations.dossier import DRAWN
from kerasgen.annotations.fill_folder import FilledFolder, FolderJob
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.output import Output
from kerasgen.annotations.records import Entry, ManifestRow
from kerasgen.io.images import PathLike
from kerasgen.io.progress import Report
from kerasgen.procedural.eyes import camera_eyes, rendered_eyes

_DRAW = {"rendered": rendered_eyes, "camera": camera_eyes}
_BLOCK = 64
"""Number of eyes drawn together."""


def draw_eyes(
    folder: PathLike,
    count: int,
    *,
    kind: Literal["rendered", "camera"] = "rendered",
    size: int = 64,
    seed: int = 0,
    output: Output | None = None,
    report: Report | None = None,
) -> FilledFolder:
    """Draws eyes into a folder; each row holds the gaze in radians and the annotation.

    Args:
        folder: New, or begun by the same call, which is then resumed.
        count: Number of eyes; a finished folder may grow.
        kind: "rendered" or "camera", see `rendered_eyes` and `camera_eyes`.
        size: Side of the pictures in pixels, at least 16.
        seed: Not negative; with the index of an eye it determines the eye.
        output: A shard to draw, see `fill_folder`.
        report: Called after each block of 64.

    Returns:
        The finished folder.

    Raises:
        ValueError: If an argument is out of range, or the folder holds other pictures.
        Unfinished: After a signal; finished pictures are kept.
    """
    return eyes_job(folder, count, kind=kind, size=size, seed=seed, output=output).fill(
        report=report
    )


def eyes_job(
    folder: PathLike,
    count: int,
    *,
    kind: Literal["rendered", "camera"] = "rendered",
    size: int = 64,
    seed: int = 0,
    output: Output | None = None,
) -> FolderJob:
    """The job of `draw_eyes`, with its arguments checked.

    Args:
        folder: As for `draw_eyes`, like all others; nothing is written yet.
        count: As there.
        kind: As there.
        size: As there.
        seed: As there.
        output: As there.

    Returns:
        The job; its `fill` is `draw_eyes`.

    Raises:
        ValueError: As there.
    """
    if kind not in _DRAW:
        raise ValueError(f"`kind` must be 'rendered' or 'camera'. Received: kind={kind!r}")
    draw = _DRAW[kind]
    # What is wrong with the arguments shows before anything is written.
    draw(1, seed, size)

    def job(indices: range) -> Iterator[Entry]:
        eyes = draw(len(indices), seed, size, indices[0])
        for position, index in enumerate(indices):
            pitch, yaw = map(float, eyes.gaze[position])
            parameters = {
                "kind": kind,
                "gaze": {"pitch": pitch, "yaw": yaw},
                "annotation": eyes.annotation(position).to_dict(),
            }
            row = ManifestRow(picture_name(index), size, size, seed, index, (), parameters, ())
            yield Entry(row, eyes.images[position], DRAWN)

    settings = {"kind": f"{kind}_eyes", "size": size, "seed": seed}
    return FolderJob(
        job,
        folder,
        count,
        settings=settings,
        class_names=(),
        block=_BLOCK,
        output=output or Output(),
        finished=FilledFolder.with_sheet,
    )
