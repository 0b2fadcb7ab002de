"""No metric holds a matrix of all pairs of samples, or a float64 copy of many samples' features."""

import tracemalloc

import numpy as np
import pytest

from kerasgen.evaluation.metrics import (
    frechet_distance,
    kernel_distance,
    manifold_scores,
    nearest_distances,
    two_sample_test,
)


def peak(measure, *shapes):
    """MiB at most, beside the features."""
    generator = np.random.default_rng(0)
    sets = [generator.standard_normal(shape, np.float32) for shape in shapes]
    tracemalloc.start()
    try:
        measure(*sets)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def all_pairs(first, second):
    return kernel_distance(first, second, part_size=None, subsets=4)


@pytest.mark.parametrize("measure", [all_pairs, manifold_scores, nearest_distances])
def test_the_matrix_of_all_pairs_is_never_there(measure):
    # It would have 275 MiB.
    assert peak(measure, (6000, 3), (6000, 3)) < 120


def in_parts(first, second):
    return kernel_distance(first, second, subsets=2)


@pytest.mark.parametrize(
    ("measure", "shape", "limit"),
    [(frechet_distance, (250_000, 64), 90), (in_parts, (60_000, 64), 25)],
)
def test_the_features_are_converted_in_parts(measure, shape, limit):
    assert limit < np.prod(shape) * 8 / 2**20
    assert peak(measure, shape, shape) < limit


def test_the_frechet_distance_has_ten_square_matrices_at_most():
    """The singular vectors, and what they are computed from and in, beside both roots."""
    size = 500
    assert peak(frechet_distance, (4000, size), (4000, size)) < 10 * size**2 * 8 / 2**20


@pytest.mark.slow
def test_a_classifier_of_two_sets_has_them_once_more_and_some_blocks():
    def told_apart(first, second):
        two_sample_test(first, second, permutations=1)

    both = 2 * 80_000 * 256 * 4 / 2**20
    assert peak(told_apart, (80_000, 256), (80_000, 256)) < both + 130
