"""Folders read with the graph of an exported model, before there is one."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasgen.deployment.preprocessing import read_as_served, servable_file
from kerasgen.io.images import read_folder
from kerasgen.io.preprocessing import Preprocessing

FORM = Preprocessing(24, 24)


def photograph(size=(40, 30)):
    y, x = np.mgrid[: size[1], : size[0]]
    levels = np.stack([x * 5, y * 7, (x + y) * 3], -1) % 256
    return Image.fromarray(levels.astype(np.uint8))


@pytest.fixture
def folder(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph().save(tmp_path / "a.png")
    photograph().save(tmp_path / "b.jpg", exif=exif)
    photograph().save(tmp_path / "c.tiff")
    (tmp_path / "d.png").write_bytes(b"damaged")
    return tmp_path


def test_the_same_files_and_almost_the_same_pixels_as_the_reader(folder):
    with pytest.warns(UserWarning, match="1 of 4 pictures left out.*d.png"):
        found = read_as_served(folder, FORM)
    with pytest.warns(UserWarning, match="1 of 4 pictures left out"):
        read = read_folder(folder, 24)
    assert found.paths == read.paths and len(found.paths) == 3
    difference = np.abs(found.images.astype(int) - read.images.astype(int))
    assert difference.max() <= 8 and difference.mean() < 0.5


def test_kinds_that_signatures_refuse_become_png(folder):
    data = servable_file(folder / "c.tiff", FORM)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(image, photograph())
    assert servable_file(folder / "b.jpg", FORM) == (folder / "b.jpg").read_bytes()
