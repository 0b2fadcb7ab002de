"""Training and test pictures are kept apart, recording by recording."""

from pathlib import Path

import numpy as np
import pytest

from kerasgen.data.splits import balancing_repeats, split_by_folder_tail


def frames(folder, count):
    return [Path(folder, f"{index:03}.png") for index in range(count)]


def test_the_tail_of_every_folder_is_held_out():
    paths = frames("a", 10) + frames("b", 5)
    train, test = split_by_folder_tail(paths, 0.2)
    assert test == [8, 9, 14]
    assert train == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13]


def test_the_order_in_which_paths_are_given_does_not_matter():
    paths = frames("a", 6) + frames("b", 4)
    turned = paths[::-1]
    expected = {paths[place] for place in split_by_folder_tail(paths, 0.25)[1]}
    assert {turned[place] for place in split_by_folder_tail(turned, 0.25)[1]} == expected
    assert expected == {*paths[4:6], paths[9]}


def test_a_small_share_still_holds_out_one_and_a_large_one_leaves_the_rest():
    train, test = split_by_folder_tail(frames("a", 3), 0.01)
    assert (train, test) == ([0, 1], [2])


def test_a_folder_of_one_picture_is_trained_on():
    train, test = split_by_folder_tail([*frames("a", 4), Path("b/only.png")], 0.5)
    assert (train, test) == ([0, 1, 4], [2, 3])


def test_folders_of_the_same_name_in_other_places_are_apart():
    train, test = split_by_folder_tail(frames("x/a", 2) + frames("y/a", 2), 0.5)
    assert (train, test) == ([0, 2], [1, 3])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="test_share="):
        split_by_folder_tail(frames("a", 4), share)


@pytest.mark.parametrize("paths", [[], frames("a", 1), frames("a", 2)])
def test_a_side_without_pictures_is_refused(paths):
    with pytest.raises(ValueError, match=f"Received: {len(paths)} pictures"):
        split_by_folder_tail(paths, 0.9)


def test_near_copies_are_balanced():
    generator = np.random.default_rng(0)
    once, often = generator.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    copies = [np.clip(often.astype(int) + shade, 0, 255).astype(np.uint8) for shade in (0, 1, 2, 3)]
    repeats = balancing_repeats(np.stack([once, *copies]))
    np.testing.assert_array_equal(repeats, [4, 1, 1, 1, 1])


def test_unlike_grey_pictures_are_all_taken_once():
    flats = np.stack([np.full((40, 40, 1), shade, np.uint8) for shade in (0, 60, 120, 180)])
    np.testing.assert_array_equal(balancing_repeats(flats), [1, 1, 1, 1])
