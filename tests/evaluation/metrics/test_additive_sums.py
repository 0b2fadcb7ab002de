"""Sums that do not depend on the order of their parts."""

import functools
import math

import numpy as np
import pytest

from kerasgen.evaluation.metrics import ExactSum, Moments


def total(parts):
    return functools.reduce(ExactSum.plus, map(ExactSum.of, parts)).value


def test_a_sum_is_rounded_once_and_the_same_in_every_order():
    generator = np.random.default_rng(0)
    # Sizes from 1e-8 to 1e8, of both signs: plain sums differ from order to order.
    parts = generator.normal(size=(400, 50)) * 10.0 ** generator.integers(-8, 9, (400, 50))
    exact = np.array([math.fsum(column) for column in parts.T])
    orders = [generator.permutation(400) for _ in range(5)]
    assert len({np.sum(parts[order], axis=0).tobytes() for order in orders}) > 1
    for order in orders:
        assert np.array_equal(total(parts[order]), exact)
    # As workers merge: sums of shares, then the sum of these.
    shares = [
        functools.reduce(ExactSum.plus, map(ExactSum.of, part)) for part in np.split(parts, 8)
    ]
    assert np.array_equal(functools.reduce(ExactSum.plus, shares).value, exact)


def test_moments_keep_small_variances_beside_large_means():
    generator = np.random.default_rng(0)
    samples = 1e4 + 1e-3 * generator.normal(size=(1000, 3))
    centre = samples[:10].mean(axis=0)
    offsets = samples - centre
    found = Moments.from_sums(1000, offsets.sum(axis=0), offsets.T @ offsets, centre)
    assert found.mean == pytest.approx(samples.mean(axis=0), rel=1e-14)
    assert found.covariance == pytest.approx(np.cov(samples.T), rel=1e-9)
