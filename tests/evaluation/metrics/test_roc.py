"""Areas under ROC curves against all pairs, and their intervals."""

import numpy as np
import pytest
from scipy import stats

from kerasgen.evaluation.metrics import area_under_roc, share_interval


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


@pytest.mark.parametrize("right", [True, False])
def test_a_perfect_area_is_as_sure_as_there_are_groups(right):
    positive = np.arange(80) % 4 == 0
    scores = (positive == right).astype(float)
    ends = []
    for groups in (None, np.arange(80) // 8):
        found = area_under_roc(positive, scores, groups)
        assert found.value == right and found.count == 20
        ends.append(found.low if right else 1 - found.high)
        assert (found.high if right else found.low) == right
    # As shares of 20, and of 10 groups, which all hold both kinds.
    assert ends == pytest.approx([share_interval(1.0, count)[0] for count in (20, 10)])


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
    assert steady.value == pytest.approx(alone[1].value)
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


@pytest.mark.parametrize("counts", [(20, 20), (10, 40), (60, 60), (50, 200)])
@pytest.mark.parametrize("deviation", [1.0, 3.0])
def test_the_interval_covers_areas_up_to_the_end(counts, deviation):
    """Near 1 most samples are on the right side: their own spread is often 0."""
    generator = np.random.default_rng(4)
    positive = np.repeat([True, False], counts)
    for area in (0.7, 0.9, 0.98, 0.99):
        shift = stats.norm.ppf(area) * np.sqrt(1.0 + deviation**2)
        held = []
        for _ in range(300):
            scores = generator.normal(size=sum(counts))
            scores[positive] = shift + deviation * scores[positive]
            found = area_under_roc(positive, scores)
            held.append(found.low <= area <= found.high)
        # 0.93, less what 300 draws may miss it by.
        assert np.mean(held) >= 0.9, area


def test_the_interval_covers_the_area_of_grouped_samples():
    generator = np.random.default_rng(5)
    scenes = np.repeat(np.arange(25), 8)
    positive = np.tile(np.arange(8) % 2 == 0, 25)
    held = {"together": 0, "alone": 0}
    # Each scene has its own contrast: difference of N(1, 1 + 1) and N(0, 1).
    truth = stats.norm.cdf(1.0 / np.sqrt(3.0))
    for _ in range(300):
        contrast = generator.normal(1.0, 1.0, 25)[scenes]
        scores = generator.normal(size=200) + positive * contrast
        for name, groups in (("together", scenes.tolist()), ("alone", None)):
            found = area_under_roc(positive, scores, groups)
            held[name] += found.low <= truth <= found.high
    assert held["together"] >= 0.9 * 300 > held["alone"], held


def test_area_under_roc_refuses_what_it_cannot_rank():
    with pytest.raises(ValueError, match="0 positives of 3"):
        area_under_roc(np.zeros(3, bool), np.arange(3.0))
    with pytest.raises(ValueError, match="finite"):
        area_under_roc(np.array([True, False]), np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        area_under_roc(np.array([True, False]), np.arange(3.0))
    with pytest.raises(ValueError, match=r"one shape. Received: shapes \(1, 2\) and \(2, 2\)"):
        area_under_roc(np.array([True, False]), np.arange(2.0), baseline=np.ones((2, 2)))
