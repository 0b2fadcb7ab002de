"""Numbers as pages show them."""

import pytest

from kerasgen.evaluation.reports import html


@pytest.mark.parametrize(
    ("value", "shown"), [(-5.55e-17, "0"), (0.12345, "0.123"), (-1e-5, "-1e-05"), (None, "none")]
)
def test_rounding_errors_are_zero(value, shown):
    assert html._number(value) == shown


def test_an_estimate_has_no_rounding_errors():
    assert html._estimate({"value": -5.55e-17, "low": -0.01, "high": 0.0, "count": 3}) == (
        "0 [-0.01, 0]"
    )
