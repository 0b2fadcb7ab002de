"""What the reports of ``kerasgen prove`` and ``kerasgen compare`` say of a set."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasgen.io.files import read_json
from kerasgen.io.images import PathLike

_REPORT = "report.json"
_PREFIX = re.compile(r"(--?[\w-]+=)?([A-Za-z]\w+:)?")
"""A flag, and the kind of what a path leads to."""


def read_findings(name: str, report: PathLike) -> dict[str, Any]:
    """Reads what a report says of its synthetic pictures.

    Args:
        name: "proof" or "comparison".
        report: ``report.json``, or its folder.

    Returns:
        JSON values: ``summary``, ``remarks``, ``synthetic`` (number of pictures), ``version`` and
        ``command``; of a comparison, ``copies`` too.

    Raises:
        ValueError: If it cannot be read, is damaged, or is not a report of that name.
    """
    path = Path(report)
    path = path / _REPORT if path.is_dir() else path
    numbers = read_json(path)
    command, own = {"proof": ("prove", "verdicts"), "comparison": ("compare", "appearance")}[name]
    if own not in numbers or not isinstance(numbers.get("sets"), dict):
        raise ValueError(
            f"This is no report of `kerasgen {command}`: pass its report.json, or its folder. "
            f"Received: {name}={str(report)!r}"
        )
    try:
        return checked_findings({name: _found(name, numbers)})[name]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The report is damaged ({error!r}): run `kerasgen {command}` again. "
            f"Received: {name}={str(report)!r}"
        ) from error


def checked_findings(findings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Checks that what was found has all that a card says of it.

    Args:
        findings: What ``read_findings`` returned, by its name; other names are left out.

    Returns:
        The same.

    Raises:
        KeyError: If something is missing; a ``TypeError`` or ``AttributeError`` if it is not of its
            kind.
    """
    known = {name: findings[name] for name in ("proof", "comparison") if name in findings}
    for found in known.values():
        numbers = [found["synthetic"]]
        texts = [found["summary"], found["version"], found.get("command") or "", *found["remarks"]]
        if copies := found.get("copies"):
            shares = copies["share"], copies["baseline"]
            numbers += [each[key] for each in shares for key in ("value", "low", "high")]
            numbers += [copies["exact"], copies["suspicious"]]
        for kind, values in ((int | float, numbers), (str, texts)):
            for value in values:
                if not isinstance(value, kind):
                    raise TypeError(f"{value!r} is of another kind")
    return known


def _found(name: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("summary", "remarks", "version", "command")
    found: dict[str, Any] = {key: numbers.get(key) for key in kept}
    if found["command"]:
        # The card may be published: folders of this machine are nobody's business.
        found["command"] = without_folders(str(found["command"]))
    found["synthetic"] = numbers["sets"]["synthetic"]
    if name == "comparison":
        copies = numbers["copies"]
        found["copies"] = {
            **{key: copies[key] for key in ("share", "baseline", "exact")},
            "suspicious": len(copies["files"]),
        }
    return found


def without_folders(command: str) -> str | None:
    """A command whose paths are names.

    Args:
        command: Words as a shell reads them.

    Returns:
        The command without the folders of each path; None if it cannot be split into words.
    """
    try:
        return shlex.join(map(_name, shlex.split(command)))
    except ValueError:
        return None


def _name(word: str) -> str:
    if "://" in word:
        return word
    prefix = _PREFIX.match(word)
    start = prefix.end() if prefix else 0
    return word[:start] + word[start:].rstrip("/").rpartition("/")[2]
