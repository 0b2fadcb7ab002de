import json

import numpy as np
import pytest
from PIL import Image

from kerasgen.annotations import annotation
from kerasgen.annotations.annotation import Annotation


def disc(size: int, x: float, y: float, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[:size, :size] + 0.5
    return (xs - x) ** 2 + (ys - y) ** 2 <= radius**2


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (annotation.translation(3, -1), (5.0, 4.0)),
        (annotation.scaling(2, 3), (4.0, 15.0)),
        (annotation.rotation(90), (-5.0, 2.0)),
        (annotation.rotation(180, (2, 2)), (2.0, -1.0)),
        (annotation.shear(1, 0), (7.0, 5.0)),
        (annotation.flip_horizontal(10), (8.0, 5.0)),
        (annotation.translation(1, 0) @ annotation.scaling(2, 2), (5.0, 10.0)),
        (annotation.scaling(2, 2) @ annotation.translation(1, 0), (6.0, 10.0)),
        (np.array([[1.0, 0, 0], [0, 1, 0], [0.5, 0, 1]]), (1.0, 2.5)),
    ],
)
def test_keypoints_move_by_hand_worked_numbers(
    matrix: np.ndarray, expected: tuple[float, float]
) -> None:
    moved = Annotation(keypoints={"p": (2.0, 5.0)}).transformed(matrix, (8, 8))
    np.testing.assert_allclose(moved.keypoints["p"], expected, atol=1e-12)


def test_box_is_the_hull_of_its_moved_corners() -> None:
    moved = Annotation(7, (0.0, 0.0, 2.0, 2.0)).transformed(annotation.rotation(45, (1, 1)), (4, 4))
    side = np.sqrt(2)
    np.testing.assert_allclose(moved.box, (1 - side, 1 - side, 1 + side, 1 + side))
    assert moved.label == 7
    assert moved.mask is None


def test_nothing_known_stays_nothing() -> None:
    moved = Annotation().transformed(np.eye(3), (4, 4))
    assert (moved.label, moved.box, moved.mask, dict(moved.keypoints)) == (None, None, None, {})


def test_tight_box_runs_along_pixel_borders() -> None:
    mask = np.zeros((5, 6), bool)
    assert annotation.tight_box(mask) is None
    mask[2, 3] = True
    assert annotation.tight_box(mask) == (3.0, 2.0, 4.0, 3.0)
    mask[4, 1] = True
    assert annotation.tight_box(mask) == (1.0, 2.0, 4.0, 5.0)


def test_mask_flips_exactly_and_takes_its_box_along() -> None:
    mask = np.zeros((4, 6), bool)
    mask[1:3, 0:2] = True
    before = Annotation(box=(0.0, 0.0, 6.0, 4.0), mask=mask, keypoints={"p": (0.5, 1.5)})
    moved = before.transformed(annotation.flip_horizontal(6), (4, 6))
    np.testing.assert_array_equal(moved.mask, mask[:, ::-1])
    assert moved.box == (4.0, 1.0, 6.0, 3.0)
    assert moved.keypoints["p"] == (5.5, 1.5)


def test_what_leaves_the_frame_keeps_keypoints_and_loses_the_box() -> None:
    before = Annotation(mask=disc(8, 4, 4, 2), keypoints={"p": (4.0, 4.0)})
    moved = before.transformed(annotation.translation(20, 0), (8, 8))
    assert moved.mask is not None and not moved.mask.any()
    assert moved.box is None
    assert moved.keypoints["p"] == (24.0, 4.0)


