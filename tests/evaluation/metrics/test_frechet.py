"""The Frechet distance against its definition and closed forms."""

import warnings

import numpy as np
import pytest
from scipy import linalg

from kerasgen.evaluation.metrics import frechet, frechet_distance


def by_definition(first, second):
    """With the root of a product of covariances, from eigenvalues."""
    means = first.mean(axis=0) - second.mean(axis=0)
    covariances = [np.cov(one, rowvar=False) for one in (first, second)]
    eigenvalues = np.linalg.eigvals(covariances[0] @ covariances[1]).real
    root = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    return means @ means + sum(np.trace(each) for each in covariances) - 2 * root


def test_it_is_its_definition():
    generator = np.random.default_rng(0)
    first = generator.normal(size=(60, 8)) @ generator.normal(size=(8, 8))
    second = generator.normal(0.4, 1.3, (45, 8))
    found = frechet_distance(first, second)
    assert found.value == pytest.approx(by_definition(first, second), rel=1e-10)
    assert found.low < found.value < found.high and found.count == 45
    back = frechet_distance(second.astype(np.float32), first.astype(np.float32))
    assert back.value == pytest.approx(found.value, rel=1e-6)


def as_clean_fid(first, second):
    """Its formula (cleanfid.fid.frechet_distance) and its covariances."""
    means = first.mean(axis=0) - second.mean(axis=0)
    one, other = (np.cov(each, rowvar=False) for each in (first, second))
    return means @ means + np.trace(one + other) - 2 * np.trace(linalg.sqrtm(one @ other)).real


@pytest.mark.parametrize("size", [2, 16, 200])
def test_it_is_that_of_clean_fid(size):
    generator = np.random.default_rng(size)
    turn = generator.normal(size=(size, size))
    first = np.maximum(generator.normal(size=(500, size)) @ turn, 0)
    second = np.maximum(generator.normal(0.2, 1.0, (400, size)) @ turn, 0)
    wanted = as_clean_fid(first, second)
    assert frechet_distance(first, second).value == pytest.approx(wanted, rel=1e-8)


def test_gaussians_in_closed_form():
    """Samples with exactly these moments: the distance has no sampling error."""
    generator = np.random.default_rng(1)
    raw = generator.normal(size=(50, 3))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    first, second = 2.0 * white, 0.5 * white + [1.0, -2.0, 0.0]
    # (2 - 0.5)^2 in each of three directions, and the means.
    assert frechet_distance(first, second).value == pytest.approx(3 * 1.5**2 + 5.0, rel=1e-12)
    assert frechet_distance(first, first).value == pytest.approx(0.0, abs=1e-12)


