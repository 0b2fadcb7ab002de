"""Reading a number of real pictures off a learning curve."""

import numpy as np
import pytest

from kerasgen.evaluation.utility.sample_equivalence import (
    EquivalentImages,
    equivalent_amount,
    equivalent_real_images,
)

AMOUNTS = (100, 1000, 10000)


def test_between_two_amounts_it_is_read_over_the_logarithm():
    curve = np.array([0.5, 0.7, 0.8])
    assert equivalent_amount(AMOUNTS, curve, 0.6) == pytest.approx(10**2.5)
    assert equivalent_amount(AMOUNTS, curve, 0.7) == pytest.approx(1000)
    assert equivalent_amount(AMOUNTS, curve, 0.775) == pytest.approx(10**3.75)


def test_beyond_the_curve_its_ends_are_given():
    curve = np.array([0.5, 0.7, 0.8])
    assert equivalent_amount(AMOUNTS, curve, 0.2) == 100
    assert equivalent_amount(AMOUNTS, curve, 0.5) == 100
    assert equivalent_amount(AMOUNTS, curve, 0.9) == 10000


def test_where_the_curve_falls_by_chance_it_is_flattened():
    # 0.7 and 0.6 become 0.65 twice: that score is first reached at the first of them.
    curve = np.array([0.7, 0.6, 0.8])
    assert equivalent_amount(AMOUNTS, curve, 0.649) == 100
    assert equivalent_amount(AMOUNTS, curve, 0.725) == pytest.approx(10**3.5)
    # 3, 1, 2 become 2 three times.
    curve = np.array([3.0, 1.0, 2.0, 5.0])
    assert equivalent_amount((1, 10, 100, 1000), curve, 3.5) == pytest.approx(10**2.5)


def test_the_interval_is_that_of_the_draws_and_ends_are_named_as_such():
    curve = np.array([0.5, 0.7, 0.8])
    curves = np.tile(curve, (100, 1))
    wanted = np.linspace(0.55, 0.65, 100)
    found = equivalent_real_images(AMOUNTS, curve, 0.6, curves, wanted)
    assert found.value == pytest.approx(10**2.5)
    assert 10**2.25 < found.low < 10**2.3 and 10**2.7 < found.high < 10**2.75
    assert str(found) == "320 [180, 550]"
    assert str(EquivalentImages(100, 100, 10000, 100, 10000)) == (
        "at most 100 [at most 100, at least 10,000]"
    )
    assert str(EquivalentImages(100, 100, 100, 100, 10000)) == "at most 100"
    assert str(EquivalentImages(99, 12, 4321, 5, 10000)) == "99 [12, 4,300]"


@pytest.mark.parametrize(("amounts", "scores"), [((100, 100), 2), ((200, 100), 2), ((100,), 2)])
def test_amounts_that_do_not_rise_are_refused(amounts, scores):
    with pytest.raises(ValueError, match=r"must rise.*Received: amounts="):
        equivalent_amount(amounts, np.zeros(scores), 0.5)
