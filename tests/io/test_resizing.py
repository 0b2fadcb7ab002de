"""Fits: where points go, and the same pixels as Pillow's own functions."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from kerasgen.io.resizing import fit_image, fit_matrix

SIZES = [(60, 80), (80, 60), (31, 31), (200, 30), (30, 200)]
LANCZOS = Image.Resampling.LANCZOS


def smooth(height, width):
    y, x = np.mgrid[:height, :width]
    return Image.fromarray((127 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)).astype(np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("new", [(40, 40), (30, 64)])
def test_pillows_own_functions_give_the_same(size, new):
    image, (height, width) = smooth(*size), new
    expected = {
        "crop": ImageOps.fit(image, (width, height), LANCZOS),
        "pad": ImageOps.pad(image, (width, height), LANCZOS),
        "stretch": image.resize((width, height), LANCZOS),
    }
    for fit, picture in expected.items():
        found = np.asarray(fit_image(image, new, fit), int)
        # Which of the two passes comes first depends on Pillow's version.
        assert np.abs(found - np.asarray(picture, int)).max() <= 3, fit


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", SIZES[:3])
def test_a_bright_spot_goes_where_the_matrix_says(size, fit):
    pixels = np.zeros(size, np.uint8)
    y, x = size[0] // 2 + 5, size[1] // 2 - 6
    pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
    new = (90, 70)
    found = np.asarray(fit_image(Image.fromarray(pixels), new, fit), float)
    ys, xs = np.mgrid[: new[0], : new[1]] + 0.5
    centre = [(found * each).sum() / found.sum() for each in (xs, ys)]
    expected = fit_matrix(size, new, fit) @ [x + 0.5, y + 0.5, 1]
    np.testing.assert_allclose(centre, expected[:2], atol=0.2)
