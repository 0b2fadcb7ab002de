"""Real against synthetic: distances, classes, a trained network, the page."""
