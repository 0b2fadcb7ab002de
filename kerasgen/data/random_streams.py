"""The streams of random numbers in one table, so that two uses of a seed draw other numbers.

A stream is a small integer beside the seed in a generator's key. Each class below is a separate key
space in which every number has one use; ``Stream`` is that of all training. Changing the number of
a member changes the pictures, batches or updates of the same seed. What has no stream (cameras,
splits) draws from NumPy generators with keys ``[seed, index]``; NumPy pads keys with zeros, so such
a key can equal one of a drawing.
"""

from __future__ import annotations

import enum
from typing import Any

STREAMS = 64
"""Number of streams per seed."""


@enum.unique
class Stream(enum.IntEnum):
    """Streams of batches (0 to 15) and of updates (16 to 63); keys are ``[stream_key, step]``."""

    # data.pipeline
    FIRST_ORDER = 0
    FIRST_AUGMENTATION = 1
    SECOND_ORDER = 2
    SECOND_AUGMENTATION = 3
    BATCH_LATENTS = 15
    # Steps with one discriminator
    POOL_SWAP = 16
    POOL_SLOT = 17
    REAL = 18
    FRESH_FAKES = 19
    PAST_FAKES = 20
    NOISE = 21
    LABELS = 22
    LATENTS = 23
    GENERATOR_LABELS = 24
    GENERATOR_LATENTS = 25
    # Five per domain: its fresh, real and past pictures, and two of its pool
    SOURCE = 26
    TARGET = 31
    # Eight, for steps outside this package
    OTHER = 36
    # All others, one per layer
    PATCHES = 44


def stream_key(seed: int, stream: int) -> int:
    """Returns the first half of a stateless op's seed; the second is the number of the step.

    Args:
        seed: Any integer.
        stream: From 0 to 63, usually a ``Stream``.

    Raises:
        ValueError: If the stream is out of range.
    """
    if not 0 <= stream < STREAMS:
        raise ValueError(f"`stream` must be from 0 to {STREAMS - 1}. Received: stream={stream}")
    return seed * STREAMS + stream


def part_key(update: Any, part: int) -> Any:
    """Returns the second half of a stateless op's seed, for one part of an update.

    Args:
        update: Number of the update, below 2^40, or an int64 tensor of it.
        part: From 0; parts of one update draw other numbers in every stream.
    """
    return update + (part << 40)


@enum.unique
class DrawingStream(enum.IntEnum):
    """Streams of ``kerasgen.procedural``; keys are ``[seed, stream, index, ...]``."""

    GARMENTS = 0
    FLOORS = 1
    GARMENT_ORDER = 2
    SMOKE = 3
    SCENES = 4
    SMOKY_SCENES = 5
    CLEAN_SCENES = 6


@enum.unique
class LabelStream(enum.IntEnum):
    """Streams of ``data.labelled_images``; keys are ``[seed, stream, label, ...]``."""

    HELD_OUT = 0
    REPEATED = 1
    ORDER = 2


@enum.unique
class ServedStream(enum.IntEnum):
    """Streams of exported models, part of their interface; keys are ``[seed or hash, stream]``."""

    NOISE = 0
    LATENTS = 1
