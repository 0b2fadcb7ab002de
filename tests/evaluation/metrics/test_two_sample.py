"""The two-sample test rejects at its level where nothing differs, and where something does."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import two_sample_test


@pytest.mark.slow
def test_where_nothing_differs_it_rejects_at_its_level():
    generator = np.random.default_rng(0)
    found = [
        two_sample_test(*generator.normal(size=(2, 40, 30)), permutations=99, seed=index)
        for index in range(100)
    ]
    assert np.mean([each.p_value <= 0.05 for each in found]) <= 0.11
    assert 0.25 < np.mean([each.p_value <= 0.5 for each in found]) < 0.75
    assert np.mean([each.area.value for each in found]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("size", [5, 400])
def test_a_shift_is_always_seen(size):
    generator = np.random.default_rng(1)
    for index in range(10):
        first, second = generator.normal(size=(2, 150, size))
        second[:, 0] += 1.5
        second[:, 1] -= 1.0
        found = two_sample_test(first, second, permutations=99, seed=index)
        assert found.p_value == 0.01 and found.area.low > 0.5 and found.permutations == 99


def test_no_p_value_is_below_what_it_rests_on():
    """Of few samples a fold may have one kind only, in truth or in a permutation."""
    for seed in range(60):
        generator = np.random.default_rng(seed)
        found = two_sample_test(
            generator.normal(size=(5, 2)), generator.normal(size=(6, 2)), permutations=19, seed=seed
        )
        assert 1 / 20 <= found.p_value <= 1.0 and np.isfinite(found.area.value)


@pytest.mark.slow
def test_the_area_has_an_interval_that_holds_chance():
    held = 0
    for seed in range(100):
        first, second = np.random.default_rng(seed).normal(size=(2, 40, 20))
        area = two_sample_test(first, second, permutations=49, seed=seed).area
        held += area.low <= 0.5 <= area.high
    assert held >= 90


def test_the_rarer_kind_is_not_drowned():
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=(400, 4)), generator.normal(1.0, 1.0, (30, 4))
    found = two_sample_test(first, second)
    assert found.p_value < 0.01 and found.area.value > 0.8 and found.area.count == 30


def recordings(generator, count):
    """Frames of a recording are alike, each recording is elsewhere: no evidence of two kinds."""
    centres = generator.normal(size=(count, 6))
    return np.repeat(centres, 20, axis=0) + 0.1 * generator.normal(size=(20 * count, 6))


def test_frames_of_one_recording_are_one_witness():
    generator = np.random.default_rng(3)
    names = tuple([f"{side}{n}" for n in range(8) for _ in range(20)] for side in "ab")
    apart, together, areas = [], [], []
    for index in range(25):
        first, second = recordings(generator, 8), recordings(generator, 8)
        options = {"permutations": 39, "seed": index, "folds": 4}
        apart.append(two_sample_test(first, second, **options).p_value)
        found = two_sample_test(first, second, names, **options)
        together.append(found.p_value)
        areas.append(found.area.value)
    # Taken as independent, the frames "prove" a difference nearly each time.
    assert np.mean(np.array(apart) <= 0.05) > 0.8
    assert np.mean(np.array(together) <= 0.05) < 0.2
    # Held out whole: a recording that was seen would be known again.
    assert np.mean(areas) == pytest.approx(0.5, abs=0.15)


def test_a_group_in_both_sets_is_held_out_whole():
    """The same pictures in both sets: known from the one, each would be taken for it."""
    generator = np.random.default_rng(4)
    first = generator.normal(size=(40, 200))
    names = [*range(40)]
    joint = two_sample_test(first, first, (names, names), permutations=19)
    apart = two_sample_test(first, first, (names, [-1 - n for n in names]), permutations=19)
    assert joint.area.value == pytest.approx(0.5, abs=0.1) and joint.p_value > 0.2
    assert apart.area.value < 0.2


def test_what_does_not_fit_is_refused():
    first, second = np.zeros((6, 2)), np.ones((7, 2))
    with pytest.raises(ValueError, match="Received: 4 groups"):
        two_sample_test(first[:4], second)
    with pytest.raises(ValueError, match="3 for 13 samples"):
        two_sample_test(first, second, (["a"], ["b", "c"]))
