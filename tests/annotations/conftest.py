"""Drawn eyes and photographs that tests of this folder may change."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kerasgen import draw_eyes


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A folder of drawn eyes; tests copy it."""
    folder = tmp_path_factory.mktemp("drawn") / "eyes"
    draw_eyes(folder, 3, size=16)
    return folder


@pytest.fixture
def eyes(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "eyes")


@pytest.fixture
def photographs(tmp_path):
    """Class folders of files of three kinds that state nothing."""
    folder = tmp_path / "photographs"
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8))
    for name in ("cat/0.png", "cat/1.jpg", "dog/0.jpg", "dog/1.webp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(folder / name)
    return folder
