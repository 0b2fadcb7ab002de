"""Intervals of a mean over few classifiers: how often they hold what they are to hold."""

import numpy as np
import pytest

from kerasgen.evaluation.classifiers.training import share_right
from kerasgen.evaluation.metrics.paired_bootstrap import Resampled, resampled_scores


def arm(generator, hard, classifiers, unlike, groups=1):
    """Answers ``[S, N]``, 0 is right: pictures are hard in common, classifiers good alone."""
    own = generator.normal(0, unlike, (classifiers, 1))
    z = (
        1.9
        + hard
        + own
        + generator.normal(0, 0.7, (classifiers, len(hard) // groups)).repeat(groups, axis=1)
    )
    return (z < 0).astype(int)


def false_verdicts(classifiers, pictures, unlike, runs=200, groups=1):
    """How often two equal ways to train are distinguished."""
    generator = np.random.default_rng(0)
    labels = np.zeros(pictures, int)
    sources = np.arange(pictures) // groups
    distinguished = 0
    for run in range(runs):
        hard = generator.normal(0, 1.5, pictures // groups).repeat(groups)
        pair = {name: arm(generator, hard, classifiers, unlike, groups) for name in "ab"}
        found = resampled_scores(share_right, labels, pair, groups=sources, seed=run, resamples=200)
        gain = found["a"].minus(found["b"]).estimate()
        distinguished += gain.low > 0 or gain.high < 0
    return distinguished / runs


@pytest.mark.parametrize(
    ("classifiers", "pictures", "unlike"),
    [(2, 300, 0.2), (3, 300, 0.3), (3, 1000, 0.0), (5, 300, 0.1)],
)
def test_equal_ways_are_told_apart_at_the_level(classifiers, pictures, unlike):
    assert 0.005 <= false_verdicts(classifiers, pictures, unlike) <= 0.1


def test_pictures_of_one_source_are_one_witness():
    assert false_verdicts(3, 300, 0.0, groups=20) <= 0.1


def test_a_real_gain_is_found():
    generator = np.random.default_rng(1)
    hard = generator.normal(0, 1.5, 1000)
    pair = {"better": arm(generator, hard + 0.6, 5, 0.1), "worse": arm(generator, hard, 5, 0.1)}
    found = resampled_scores(share_right, np.zeros(1000, int), pair)
    assert found["better"].minus(found["worse"]).estimate().low > 0.01


def test_the_parts_by_closed_form():
    """No pictures' variance: Student's interval. No classifiers': the bootstrap's of pictures."""
    values = np.array([0.5, 0.6, 0.7])
    students = Resampled(values, np.tile(values, (20_000, 1)), 9).estimate()
    # 4.303 is the 97.5 % point of two degrees of freedom.
    assert students.high - 0.6 == pytest.approx(4.303 * 0.1 / 3**0.5, rel=0.05)
    assert 0.6 - students.low == pytest.approx(4.303 * 0.1 / 3**0.5, rel=0.05)
    moved = np.random.default_rng(0).normal(0, 0.02, (20_000, 1))
    pictures = Resampled(np.full(3, 0.6), 0.6 + moved.repeat(3, axis=1), 9).estimate()
    assert pictures.high - 0.6 == pytest.approx(1.96 * 0.02, rel=0.03)
    # What each classifier moves by on its own is in its differences already.
    alone = np.random.default_rng(0).normal(0, 0.02, (20_000, 3))
    counted = Resampled(values, values + alone, 9).estimate()
    assert counted.high == pytest.approx(students.high, abs=0.01)


def test_draws_of_the_same_seeds_keep_step():
    """Where two ways are good and bad with the same seeds, their difference is sure."""
    values = np.array([0.5, 0.6, 0.7])
    one = Resampled(values, np.tile(values, (1000, 1)), 9)
    other = Resampled(values - 0.1, np.tile(values - 0.1, (1000, 1)), 9)
    assert np.allclose(one.chances() - other.chances(), 0.1)
    assert one.minus(other).estimate().low == pytest.approx(0.1)


def test_one_classifier_has_the_interval_of_pictures():
    labels = np.arange(400) % 2
    found = resampled_scores(share_right, labels, {"one": np.zeros((1, 400), int)})[
        "one"
    ].estimate()
    assert found.value == 0.5 and 0.03 < found.high - 0.5 < 0.07 and found.count == 400


def test_no_interval_goes_beyond_what_a_share_can_be():
    """Two classifiers: Student's interval alone would be 25 standard errors wide."""
    sure = Resampled(np.array([0.97, 0.99]), np.full((1000, 2), 0.98), 9)
    unsure = Resampled(np.array([0.01, 0.05]), np.full((1000, 2), 0.03), 9)
    assert sure.estimate().high == 1.0 and unsure.estimate().low == 0.0
    gain = sure.minus(Resampled(unsure.values[::-1], unsure.draws, 9)).estimate()
    assert 0.0 < gain.low < 0.95 and gain.high == 1.0
    loss = unsure.minus(Resampled(sure.values[::-1], sure.draws, 9)).estimate()
    assert loss.low == -1.0 and -0.95 < loss.high < 0.0


def test_each_picture_needs_a_source():
    with pytest.raises(ValueError, match="Each sample needs a group. Received: 3 for 4 samples"):
        resampled_scores(share_right, np.zeros(4, int), {"a": np.zeros((1, 4))}, groups=range(3))