def test_fewer_samples_than_features_are_warned_of_and_right():
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=(6, 20)), generator.normal(0.5, 1, (40, 20))
    with pytest.warns(UserWarning, match="6 samples of 20 features.*kernel_distance"):
        found = frechet_distance(first, second)
    assert found.value == pytest.approx(by_definition(first, second), rel=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(second, second + 1)


@pytest.mark.parametrize(("counts", "size"), [((200, 200), 3), ((60, 300), 20), ((30, 25), 40)])
@pytest.mark.filterwarnings("ignore:.*samples of 40 features")
def test_the_interval_is_as_wide_as_the_values_spread(counts, size):
    generator = np.random.default_rng(3)
    turn = generator.normal(size=(size, size)) / np.sqrt(size)
    found = [
        frechet_distance(
            generator.normal(size=(counts[0], size)),
            generator.normal(0.3, 1.0, (counts[1], size)) @ turn,
        )
        for _ in range(200)
    ]
    margin = np.mean([each.high - each.value for each in found])
    assert margin == pytest.approx(1.96 * np.std([each.value for each in found]), rel=0.25)


def test_the_interval_knows_means_and_skewed_samples():
    """Far apart, most of the uncertainty is that of the means, and a tail moves both moments."""
    generator = np.random.default_rng(4)

    def drawn(scale):
        return scale * generator.exponential(size=(300, 2)) ** 1.5

    found = [frechet_distance(drawn(1.0), 2.0 + drawn(0.5)) for _ in range(400)]
    margin = np.mean([each.high - each.value for each in found])
    assert margin == pytest.approx(1.96 * np.std([each.value for each in found]), rel=0.2)
    one, other = drawn(1.0), 2.0 + drawn(0.5)
    there, back = frechet_distance(one, other), frechet_distance(other, one)
    assert there.high == pytest.approx(back.high, rel=1e-9)


def by_singular_values(first, second):
    """Exact for any scales: from roots of the sets themselves, no covariance is made."""
    means = first.mean(axis=0) - second.mean(axis=0)
    a, b = (
        np.linalg.qr(one - one.mean(axis=0))[1] / np.sqrt(len(one) - 1) for one in (first, second)
    )
    crossed = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return means @ means + (a**2).sum() + (b**2).sum() - 2 * crossed


def unequal_scales(generator):
    """Deviations from 1 down to 1e-6: the covariances' eigenvalues span twelve decades."""
    turn = np.linalg.qr(generator.normal(size=(120, 120)))[0]
    scales = np.logspace(-6, 0, 120)
    return [generator.normal(size=(count, 120)) * scales @ turn for count in (400, 300)]


def large_means(generator):
    return [1e5 + generator.normal(size=(count, 30)) * (1 + np.arange(30)) for count in (300, 200)]


def a_near_copy(generator):
    first = generator.normal(size=(300, 30))
    return [first, first + 1e-3 * generator.normal(size=(300, 30))]


def dead_features(generator):
    """A rank that is not full, for more than one reason."""
    first, second = generator.normal(size=(2, 300, 20))
    first[:, 3] = second[:, 5] = 7.0
    return [np.concatenate([one, one[:, :8] + one[:, 8:16]], axis=1) for one in (first, second)]


def correlated(generator):
    """The covariances' eigenvalues span several decades."""
    turns = generator.normal(size=(2, 50, 50)) * np.logspace(-1, 1, 50)
    return [
        generator.normal(size=(count, 50)) @ turn
        for count, turn in zip((300, 200), turns, strict=True)
    ]


def one_dead_feature(generator):
    first, second = generator.normal(size=(2, 60, 8))
    first[:, 3] = 1.0
    return first, second


HARD = [unequal_scales, large_means, a_near_copy, dead_features, correlated, one_dead_feature]


@pytest.mark.parametrize("sets", HARD)
def test_it_is_exact_where_rounding_is_hard(sets):
    first, second = sets(np.random.default_rng(5))
    found = frechet_distance(first, second).value
    assert found == pytest.approx(by_singular_values(first, second), rel=1e-8)
    variance = first.var(axis=0).sum()
    assert frechet_distance(first, first).value == pytest.approx(0.0, abs=1e-10 * variance)


@pytest.mark.parametrize("counts", [(30, 12), (12, 30), (60, 12), (12, 60), (30, 29)])
def test_sets_of_unequal_size_with_few_samples(counts):
    first, second = (
        np.random.default_rng(seed).normal(seed, 1, (count, 40))
        for seed, count in enumerate(counts)
    )
    with pytest.warns(UserWarning, match="much too large"):
        found = frechet_distance(first, second)
    # Of few samples the roots are not square, whichever set is the smaller.
    assert found.value == pytest.approx(by_singular_values(first, second), rel=1e-9)
    assert np.isfinite([found.low, found.high]).all() and found.low < found.value


@pytest.mark.parametrize("dead", [False, True])
def test_blocks_change_nothing(monkeypatch, dead):
    generator = np.random.default_rng(6)
    first, second = 50 + generator.normal(size=(2, 90, 7))
    if dead:
        first[:, 2] = 1.0
    whole = frechet_distance(first, second)
    monkeypatch.setattr(frechet, "SMALL_BLOCK", 1)
    parts = frechet_distance(first, second)
    assert parts.value == pytest.approx(whole.value, rel=1e-10)
    assert parts.high == pytest.approx(whole.high, rel=1e-10)


def test_the_interval_of_many_samples_rests_on_some_of_them(monkeypatch):
    """Sorted, the first samples are not like the others."""
    monkeypatch.setattr(frechet, "_NUMBERS", 1000)
    generator = np.random.default_rng(7)
    shapes = [
        np.sort(generator.exponential(scale, (4000, 2)) ** 1.5, axis=0) for scale in (1.0, 1.2)
    ]
    some = frechet_distance(*shapes)
    every = 1.96 * np.std(
        [
            frechet_distance(*(one[generator.integers(0, 4000, 4000)] for one in shapes)).value
            for _ in range(200)
        ]
    )
    assert some.high - some.value == pytest.approx(every, rel=0.35)


def test_a_set_without_any_spread():
    points = np.zeros((30, 4))
    others = np.random.default_rng(11).normal(1.0, 1.0, (50, 4))
    wanted = (others.mean(axis=0) ** 2).sum() + others.var(axis=0, ddof=1).sum()
    for found in (frechet_distance(points, others), frechet_distance(others, points)):
        assert found.value == pytest.approx(wanted, rel=1e-12)
        assert found.low < found.value < found.high
    assert str(frechet_distance(points, points + 1.0)) == "4 [4, 4] (n=30)"


def test_one_feature_and_none():
    first, second = np.random.default_rng(10).normal(size=(2, 30, 1)) * [[[1.0]], [[2.0]]]
    found = frechet_distance(first, second)
    deviations = first.std(ddof=1) - second.std(ddof=1)
    wanted = (first.mean() - second.mean()) ** 2 + deviations**2
    assert found.value == pytest.approx(wanted, rel=1e-9) and found.low < found.value
    with pytest.raises(ValueError, match="at least one feature"):
        frechet_distance(np.zeros((5, 0)), np.zeros((5, 0)))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\(5, 3\) and \(5, 2\)"):
        frechet_distance(np.zeros((5, 3)), np.zeros((5, 2)))
