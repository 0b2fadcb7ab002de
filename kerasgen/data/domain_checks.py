"""Two sets of pictures for translation: what tells them apart though nobody means it to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

_MANY_TIMES = 10
"""A set so many times as large as the other is remarked on."""

_COLOURLESS = 6
"""Grey levels: the largest difference of a pixel's channels, for a picture that has no colour."""


def domain_remarks(source: np.ndarray, target: np.ndarray) -> list[str]:
    """What a network would learn from two sets besides what it is meant to learn.

    Args:
        source: ``[N, H, W, 3]`` uint8.
        target: ``[M, H, W, 3]`` uint8.

    Returns:
        A sentence for each: one set is many times as large, or grey where the other has colours.
    """
    remarks = []
    counts = len(source), len(target)
    if max(counts) >= _MANY_TIMES * min(counts):
        remarks.append(
            f"There are {counts[0]} source and {counts[1]} target pictures: the few are shown many "
            "times as often and may be learned by heart. More of them would help."
        )
    shares = _share_of_grey(source), _share_of_grey(target)
    if abs(shares[0] - shares[1]) > 0.5:
        remarks.append(
            f"{shares[0]:.0%} of the source pictures and {shares[1]:.0%} of the target pictures "
            "are grey: networks will learn to take colour away or to invent it. Give both in "
            "colour, or both in grey."
        )
    return remarks


def small_picture_remarks(paths: Sequence[Path], size: int) -> list[str]:
    """One sentence if there are pictures that must be enlarged; only the files' heads are read.

    Args:
        paths: Readable pictures.
        size: Side in pixels to which they are brought.
    """
    small = []
    for path in paths:
        with Image.open(path) as image:
            if min(image.size) < size:
                small.append(f"{path} is {image.width} x {image.height}")
    if not small:
        return []
    return [
        f"{len(small)} of {len(paths)} pictures are smaller than {size} x {size} and are enlarged: "
        f"they look blurred beside others, and that is learned too. For the first, {small[0]}: "
        "choose a smaller size, or leave them out."
    ]


def _share_of_grey(images: np.ndarray) -> float:
    spread = images.max(axis=-1) - images.min(axis=-1)
    # A few coloured pixels, such as a date in the corner, do not make a picture one with colours.
    return float(np.mean(np.percentile(spread, 99, axis=(1, 2)) <= _COLOURLESS))
