"""Out of the door: SavedModels and their checks."""
