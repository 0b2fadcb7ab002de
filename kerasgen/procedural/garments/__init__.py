"""Clothes drawn by rule, ten kinds, each with its exact mask, and floors to paste them on."""

from kerasgen.procedural.garments.floors import drawn_backgrounds
from kerasgen.procedural.garments.painting import GARMENTS, GarmentBatch, drawn_garments

__all__ = ["GARMENTS", "GarmentBatch", "drawn_backgrounds", "drawn_garments"]
