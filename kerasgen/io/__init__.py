"""Files: pictures, JSON, sheets; many at once, stopped cleanly, with progress."""
