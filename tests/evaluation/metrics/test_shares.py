"""Intervals of shares: exact coverage, groups, and a width where all flags are alike."""

import numpy as np
import pytest
from scipy import stats

from kerasgen.evaluation.metrics import share_interval, share_with_interval
from kerasgen.evaluation.metrics.shares import share_from_variance


@pytest.mark.parametrize("count", [40, 50, 100, 500])
def test_they_cover_shares_up_to_the_end(count):
    """From the binomial distribution, not by draws: of 50, Wilson's covers 0.99 at 0.911."""
    ends = np.array([share_interval(right / count, count) for right in range(count + 1)])
    covers = []
    for share in np.linspace(0.5, 0.99, 50):
        chances = stats.binom.pmf(np.arange(count + 1), count, share)
        covers.append(chances[(ends[:, 0] <= share) & (share <= ends[:, 1])].sum())
    assert min(covers) >= 0.93 and np.mean(covers) < 0.97


def test_all_alike_is_not_certain():
    none, some = share_with_interval(np.zeros(50, bool)), share_with_interval(np.arange(50) < 20)
    assert (none.value, none.low, none.count) == (0, 0, 50) and 0.06 < none.high < 0.1
    # Nearly Wilson's for 20 of 50, which tables have.
    assert (some.low, some.high) == pytest.approx((0.2761, 0.5382), abs=1e-3)
    every = share_with_interval(np.ones(60, bool))
    assert (every.value, every.high) == (1, 1) and 0.9 < every.low < 0.95
    with pytest.raises(ValueError, match="N above 0"):
        share_with_interval(np.zeros(0, bool))


def test_flags_that_are_alike_within_groups_are_worth_less():
    names = np.repeat(np.arange(12), 10)
    alone = share_with_interval(np.ones(120, bool))
    together = share_with_interval(np.ones(120, bool), names)
    assert alone.low > 0.95 and together.low < 0.8 and together.count == 120
    assert share_with_interval(np.ones(120, bool), range(120)) == alone
    one = share_with_interval(np.arange(9) < 5, ["a"] * 9)
    assert (one.low, one.high) == (0, 1)
    with pytest.raises(ValueError, match="2 for 3 samples"):
        share_with_interval(np.ones(3, bool), [1, 2])


@pytest.mark.parametrize(("share", "count"), [(0.9, 100), (0.97, 200), (0.99, 500)])
def test_they_cover_shares_of_groups(share, count):
    """Five flags a group: all alike in half of the groups, independent in the others."""
    generator, groups, held = np.random.default_rng(1), count // 5, []
    names = np.repeat(np.arange(groups), 5)
    for _ in range(400):
        whole = (generator.random(groups) < share)[names]
        alike = (generator.random(groups) < 0.5)[names]
        flags = np.where(alike, whole, generator.random(count) < share)
        found = share_with_interval(flags, names.tolist())
        held.append(found.low <= share <= found.high)
    # 0.93, less what 400 draws may miss it by.
    assert np.mean(held) >= 0.91


def test_a_variance_is_worth_so_many_samples():
    known = share_from_variance(0.8, 0.8 * 0.2 / 50, 10**6, 7)
    assert (known.low, known.high) == pytest.approx(share_interval(0.8, 50), abs=1e-5)
    assert known.count == 7
    few = share_from_variance(0.8, 0.8 * 0.2 / 50, 5, 7)
    assert few.high - few.low > 1.3 * (known.high - known.low)
    capped = share_from_variance(0.98, 1e-9, 30, 7, most=60)
    assert (capped.low, capped.high) == share_interval(0.98, 60)
