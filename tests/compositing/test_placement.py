"""One matrix moves image, mask and annotations alike."""

import numpy as np
import pytest

from kerasgen.annotations import annotation
from kerasgen.annotations.annotation import Annotation
from kerasgen.compositing import placement
from kerasgen.compositing.foregrounds import Foreground, extract
from kerasgen.compositing.options import SceneOptions


def blob(height=90, width=120):
    """An object without any symmetry, ``[H, W]`` bool."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return (((columns - 60) / 34) ** 2 + ((rows - 44) / 22) ** 2 < 1) & ~(
        (columns > 70) & (rows < 40)
    )


def foreground(mask=None, image=None, max_side=512):
    mask = blob() if mask is None else mask
    image = np.full((*mask.shape, 3), 128, np.uint8) if image is None else image
    return extract(image, mask, max_side=max_side)


def in_scene(patch, size):
    """A patch's soft mask in the frame."""
    scene = np.zeros((size[0] + 800, size[1] + 800), np.uint8)
    (x, y), (height, width) = patch.corner, patch.alpha.shape
    scene[400 + y : 400 + y + height, 400 + x : 400 + x + width] = patch.alpha
    return scene[400:-400, 400:-400]


def centroid(weights):
    rows, columns = np.mgrid[: weights.shape[0], : weights.shape[1]] + 0.5
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("max_side", [512, 40])
@pytest.mark.parametrize("seed", range(6))
def test_moves_as_annotations_move(seed, max_side):
    """Also where the cut was shrunk: the matrix is that of the source picture."""
    mask = blob()
    options = SceneOptions(scale=(0.3, 1.2), perspective=0.4, max_truncation=0.4, size=160)
    random = np.random.default_rng(seed)
    placed = foreground(max_side=max_side)
    matrix, _ = placement.random_matrix(random, placed, (160, 160), options)
    found = in_scene(placement.warped_alpha(placed, matrix), (160, 160))
    expected = Annotation(mask=mask).transformed(matrix, (160, 160)).mask
    assert expected.sum() > 300
    outline = (
        np.abs(np.diff(expected.astype(int))).sum() + np.abs(np.diff(expected.T.astype(int))).sum()
    )
    assert ((found > 127) != expected).sum() < (0.25 if max_side == 512 else 0.6) * outline
    if not (expected[[0, -1]].any() or expected[:, [0, -1]].any()):
        shift = centroid(found / 255) - centroid(expected)
        assert np.abs(shift).max() < 0.15


@pytest.mark.parametrize("shift", [(0, 0), (7, -3)])
def test_whole_pixels_move_exactly(shift):
    mask = blob()
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (*mask.shape, 3), np.uint8)
    placed = foreground(mask, image)
    matrix = annotation.translation(*shift)
    patch = placement.warped_alpha(placed, matrix)
    expected = Annotation(mask=mask).transformed(matrix, (120, 140)).mask
    np.testing.assert_array_equal(in_scene(patch, (120, 140)), expected * 255)
    colours = placement.warped_image(placed, matrix, patch.corner, patch.alpha.shape)
    x, y = patch.corner[0] - shift[0], patch.corner[1] - shift[1]
    height, width = patch.alpha.shape
    source = image[y : y + height, x : x + width]
    np.testing.assert_array_equal(colours[patch.alpha > 0], source[patch.alpha > 0])


def test_a_mirrored_object_is_mirrored_exactly():
    mask = blob()
    placed = foreground(mask)
    found = in_scene(placement.warped_alpha(placed, annotation.flip_horizontal(120)), mask.shape)
    np.testing.assert_array_equal(found, mask[:, ::-1] * 255)


def test_a_rectangle_of_the_scene_is_cut_anywhere():
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (90, 120, 3), np.uint8)
    placed = foreground(image=image)
    matrix, _ = placement.random_matrix(random, placed, (200, 200), SceneOptions())
    patch = placement.warped_alpha(placed, matrix)
    whole = placement.warped_image(placed, matrix, patch.corner, patch.alpha.shape)
    corner = (patch.corner[0] + 9, patch.corner[1] + 5)
    part = placement.warped_image(placed, matrix, corner, (20, 16))
    # Interpolation weights are rounded to 1/32 of a pixel.
    assert abs(part.astype(int) - whole[5:25, 9:25]).mean() < 1


@pytest.mark.parametrize("share", [0.23, 0.4, 0.61])
@pytest.mark.parametrize("is_upright", [True, False])
def test_fine_stripes_do_not_alias(share, is_upright):
    """Stripes of one pixel average to grey; skipping pixels would show wide bands."""
    mask = np.zeros((128, 128), bool)
    mask[4:124, 4:124] = True
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[::2] = 255
    stripes = stripes.swapaxes(0, 1) if is_upright else stripes
    placed = foreground(mask, np.ascontiguousarray(stripes))
    matrix = annotation.rotation(10) @ annotation.scaling(share, share)
    patch = placement.warped_alpha(placed, matrix)
    colours = placement.warped_image(placed, matrix, patch.corner, patch.alpha.shape)
    inside = colours[patch.alpha == 255].astype(float)
    assert inside.mean() == pytest.approx(127.5, abs=2)
    # The best that averaging over whole areas can do when a stripe is wider than half a pixel.
    assert inside.std() < {0.23: 20, 0.4: 30, 0.61: 60}[share]


