"""Training and test pictures are kept apart, recording by recording."""

from pathlib import Path

import numpy as np
import pytest

from kerasgen.data.splits import balancing_repeats, split_by_folder_tail, split_by_source


def frames(folder, count):
    return [Path(folder, f"{index:03}.png") for index in range(count)]


def test_the_tail_of_every_folder_is_held_out():
    paths = frames("a", 10) + frames("b", 5)
    train, test = split_by_folder_tail(paths, 0.2)
    assert test == [8, 9, 14]
    assert train == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13]


def test_the_order_of_the_paths_does_not_matter():
    paths = frames("a", 6) + frames("b", 4)
    turned = paths[::-1]
    expected = {paths[index] for index in split_by_folder_tail(paths, 0.25)[1]}
    assert {turned[index] for index in split_by_folder_tail(turned, 0.25)[1]} == expected
    assert expected == {*paths[4:6], paths[9]}


def test_a_small_share_still_holds_out_one_and_a_large_one_leaves_the_rest():
    train, test = split_by_folder_tail(frames("a", 3), 0.01)
    assert (train, test) == ([0, 1], [2])


def test_a_folder_of_one_picture_is_trained_on():
    train, test = split_by_folder_tail([*frames("a", 4), Path("b/only.png")], 0.5)
    assert (train, test) == ([0, 1, 4], [2, 3])


def test_folders_of_the_same_name_elsewhere_are_apart():
    train, test = split_by_folder_tail(frames("x/a", 2) + frames("y/a", 2), 0.5)
    assert (train, test) == ([0, 2], [1, 3])


def test_numbers_in_names_are_sorted_by_value():
    paths = [Path("a", f"frame{index}.png") for index in range(12)]
    assert split_by_folder_tail(paths, 0.2) == ([*range(10)], [10, 11])
    mixed = [
        Path("a", name) for name in ("b.png", "10.png", "9.png", "a2b.png", "a10.png", "09.png")
    ]
    assert split_by_folder_tail(mixed, 0.2)[1] == [0]
    assert split_by_folder_tail([Path("a", name) for name in ("f1", "f", "f01")], 0.1)[1] == [0]


def test_a_gap_is_on_neither_side():
    paths = frames("a", 10) + frames("b", 3) + frames("c", 1)
    train, test = split_by_folder_tail(paths, 0.2, gap=3)
    assert (train, test) == ([0, 1, 2, 3, 4, 13], [8, 9, 12])
    with pytest.raises(ValueError, match="gap=-1"):
        split_by_folder_tail(paths, 0.2, gap=-1)
    with pytest.raises(ValueError, match="Received: 3 pictures in 1 folders, gap=2"):
        split_by_folder_tail(frames("b", 3), 0.2, gap=2)


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


def recordings(sizes, names="abcdefgh"):
    return [name for name, size in zip(names, sizes, strict=False) for _ in range(size)]


def test_a_source_lands_whole_on_one_side():
    sources = recordings([5, 3, 7, 2, 6, 4, 1, 8])
    order = np.random.default_rng(0).permutation(len(sources))
    for seed in range(5):
        sides = split_by_source([sources[index] for index in order], 0.3, seed)
        np.testing.assert_array_equal(np.sort(np.concatenate(sides)), np.arange(36))
        train, held_out = ({sources[order[index]] for index in side} for side in sides)
        assert train and held_out and not train & held_out
        # No more than half the largest source away from the share.
        assert abs(len(sides[1]) - 0.3 * 36) <= 4


def test_who_is_held_out_depends_on_seed_and_sources_but_not_on_their_order():
    sources = recordings([4] * 8)
    turned = sources[::-1]
    chosen = []
    for seed in range(6):
        one, other = (
            {names[index] for index in split_by_source(names, 0.25, seed)[1]}
            for names in (sources, turned)
        )
        assert one == other and len(one) == 2
        chosen.append(tuple(sorted(one)))
    assert len(set(chosen)) > 1


def test_every_class_with_two_sources_is_on_both_sides():
    """Sources of class 0: a to d; of class 1: e and f, small; of class 2: g alone."""
    sources = recordings([10, 10, 10, 10, 3, 3, 6])
    labels = np.repeat([0, 1, 2], [40, 6, 6])
    for seed in range(5):
        train, held_out = split_by_source(sources, 0.25, seed, labels=labels)
        assert {sources[index] for index in held_out} & {"e", "f"} != {"e", "f"}
        assert np.bincount(labels[train], minlength=3).tolist() == [30, 3, 6]
        assert np.bincount(labels[held_out], minlength=3).tolist() == [10, 3, 0]


def test_a_source_of_several_classes_counts_for_its_commonest():
    sources = recordings([3, 3, 4])
    labels = np.array([0, 0, 1, 0, 0, 1, 1, 1, 1, 0])
    _, held_out = split_by_source(sources, 0.5, 0, labels=labels)
    assert len(held_out) == 3 and not set(held_out) & {6, 7, 8, 9}


def test_sources_may_be_numbers_and_one_of_each_is_left_to_train_on():
    train, held_out = split_by_source([1, 2], 0.99, 0)
    assert len(train) == len(held_out) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"share": 0.0}, "share=0.0"),
        ({"share": float("nan")}, "share=nan"),
        ({"seed": -1}, "seed=-1"),
        ({"labels": np.array([0, 1])}, "shape=\\(2,\\)"),
        ({"labels": np.array([0.0, 1.0, 1.0])}, "dtype=float64"),
        ({"sources": ["a", "a", "a"]}, "1 sources of 1 classes"),
        ({"labels": np.array([0, 1, 2])}, "3 sources of 3 classes"),
        ({"sources": []}, "0 sources"),
    ],
)
def test_sources_that_cannot_be_split_are_refused(changes, says):
    with pytest.raises(ValueError, match=f"Received: .*{says}"):
        split_by_source(**{"sources": ["a", "b", "c"], "share": 0.3, "seed": 0, **changes})
