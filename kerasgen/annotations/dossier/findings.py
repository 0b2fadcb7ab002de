"""What the reports of ``kerasgen prove`` and ``kerasgen compare`` say of a set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kerasgen.io.files import read_json
from kerasgen.io.images import PathLike

_REPORT = "report.json"
_FOLDERS = re.compile(r"""(^|[\s'"=:@])/(?:[^\s'"/]+/)*""")


def read_findings(name: str, report: PathLike) -> dict[str, Any]:
    """Reads what a report says of its synthetic pictures.

    Args:
        name: "proof" or "comparison".
        report: ``report.json``, or its folder.

    Returns:
        JSON values: ``summary``, ``remarks``, ``synthetic`` (number of pictures), ``version`` and
        ``command``; of a comparison, ``copies`` too.

    Raises:
        ValueError: If it cannot be read, or is not a report of that name.
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
    kept = ("summary", "remarks", "version", "command")
    found: dict[str, Any] = {key: numbers.get(key) for key in kept}
    if found["command"]:
        # The card may be published: folders of this machine are nobody's business.
        found["command"] = _FOLDERS.sub(r"\1", str(found["command"]))
    found["synthetic"] = numbers["sets"]["synthetic"]
    if name == "comparison":
        copies = numbers["copies"]
        found["copies"] = {
            **{key: copies[key] for key in ("share", "baseline", "exact")},
            "suspicious": len(copies["files"]),
        }
    return found
