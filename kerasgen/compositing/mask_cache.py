"""Folders of pictures with their estimated masks beside them.

Estimating a mask takes a hundred times as long as using it. ``foregrounds.read_foregrounds`` reads
such a folder as any other with masks, which can be viewed, corrected or deleted first.
"""

import io
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from kerasgen.annotations.sidecar_masks import MASK_ENDING, UPRIGHT, states_orientation
from kerasgen.compositing.foreground_folders import class_folders, class_pictures
from kerasgen.compositing.foregrounds import MIN_QUALITY, Rejection, read_foreground
from kerasgen.compositing.rejections import REJECTED_FOREGROUNDS, foreground_lines, save_rejected
from kerasgen.io.files import check_apart, keep_settings, write_file
from kerasgen.io.folders import list_images
from kerasgen.io.images import MAX_PIXELS, PathLike, read_image
from kerasgen.io.progress import Report


@dataclass(frozen=True)
class CutFolder:
    """A folder of pictures with their masks beside them.

    Attributes:
        folder: Its path.
        class_names: Its sub-folders.
        labels: The class index of each picture in it.
        rejected: The pictures without a foreground; also written to a file.
    """

    folder: Path
    class_names: tuple[str, ...]
    labels: tuple[int, ...]
    rejected: tuple[Rejection, ...]

    def __str__(self) -> str:
        """The counts, one line per class and one for all."""
        lines = foreground_lines(self.labels, self.rejected, self.class_names)
        return "\n".join([*lines, f"{len(self.labels)} pictures with masks in {self.folder}"])


def save_cuts(
    foregrounds: PathLike,
    folder: PathLike,
    class_names: Sequence[str] | None = None,
    *,
    min_quality: float = MIN_QUALITY,
    workers: int = 1,
    report: Report | None = None,
) -> CutFolder:
    """Copies every picture with a foreground, byte for byte, and writes its mask beside it.

    Existing copies are kept.

    Args:
        foregrounds: Folder with one sub-folder per class, see ``read_foregrounds``.
        folder: Folder to write to, with the same file names.
        class_names: The sub-folders to read; by default all in the order of their names.
        min_quality: As for ``read_foregrounds``.
        workers: Threads.
        report: Called after each picture.

    Returns:
        The copied pictures, and those without a foreground.

    Raises:
        ValueError: If a picture folder is missing or empty, two pictures would have one mask, or
            ``folder`` lies within ``foregrounds``, cannot be written or was begun with another
            ``min_quality``.
    """
    check_apart(folder, foregrounds=foregrounds)
    list_images(foregrounds, count_others=True)
    root, target = Path(foregrounds), Path(folder)
    names = tuple(class_names if class_names is not None else class_folders(root))
    jobs = class_pictures(root, names)
    stems = Counter(path.with_suffix("") for _, path in jobs)
    doubled = [str(stem) for stem, count in stems.items() if count > 1]
    if doubled:
        raise ValueError(f"Two pictures would have one mask: rename one. Received: {doubled[0]!r}")
    keep_settings(target, {"kind": "cuts", "min_quality": min_quality, "class_names": list(names)})
    results: list[int | Rejection] = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda job: _cut(job, root, target, min_quality), jobs):
            results.append(result)
            if report is not None:
                report(len(results), len(jobs))
    rejected = tuple(result for result in results if isinstance(result, Rejection))
    save_rejected(target / REJECTED_FOREGROUNDS, rejected, names)
    labels = tuple(result for result in results if isinstance(result, int))
    return CutFolder(target, names, labels, rejected)


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
