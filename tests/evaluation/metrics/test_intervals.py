"""Intervals against the normal law and repeated draws."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import (
    Estimate,
    bootstrap_mean,
    kernel_distance,
)
from kerasgen.evaluation.metrics.intervals import Groups, bootstrap, percentile_estimate


def test_bootstrap_mean_of_many_values_has_the_interval_of_the_normal_law():
    values = np.random.default_rng(5).normal(3.0, 2.0, 2000)
    estimate = bootstrap_mean(values)
    margin = 1.96 * values.std() / np.sqrt(len(values))
    assert estimate.value == pytest.approx(values.mean(), abs=1e-12) and estimate.count == 2000
    assert estimate.low == pytest.approx(values.mean() - margin, abs=0.1 * margin)
    assert estimate.high == pytest.approx(values.mean() + margin, abs=0.1 * margin)


def test_the_interval_covers_the_true_mean():
    generator = np.random.default_rng(6)
    intervals = [
        bootstrap_mean(generator.exponential(2.0, 60), resamples=400, seed=index)
        for index in range(300)
    ]
    share = np.mean([estimate.low <= 2.0 <= estimate.high for estimate in intervals])
    assert 0.88 <= share <= 0.99, share


def test_bootstrap_mean_of_equal_values_is_certain():
    assert bootstrap_mean(np.full(5, 0.25)) == Estimate(0.25, 0.25, 0.25, 5)


@pytest.mark.parametrize("values", [[1.0], [], [[1.0, 2.0]]])
def test_bootstrap_mean_refuses_what_is_no_row_of_numbers(values):
    with pytest.raises(ValueError, match="Received: shape="):
        bootstrap_mean(np.array(values))


def test_an_estimate_reads_as_value_interval_and_count():
    assert str(Estimate(0.5, 0.25, 0.75, 95)) == "0.5 [0.25, 0.75] (n=95)"


def test_groups_are_drawn_whole():
    groups = Groups(6, ["b", "a", "b", (1, "c"), "a", "b"])
    assert groups.names == ["b", "a", (1, "c")] and len(groups) == 3
    assert groups.of_samples.tolist() == [0, 1, 0, 2, 1, 0]
    assert groups.samples(np.array([1, 2, 1, 0])).tolist() == [1, 4, 3, 1, 4, 0, 2, 5]
    assert groups.samples(np.array([], int)).tolist() == []
    generator = np.random.default_rng(0)
    drawn = list(groups.draws(200, generator))
    again = np.random.default_rng(0).integers(0, 3, (200, 3))
    assert [len(each) for each in drawn] == np.array([3, 2, 1])[again].sum(axis=1).tolist()


def test_without_groups_each_sample_is_drawn_alone():
    (drawn,) = Groups(50).draws(1, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn, np.random.default_rng(1).integers(0, 50, 50))


def test_each_sample_needs_a_group():
    with pytest.raises(ValueError, match="Each sample needs a group. Received: 2 for 3 samples"):
        bootstrap_mean(np.arange(3.0), [1, 2])


def test_the_interval_of_groups_covers_the_true_mean():
    """What a group shares is most of what its values vary by: alone, they would be too sure."""
    generator = np.random.default_rng(7)
    names = np.arange(300) // 10
    held = {"together": 0, "alone": 0}
    for seed in range(200):
        values = generator.normal(size=30)[names] + generator.normal(size=300)
        for name, groups in (("together", names), ("alone", None)):
            found = bootstrap_mean(values, groups, resamples=300, seed=seed)
            assert found.value == pytest.approx(values.mean()) and found.count == 300
            held[name] += found.low <= 0.0 <= found.high
    assert 0.88 <= held["together"] / 200 <= 0.99, held
    assert held["alone"] / 200 < 0.65, held


def test_any_statistic_has_an_interval():
    values = np.random.default_rng(8).normal(size=400)
    found = bootstrap(lambda indices: float(np.median(values[indices])), Groups(400), seed=1)
    # Of the normal law: sqrt(pi / 2) times that of the mean.
    assert found.value == np.median(values) and found.count == 400
    assert found.high - found.low == pytest.approx(2 * 1.96 * 1.2533 / 20, rel=0.25)


def test_draws_without_an_answer_do_not_count():
    found = percentile_estimate(0.5, [np.nan, *np.linspace(0, 1, 101), np.nan], 9)
    assert (found.low, found.high, found.count) == (pytest.approx(0.025), pytest.approx(0.975), 9)


def test_features_that_are_no_numbers_are_named():
    features = np.zeros((9, 3))
    features[[4, 6], 1] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 9 rows that are not, the first is row 4"):
        kernel_distance(np.ones((5, 3)), features)
