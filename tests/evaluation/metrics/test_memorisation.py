"""Planted copies are found, and new samples are not taken for copies."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import find_copies

SIDE = 8


def smooth(count, seed):
    """Pictures with structure, ``[N, S, S]``, rows of one class near each other."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(5, SIDE, SIDE))
    return centres[generator.integers(0, 5, count)] + 0.7 * generator.normal(
        size=(count, SIDE, SIDE)
    )


def flat(pictures):
    return pictures.reshape(len(pictures), -1)


@pytest.fixture(scope="module")
def sets():
    return smooth(800, 0), smooth(300, 1), smooth(1000, 2)


def test_one_in_a_hundred_is_found_with_its_source(sets):
    train, held_out, generated = sets
    generated = generated.copy()
    generator = np.random.default_rng(3)
    indices, sources = generator.permutation(1000)[:10], generator.permutation(800)[:10]
    generated[indices] = train[sources]
    # Some slightly changed, as by JPEG.
    generated[indices[5:]] += 0.1 * generator.normal(size=(5, SIDE, SIDE))
    found = find_copies(flat(generated), flat(train), flat(held_out))
    planted = dict(zip(indices.tolist(), sources.tolist(), strict=True))
    listed = dict(zip(found.indices.tolist(), found.sources.tolist(), strict=True))
    assert {index: listed.get(index) for index in planted} == planted
    assert set(found.indices[:5].tolist()) == set(indices[:5].tolist())
    assert len(found.indices) <= 12 and found.share.value == len(found.indices) / 1000
    assert found.baseline.value <= 0.01 and (np.diff(found.ratios) >= 0).all()


def test_mirrored_copies_are_found_if_mirrored_features_are_given(sets):
    train, held_out, generated = sets
    generated = generated.copy()
    generated[:10] = train[:10, :, ::-1]
    alone = find_copies(flat(generated), flat(train), flat(held_out))
    ways = [[flat(each), flat(each[:, :, ::-1])] for each in (generated, held_out)]
    both = find_copies(ways[0], flat(train), ways[1])
    assert not set(range(10)) & set(alone.indices.tolist())
    assert set(range(10)) <= set(both.indices.tolist())
    assert both.sources[:10].tolist() == both.indices[:10].tolist()


def test_new_samples_are_no_copies(sets):
    train, held_out, generated = sets
    found = find_copies(flat(generated), flat(train), flat(held_out))
    assert len(found.indices) <= 2


def test_a_twin_among_the_held_out_does_not_hide_exact_copies(sets):
    train, held_out, generated = sets
    spoiled, copied = held_out.copy(), generated.copy()
    spoiled[:30], copied[:4] = train[:30], train[40:44]
    found = find_copies(flat(copied), flat(train), flat(spoiled))
    assert found.threshold == 0.0 and found.indices.tolist() == [0, 1, 2, 3]
    assert found.baseline.value == pytest.approx(0.1)


def test_training_samples_that_are_there_twice(sets):
    train, held_out, generated = sets
    doubled = np.concatenate([train, train[:20]])
    copied = generated.copy()
    copied[7] = train[3]
    found = find_copies(flat(copied), flat(doubled), flat(held_out))
    assert found.indices[0] == 7 and len(found.indices) <= 3


@pytest.mark.parametrize("count", [20, 60])
def test_few_held_out_samples_raise_no_more_false_alarms(count):
    """Two numbers a sample: near neighbours by chance are common."""
    listed = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        train, held_out, generated = (generator.normal(size=(n, 2)) for n in (300, count, 200))
        listed += len(find_copies(generated, train, held_out).indices)
    assert listed / (20 * 200) < 0.02


def test_mirrored_ones_have_no_more_chances_than_those_held_out():
    shares, baselines = [], []
    for seed in range(10):
        pictures = [smooth(count, 10 * seed + n) for n, count in enumerate((300, 400, 400))]
        train, held_out, generated = pictures
        both = [[flat(each), flat(each[:, :, ::-1])] for each in (generated, held_out)]
        found = find_copies(both[0], flat(train), both[1], false_alarms=0.1)
        shares.append(found.share.value)
        baselines.append(found.baseline.value)
    assert np.mean(shares) == pytest.approx(np.mean(baselines), abs=0.03)


def test_what_does_not_fit_is_refused():
    points = np.zeros((5, 2))
    with pytest.raises(ValueError, match="several of one shape"):
        find_copies([points, points[:4]], points, points)
    with pytest.raises(ValueError, match="equally many variants.*Received: 2 and 1"):
        find_copies([points, points], points, points)
    with pytest.raises(ValueError, match="false_alarms"):
        find_copies(points, points, points, false_alarms=1.0)
