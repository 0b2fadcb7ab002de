"""A folder of pictures -> the same with smoke, its masks, and all that was known before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerasgen.annotations.annotated_folder import SourceFolder
from kerasgen.annotations.records import ManifestRow, PlacedObject
from kerasgen.annotations.synthetic_folder import PARTS, SyntheticFolder, picture_name
from kerasgen.io.images import ImageError, PathLike, read_image
from kerasgen.io.interruption import Unfinished
from kerasgen.io.parallel import share_out
from kerasgen.procedural.smoke.overlay import add_smoke, smoke_mask

CLASS = "smoke"
"""Of the objects that the smoke is."""

Report = Callable[[int, int], None]


def lay_smoke(
    sources: SourceFolder,
    folder: PathLike,
    *,
    times: int = 1,
    threshold: float = 0.1,
    seed: int = 0,
    workers: int = 1,
    yolo: bool = False,
    report: Report | None = None,
) -> int:
    """Lays smoke over each picture, and writes it with the smoke's mask as one more object.

    Args:
        sources: Pictures of at least 16 pixels a side; what is known of them is kept.
        folder: New, or begun by the same call, which then goes on.
        times: Smokes of each picture.
        threshold: In [0, 1): the share of its light that a pixel loses to belong to the mask.
        seed: Not negative; with a picture's number it gives its smoke.
        workers: Processes.
        yolo: Whether to write YOLO's files, too.
        report: Called with the number of pictures done and of all.

    Returns:
        The number of pictures, those that could not be read included.

    Raises:
        ValueError: If an argument is out of range, or the folder holds other pictures.
        Unfinished: After a signal; what is done is kept.
    """
    if times < 1 or not 0 <= threshold < 1 or seed < 0:
        raise ValueError(
            "`times` must be at least 1, `threshold` in [0, 1) and `seed` not negative. "
            f"Received: times={times}, threshold={threshold}, seed={seed}"
        )
    settings = {"sources": sources.sha256, "times": times, "threshold": threshold, "seed": seed}
    names = [*sources.class_names]
    names += [] if CLASS in names else [CLASS]
    target = SyntheticFolder(folder, settings=settings, class_names=names)
    count = len(sources.names) * times
    missing = target.missing(count)
    scratch = target.folder / PARTS
    scratch.mkdir(exist_ok=True)
    maker = _Maker(sources, target, times, threshold, seed)
    done = count - len(missing)
    try:
        for _ in share_out(maker, missing, workers, scratch):
            done += 1
            if report is not None:
                report(done, count)
    except Unfinished as error:
        raise type(error)(
            f"{error} {len(target.missing(count))} of {count} pictures are missing. Run the same "
            "command again to go on."
        ) from error
    target.finish(count, yolo=yolo)
    return count


class _Maker:
    """Makes one picture, in whichever process."""

    def __init__(
        self,
        sources: SourceFolder,
        target: SyntheticFolder,
        times: int,
        threshold: float,
        seed: int,
    ) -> None:
        self._sources, self._target = sources, target
        self._times, self._threshold, self._seed = times, threshold, seed

    def __call__(self, index: int) -> None:
        name = self._sources.names[index // self._times]
        try:
            clean = read_image(self._sources.folder / name)
            made = add_smoke(clean, self._seed, index=index)
        # Of the picture: the arguments were checked.
        except (ImageError, ValueError) as error:
            frame = (picture_name(index), 1, 1, self._seed, index)
            self._target.write(ManifestRow(*frame, (), {}, (), accepted=False, reason=str(error)))
            return
        known, own = self._sources.known(name), self._sources.source(name)
        mask = smoke_mask(made.density, self._threshold)
        label = self._target.class_names.index(CLASS)
        smoke = PlacedObject(label, mask, mask, np.eye(3), own.path)
        height, width = clean.shape[:2]
        row = ManifestRow(
            picture_name(index),
            width,
            height,
            self._seed,
            index,
            (own, *known.sources),
            {**known.parameters(), "smoke": made.parameters},
            (*known.objects, smoke),
        )
        self._target.write(row, made.image)
