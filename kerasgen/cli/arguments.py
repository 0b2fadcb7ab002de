"""Argument types and help texts that several commands share."""

from __future__ import annotations

import argparse
import io
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasgen.annotations.output import Shard

FAILED = 3
"""Exit status if a condition of --fail-if is met."""

_KIND_AND_PATH = re.compile(r"(tfds:[^@]*@|\w+:|)(.*)", re.DOTALL)
_CONDITION = re.compile(r"^([a-z_]+)\s*(>|<)\s*([-+0-9.e]+)$")


@dataclass(frozen=True)
class Condition:
    """A condition under which a command fails, such as ``gain_low<0``.

    Attributes:
        name: Name of the measure.
        above: Whether the condition is met above the limit, or below.
        limit: The limit.
        text: The condition as the user wrote it.
    """

    name: str
    above: bool
    limit: float
    text: str

    def holds(self, values: Iterable[float]) -> bool:
        """Whether one of the values is beyond the limit."""
        return any(value > self.limit if self.above else value < self.limit for value in values)


def condition(text: str, names: Sequence[str]) -> Condition:
    """Parses a condition.

    Args:
        text: ``NAME>NUMBER`` or ``NAME<NUMBER``.
        names: The measures that NAME may be.

    Returns:
        The condition.

    Raises:
        ValueError: If the text is not of this form, or the name is another.
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
    """Parses a whole number from 1 on.

    Raises:
        ArgumentTypeError: If the text is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def number_from_zero(text: str) -> int:
    """Parses a whole number from 0 on.

    Raises:
        ArgumentTypeError: If the text is none.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 on, not {text!r}")
    return int(text)


def add_sets(command: argparse.ArgumentParser) -> None:
    """Adds the two sets, and how their pictures are read and drawn."""
    add = command.add_argument
    add("real", metavar="REAL_DIR", help="folder of real pictures")
    add("synthetic", metavar="SYNTHETIC_DIR", help="folder of synthetic pictures")
    add("--size", type=whole_number, default=64, help="side of the pictures in pixels")
    add("--channels", type=int, choices=(1, 3), default=3, help="1 for grey, 3 for colour")
    add("--seed", type=number_from_zero, default=0, help="random seed")


def add_shard(command: argparse.ArgumentParser) -> None:
    """Adds ``--shard`` to a command that fills a folder."""
    command.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="make only share I, from 0, of N, in a folder of its own: see `kerasgen merge`",
    )


def _shard(text: str) -> Shard:
    from kerasgen.annotations.output import Shard

    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seconds(text: str) -> float:
    """Parses a time above 0.

    Raises:
        ArgumentTypeError: If the text is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return value


class _HelpFormatter(argparse.HelpFormatter):
    """Adds the default to the help of each flag that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        has_default = isinstance(action.default, str | float | int) and action.nargs != 0
        return f"{action.help} (default: %(default)s)" if has_default else action.help


class Parser(argparse.ArgumentParser):
    """A parser whose help states the defaults, as do its subparsers; flags are written in full."""

    def __init__(self, **options: Any) -> None:
        # A wrong flag must not be taken for the start of another one.
        super().__init__(formatter_class=_HelpFormatter, allow_abbrev=False, **options)


def expanded(value: Any) -> Any:
    """Replaces ``~``, the home folder, in a path from the command line.

    Args:
        value: A path, or one after ``KIND:`` or ``tfds:NAME@``, or a list of them; anything else is
            returned as it is.
    """
    if isinstance(value, list):
        return [expanded(each) for each in value]
    if not isinstance(value, str):
        return value
    kind, path = _KIND_AND_PATH.fullmatch(value).groups()  # type: ignore[union-attr]
    return kind + os.path.expanduser(path)


def escape_output() -> None:
    """Lets the standard streams escape what their encoding cannot hold, such as in file names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
