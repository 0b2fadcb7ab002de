"""Equivalent number of real images: how many of them alone give a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression


@dataclass(frozen=True)
class EquivalentImages:
    """An equivalent number of real images, within the range of the learning curve.

    Attributes:
        value: Number of real pictures that, alone, give the score.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        least: Smallest amount of the curve: a number equal to it means "at most".
        most: Largest amount of the curve: a number equal to it means "at least".
    """

    value: float
    low: float
    high: float
    least: int
    most: int

    def __str__(self) -> str:
        """Text such as ``1,400 [900, at least 3,000]``; ``at most 300`` if all three are."""
        value, low, high = map(self._text, (self.value, self.low, self.high))
        return value if value == low == high else f"{value} [{low}, {high}]"

    def _text(self, number: float) -> str:
        if number <= self.least:
            return f"at most {self.least:,}"
        return f"at least {self.most:,}" if number >= self.most else f"{_rounded(number):,}"


def equivalent_real_images(
    amounts: Sequence[int],
    curve: np.ndarray,
    score: float,
    curves: np.ndarray,
    score_by_draw: np.ndarray,
) -> EquivalentImages:
    """Number of real pictures that give a score, with a bootstrap interval.

    Args:
        amounts: A rising numbers of real pictures.
        curve: ``[A]`` scores of classifiers trained on them alone.
        score: The score in question.
        curves: ``[B, A]``, the curve in each bootstrap draw.
        score_by_draw: ``[B]``, the score in the same draws.

    Returns:
        The number with its interval.
    """
    found = [equivalent_amount(amounts, *draw) for draw in zip(curves, score_by_draw, strict=True)]
    low, high = np.percentile(found, [2.5, 97.5])
    value = equivalent_amount(amounts, curve, score)
    return EquivalentImages(value, float(low), float(high), amounts[0], amounts[-1])


def equivalent_amount(amounts: Sequence[int], curve: np.ndarray, wanted: float) -> float:
    """Smallest amount at which a learning curve reaches a score.

    The curve is made monotonic (isotonic regression), as more pictures make a classifier worse only
    by chance, and interpolated linearly over the logarithm of the amount.

    Args:
        amounts: A rising numbers.
        curve: ``[A]`` scores.
        wanted: The score.

    Returns:
        A number from the first amount (the score is reached there, or before) to the last (it is
        reached there, or never).

    Raises:
        ValueError: If the amounts do not rise, or differ in number from the scores.
    """
    logs = np.log(np.asarray(amounts, np.float64))
    if len(amounts) != len(curve) or not len(amounts) or (np.diff(logs) <= 0).any():
        raise ValueError(
            "`amounts` must rise, with a score for each. "
            f"Received: amounts={list(amounts)}, {len(curve)} scores"
        )
    rising = isotonic_regression(curve).x
    index = int(np.searchsorted(rising, wanted))
    if index == 0:
        return float(amounts[0])
    if index == len(rising):
        return float(amounts[-1])
    share = (wanted - rising[index - 1]) / (rising[index] - rising[index - 1])
    return float(np.exp(logs[index - 1] + share * (logs[index] - logs[index - 1])))


def _rounded(number: float) -> int:
    """Rounds to two digits, the precision of a learning curve."""
    digits = len(str(int(number)))
    return int(round(number, min(2 - digits, 0)))
