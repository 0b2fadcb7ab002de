"""The classes that a classifier on a server gives to files, as JSON lines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from kerasgen.annotations import PARTS, REJECTED
from kerasgen.deployment.client.connection import Refused
from kerasgen.deployment.client.remote_model import RemoteModel
from kerasgen.deployment.client.sent_files import SentFiles
from kerasgen.io.files import access_to, json_lines, keep_settings, strict_json, write_files
from kerasgen.io.interruption import Unfinished
from kerasgen.io.parallel import share_out
from kerasgen.io.progress import Report

ANSWERS = "answers.jsonl"


def classify_files(
    model: RemoteModel, files: SentFiles, folder: Path, batch_size: int, report: Report | None
) -> None:
    """Sends files to a classifier, see ``answer_files``."""
    keep_settings(folder, {"model": model.name, "sources": files.sha256})
    if (folder / ANSWERS).is_file():
        return
    journal, total = folder / PARTS / ANSWERS, len(files.paths)
    with access_to(folder):
        journal.parent.mkdir(exist_ok=True)
    known = _known(journal)
    missing = [index for index in range(total) if index not in known]
    blocks = [missing[first : first + batch_size] for first in range(0, len(missing), batch_size)]

    def answer(number: int) -> dict[int, dict[str, Any]]:
        asked = blocks[number]
        answers = model.serve_each([{"image_bytes": files.content(index)} for index in asked])
        rows = zip(asked, answers, strict=True)
        return {index: _row(files, index, found) for index, found in rows}

    try:
        for _, rows in share_out(answer, range(len(blocks)), 1, journal.parent):
            _append(journal, rows)
            known.update(rows)
            if report is not None:
                report(len(known), total)
    except Unfinished as error:
        raise type(error)(
            f"{error} {total - len(known)} of {total} files are not answered; the answers to the "
            f"others are kept in {str(folder)!r}. Run the same command again to go on."
        ) from error
    ordered = [known[index] for index in range(total)]
    good = [row for row in ordered if "reason" not in row]
    bad = [row for row in ordered if "reason" in row]
    # ANSWERS, the last to be replaced, says that both are whole.
    write_files({folder / REJECTED: _lines(bad), folder / ANSWERS: _lines(good)})
    with access_to(journal):
        journal.unlink()
        journal.parent.rmdir()


def _row(files: SentFiles, index: int, answer: dict[str, Any] | Refused) -> dict[str, Any]:
    source = files.sources[index]
    row: dict[str, Any] = {"file": source.path, "sha256": source.sha256}
    if isinstance(answer, Refused):
        return {**row, "reason": str(answer) or "The server says no more."}
    probabilities = answer["probabilities"]
    if not all(map(math.isfinite, probabilities)):
        return {**row, "reason": f"The model's probabilities are no numbers: {probabilities}"}
    return {**row, "class": answer["class_name"], "probabilities": probabilities}


def _append(journal: Path, rows: dict[int, dict[str, Any]]) -> None:
    with access_to(journal), journal.open("ab") as stream:
        stream.write(_lines({"index": index, **row} for index, row in rows.items()))


def _known(journal: Path) -> dict[int, dict[str, Any]]:
    """The rows of an earlier run; a line that a kill cut off is taken away."""
    if not journal.is_file():
        return {}
    with access_to(journal):
        content = journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            journal.write_bytes(whole)
    rows = [row for row, _, _ in json_lines(journal)]
    return {row.pop("index"): row for row in rows}


def _lines(rows: Any) -> bytes:
    return b"".join(strict_json(row) for row in rows)
