"""Picture files to send."""

import io

import numpy as np
from PIL import Image

SIDE = 20


def picture(number, kind="PNG", side=SIDE):
    """A file of random pixels."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()
