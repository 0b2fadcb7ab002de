"""The sliced Wasserstein distance in closed form."""

from functools import partial

import numpy as np
import pytest

from kerasgen.evaluation.metrics import (
    frechet_distance,
    kernel_distance,
    sliced_wasserstein_distance,
)


def test_in_one_dimension_it_is_the_mean_distance_of_sorted_samples():
    first, second = np.array([[3.0], [0.0], [1.0], [9.0]]), np.array([[1.0], [5.0], [4.0], [2.0]])
    # 0-1, 1-2, 3-4, 9-5: (1 + 1 + 1 + 4) / 4.
    assert sliced_wasserstein_distance(first, second).value == pytest.approx(1.75)
    # Each sample of the second is there twice: the same distribution, at twice as many quantiles.
    twice = np.repeat(second, 2, axis=0)
    assert sliced_wasserstein_distance(first, twice).value == pytest.approx(1.75)
    assert sliced_wasserstein_distance(first, first).value == 0.0


def test_a_move_shows_in_proportion_to_its_share_of_a_direction():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(300, 3))
    found = sliced_wasserstein_distance(points, points + [0.0, 6.0, 0.0], directions=4000)
    # The mean of |cos| over the sphere is a half.
    assert found.value == pytest.approx(3.0, rel=0.03)
    assert found.low < found.value < found.high and found.count == 300


def test_the_interval_is_as_wide_as_the_values_spread():
    generator = np.random.default_rng(3)
    found = [
        sliced_wasserstein_distance(
            generator.normal(size=(150, 2)), generator.normal(1, 1, (150, 2)), directions=64
        )
        for _ in range(150)
    ]
    margin = np.mean([each.high - each.value for each in found])
    assert margin == pytest.approx(1.96 * np.std([each.value for each in found]), rel=0.25)


@pytest.mark.parametrize(
    "measure",
    [partial(sliced_wasserstein_distance, directions=32), kernel_distance, frechet_distance],
)
def test_intervals_of_distances_draw_whole_groups(measure):
    """Of 20 scenes with 6 pictures each: as wide as the values spread, and not taken alone."""
    generator, names = np.random.default_rng(4), np.repeat(np.arange(20), 6)

    def scenes(shift):
        centres = generator.normal(shift, 1.0, (20, 3))
        return centres[names] + 0.3 * generator.normal(size=(120, 3))

    found = {"together": [], "alone": []}
    for _ in range(100):
        first, second = scenes(0.0), scenes(1.0)
        found["together"].append(measure(first, second, (names, names)))
        found["alone"].append(measure(first, second))
    values = [each.value for each in found["together"]]
    assert values == [each.value for each in found["alone"]]
    margins = {
        name: np.mean([each.high - each.value for each in own]) / (1.96 * np.std(values))
        for name, own in found.items()
    }
    assert 0.75 < margins["together"] < 1.35 and margins["alone"] < 0.65, margins
    with pytest.raises(ValueError, match="at least 4 groups. Received: 20 and 2 groups"):
        measure(first, second, (names, names // 10))


@pytest.mark.parametrize("distance", [frechet_distance, sliced_wasserstein_distance])
def test_no_interval_of_a_distance_goes_below_zero(distance):
    features = np.random.default_rng(0).normal(size=(40, 3))
    found = distance(features, features)
    assert found.low == 0 <= found.value < found.high
