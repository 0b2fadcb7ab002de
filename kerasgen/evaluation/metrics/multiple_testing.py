"""Correction for multiple tests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def holm_adjusted(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """P-values adjusted for the number of tests.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979,
    https://www.jstor.org/stable/4615733): if each is compared with a level, the probability of any
    false alarm is at most that level, also for dependent tests.

    Args:
        p_values: By test, in [0, 1].

    Returns:
        The adjusted p-values, by test.
    """
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted
