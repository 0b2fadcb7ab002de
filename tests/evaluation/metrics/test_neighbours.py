"""Neighbours against brute force."""

import numpy as np
import pytest

from kerasgen.evaluation.metrics import intervals, nearest_distances, nearest_neighbours
from kerasgen.evaluation.metrics.neighbours import neighbour_radii


def test_nearest_neighbours_equal_brute_force():
    generator = np.random.default_rng(7)
    queries, references = generator.normal(size=(30, 4)), generator.normal(size=(50, 4))
    distances = ((queries[:, None] - references[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(nearest_neighbours(queries, references), distances.argmin(1))


def test_a_reference_is_its_own_nearest_neighbour():
    references = 1000 + np.random.default_rng(8).normal(size=(40, 3)).astype(np.float32)
    np.testing.assert_array_equal(nearest_neighbours(references, references), np.arange(40))


@pytest.mark.parametrize("block", [2**24, 70])
def test_distances_and_radii_equal_brute_force(monkeypatch, block):
    monkeypatch.setattr(intervals, "BLOCK", block)
    generator = np.random.default_rng(9)
    queries, references = 1e5 + generator.normal(size=(2, 23, 4))
    distances = np.linalg.norm(queries[:, None] - references[None], axis=2)
    np.testing.assert_allclose(nearest_distances(queries, references), distances.min(1), rtol=1e-12)
    within = np.sort(np.linalg.norm(references[:, None] - references[None], axis=2), axis=1)
    for k in (1, 3):
        found = np.sqrt(neighbour_radii(references, k))
        np.testing.assert_allclose(found, within[:, k], rtol=1e-9)


def test_the_radius_of_a_sample_that_is_there_twice_is_zero():
    references = np.array([[0.0, 3.0], [4.0, 0.0], [0.0, 3.0]])
    assert neighbour_radii(references, 1).tolist() == [0.0, 25.0, 0.0]
