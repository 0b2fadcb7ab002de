"""Many tests at once: how sure each is when any of them would have been reported."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def holm_adjusted(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """P-values that may each be compared with the level of all tests together.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979): whatever the tests have
    in common, the chance of one false alarm or more is at most the level.

    Args:
        p_values: By test, in [0, 1].
    """
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted
