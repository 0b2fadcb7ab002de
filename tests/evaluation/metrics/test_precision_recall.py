"""Precision, recall, density and coverage against loops, and where they must be 0, half or 1."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import intervals, manifold_scores


def by_loops(real, synthetic, k):
    def radius(points, i):
        return sorted(np.linalg.norm(points[i] - other) for other in points)[k]

    def within(point, points, radii):
        return [np.linalg.norm(point - c) < r for c, r in zip(points, radii, strict=True)]

    of_real = [radius(real, i) for i in range(len(real))]
    of_synthetic = [radius(synthetic, i) for i in range(len(synthetic))]
    in_real = np.array([within(point, real, of_real) for point in synthetic])
    in_synthetic = np.array([within(point, synthetic, of_synthetic) for point in real])
    return (
        in_real.any(axis=1).mean(),
        in_synthetic.any(axis=1).mean(),
        in_real.sum() / (k * len(synthetic)),
        in_real.any(axis=0).mean(),
    )


@pytest.mark.parametrize("block", [2**24, 100])
@pytest.mark.parametrize("k", [1, 4])
def test_they_equal_loops(monkeypatch, block, k):
    monkeypatch.setattr(intervals, "BLOCK", block)
    generator = np.random.default_rng(k)
    real, synthetic = generator.normal(size=(40, 3)), generator.normal(0.7, 0.8, (31, 3))
    found = manifold_scores(real, synthetic, k=k)
    assert [each.value for each in found] == pytest.approx(by_loops(real, synthetic, k), abs=1e-12)
    assert [each.count for each in found] == [31, 40, 31, 40]


def test_a_generator_that_makes_one_half_only():
    generator = np.random.default_rng(0)
    real = np.concatenate([generator.normal(size=(200, 2)), generator.normal(20, 1, (200, 2))])
    found = manifold_scores(real, generator.normal(size=(200, 2)))
    assert found.precision.value > 0.95 and found.density.value > 0.8
    assert found.recall.value == pytest.approx(0.5, abs=0.03)
    assert found.coverage.value == pytest.approx(0.5, abs=0.05)


def test_one_odd_real_sample_fools_precision_and_not_density():
    generator = np.random.default_rng(1)
    real = np.concatenate([generator.normal(size=(200, 2)), [[60.0, 0.0]]])
    synthetic = generator.normal(0, 0.1, (100, 2)) + [30.0, 0.0]
    found = manifold_scores(real, synthetic)
    assert found.precision.value == 1.0
    assert found.density.value < 0.3 and found.coverage.value < 0.01


def test_equal_samples_are_in_each_others_balls():
    same = np.ones((30, 4))
    found = manifold_scores(same, same[:20])
    assert [each.value for each in found] == pytest.approx([1.0] * 4, abs=0.05)
    assert found.precision.high == 1.0 and 0.8 < found.precision.low < 0.9
    apart = manifold_scores(same, same[:20] + 1.0)
    assert [each.value for each in apart] == [0.0] * 4 and apart.recall.high > 0.1


@pytest.mark.parametrize(("counts", "shift"), [((40, 40), 0.0), ((40, 40), 1.0), ((100, 60), 2.0)])
def test_the_intervals_cover_the_mean_over_new_sets(counts, shift):
    """Balls vary with the samples: for fixed balls, density's interval covers 0.77."""
    generator, found = np.random.default_rng(6), []
    for _ in range(120):
        real, synthetic = (generator.normal(size=(count, 4)) for count in counts)
        found.append(manifold_scores(real, synthetic * 0.9 + [shift, 0, 0, 0], subsets=30))
    for name in ("precision", "recall", "density", "coverage"):
        own = [getattr(one, name) for one in found]
        truth = np.mean([one.value for one in own])
        held = np.mean([one.low <= truth <= one.high for one in own])
        # 0.93, less what 120 draws may miss it by.
        assert held >= 0.88, name


def test_groups_widen_the_intervals():
    generator, names = np.random.default_rng(7), np.repeat(np.arange(40), 3)
    real, synthetic = (
        generator.normal(size=(40, 4))[names] + 0.1 * generator.normal(size=(120, 4))
        for _ in range(2)
    )
    alone = manifold_scores(real, synthetic)
    together = manifold_scores(real, synthetic, (names, names))
    for one, other in zip(alone, together, strict=True):
        assert one.value == other.value
        assert other.high - other.low > 1.2 * (one.high - one.low)
    with pytest.raises(ValueError, match="at least 4 groups. Received: 3 and 40 groups"):
        manifold_scores(real, synthetic, (names // 15, names))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="`k` must be at least 1"):
        manifold_scores(np.zeros((9, 2)), np.zeros((9, 2)), k=0)
    with pytest.raises(ValueError, match="at least 6 samples. Received: 5 and 9"):
        manifold_scores(np.zeros((5, 2)), np.zeros((9, 2)))


def test_samples_that_are_there_several_times_have_no_width():
    """Far from the origin rounding would give each copy a distance of its own."""
    generator = np.random.default_rng(5)
    real, synthetic = 10 + generator.normal(size=(2, 20, 40))
    synthetic = np.repeat(synthetic, 6, axis=0)
    real = np.repeat(real, 6, axis=0)
    found = [
        manifold_scores(real[order], synthetic, k=5)
        for order in map(generator.permutation, [120] * 3)
    ]
    for scores in found:
        assert [each.value for each in scores] == [0.0, 0.0, 0.0, 0.0]
