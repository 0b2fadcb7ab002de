"""Finished folders to pack."""

import pytest
from manifest_files import NAMES
from packed_folders import CLASSES, classified, fill, scenes


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("made") / "scenes", scenes, NAMES)


@pytest.fixture(scope="session")
def class_folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("made") / "classes", classified, CLASSES)
