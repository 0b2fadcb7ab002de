"""Thresholds keep the rate they promise, whatever the scores are."""

import numpy as np
import pytest
from scipy import stats

from kerasgen.evaluation.classifiers import calibrated_threshold, check_promise


@pytest.mark.parametrize(("count", "rate"), [(20, 0.05), (60, 0.05), (200, 0.02), (9, 0.3)])
def test_new_clean_pictures_exceed_it_as_promised(count, rate):
    generator, rates, promised = np.random.default_rng(0), [], 0
    for _ in range(2000):
        found = calibrated_threshold(generator.normal(size=count), rate)
        rates.append(stats.norm.sf(found.log_odds))
        promised += rates[-1] <= found.at_most
    assert found.false_alarms <= rate and found.count == count
    assert np.mean(rates) == pytest.approx(found.false_alarms, rel=0.1)
    assert promised / 2000 == pytest.approx(0.95, abs=0.02)


def test_twenty_pictures_by_hand():
    found = calibrated_threshold(np.arange(20.0)[::-1], 0.05)
    # The largest: a new one is the largest of 21 once in 21.
    assert found.log_odds == 19.0 and found.false_alarms == pytest.approx(1 / 21)
    # 1 - 0.05 ** (1 / 20)
    assert found.at_most == pytest.approx(0.1391, abs=1e-4)
    assert calibrated_threshold(np.arange(19.0), 0.05).log_odds == 18.0
    text = str(found)
    assert "4.8% false alarms expected, at most 13.9% with 95 % confidence (from 20" in text


def test_what_cannot_be_promised_is_refused():
    with pytest.raises(ValueError, match="99 clean pictures or more.*0.0476 can be promised"):
        calibrated_threshold(np.arange(20.0), 0.01)
    check_promise(19, 0.05)
    with pytest.raises(ValueError, match="19 clean pictures or more"):
        check_promise(18, 0.05)
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="`false_alarms` must be in"):
            check_promise(100, rate)
    with pytest.raises(ValueError, match="finite"):
        calibrated_threshold(np.array([0.0, np.nan]), 0.5)
