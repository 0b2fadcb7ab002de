"""The kinds of exported models, and what holds for their pictures, made here or by a server."""

from __future__ import annotations

from typing import Literal

import numpy as np

Kind = Literal["generator", "refiner", "translator", "classifier"]

KINDS: dict[str, Kind] = {
    "generate": "generator",
    "refine": "refiner",
    "translate": "translator",
    "classify": "classifier",
}
"""The signature that only this kind has."""

CHANGED = 0.1
"""Value of the change mask above which a pixel counts as changed."""


def generator_seed(seed: int, index: int) -> int:
    """The seed of one picture of a generator.

    Args:
        seed: Random seed of the whole set.
        index: Number of the picture, from 0.

    Returns:
        What ``serving_default`` takes as ``seed``, at least 0.
    """
    return int(np.random.default_rng([seed, index]).integers(2**63))
