"""Backgrounds, parts of them, and pieces cut out of them."""

import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image

from kerasgen.compositing import backgrounds as module
from kerasgen.compositing.backgrounds import Backgrounds, random_crop, random_piece
from kerasgen.io.images import ImageError


def ramp(height, width):
    """Red is the column and green the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([columns, rows, 0 * rows]).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number, name in enumerate(["b.png", "in/a.png", "c.png"]):
        Image.fromarray(ramp(40 + number, 60)).save(tmp_path / name)
    return tmp_path


def test_a_folder_is_read_when_needed_and_once(folder, monkeypatch):
    found = Backgrounds.from_folder(folder)
    (folder / "c.png").write_bytes(b"nothing")
    assert len(found) == 3
    first = found[0]
    assert (first.path, first.image.shape) == ("b.png", (40, 60, 3))
    assert first.sha256 == hashlib.sha256((folder / "b.png").read_bytes()).hexdigest()
    assert found[2].path == "in/a.png"
    (folder / "b.png").unlink()
    assert found[0] is first
    with pytest.raises(ImageError, match="c.png"):
        found[1]
    # Another process gets the names, not the pixels.
    with pytest.raises(ImageError, match="b.png"):
        pickle.loads(pickle.dumps(found))[0]
    monkeypatch.setattr(module, "_MEMORY_LIMIT", 0)
    few = Backgrounds.from_folder(folder)
    assert few[1] is not few[1]


def test_arrays_are_named_by_their_index():
    images = np.stack([ramp(20, 20), ramp(20, 20)[::-1]])
    found = Backgrounds(images)
    assert [found[index].path for index in range(2)] == ["pictures[0]", "pictures[1]"]
    assert found[1].sha256 == hashlib.sha256(images[1].tobytes()).hexdigest()
    assert pickle.loads(pickle.dumps(found))[1].sha256 == found[1].sha256


def test_large_files_are_shrunk(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_SIDE", 50)
    Image.fromarray(ramp(60, 100)).save(tmp_path / "a.png")
    assert Backgrounds.from_folder(tmp_path)[0].image.shape == (30, 50, 3)


def test_other_arrays_and_small_pictures_are_refused(tmp_path):
    for wrong in (
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 3)),
        np.zeros((20, 4, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match=r"Received: shape=.*name='pictures\[0\]'"):
            Backgrounds([wrong])
    Image.fromarray(ramp(4, 60)).save(tmp_path / "thin.png")
    with pytest.raises(ValueError, match=r"8 pixels on a side.*thin.png"):
        Backgrounds.from_folder(tmp_path)[0]
    with pytest.raises(ValueError, match="folder is missing"):
        Backgrounds.from_folder(tmp_path / "none")


@pytest.mark.parametrize("shape, size", [((200, 120), (40, 60)), ((100, 250), (64, 64))])
def test_parts_have_the_proportions_and_a_known_position(shape, size):
    image, zooms = ramp(*shape), []
    for seed in range(30):
        part, (x, y, width, height) = random_crop(np.random.default_rng(seed), image, size)
        assert part.shape == (*size, 3)
        assert width / height == pytest.approx(size[1] / size[0], rel=0.05)
        assert x >= 0 and y >= 0 and x + width <= shape[1] and y + height <= shape[0]
        zooms.append(height / size[0] / min(shape[0] / size[0], shape[1] / size[1]))
        # Red and green are the position: the corner pixels lie in the corners of the part.
        assert part[0, 0, 0] == pytest.approx(x + width / size[1] / 2 - 0.5, abs=1)
        assert part[-1, 0, 1] == pytest.approx(y + height - height / size[0] / 2 - 0.5, abs=1)
    assert 0.65 < min(zooms) < 0.8 and 0.9 < max(zooms) <= 1.02


def test_only_small_pictures_are_enlarged():
    rng = np.random.default_rng(0)
    small, box = random_crop(rng, ramp(20, 30), (64, 64))
    assert small.shape == (64, 64, 3) and box[2:] == (20, 20)
    for seed in range(20):
        _, box = random_crop(np.random.default_rng(seed), ramp(70, 90), (64, 64))
        assert box[2] >= 64 and box[3] >= 64


def test_pieces_have_smooth_outlines_of_their_own():
    grounds = Backgrounds([ramp(100, 150), ramp(60, 60)])
    pieces = [random_piece(np.random.default_rng(seed), grounds) for seed in range(12)]
    areas = [(piece.alpha > 127).mean() for piece in pieces]
    assert 0.2 < min(areas) and max(areas) < 0.75
    assert len({piece.alpha.tobytes() for piece in pieces}) == 12
    assert {piece.path for piece in pieces} == {"pictures[0]", "pictures[1]"}
    for piece in pieces:
        assert not piece.alpha[[0, -1]].any() and not piece.alpha[:, [0, -1]].any()
        assert ((piece.alpha > 0) & (piece.alpha < 255)).any()
        # The record leads back to the position in the background.
        middle = np.linalg.inv(piece.matrix) @ (48, 48, 1)
        np.testing.assert_allclose(
            piece.image[47:49, 47:49, :2].mean((0, 1)) + 0.5, middle[:2], atol=1
        )
