"""Scenes of cut-out objects on other backgrounds, with exact masks."""
