"""Checks of two sets of pictures for translation: differences that are not meant to be learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

_MANY_TIMES = 10
"""Ratio of the sizes of the sets from which on a remark is made."""

_COLOURLESS = 6
"""Largest difference between the channels of a grey picture's pixels, in grey levels."""


def domain_remarks(source: np.ndarray, target: np.ndarray) -> list[str]:
    """Finds differences of two sets that a network would learn unintentionally.

    Args:
        source: ``[N, H, W, 3]`` uint8.
        target: ``[M, H, W, 3]`` uint8.

    Returns:
        A sentence for each: one set is much larger, or grey where the other has colours.
    """
    remarks = []
    counts = len(source), len(target)
    if max(counts) >= _MANY_TIMES * min(counts):
        remarks.append(
            f"There are {counts[0]} source and {counts[1]} target pictures: the few are shown many "
            "times as often and may be memorised. More of them would help."
        )
    shares = _share_of_grey(source), _share_of_grey(target)
    if abs(shares[0] - shares[1]) > 0.5:
        remarks.append(
            f"{shares[0]:.0%} of the source pictures and {shares[1]:.0%} of the target pictures "
            "are grey: networks will learn to remove colour or to invent it. Use both in "
            "colour, or both in grey."
        )
    return remarks


def small_picture_remarks(paths: Sequence[Path], size: int) -> list[str]:
    """Finds pictures that must be enlarged; only the headers of the files are read.

    Args:
        paths: Readable pictures.
        size: Side in pixels to which they are resized.

    Returns:
        One sentence, or none if no picture is smaller.
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
        f"they are blurred beside others, which networks learn too. For the first, {small[0]}: "
        "choose a smaller size, or leave them out."
    ]


def _share_of_grey(images: np.ndarray) -> float:
    spread = images.max(axis=-1) - images.min(axis=-1)
    # A few coloured pixels, such as a date in the corner, do not make a picture coloured.
    return float(np.mean(np.percentile(spread, 99, axis=(1, 2)) <= _COLOURLESS))
