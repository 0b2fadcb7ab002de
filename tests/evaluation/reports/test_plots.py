"""What the figure of a proof shows, read from the axes before they are written as SVG."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from kerasgen.evaluation.reports import plots
from kerasgen.evaluation.utility.runs import ALONE


def row(arm, amount, value, synthetic=True):
    score = {"value": value, "low": value - 0.1, "high": value + 0.05, "count": 9}
    return {
        "arm": arm,
        "amount": amount,
        "synthetic": synthetic,
        "control": False,
        "accuracy": score,
    }


CURVE = [
    *(row("real", amount, 0.5 + amount / 1000, synthetic=False) for amount in (100, 400)),
    *(row("real + 1 x synthetic", amount, 0.6) for amount in (100, 400)),
    row("real + 4 x synthetic", 100, 0.7),
    row(ALONE.name, 400, 0.3),
    row(f"{ALONE.name}, augmented (flip)", 400, 0.4),
]


@pytest.fixture
def drawn(monkeypatch):
    """The axes of ``mixing_plot``, and what is drawn on them by label."""
    figures = []

    def keep(draw, size):
        figures.append(Figure(size))
        draw(figures[-1])
        return ""

    monkeypatch.setattr(plots, "_svg", keep)

    def draw(curve):
        plots.mixing_plot(curve, "accuracy", across=ALONE.name)
        (axes,) = figures.pop().axes
        return axes, {each.get_label(): each for each in axes.containers}

    return draw


def test_an_arm_at_one_amount_is_a_point_with_its_interval(drawn):
    _, bars = drawn(CURVE)
    line, _, (ends,) = bars["real + 4 x synthetic"].lines
    assert np.asarray(line.get_xdata(), float).tolist() == pytest.approx([100], rel=0.05)
    assert np.asarray(line.get_ydata(), float).tolist() == pytest.approx([70])
    assert np.asarray(ends.get_segments()[0])[:, 1].tolist() == pytest.approx([60, 75])


def test_only_the_arm_without_real_pictures_goes_across(drawn):
    axes, bars = drawn(CURVE)
    dashed = [line.get_label() for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed == [ALONE.name] and ALONE.name not in bars
    (shaded,) = (each for each in axes.patches)
    assert (shaded.get_y(), shaded.get_y() + shaded.get_height()) == pytest.approx((20, 35))


def test_bars_of_one_amount_stand_side_by_side(drawn):
    _, bars = drawn(CURVE)
    positions = [bar.lines[0].get_xdata()[0] for bar in bars.values()]
    assert len(set(positions)) == len(positions) == 3


def test_the_axis_ends_at_a_hundred_per_cent(drawn):
    axes, _ = drawn([row("real", amount, 0.95, synthetic=False) for amount in (100, 400)])
    assert axes.get_ylim()[1] == 100
    axes, _ = drawn([row("real", amount, 0.1, synthetic=False) for amount in (100, 400)])
    assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] < 20


def test_it_is_written_as_svg():
    text = plots.mixing_plot(CURVE, "accuracy", across=ALONE.name)
    assert text.startswith("<svg") and "real + 4 x synthetic" in text
