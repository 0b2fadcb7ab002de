"""Verdicts: none from too little, and seldom a false one, however many amounts there are."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from kerasgen.evaluation.metrics import Estimate
from kerasgen.evaluation.metrics.paired_bootstrap import Resampled
from kerasgen.evaluation.utility.verdicts import too_few, verdict, verdicts


def gain(middle, spread=0.01, count=500, classifiers=5):
    """A gain whose draws are spread about a value."""
    draws = middle + spread * np.random.default_rng(0).standard_normal(4001)[:, None]
    draws = np.repeat(draws - np.median(draws) + middle, classifiers, axis=1)
    return Resampled(np.full(classifiers, middle), draws, count, (-1.0, 1.0))


def test_what_they_say():
    assert verdict(Estimate(0.02, 0.01, 0.03, 99), 5) == "It helps: +2.0 points [+1.0, +3.0]."
    assert verdict(Estimate(-0.02, -0.03, -0.01, 99), 5).startswith("It hurts: -2.0 points")
    assert verdict(Estimate(-5.55e-17, -0.01, 0.01, 99), 5) == (
        "It makes no significant difference: +0.0 points [-1.0, +1.0]."
    )


@pytest.mark.parametrize(
    ("estimate", "classifiers", "enough"),
    [
        # Two classifiers and one test picture were "it hurts: -2.2 points [-2.2, -2.2]".
        (Estimate(-0.022, -0.022, -0.022, 1), 2, "2 classifiers of each kind, 5 are enough"),
        (Estimate(0.2, 0.1, 0.3, 99), 4, "4 classifiers of each kind, 5 are enough"),
        (Estimate(0.2, 0.1, 0.3, 1), 5, "1 independent test picture, 20 are the least"),
        (Estimate(0.0, 0.0, 0.0, 60), 5, "about 600 of them would show a difference of 0.5 points"),
        (Estimate(0.1, 0.1, 0.1, 20), 5, "about 300 of them would show a difference of 1 points"),
    ],
)
def test_too_few_to_tell_and_what_would_be_enough(estimate, classifiers, enough):
    said = verdict(estimate, classifiers)
    assert said.startswith("It is too few to tell: ") and enough in said
    assert "helps" not in said and "hurts" not in said


def test_enough_is_enough():
    assert too_few(5, 20) == ""


def test_the_clearest_of_several_has_the_widest_interval():
    found = verdicts({100: gain(0.0), 500: gain(0.03), 2000: gain(0.0235)})
    assert [each.level for each in found.values()] == pytest.approx([0.95, 1 - 0.05 / 3, 0.975])
    said = ["It makes no significant difference", "It helps", "It helps"]
    assert [each.text.split(":")[0] for each in found.values()] == said
    widths = {amount: each.gain.high - each.gain.low for amount, each in found.items()}
    assert widths[500] > widths[2000] > widths[100]


def test_what_is_clear_alone_is_not_among_many():
    alone = verdicts({100: gain(0.0215)})[100]
    among = verdicts({100: gain(0.0215), 500: gain(0.0), 2000: gain(0.0)})[100]
    assert alone.text.startswith("It helps") and alone.level == pytest.approx(0.95)
    assert among.text.startswith("It makes no significant") and among.gain.low < 0 < alone.gain.low


@pytest.mark.slow
def test_any_of_several_amounts_is_seldom_wrong():
    """Pictures of no use: the table of ``benchmarks/proof_error_rates.py``, shorter."""
    path = Path(__file__).parents[3] / "benchmarks/proof_error_rates.py"
    found = runpy.run_path(str(path))["false_verdicts"](250, test_pictures=200)
    # Nominal are 5 %; three amounts, each judged alone, have up to 15.
    assert (found.helps | found.hurts).mean() < 0.08
    assert (found.alone_helps | found.alone_hurts).mean() > 0.08