def test_a_squeeze_of_one_side_is_averaged_along_it():
    mask = np.zeros((128, 128), bool)
    mask[4:124, 4:124] = True
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    placed = foreground(mask, stripes)
    matrix = annotation.rotation(80) @ annotation.scaling(0.2, 1)
    patch = placement.warped_alpha(placed, matrix)
    colours = placement.warped_image(placed, matrix, patch.corner, patch.alpha.shape)
    assert colours[patch.alpha == 255].std() < 25


def test_alpha_is_averaged_too():
    mask = np.zeros((96, 96), bool)
    mask[::2] = True
    placed = foreground(mask)
    patch = placement.warped_alpha(placed, annotation.scaling(0.25, 0.25))
    middle = patch.alpha[10:-10, 10:-10]
    assert middle.min() > 110 and middle.max() < 145


def test_drawn_numbers_lie_in_their_ranges():
    placed = foreground()
    options = SceneOptions(
        scale=(0.3, 0.5), aspect=(0.8, 1.25), rotation=20, perspective=0, flip=0.5, max_truncation=0
    )
    random = np.random.default_rng(0)
    flips, degrees = [], []
    for _ in range(200):
        matrix, draws = placement.random_matrix(random, placed, (100, 180), options)
        left, top, width, height = *placed.offset, *placed.extent
        corners = np.array([[left, top], [left + width, top], [left, top + height]])
        moved = np.c_[corners, np.ones(3)] @ matrix.T
        across, down = moved[1, :2] - moved[0, :2], moved[2, :2] - moved[0, :2]
        # Both sides have changed by the root of the aspect's change, one up and one down.
        product = np.linalg.norm(across) * np.linalg.norm(down) / (width * height)
        assert 0.3 - 1e-9 <= np.sqrt(product) * max(width, height) / 100 <= 0.5 + 1e-9
        ratio = np.linalg.norm(across) / np.linalg.norm(down) / (width / height)
        assert 0.8 - 1e-9 <= ratio <= 1.25 + 1e-9
        assert ratio == pytest.approx(draws["aspect"])
        angle = np.degrees(np.arctan2(*(across * (-1 if draws["flip"] else 1))[::-1]))
        assert angle == pytest.approx(draws["rotation"]) and abs(angle) <= 20
        assert (np.linalg.det(matrix) < 0) == draws["flip"]
        flips.append(draws["flip"])
        degrees.append(angle)
        corner, last = moved[:, :2].min(axis=0), moved[:, :2].max(axis=0)
        assert (corner >= -1e-9).all() and (last <= (180 + 1e-9, 100 + 1e-9)).all()
    assert 60 < sum(flips) < 140 and min(degrees) < -15 and max(degrees) > 15


def test_objects_reach_out_of_the_frame_up_to_the_limit():
    placed = foreground()
    options = SceneOptions(rotation=0, perspective=0, max_truncation=0.4)
    random = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        matrix, _ = placement.random_matrix(random, placed, (100, 100), options)
        left, width = placed.offset[0], placed.extent[0]
        ends = np.sort(matrix[0, 0] * np.array([left, left + width]) + matrix[0, 2])
        shares.append(max(0, -ends[0], ends[1] - 100) / (ends[1] - ends[0]))
    assert 0.3 < max(shares) <= 0.4 + 1e-9


def test_larger_than_the_frame_is_centred():
    placed = foreground()
    options = SceneOptions(scale=(2, 2), rotation=0, perspective=0, max_truncation=0)
    matrix, _ = placement.random_matrix(np.random.default_rng(0), placed, (50, 50), options)
    left, top, width, height = *placed.offset, *placed.extent
    middle = matrix @ (left + width / 2, top + height / 2, 1)
    assert middle[0] == pytest.approx(25) and 0 < middle[1] < 50


def test_tilting_changes_size_across_up_to_the_limit():
    placed = Foreground(
        np.zeros((40, 60, 3), np.uint8), np.full((40, 60), 255, np.uint8), (5, 9), (60, 40),
        0, "a", "0" * 64, "mask", 1.0,
    )  # fmt: skip
    options = SceneOptions(perspective=0.3, rotation=0, flip=0, aspect=(1, 1))
    for seed in range(20):
        random = np.random.default_rng(seed)
        matrix, draws = placement.random_matrix(random, placed, (200, 200), options)
        weights = np.array([[5, 29, 1], [65, 29, 1]]) @ matrix[2]
        assert weights[1] / weights[0] == pytest.approx(
            (1 + draws["perspective"][0] / 2) / (1 - draws["perspective"][0] / 2)
        )
        assert abs(draws["perspective"][0]) <= 0.3
