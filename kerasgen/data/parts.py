"""Shares of pictures for training, validation and test, by source."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from kerasgen.data.splits import split_by_source

PARTS = ("train", "val", "test")


def parts_by_source(
    sources: Sequence[Hashable], shares: Sequence[float], seed: int = 0
) -> list[str]:
    """Assigns pictures to `train`, `val` and `test`, all pictures of a source to one part.

    Args:
        sources: The source of each of the N pictures.
        shares: Shares of the parts, above 0, of sum 1: two (train, val) or three.
        seed: Not negative; the choice depends on it and on the sources.

    Returns:
        The part of each picture.

    Raises:
        ValueError: If the shares are of another kind, or there are too few sources.
    """
    valid = len(shares) in (2, 3) and min(shares) > 0 and math.isclose(sum(shares), 1.0)
    if not valid:
        raise ValueError(
            f"A split has two or three shares above 0, of sum 1, like 0.8,0.1,0.1. Received: "
            f"split={','.join(map(str, shares))}"
        )
    if len(set(sources)) < len(shares):
        raise ValueError(
            f"A split into {len(shares)} needs as many sources. Received: {len(set(sources))} "
            f"sources of {len(sources)} pictures"
        )
    parts = np.full(len(sources), PARTS[0], object)
    left = np.arange(len(sources))
    # The last part first: what is left of it is divided on.
    for part in range(len(shares) - 1, 0, -1):
        share = shares[part] / sum(shares[: part + 1])
        kept, held_out = split_by_source([sources[index] for index in left.tolist()], share, seed)
        parts[left[held_out]] = PARTS[part]
        left = left[kept]
    return [str(part) for part in parts]
