"""Smoke drawn by rule on clean pictures, with its exact density."""

from kerasgen.procedural.smoke.folder import lay_smoke, smoke_job
from kerasgen.procedural.smoke.overlay import (
    SmokeOptions,
    SmokyBatch,
    SmokyPicture,
    add_smoke,
    smoke_mask,
    smoky_copies,
)

__all__ = [
    "SmokeOptions",
    "SmokyBatch",
    "SmokyPicture",
    "add_smoke",
    "lay_smoke",
    "smoke_job",
    "smoke_mask",
    "smoky_copies",
]
