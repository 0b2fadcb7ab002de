"""Drawn eyes that tests of this folder may change."""

import shutil

import pytest

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