@pytest.mark.parametrize(
    "matrix",
    [
        annotation.rotation(25, (32, 32)) @ annotation.translation(3.3, -2.6),
        annotation.translation(-6, 4) @ annotation.scaling(1.2, 0.8) @ annotation.shear(0.2, 0.1),
        np.array([[1.1, 0.1, -4.0], [-0.05, 0.9, 3.0], [0.002, -0.001, 1.0]]),
    ],
)
def test_moves_as_pillow_moves_the_picture(matrix: np.ndarray) -> None:
    mask = disc(64, 30, 34, 9)
    before = Annotation(mask=mask, keypoints={"centre": (30.0, 34.0)})
    moved = before.transformed(matrix, (64, 64))
    inverse = np.linalg.inv(matrix)
    warped = np.asarray(
        Image.fromarray(mask.astype(np.uint8) * 255).transform(
            (64, 64), Image.Transform.PERSPECTIVE, (inverse / inverse[2, 2]).ravel()[:8]
        )
    )
    assert moved.mask is not None
    assert (moved.mask != (warped > 127)).mean() < 0.002
    # A small disc about the keypoint, warped by Pillow, lies where the keypoint says.
    dot = Image.fromarray(disc(64, 30, 34, 2.5).astype(np.uint8) * 255).transform(
        (64, 64),
        Image.Transform.PERSPECTIVE,
        (inverse / inverse[2, 2]).ravel()[:8],
        Image.Resampling.BILINEAR,
    )
    rows, columns = np.mgrid[:64, :64] + 0.5
    weight = np.asarray(dot, float)
    seen = ((weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum())
    assert np.hypot(*np.subtract(seen, moved.keypoints["centre"])) < 0.3
    box = Image.fromarray((warped > 127).astype(np.uint8)).getbbox()
    np.testing.assert_allclose(moved.box, box, atol=0.5)


def test_projective_matrix_has_no_sign() -> None:
    matrix = np.array([[1.1, 0.1, -4.0], [-0.05, 0.9, 3.0], [0.002, -0.001, 1.0]])
    before = Annotation(mask=disc(64, 30, 34, 9), keypoints={"p": (3.0, 4.0)})
    one, other = before.transformed(matrix, (64, 64)), before.transformed(-matrix, (64, 64))
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_allclose(one.keypoints["p"], other.keypoints["p"])


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((3, 3)), np.eye(2), np.diag([1.0, 0.0, 1.0]), np.full((3, 3), np.nan)],
)
def test_rejects_matrices_that_are_none(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Received: matrix="):
        Annotation(keypoints={"p": (1.0, 1.0)}).transformed(matrix, (4, 4))


def test_rejects_a_horizon_through_the_picture() -> None:
    matrix = np.array([[1.0, 0, 0], [0, 1, 0], [-0.1, 0, 1]])
    with pytest.raises(ValueError, match="infinity"):
        Annotation(mask=disc(64, 30, 34, 9)).transformed(matrix, (64, 64))


def test_rejects_wrong_fields() -> None:
    with pytest.raises(ValueError, match="Received: box="):
        Annotation(box=(3.0, 0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="Received: mask of shape="):
        Annotation(mask=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="Received: size="):
        Annotation().transformed(np.eye(3), (0, 4))
    with pytest.raises(ValueError, match="Received: mask="):
        Annotation.from_dict({"mask": {"size": [2, 2], "counts": [1, 2]}})


MASKS = {
    "empty": np.zeros((4, 7), bool),
    "full": np.ones((4, 7), bool),
    "first": np.arange(28).reshape(7, 4) == 0,
    "last": np.arange(28).reshape(7, 4) == 27,
    "one pixel": np.ones((1, 1), bool),
    "noise": np.random.default_rng(0).random((90, 130)) < 0.4,
    "disc": disc(300, 100, 200, 60),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_masks_are_read_as_they_were_written(mask: np.ndarray) -> None:
    encoded = json.loads(json.dumps(annotation.run_lengths(mask)))
    assert encoded["size"] == list(mask.shape) and encoded["counts"].isascii()
    pixels = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(pixels, prepend=False))
    counts = np.diff(edges, prepend=0, append=pixels.size).tolist()
    for each in (encoded, {**encoded, "counts": counts}):
        found = annotation.mask_from_run_lengths(each)
        assert found.dtype == np.bool_
        np.testing.assert_array_equal(found, mask)


def test_run_lengths_are_cocos() -> None:
    mask = np.array([[False, True, True], [False, False, True]])
    assert annotation.run_lengths(mask) == {"size": [2, 3], "counts": "2111"}
    assert Annotation(mask=mask).to_dict()["mask"] == {"size": [2, 3], "counts": "2111"}
    mask = np.array([[True, False], [True, True]])
    assert annotation.run_lengths(mask) == {"size": [2, 2], "counts": "021O"}


def test_runs_of_no_pixel_are_read() -> None:
    found = annotation.mask_from_run_lengths({"size": [2, 2], "counts": [1, 0, 1, 2, 0]})
    np.testing.assert_array_equal(found, [[False, True], [False, True]])


@pytest.mark.parametrize(
    "counts",
    [
        "2",
        "2112",
        "",
        "o",
        "211P",
        "zzzz",
        "2é",
        [1, 2],
        [7],
        [-1, 7],
        [2.5, 3.5],
        [],
        [2**40],
        "5\0",
        5,
    ],
)
def test_run_lengths_that_do_not_fill_the_mask_are_refused(counts: object) -> None:
    """Too few leave pixels of chance, and a string that stops within a number has no end."""
    with pytest.raises(ValueError, match="must fill height"):
        annotation.mask_from_run_lengths({"size": [2, 3], "counts": counts})


@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
def test_round_trip_through_json_is_exact(density: float) -> None:
    generator = np.random.default_rng(3)
    before = Annotation(
        4,
        tuple(np.sort(generator.random(4)).tolist()),
        generator.random((7, 5)) < density,
        {"a": (0.1, -2.7), "b": (1e-17, 3.0)},
    )
    after = Annotation.from_dict(json.loads(json.dumps(before.to_dict())))
    assert (after.label, after.box, after.keypoints) == (4, before.box, before.keypoints)
    np.testing.assert_array_equal(after.mask, before.mask)
    assert Annotation.from_dict(Annotation().to_dict()).to_dict() == Annotation().to_dict()
