"""Distances and intervals against direct loops, closed forms and repeated draws."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import (
    Estimate,
    area_under_roc,
    bootstrap_mean,
    kernel_distance,
    nearest_neighbours,
)

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


def test_bootstrap_mean_of_many_values_has_the_interval_of_the_normal_law():
    values = np.random.default_rng(5).normal(3.0, 2.0, 2000)
    estimate = bootstrap_mean(values)
    margin = 1.96 * values.std() / np.sqrt(len(values))
    assert estimate.value == pytest.approx(values.mean(), abs=1e-12) and estimate.count == 2000
    assert estimate.low == pytest.approx(values.mean() - margin, abs=0.1 * margin)
    assert estimate.high == pytest.approx(values.mean() + margin, abs=0.1 * margin)


def test_the_interval_covers_the_true_mean():
    generator = np.random.default_rng(6)
    estimates = [
        bootstrap_mean(generator.exponential(2.0, 60), resamples=400, seed=index)
        for index in range(300)
    ]
    share = np.mean([estimate.low <= 2.0 <= estimate.high for estimate in estimates])
    assert 0.88 <= share <= 0.99, share


def test_bootstrap_mean_of_equal_values_is_certain():
    assert bootstrap_mean(np.full(5, 0.25)) == Estimate(0.25, 0.25, 0.25, 5)


@pytest.mark.parametrize("values", [[1.0], [], [[1.0, 2.0]]])
def test_bootstrap_mean_refuses_what_is_no_row_of_numbers(values):
    with pytest.raises(ValueError, match="Received: shape="):
        bootstrap_mean(np.array(values))


def test_nearest_neighbours_equal_brute_force():
    generator = np.random.default_rng(7)
    queries, references = generator.normal(size=(30, 4)), generator.normal(size=(50, 4))
    distances = ((queries[:, None] - references[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(nearest_neighbours(queries, references), distances.argmin(1))


def test_a_reference_is_its_own_nearest_neighbour():
    references = 1000 + np.random.default_rng(8).normal(size=(40, 3)).astype(np.float32)
    np.testing.assert_array_equal(nearest_neighbours(references, references), np.arange(40))


def test_an_estimate_reads_as_value_interval_and_count():
    assert str(Estimate(0.5, 0.25, 0.75, 95)) == "0.5 [0.25, 0.75] (n=95)"


def test_area_under_roc_by_pairs():
    generator = np.random.default_rng(0)
    positive = generator.random(80) < 0.4
    scores = np.round(generator.normal(size=80) + positive, 1)
    pairs = scores[positive][:, None] - scores[~positive][None]
    expected = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    found = area_under_roc(positive, scores)
    assert found.value == pytest.approx(expected)
    assert found.low < expected < found.high and found.count == min(
        positive.sum(), 80 - positive.sum()
    )
    assert area_under_roc(positive, -scores).value == pytest.approx(1 - expected)
    assert area_under_roc(positive, np.zeros(80)).value == 0.5
    perfect = area_under_roc(positive, positive.astype(float))
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)


def test_area_under_roc_knows_that_samples_of_a_group_are_alike():
    generator = np.random.default_rng(1)
    groups = np.repeat(np.arange(12), 30)
    positive = np.tile(np.arange(30) % 2 == 0, 12)
    # A scene shifts all of its scores, and decides whether smoke is easy to see there.
    scores = positive * generator.normal(0.5, 1.0, 12)[groups] + generator.normal(size=12)[groups]
    scores += 0.3 * generator.normal(size=360)
    alone, together = (area_under_roc(positive, scores, g) for g in (None, groups))
    assert alone.value == together.value
    assert together.high - together.low > 2 * (alone.high - alone.low)
    named = area_under_roc(positive, scores, np.char.add("scene ", groups.astype(str)))
    assert named.high - named.low == pytest.approx(together.high - together.low, rel=0.3)


def test_the_area_of_several_scorers_is_the_mean_of_theirs():
    generator = np.random.default_rng(2)
    positive = np.arange(60) % 3 == 0
    scores = generator.normal(size=(3, 60)) + positive * np.array([0.0, 1.0, 3.0])[:, None]
    found = area_under_roc(positive, scores)
    alone = [area_under_roc(positive, one) for one in scores]
    assert found.value == pytest.approx(np.mean([one.value for one in alone]))
    # Scorers so unlike make the mean less certain than one steady scorer's area.
    steady = area_under_roc(positive, np.tile(scores[1], (3, 1)))
    assert steady.value == alone[1].value
    assert found.high - found.low > 1.2 * (steady.high - steady.low)


def test_a_gain_in_area_is_paired():
    generator = np.random.default_rng(3)
    positive = np.arange(200) % 2 == 0
    # What makes a sample hard is hard for both; the better of the two sees a little more.
    shared = positive + generator.normal(size=(2, 200))
    better = shared + 0.3 * positive
    gain = area_under_roc(positive, better, baseline=shared)
    areas = [area_under_roc(positive, scores) for scores in (better, shared)]
    assert gain.value == pytest.approx(areas[0].value - areas[1].value)
    assert 0 < gain.low < gain.value < gain.high
    assert gain.high - gain.low < 0.7 * (areas[0].high - areas[0].low)
    same = area_under_roc(positive, shared, baseline=shared)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_area_under_roc_refuses_what_it_cannot_rank():
    with pytest.raises(ValueError, match="0 positives of 3"):
        area_under_roc(np.zeros(3, bool), np.arange(3.0))
    with pytest.raises(ValueError, match="finite"):
        area_under_roc(np.array([True, False]), np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        area_under_roc(np.array([True, False]), np.arange(3.0))
    with pytest.raises(ValueError, match=r"one form. Received: shapes \(1, 2\) and \(2, 2\)"):
        area_under_roc(np.array([True, False]), np.arange(2.0), baseline=np.ones((2, 2)))
