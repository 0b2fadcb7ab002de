"""Every stream of random numbers in one table: no two uses of a seed draw the same numbers.

A stream is a small integer that stands beside the seed in a generator's key. Each class below is a
key space of its own, in which every number has one use. Another number for a member means other
pictures, batches or updates from the same seed.
"""

from __future__ import annotations

import enum

STREAMS = 64
"""Numbers of ``Stream`` for each seed."""


@enum.unique
class Stream(enum.IntEnum):
    """What a batch (0 to 15) and an update (16 to 63) draw; keys are ``[stream_key, step]``."""

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
    # A discriminator of each domain
    SOURCE_FRESH = 26
    SOURCE_REAL = 27
    SOURCE_PAST = 28
    SOURCE_SWAP = 29
    SOURCE_SLOT = 30
    TARGET_FRESH = 31
    TARGET_REAL = 32
    TARGET_PAST = 33
    TARGET_SWAP = 34
    TARGET_SLOT = 35
    # To 43: steps outside this package
    OTHER = 36
    # To 63: one for each layer
    PATCHES = 44


def stream_key(seed: int, stream: int) -> int:
    """The first half of a stateless op's seed; the second is the number of the step.

    Raises:
        ValueError: If the stream would be one of another seed.
    """
    if not 0 <= stream < STREAMS:
        raise ValueError(f"`stream` must be from 0 to {STREAMS - 1}. Received: stream={stream}")
    return seed * STREAMS + stream


@enum.unique
class DrawingStream(enum.IntEnum):
    """Of ``kerasgen.procedural``; keys are ``[seed, stream, index, ...]``."""

    GARMENTS = 0
    FLOORS = 1
    GARMENT_ORDER = 2
    SMOKE = 3
    SCENES = 4
    SMOKY_SCENES = 5
    CLEAN_SCENES = 6


@enum.unique
class LabelStream(enum.IntEnum):
    """Of orders in ``data.labelled_images``; keys are ``[seed, stream, label, ...]``."""

    HELD_OUT = 0
    REPEATED = 1
    ORDER = 2


@enum.unique
class ServedStream(enum.IntEnum):
    """Of exported models, which others rely on; keys are ``[seed or hash, stream]``."""

    NOISE = 0
    LATENTS = 1
