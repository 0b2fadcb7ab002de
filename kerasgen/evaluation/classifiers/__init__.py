"""Classifiers as instruments: trained the same way every time."""
