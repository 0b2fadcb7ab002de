"""Folders of pictures with their masks beside them, so that masks are estimated once and for all.

To find a mask takes a hundred times as long as to use it. What is written here is read by
`foregrounds.read_foregrounds` as any folder with given masks, and a person can look at the masks,
mend or delete them first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kerasgen.annotations.sidecar_masks import MASK_ENDING
from kerasgen.compositing.foregrounds import MIN_QUALITY, Rejection, read_foreground
from kerasgen.io.files import check_apart, keep_settings, write_file
from kerasgen.io.images import MAX_PIXELS, PathLike, list_images, read_image
from kerasgen.io.sheets import save_png


def save_cuts(
    folder: PathLike,
    out: PathLike,
    class_names: Sequence[str],
    *,
    min_quality: float = MIN_QUALITY,
    workers: int = 1,
    report: Callable[[int, int], None] | None = None,
) -> tuple[list[int], list[Rejection]]:
    """Copies every picture that gives a foreground, byte for byte, with its mask beside it.

    What is there already is not done again.

    Args:
        folder: As for `read_foregrounds`.
        out: The folder to write to, with the same names.
        class_names: The sub-folders to read.
        min_quality: As for `read_foregrounds`.
        workers: Threads.
        report: Called with the number of pictures done and of all, after each.

    Returns:
        The label of each picture copied, now or before, and the pictures that gave no foreground.

    Raises:
        ValueError: If a picture folder is missing or empty, two pictures would have one mask, or
            `out` lies within `folder`, cannot be written or was begun with another `min_quality`.
    """
    check_apart(out, foregrounds=folder)
    root, target = Path(folder), Path(out)
    jobs = [
        (label, path)
        for label, name in enumerate(class_names)
        for path in list_images(root / name)
        if not path.name.endswith(MASK_ENDING)
    ]
    stems = Counter(path.with_suffix("") for _, path in jobs)
    doubled = [str(stem) for stem, count in stems.items() if count > 1]
    if doubled:
        raise ValueError(f"Two pictures would have one mask: rename one. Received: {doubled[0]!r}")
    settings = {"kind": "cuts", "min_quality": min_quality, "class_names": list(class_names)}
    keep_settings(target, settings)

    results: list[int | Rejection] = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda job: _cut(job, root, target, min_quality), jobs):
            results.append(result)
            if report is not None:
                report(len(results), len(jobs))
    rejected = [result for result in results if isinstance(result, Rejection)]
    return [result for result in results if isinstance(result, int)], rejected


def _cut(job: tuple[int, Path], root: Path, target: Path, min_quality: float) -> int | Rejection:
    """Copies one picture and writes its mask; its label, or why there is no foreground."""
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
        save_png(copy.with_name(copy.stem + MASK_ENDING), mask)
    # Last: a picture that is there has its mask.
    write_file(copy, source.read_bytes())
    return label
