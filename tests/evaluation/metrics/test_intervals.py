"""Intervals against the normal law and repeated draws."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import (
    Estimate,
    bootstrap_mean,
    intervals,
    kernel_distance,
    share_with_interval,
)


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


def test_a_bootstrap_in_blocks_is_the_same(monkeypatch):
    values = np.random.default_rng(9).normal(size=101)
    whole = bootstrap_mean(values, resamples=50, seed=3)
    monkeypatch.setattr(intervals, "BLOCK", 1000)
    assert bootstrap_mean(values, resamples=50, seed=3) == whole


def test_features_that_are_no_numbers_are_named():
    features = np.zeros((9, 3))
    features[[4, 6], 1] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 9 rows that are not, the first is row 4"):
        kernel_distance(np.ones((5, 3)), features)


def test_a_share_has_an_interval_even_at_its_ends():
    none, some = share_with_interval(np.zeros(50, bool)), share_with_interval(np.arange(50) < 20)
    assert (none.value, none.low, none.count) == (0, 0, 50) and 0.05 < none.high < 0.09
    # Wilson's for 20 of 50, as tables have it.
    assert (some.low, some.high) == pytest.approx((0.2761, 0.5382), abs=2e-4)
    assert share_with_interval(np.ones(50, bool)).low == pytest.approx(1 - none.high)
    with pytest.raises(ValueError, match="N above 0"):
        share_with_interval(np.zeros(0, bool))
