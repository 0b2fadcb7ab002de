"""PNG files and sheets."""

import os

import numpy as np
import pytest

from kerasgen.io.images import read_image, to_float
from kerasgen.io.sheets import contact_sheet, labelled_sheet, save_png


def ramp(height, width):
    """Every pixel different, so that no two arrangements look alike."""
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 1), (3, 2, 3), (3, 2, 4)])
def test_save_png_round_trip(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape) * 10
    path = tmp_path / "new" / "deep" / "a.png"
    for image in (pixels, to_float(pixels)):
        save_png(path, image)
        channels = shape[2] if len(shape) == 3 else 1
        np.testing.assert_array_equal(read_image(path, channels=channels), pixels.reshape(3, 2, -1))
    assert [item.name for item in path.parent.iterdir()] == ["a.png"]


def test_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    save_png(path, ramp(2, 2))

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ValueError, match=r"No space left.*Received: path='.*a\.png'"):
        save_png(path, ramp(3, 3))
    assert list(tmp_path.iterdir()) == [path] and read_image(path).shape == (2, 2, 3)


def test_save_png_refuses_clearly(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"Cannot write.*Received: path='.*/file/a\.png'"):
        save_png(tmp_path / "file" / "a.png", ramp(2, 2))
    for wrong in (np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2), np.uint8), np.zeros(3, np.uint8)):
        with pytest.raises(ValueError, match="Received: shape="):
            save_png(tmp_path / "b.png", wrong)
    assert not (tmp_path / "b.png").exists()


def test_contact_sheet_layout():
    pictures = np.stack([np.full((2, 3, 1), value, np.uint8) for value in (10, 20, 30)])
    sheet = contact_sheet(pictures, 2, scale=2, margin=1)
    expected = np.full((2 * 4 + 3, 2 * 6 + 3, 3), 255, np.uint8)
    expected[1:5, 1:7], expected[1:5, 8:14], expected[6:10, 1:7] = 10, 20, 30
    np.testing.assert_array_equal(sheet, expected)
    np.testing.assert_array_equal(contact_sheet(to_float(pictures), 2, scale=2, margin=1), sheet)
    exact = contact_sheet(ramp(2, 2)[None], scale=3, margin=0)
    np.testing.assert_array_equal(exact, ramp(2, 2).repeat(3, 0).repeat(3, 1))
    see_through = np.zeros((1, 1, 1, 4), np.uint8)
    np.testing.assert_array_equal(contact_sheet(see_through, margin=0), [[[255] * 3]])
    for wrong in (pictures[0], pictures[:0]):
        with pytest.raises(ValueError, match="Received: shape="):
            contact_sheet(wrong)


def test_labelled_sheet_has_titles_above_aligned_rows():
    before, after = np.full((3, 40, 40, 3), 50, np.uint8), np.zeros((3, 40, 40, 1), np.float32)
    sheet = labelled_sheet({"before": before, "nearest real": after}, scale=2, margin=4)
    pictures = contact_sheet(before, 1, scale=2, margin=4)
    head = len(sheet) - len(pictures)
    np.testing.assert_array_equal(sheet[head:, :88], pictures)
    np.testing.assert_array_equal(sheet[head + 4 : head + 84, 92:172], np.full((80, 80, 3), 128))
    assert 8 < head < 30 and sheet[:4].min() == 255
    assert sheet[4:head, :88].min() < 100 and sheet[4:head, 88:].min() < 100
    for wrong in ({"a": before, "b": after[:2]}, {}):
        with pytest.raises(ValueError, match="equal in length"):
            labelled_sheet(wrong)
