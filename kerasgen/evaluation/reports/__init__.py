"""Numbers as pages, plots and lines."""
