"""The kernel distance against a double loop, its own truth and repeated draws."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import intervals, kernel_distance, kernel_distance_gain

NEAR = np.array([0.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]])
FAR = np.array([0.8, -0.3]), np.array([[1.5, 0.2], [0.2, 0.7]])


def direct_distance(first, second):
    """Squared MMD as it is written in the paper, one pair after the other."""

    def kernel(x, y):
        return (sum(float(a) * float(b) for a, b in zip(x, y, strict=True)) / len(x) + 1.0) ** 3

    def within(rows):
        pairs = [kernel(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]
        return sum(pairs) / len(pairs)

    between = [kernel(x, y) for x in first for y in second]
    return within(first) + within(second) - 2.0 * sum(between) / len(between)


def moments(mean, covariance):
    third = np.einsum("i,j,k->ijk", mean, mean, mean)
    third += np.einsum("i,jk->ijk", mean, covariance)
    third += np.einsum("j,ik->ijk", mean, covariance)
    third += np.einsum("k,ij->ijk", mean, covariance)
    return mean, np.outer(mean, mean) + covariance, third


def true_distance(first, second):
    """The cubic kernel sees three moments: MMD^2 is a weighted sum of their squared differences."""
    size = len(first[0])
    pairs = zip(moments(*first), moments(*second), (3, 3, 1), strict=True)
    return sum(
        weight * np.sum((a - b) ** 2) / size**order
        for order, (a, b, weight) in enumerate(pairs, start=1)
    )


def draw(generator, gaussian, count):
    return generator.multivariate_normal(*gaussian, size=count)


@pytest.fixture(scope="module")
def repeated():
    """300 estimates of the distance of two known Gaussians."""
    generator = np.random.default_rng(11)
    return [
        kernel_distance(
            draw(generator, NEAR, 80), draw(generator, FAR, 60), subsets=100, seed=index
        )
        for index in range(300)
    ]


def test_kernel_distance_equals_the_double_loop():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(9, 5)), generator.normal(0.5, 2.0, size=(6, 5))
    expected = direct_distance(first, second)
    assert kernel_distance(first, second).value == pytest.approx(expected, abs=1e-10)


def test_kernel_distance_of_a_tiny_example_by_hand():
    first, second = np.array([[0.0], [0.0], [0.0], [1.0]]), np.ones((4, 1))
    # Within the first every pair has a zero: 1. Within the second (1 + 1)^3 = 8. Between: a
    # quarter of 8 and three quarters of 1. 1 + 8 - 2 * 11 / 4 = 3.5.
    assert kernel_distance(first, second).value == pytest.approx(3.5, abs=1e-12)


def test_kernel_distance_is_symmetric():
    generator = np.random.default_rng(1)
    first, second = draw(generator, NEAR, 20), draw(generator, FAR, 30)
    there, back = kernel_distance(first, second), kernel_distance(second, first)
    assert there.value == pytest.approx(back.value, abs=1e-12)
    assert there.count == back.count == 20


def test_kernel_distance_is_the_same_for_the_same_seed():
    generator = np.random.default_rng(2)
    first, second = draw(generator, NEAR, 20), draw(generator, FAR, 20)
    assert kernel_distance(first, second, seed=3) == kernel_distance(first, second, seed=3)
    assert kernel_distance(first, second, seed=3) != kernel_distance(first, second, seed=4)


def test_float32_features_lose_no_precision():
    generator = np.random.default_rng(3)
    first, second = (draw(generator, NEAR, 9).astype(np.float32) for _ in range(2))
    expected = direct_distance(first, second)
    assert kernel_distance(first, second).value == pytest.approx(expected, abs=1e-10)


def test_kernel_distance_within_one_distribution_is_zero_on_average():
    generator = np.random.default_rng(4)
    values = [
        kernel_distance(draw(generator, FAR, 20), draw(generator, FAR, 30), subsets=2, seed=0).value
        for _ in range(1000)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0


def test_kernel_distance_is_right_on_average(repeated):
    values = [estimate.value for estimate in repeated]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - true_distance(NEAR, FAR)) < 3 * error


def test_the_interval_covers_the_true_distance(repeated):
    truth = true_distance(NEAR, FAR)
    share = np.mean([estimate.low <= truth <= estimate.high for estimate in repeated])
    assert 0.88 <= share <= 0.99, share


def test_the_interval_is_as_wide_as_the_estimates_spread(repeated):
    margin = np.mean([estimate.high - estimate.value for estimate in repeated])
    spread = np.std([estimate.value for estimate in repeated])
    assert margin == pytest.approx(1.96 * spread, rel=0.15)


@pytest.mark.parametrize("share", [0.3, 3.0])
def test_the_coverage_check_notices_intervals_of_another_width(repeated, share):
    truth = true_distance(NEAR, FAR)
    covered = [abs(e.value - truth) <= share * (e.high - e.value) for e in repeated]
    assert not 0.88 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(
    ("first", "second"),
    [((5, 3), (5, 2)), ((5,), (5, 1)), ((3, 2), (9, 2)), ((9, 2), (3, 2))],
)
def test_sets_that_do_not_fit_are_refused(first, second):
    with pytest.raises(ValueError, match="Received"):
        kernel_distance(np.zeros(first), np.zeros(second))


def test_blocks_change_nothing(monkeypatch):
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=(37, 5)), generator.normal(0.2, 1.5, size=(29, 5))
    whole = kernel_distance(first, second, subsets=10)
    monkeypatch.setattr(intervals, "BLOCK", 150)
    parts = kernel_distance(first, second, subsets=10)
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
    assert parts.high == pytest.approx(whole.high, rel=1e-12)


def normal_sets(size, counts=(240, 210), shift=0.05):
    generator = np.random.default_rng(6)
    return [
        generator.normal(mean, 1.0, (count, size)).astype(np.float32)
        for mean, count in zip((0.3, 0.3 + shift), counts, strict=True)
    ]


def test_parts_that_hold_all_samples_are_all_pairs():
    first, second = normal_sets(3)
    assert kernel_distance(first, second, part_size=106) == kernel_distance(
        first, second, part_size=None
    )
    assert kernel_distance(first, second, part_size=105) != kernel_distance(first, second)


@pytest.mark.parametrize("size", [2, 128])
def test_parts_have_the_value_of_all_pairs_on_average(size):
    first, second = normal_sets(size, shift=0.5)
    whole = kernel_distance(first, second, part_size=None).value
    values = [
        kernel_distance(first, second, part_size=20, subsets=2, seed=seed).value
        for seed in range(200)
    ]
    assert abs(np.mean(values) - whole) < 3 * np.std(values) / np.sqrt(len(values))


def test_of_many_features_parts_say_what_all_pairs_say():
    first, second = normal_sets(256)
    whole = kernel_distance(first, second, part_size=None)
    values = [
        kernel_distance(first, second, part_size=30, subsets=2, seed=seed).value
        for seed in range(50)
    ]
    # Without the linear pairs across parts it is 0.9 of what the interval covers.
    assert np.std(values) < 0.15 * (whole.high - whole.value) / 1.96


def test_the_interval_of_parts_is_as_wide_as_the_estimates_spread():
    generator = np.random.default_rng(12)
    found = [
        kernel_distance(
            draw(generator, NEAR, 80),
            draw(generator, FAR, 60),
            part_size=20,
            subsets=100,
            seed=index,
        )
        for index in range(200)
    ]
    margin = np.mean([estimate.high - estimate.value for estimate in found])
    assert margin == pytest.approx(1.96 * np.std([each.value for each in found]), rel=0.2)
    assert np.mean([each.value for each in found]) == pytest.approx(
        true_distance(NEAR, FAR), abs=3 * margin / 1.96 / np.sqrt(len(found))
    )


def test_parts_too_small_to_halve_are_refused():
    with pytest.raises(ValueError, match="at least 4. Received: part_size=3"):
        kernel_distance(np.zeros((9, 2)), np.zeros((9, 2)), part_size=3)


def test_a_paired_gain_is_the_difference_and_surer_than_its_parts():
    generator = np.random.default_rng(3)
    things = generator.normal(size=(60, 12))
    worse, better = things + 0.6, things + 0.5
    target = generator.normal(size=(70, 12))
    far, near = kernel_distance(worse, target), kernel_distance(better, target)
    gain = kernel_distance_gain(worse, better, target)
    assert gain.value == pytest.approx(far.value - near.value) and gain.low > 0
    assert far.low < near.value
    back = kernel_distance_gain(better, worse, target)
    assert back.value == pytest.approx(-gain.value) and back.high < 0
    assert kernel_distance_gain(worse, worse, target).value == 0
    # Rows that do not belong together have nothing in common to leave out.
    torn = kernel_distance_gain(worse, generator.permutation(better), target)
    assert torn.high - torn.low > 1.5 * (gain.high - gain.low)


def test_a_paired_gain_of_unpaired_sets_is_refused():
    with pytest.raises(ValueError, match="Paired sets.*Received: 5 and 6"):
        kernel_distance_gain(np.zeros((5, 2)), np.zeros((6, 2)), np.ones((7, 2)))


def test_groups_stay_together_in_all_parts():
    generator, names = np.random.default_rng(14), np.repeat(np.arange(12), 15)
    first, second = (
        generator.normal(mean, 1.0, (12, 3))[names] + 0.2 * generator.normal(size=(180, 3))
        for mean in (0.0, 1.0)
    )
    widths = {}
    for name, groups in (("together", (names, names)), ("alone", None)):
        found = [kernel_distance(first, second, groups, part_size=size) for size in (30, None)]
        widths[name] = [each.high - each.low for each in found]
        assert widths[name][0] == pytest.approx(widths[name][1], rel=0.25)
    assert widths["together"][0] > 2 * widths["alone"][0]
    # Nearly all are one group: a half without it has no two samples in a part.
    uneven = np.r_[np.zeros(175, int), np.arange(1, 6)]
    found = kernel_distance(first, second, (uneven, uneven), part_size=30)
    assert np.isfinite([found.low, found.high]).all()
