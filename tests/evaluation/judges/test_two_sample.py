"""The classifier two-sample test finds a difference that is there, and none that is not."""

import numpy as np
import pytest

from kerasgen.evaluation.judges import two_sample
from kerasgen.evaluation.judges.two_sample import held_out_accuracy


def noise(count, seed, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, (count, 16, 16, 3), np.uint8)


def test_sets_that_differ_are_told_apart():
    train = noise(40, 0, high=160), noise(40, 1, low=96)
    test = noise(60, 2, high=160), noise(50, 3, low=96)
    accuracy = held_out_accuracy(train, test, steps=80)
    assert accuracy.value > 0.95 and accuracy.count == 50
    assert accuracy.low <= accuracy.value <= accuracy.high <= 1.0


def test_two_draws_of_one_set_are_not_told_apart():
    intervals = []
    for seed in range(4):
        sets = [noise(60, 100 * seed + index) for index in range(4)]
        accuracy = held_out_accuracy(tuple(sets[:2]), tuple(sets[2:]), seed=seed, steps=25)
        intervals.append(accuracy.low <= 0.5 <= accuracy.high)
    # Each interval misses one time in twenty.
    assert sum(intervals) >= 3, intervals


def test_all_right_or_all_wrong_is_not_certainty():
    train = noise(10, 0, high=20), noise(10, 1, low=230)
    accuracy = held_out_accuracy(train, (noise(12, 2, high=20), noise(12, 3, low=230)), steps=60)
    assert accuracy.value == 1.0 and accuracy.high == pytest.approx(1.0)
    # Of 12 right answers the rule of Wilson says 0.757; two such sets are halved and joined.
    assert accuracy.low == pytest.approx(1 - 0.2425 / 2**0.5, abs=1e-3)


def test_nothing_is_learned_from_the_test_pictures():
    bright, dark = noise(30, 0, low=96), noise(30, 1, high=160)
    # What training calls real is called synthetic in the test: right learning is all wrong there.
    accuracy = held_out_accuracy((bright, dark), (dark[::-1], bright[::-1]), steps=80)
    assert accuracy.value < 0.05


def test_the_same_seed_gives_the_same_accuracy():
    train, test = (noise(20, 0), noise(20, 1, high=200)), (noise(30, 2), noise(30, 3, high=200))
    first, second = (held_out_accuracy(train, test, seed=5, steps=6) for _ in range(2))
    assert first == second


def test_jittering_only_mirrors_and_shifts():
    image = np.zeros((1, 16, 16, 1), np.float32)
    image[0, 8, 8] = 1.0
    moved = two_sample._jittered(np.repeat(image, 200, axis=0), np.random.default_rng(0))
    _, rows, columns, _ = np.nonzero(moved)
    assert len(rows) == 200
    assert (rows.min(), rows.max()) == (4, 12)
    # Mirrored, column 8 becomes 7.
    assert (columns.min(), columns.max()) == (3, 12)


@pytest.mark.parametrize("value", [0, 255])
def test_jittering_leaves_flat_pictures_alone(value):
    images = np.full((3, 16, 16, 3), value, np.float32)
    np.testing.assert_array_equal(two_sample._jittered(images, np.random.default_rng(0)), images)
