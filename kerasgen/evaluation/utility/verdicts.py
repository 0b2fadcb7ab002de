"""Verdicts on gains: none from too few, and corrected for the number of amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics import Estimate
from kerasgen.evaluation.metrics.paired_bootstrap import Resampled

FEWEST_CLASSIFIERS = 5
"""Fewest classifiers of each arm (seeds) for a verdict."""

FEWEST_TEST = 20
"""Fewest test pictures, or sources of them, for a verdict: the bootstrap draws from them."""

LEVEL = 0.95
"""Confidence of an interval that stands alone."""

_ENOUGH_FOR_A_POINT = 300
"""Test pictures of which none differs if a true difference of one point is to be excluded, by the
rule of three (https://doi.org/10.1001/jama.1983.03330370053031)."""


@dataclass(frozen=True)
class Verdict:
    """Whether one thing helps over another.

    Attributes:
        gain: The gain, a share in [-1, 1], with its interval.
        level: Confidence of the interval: above 0.95 where there are several verdicts.
        text: One sentence that says whether it helps, with the gain in percentage points.
        decided: Whether there are enough classifiers and test pictures to tell.
    """

    gain: Estimate
    level: float
    text: str
    decided: bool


def too_few(classifiers: int, count: int) -> str:
    """What there is too little of for any verdict.

    Args:
        classifiers: Classifiers of each arm.
        count: Test pictures, or sources of them.

    Returns:
        What there is and what would be enough; empty if there is enough.
    """
    if classifiers < FEWEST_CLASSIFIERS:
        return (
            f"{_counted(classifiers, 'classifier')} of each kind, {FEWEST_CLASSIFIERS} are enough "
            "(seeds)"
        )
    if count < FEWEST_TEST:
        return (
            f"{_counted(count, 'independent test picture')}, {FEWEST_TEST} are the least, and "
            f"about {_ENOUGH_FOR_A_POINT} show a difference of a few points"
        )
    return ""


def verdict(gain: Estimate, classifiers: int) -> str:
    """One sentence that says whether it helps.

    Args:
        gain: From ``gain_with_interval``, a share in [-1, 1].
        classifiers: Classifiers of each arm.

    Returns:
        The sentence, with the gain in percentage points. "It is too few to tell" with fewer than 5
        classifiers or 20 independent test pictures, or if the interval has no width.
    """
    return _judged(gain, classifiers).text


def verdicts(gains: Mapping[int, Resampled]) -> dict[int, Verdict]:
    """Verdicts at several amounts, by Holm's procedure.

    If nothing helps anywhere, one of the verdicts says "it helps" by chance in about 2.5 % of all
    cases, and "it hurts" in as many: the interval of the clearest of K gains has the confidence 1 -
    0.05 / K, the next 1 - 0.05 / (K - 1), and so on to the first that does not exclude zero, whose
    confidence all others share (Holm 1979, https://www.jstor.org/stable/4615733).

    Args:
        gains: By amount of real pictures.

    Returns:
        By amount, in the same order.
    """
    clearest = sorted(gains, key=lambda amount: _p_value(gains[amount]))
    left, found = len(gains), {}
    for amount in clearest:
        gain = gains[amount]
        found[amount] = _judged(
            _estimate(gain, 1 - (1 - LEVEL) / left), len(gain.values), 1 - (1 - LEVEL) / left
        )
        left -= _excludes_zero(found[amount].gain)
    return {amount: found[amount] for amount in gains}


def _judged(gain: Estimate, classifiers: int, level: float = LEVEL) -> Verdict:
    points = f"{_points(gain.value)} points [{_points(gain.low)}, {_points(gain.high)}]"
    missing = too_few(classifiers, gain.count)
    if not missing and gain.low == gain.high:
        enough = max(_ENOUGH_FOR_A_POINT, 10 * gain.count)
        missing = (
            f"all {gain.count:,} independent test pictures give the same, about {enough:,} of them "
            f"would show a difference of {300 / enough:.1g} points"
        )
    if missing:
        return Verdict(gain, level, f"It is too few to tell: {missing}; {points}.", decided=False)
    if not _excludes_zero(gain):
        text = f"It makes no significant difference: {points}."
    else:
        text = f"It {'helps' if gain.low > 0 else 'hurts'}: {points}."
    return Verdict(gain, level, text, decided=True)


def _excludes_zero(gain: Estimate) -> bool:
    return gain.low < gain.high and (gain.low > 0 or gain.high < 0)


def _p_value(gain: Resampled) -> float:
    draws = gain.chances()
    return 2 * float(min(np.mean(draws <= 0), np.mean(draws >= 0)))


def _estimate(gain: Resampled, level: float) -> Estimate:
    draws = np.clip(gain.chances(), *gain.limits)
    low, high = np.percentile(draws, [50 - 50 * level, 50 + 50 * level])
    return Estimate(gain.value, float(low), float(high), gain.count)


def _points(share: float) -> str:
    # Zero has no sign, which rounding errors would give it.
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
