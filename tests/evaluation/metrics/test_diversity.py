"""How unlike the samples of a class are."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import class_diversity


def test_it_is_the_mean_distance_of_pairs():
    features = np.array([[0.0], [1.0], [3.0], [6.0], [5.0], [5.0], [5.0], [5.0], [2.0]])
    labels = np.array([0, 0, 0, 0, 7, 7, 7, 7, 9])
    found = class_diversity(features, labels)
    # 1 + 3 + 6 + 2 + 5 + 3 over six pairs; a class with one sample has none.
    assert found[0].value == pytest.approx(20 / 6) and found[0].count == 4
    assert found[7].value == 0.0 and set(found) == {0, 7}


def test_a_collapsed_class_stands_out():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 6))
    labels = np.arange(300) % 3
    features[labels == 1] *= 0.1
    found = class_diversity(features, labels)
    assert found[1].high < 0.2 * found[0].low
    assert found[0].low < found[2].value < found[0].high


def test_the_interval_is_as_wide_as_the_values_spread():
    generator = np.random.default_rng(1)
    found = [
        class_diversity(generator.normal(size=(60, 2)), np.zeros(60, int), seed=index)[0]
        for index in range(150)
    ]
    margin = np.mean([each.high - each.value for each in found])
    assert margin == pytest.approx(1.96 * np.std([each.value for each in found]), rel=0.25)


def test_labels_must_fit():
    with pytest.raises(ValueError, match=r"\(3,\) for 4 samples"):
        class_diversity(np.zeros((4, 2)), np.zeros(3, int))


def test_groups_widen_the_interval():
    generator, names = np.random.default_rng(3), np.repeat(np.arange(12), 10)
    features = generator.normal(size=(12, 3))[names] + 0.2 * generator.normal(size=(120, 3))
    labels = np.zeros(120, int)
    alone, together = (class_diversity(features, labels, own)[0] for own in (None, names.tolist()))
    assert alone.value == pytest.approx(together.value)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    few = class_diversity(features, labels, (names // 4).tolist())[0]
    assert few == alone
