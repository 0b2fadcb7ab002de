"""Squares with and without what a mask marks."""

import numpy as np
import pytest

from kerasgen.data.crops import crop_corners, cut


def masked(seed=0):
    """A disc left of the middle of a wide picture."""
    y, x = np.mgrid[0:60, 0:120]
    return (y - 30) ** 2 + (x - 35) ** 2 < 22**2


def shares(mask, corners, side):
    return [mask[y : y + side, x : x + side].mean() for y, x in corners]


@pytest.mark.parametrize("seed", range(5))
def test_what_the_squares_hold(seed):
    mask = masked()
    found = crop_corners(mask, 20, least=0.5, margin=3, most=4, seed=seed)
    assert 1 <= len(found.marked) == len(found.free) <= 4
    assert min(shares(mask, found.marked, 20)) >= 0.5
    assert max(shares(mask, found.free - 3, 26)) == 0
    for corners in found:
        assert corners.min() >= 0 and (corners + 20 <= mask.shape).all()
        gaps = np.abs(corners[:, None] - corners[None]).max(axis=2) + 99 * np.eye(len(corners))
        assert gaps.min() >= 10
    again = crop_corners(mask, 20, least=0.5, margin=3, most=4, seed=seed)
    np.testing.assert_array_equal(again.free, found.free)


def test_both_kinds_or_none():
    everywhere = np.ones((30, 30), bool)
    for mask in (everywhere, ~everywhere):
        assert [len(corners) for corners in crop_corners(mask, 10)] == [0, 0]
    corner = np.zeros((30, 30), bool)
    corner[:10, :10] = True
    found = crop_corners(corner, 10, least=1.0)
    np.testing.assert_array_equal(found.marked, [[0, 0]])
    assert len(found.free) == 1


def test_cutting():
    image = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
    parts = cut(image, np.array([[0, 0], [8, 5]]), 4)
    np.testing.assert_array_equal(parts[1], image[8:12, 5:9])
    assert cut(image, np.empty((0, 2), int), 4).shape == (0, 4, 4, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 61}, "`side` fit in.*side=61"),
        ({"mask": np.zeros((9, 9))}, "dtype=float64"),
        ({"least": 0}, "least=0"),
        ({"margin": -1}, "margin=-1"),
        ({"most": 0}, "most=0"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        crop_corners(**{"mask": masked(), "side": 9, **change})
