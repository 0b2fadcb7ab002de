"""What several commands read from their command lines."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FAILED = 3
"""Exit status if a condition of --fail-if holds."""

_CONDITION = re.compile(r"^([a-z_]+)\s*(>|<)\s*([-+0-9.e]+)$")


@dataclass(frozen=True)
class Condition:
    """What a script does not want to be so, as ``gain_low<0``.

    Attributes:
        name: Of a number.
        above: Whether it holds above the limit, or below.
        limit: A number.
        text: As the user wrote it.
    """

    name: str
    above: bool
    limit: float
    text: str

    def holds(self, values: Iterable[float]) -> bool:
        """Whether one of the values is beyond the limit."""
        return any(value > self.limit if self.above else value < self.limit for value in values)


def condition(text: str, names: Sequence[str]) -> Condition:
    """Reads a condition.

    Raises:
        ValueError: If it is none, or of a name that is not among the names.
    """
    match = _CONDITION.match(text.strip())
    if match is None or match[1] not in names:
        raise ValueError(
            f"--fail-if takes NAME>NUMBER or NAME<NUMBER, NAME among {', '.join(names)}. "
            f"Received: {text!r}"
        )
    try:
        return Condition(match[1], match[2] == ">", float(match[3]), text)
    except ValueError as error:
        raise ValueError(f"--fail-if: {match[3]!r} is no number. Received: {text!r}") from error


def whole_number(text: str) -> int:
    """A whole number from 1 on.

    Raises:
        ArgumentTypeError: If it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def number_from_zero(text: str) -> int:
    """A whole number from 0 on.

    Raises:
        ArgumentTypeError: If it is none.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 on, not {text!r}")
    return int(text)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
