"""Real pictures of eyes, where they are at hand; skipped with a reason where they are not."""

import os
from pathlib import Path

import pytest

from kerasgen.evaluation.judges.pupil import find_pupils
from kerasgen.io.images import read_folder

pytestmark = pytest.mark.real_data
DATA = Path(__file__).parents[2] / "../shared/data"
COUNTS = {"real": 530, "rendered": 105, "test/real": 95, "test/rendered": 13}


@pytest.fixture
def eyes():
    """The folder of eyes."""
    folder = Path(os.environ.get("KERASGEN_DATA", DATA)).resolve() / "eyes"
    if not folder.is_dir():
        pytest.skip(f"no real pictures: {folder} is not there")
    return folder


@pytest.mark.parametrize("name", COUNTS)
def test_every_picture_of_an_eye_is_read(eyes, name):
    pictures = read_folder(eyes / name, 64)
    assert pictures.images.shape == (COUNTS[name], 64, 64, 3)
    assert not pictures.rejected


@pytest.mark.parametrize("name", ["rendered", "test/rendered"])
def test_pupils_are_found_in_most_renders(eyes, name):
    assert find_pupils(read_folder(eyes / name, 64).images).found.mean() >= 0.8
