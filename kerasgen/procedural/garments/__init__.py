"""Clothes of ten kinds drawn by rule, with exact masks, and backgrounds to paste them on."""

from kerasgen.procedural.garments.floors import drawn_backgrounds
from kerasgen.procedural.garments.painting import GARMENTS, GarmentBatch, drawn_garments

__all__ = ["GARMENTS", "GarmentBatch", "drawn_backgrounds", "drawn_garments"]
