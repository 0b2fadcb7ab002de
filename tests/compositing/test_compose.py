"""Scenes from two folders in one call, and its result."""

import contextlib

import pytest
from PIL import Image
from scene_files import NAMES, edited, material, moved_matrix

from kerasgen.compositing import compose as module
from kerasgen.compositing.compose import compose, verify
from kerasgen.compositing.options import SceneOptions
from kerasgen.io.interruption import Stopped

SMALL = SceneOptions(size=96)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("material")
    foregrounds, backgrounds = material(root, size=96)
    Image.new("RGB", (50, 50)).save(foregrounds / "pants" / "empty.png")
    Image.new("RGB", (5, 5)).save(backgrounds / "small.png")
    return foregrounds, backgrounds


@pytest.fixture(scope="module")
def composed(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("composed") / "out"
    return compose(*folders, out, count=5, options=SMALL, verify=3)


def test_the_result_holds_the_material_and_the_check(composed, folders):
    assert (composed.pictures, composed.rejected) == (5, 0)
    assert len(list(composed.rows())) == 5
    material = composed.material
    assert material.class_names == NAMES
    assert (len(material.foregrounds), len(material.backgrounds)) == (12, 4)
    (rejection,) = material.rejected_foregrounds
    assert rejection.path == "pants/empty.png"
    ((path, reason),) = material.rejected_backgrounds
    assert path == str(folders[1] / "small.png") and "8 pixels on a side" in reason
    assert composed.sheet == composed.folder / "sheet.png" and composed.sheet.is_file()
    assert composed.masks_sheet is not None and composed.masks_sheet.is_file()
    assert composed.verification is not None and composed.verification.pictures == 3
    assert composed.verification.failures == ()
    page = composed._repr_html_()
    assert "data:image/png;base64," in page and "pants: 3 of 4 pictures give a foreground" in page
    first, *_, last = str(composed).splitlines()
    assert first == "1 of 5 backgrounds left out:"
    assert last.startswith("verified 3 pictures") and last.endswith(": 0 failures")


def test_each_part_shows_its_progress(composed, folders):
    seen = {}

    @contextlib.contextmanager
    def progress(name):
        yield lambda done, total: seen.update({name: (done, total)})

    again = compose(
        *folders, composed.folder, count=6, options=SMALL, verify=None, progress=progress
    )
    assert seen == {
        "backgrounds": (5, 5), "foregrounds": (13, 13), "scenes": (6, 6), "verified": (6, 6)
    }  # fmt: skip
    assert again.pictures == 6
    assert compose(*folders, composed.folder, count=6, options=SMALL, verify=0).verification is None


def test_a_wrong_annotation_is_a_result_and_no_error(folders, tmp_path):
    compose(*folders, tmp_path, count=3, options=SMALL, verify=0)
    assert verify(tmp_path, folders[0], workers=2).failures == ()
    edited(tmp_path, moved_matrix(12, 0))
    found = verify(tmp_path, folders[0], most=2)
    assert found.pictures == 2 and found.failures
    assert str(found).splitlines()[1] == str(found.failures[0])
    (tmp_path / "settings.json").unlink()
    with pytest.raises(ValueError, match=r"settings\.json"):
        verify(tmp_path, folders[0])


def test_nothing_is_written_into_the_folders_that_are_read(folders, tmp_path):
    for inside in folders:
        with pytest.raises(ValueError, match="lies within .*use a folder beside it"):
            compose(*folders, inside / "out", count=1)


@pytest.mark.parametrize("error", [Stopped, ValueError])
def test_what_was_left_out_is_said_if_composing_ends_early(folders, tmp_path, monkeypatch, error):
    def ended(*given, **more):
        raise error("ended early")

    monkeypatch.setattr(module, "compose_folder", ended)
    with pytest.raises(error, match="ended early") as caught:
        compose(*folders, tmp_path / "out", count=5, options=SMALL)
    assert "1 of 5 backgrounds left out" in str(caught.value)
    assert "pants: 3 of 4 pictures give a foreground" in str(caught.value)
