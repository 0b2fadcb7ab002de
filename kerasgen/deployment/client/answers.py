"""A server's answers as a folder of kerasgen: pictures with their rows, or classes of files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kerasgen.annotations import REJECTED
from kerasgen.deployment.client.classes import ANSWERS, classify_files
from kerasgen.deployment.client.pictures import change_files, draw_pictures
from kerasgen.deployment.client.remote_model import RemoteModel
from kerasgen.deployment.client.sent_files import SentFiles, collect_files
from kerasgen.io.files import check_apart, check_writable, json_lines
from kerasgen.io.images import PathLike
from kerasgen.io.progress import Report


@dataclass(frozen=True)
class Answers:
    """What a server answered.

    Attributes:
        model: The model's name and version.
        kind: Its kind.
        folder: Folder of the answers.
        answered: Number of rows that were answered.
        refused: Why each of the others was refused, by file.
    """

    model: str
    kind: str
    folder: Path
    answered: int
    refused: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One sentence, and the next command."""
        folder = shlex.quote(str(self.folder))
        what = "classes" if self.kind == "classifier" else "pictures"
        refused = f"; {len(self.refused)} refused, see {REJECTED}" if self.refused else ""
        following = {
            "classifier": f"head {shlex.quote(str(self.folder / ANSWERS))}",
            "generator": f"kerasgen compare REAL {folder} --out comparison",
        }.get(self.kind, f"kerasgen dossier {folder} --licence SPDX_ID")
        return (
            f"{self.answered} {what} from {self.model} in {self.folder}{refused}\nnext: {following}"
        )


def answer_files(
    model: RemoteModel,
    inputs: Sequence[PathLike],
    folder: PathLike,
    *,
    batch_size: int = 32,
    report: Report | None = None,
) -> Answers:
    """Sends picture files to a refiner, a translator or a classifier, and keeps the answers.

    A file that the server refuses is named in ``rejected.jsonl``; the others are answered. The same
    call goes on where one was stopped, and sends no file twice.

    Args:
        model: The model.
        inputs: Files and folders, see ``collect_files``.
        folder: New, or left unfinished by the same call. Pictures become a ``SyntheticFolder``;
            of a classifier, ``answers.jsonl`` has ``file``, ``class``, ``probabilities`` and
            ``sha256`` of each.
        batch_size: Files in one request.
        report: Called after each request.

    Returns:
        The number of answers, and what was refused.

    Raises:
        ValueError: If an argument is invalid, a file cannot be read, or the folder holds something
            else.
        Unfinished: If the server does not answer, or after a signal; what is done is kept.
    """
    if model.kind == "generator":
        raise ValueError(f"A generator takes no files, but a count. Received: {model.name}")
    files = _checked(inputs, folder)
    change = classify_files if model.kind == "classifier" else change_files
    change(model, files, Path(folder), batch_size, report)
    refused = _refused(Path(folder))
    return Answers(model.name, model.kind, Path(folder), len(files.paths) - len(refused), refused)


def generate_pictures(
    model: RemoteModel,
    folder: PathLike,
    count: int,
    *,
    labels: Sequence[str] = (),
    seed: int = 0,
    batch_size: int = 32,
    report: Report | None = None,
) -> Answers:
    """Asks a generator for pictures, the classes in turn, and keeps them as a ``SyntheticFolder``.

    Args:
        model: The generator.
        folder: New, or left unfinished by the same call, which then continues it.
        count: Number of pictures.
        labels: Names or numbers of classes; none for all.
        seed: Random seed; with the same one ``synthesize`` makes the same pictures.
        batch_size: Pictures in one request.
        report: Called after each request.

    Returns:
        The number of pictures.

    Raises:
        ValueError: If an argument is invalid, or the folder holds other pictures.
        Unfinished: If the server does not answer, or after a signal; what is done is kept.
    """
    if model.kind != "generator":
        raise ValueError(f"A {model.kind} takes files, and no count. Received: {model.name}")
    check_writable(folder)
    filled = draw_pictures(model, folder, count, labels, seed, batch_size, report)
    return Answers(model.name, model.kind, filled.folder, filled.pictures, _refused(filled.folder))


def _checked(inputs: Sequence[PathLike], folder: PathLike) -> SentFiles:
    for each in inputs:
        # A file may lie in any folder but that of the answers.
        check_apart(folder, inputs=each)
    check_writable(folder)
    return collect_files(inputs)


def _refused(folder: Path) -> dict[str, str]:
    path = folder / REJECTED
    if not path.is_file():
        return {}
    rows = [row for row, _, _ in json_lines(path)]
    return {_file_of(row): row["reason"] for row in rows}


def _file_of(row: dict) -> str:
    sources = row.get("sources")
    return str(sources[0]["path"] if sources else row.get("file", row.get("file_name")))
