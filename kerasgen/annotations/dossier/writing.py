"""Writes what a data set says of itself: its files, the marks in its pictures, their signatures."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasgen.annotations.dossier.card import data_card
from kerasgen.annotations.dossier.croissant import croissant, signed_by_digest
from kerasgen.annotations.dossier.facts import (
    SHEETS,
    Facts,
    list_pictures,
    read_facts,
    read_settings,
)
from kerasgen.annotations.dossier.findings import read_findings
from kerasgen.annotations.dossier.jobs import job_of
from kerasgen.annotations.dossier.publication import STATED, Publication, Stated, read_stated
from kerasgen.annotations.dossier.signing import PictureSigner
from kerasgen.annotations.dossier.source_types import TERMS, stated_type, type_of_file
from kerasgen.io.files import access_to, check_writable, write_file, write_files
from kerasgen.io.images import ImageError, PathLike
from kerasgen.io.interruption import Unfinished
from kerasgen.io.names import path_of
from kerasgen.io.parallel import share_out
from kerasgen.io.progress import Progress, Report, silent
from kerasgen.io.xmp import is_signed, media_type, source_type, with_source_type

CARD, CROISSANT = "README.md", "croissant.json"
_DIGEST = "\n<!-- kerasgen dossier, SHA-256 of the text above: {} -->\n"
_LAST_LINE = re.compile(_DIGEST.format("([0-9a-f]{64})") + r"\Z")
_LINKED = (
    "The picture is a link, or in a linked folder: run `kerasgen dossier` where the file itself is."
)


@dataclass(frozen=True)
class Dossier:
    """What was written for a set.

    Attributes:
        folder: Its folder.
        facts: The set in numbers, as its data card states them.
        marked: Number of pictures that were marked now.
        signed: Number of pictures that were signed now.
        unmarked: For each reason, the number of pictures that could not be marked or signed.
        next_command: The command that tells more of the set.
    """

    folder: Path
    facts: Facts
    marked: int
    signed: int
    unmarked: Mapping[str, int]
    next_command: str

    def __str__(self) -> str:
        """Summary, and the next command."""
        count = len(self.facts.names)
        states = count - self.facts.source_types.get(None, 0)
        lines = [
            f"{CARD} and {CROISSANT} in {self.folder}; {states:,} of {count:,} pictures state how "
            f"they were made ({self.marked:,} new), {self.facts.signed:,} are signed "
            f"({self.signed:,} new)"
        ]
        lines += [f"{number:,} left as they are: {why}" for why, number in self.unmarked.items()]
        return "\n".join([*lines, f"next: {self.next_command}"])


def write_card(folder: PathLike) -> None:
    """Writes data card and Croissant description of a finished folder.

    Files of these names that were changed or come from elsewhere are kept, with a warning.

    Args:
        folder: A finished ``SyntheticFolder``.

    Raises:
        ValueError: If the folder cannot be read or written.
    """
    root = Path(folder)
    if foreign := _foreign(root):
        warnings.warn(
            f"{' and '.join(foreign)} in {str(root)!r} is not as kerasgen wrote it, and is kept: "
            "rename it, and run `kerasgen dossier` for a new one.",
            stacklevel=2,
        )
    _write_files(root, keep=foreign)


def write_dossier(
    folder: PathLike,
    publication: Publication | None = None,
    *,
    proof: PathLike | None = None,
    comparison: PathLike | None = None,
    source_type: str | None = None,
    certificate: PathLike | None = None,
    key: PathLike | None = None,
    replace: bool = False,
    progress: Progress = silent,
) -> Dossier:
    """Describes a set that exists, marks its pictures, and signs them on request.

    Writes ``README.md`` (a data card for Hugging Face), ``croissant.json`` (Croissant 1.1) and
    ``dossier.json`` (what was stated), and states the digital source type in each PNG or JPEG
    picture. Pixels and annotations are not changed. What was stated before is kept.

    Args:
        folder: A finished folder of kerasgen, or any pictures, see ``AnnotatedFolder``.
        publication: Licence, creator and so on; None states nothing new.
        proof: Report of ``prove`` on the set: ``report.json`` or its folder.
        comparison: The same of ``compare``.
        source_type: IPTC's digital source type of pictures that state none, one of ``TERMS``; None
            for that of the job that filled the folder.
        certificate: PEM file of a certificate to sign with, see ``PictureSigner``; None signs
            nothing.
        key: PEM file of its private key.
        replace: Whether to replace a ``README.md`` or ``croissant.json`` that kerasgen did not
            write.
        progress: Progress display.

    Returns:
        What was written.

    Raises:
        ValueError: If an argument is invalid, or the folder cannot be read or written.
        Unfinished: After Ctrl-C or SIGTERM; the same call goes on.
    """
    root = Path(folder)
    _check(root, source_type, certificate, key, replace)
    reports = {"proof": proof, "comparison": comparison}
    findings = {name: read_findings(name, path) for name, path in reports.items() if path}
    stated = read_stated(root).updated(publication or Publication(), findings)
    names, job = list_pictures(root), job_of(read_settings(root))
    made = source_type or (job.source_type if job else None)
    if certificate is not None and made is None:
        _check_stated(root, names)
    signer = None if certificate is None or key is None else PictureSigner(certificate, key)
    sheets = [name for name in SHEETS if job is not None and (root / name).is_file()]
    with progress("pictures") as report:
        done = _mark(_Marking(root, [*names, *sheets], made, signer), len(names), report)
    if stated != read_stated(root):
        write_file(root / STATED, stated.encoded())
    facts = _write_files(root, keep=())
    marked, signed = done.pop("marked", 0), done.pop("signed", 0)
    return Dossier(root, facts, marked, signed, dict(done), _next(root, facts, stated))


class _Marking:
    """Marks and signs single pictures, each atomically."""

    def __init__(
        self, root: Path, names: list[str], made: str | None, signer: PictureSigner | None
    ) -> None:
        self.root, self.names = root, names
        self._made, self._signer = made, signer

    def __call__(self, index: int) -> list[str]:
        """Returns what was done to a picture, or why nothing was."""
        path = path_of(self.root, self.names[index])
        below = path.relative_to(self.root)
        if Path(os.path.realpath(path)) != Path(os.path.realpath(self.root), below):
            return [_LINKED]
        with access_to(path):
            before = content = path.read_bytes()
        # A signature holds for the bytes that it was made of.
        if is_signed(content):
            return [] if stated_type(content) else ["the picture is signed already"]
        done = []
        made = source_type(content) or self._made
        try:
            if made and source_type(content) is None:
                content = with_source_type(content, made)
                done.append("marked")
            if self._signer is not None and made:
                content = self._signer.signed(content, media_type(content), made, path.name)
                done.append("signed")
        except ImageError as error:
            return [str(error)]
        if content != before:
            write_file(path, content)
        return done


def _mark(marking: _Marking, count: int, report: Report) -> Counter[str]:
    """Marks all pictures; counts what was done to the first ones, without the sheets."""
    done: Counter[str] = Counter()
    try:
        for index, result in share_out(marking, range(len(marking.names)), 1, marking.root):
            done.update(result if index < count else ())
            report(index + 1, len(marking.names))
    except Unfinished as error:
        raise type(error)(f"{error} Run the same command again to go on.") from error
    return done


def _check(
    root: Path,
    made: str | None,
    certificate: PathLike | None,
    key: PathLike | None,
    replace: bool,
) -> None:
    """Checks what can be checked before any picture is read."""
    if not root.is_dir():
        raise ValueError(f"There is no such folder. Received: folder={str(root)!r}")
    if made is not None and made not in TERMS:
        raise ValueError(
            f"`source_type` must be one of {', '.join(sorted(TERMS))}. Received: "
            f"source_type={made!r}"
        )
    if (certificate is None) != (key is None):
        raise ValueError(
            "A signature needs both `certificate` and `key`. Received: "
            f"certificate={str(certificate)!r}, key={str(key)!r}"
        )
    foreign = [] if replace else _foreign(root)
    if foreign:
        raise ValueError(
            f"{' and '.join(foreign)} would be replaced, and kerasgen did not write it as it is: "
            f"rename it, or pass `replace`. Received: folder={str(root)!r}"
        )
    check_writable(root)


def _check_stated(root: Path, names: Sequence[str]) -> None:
    for name in names:
        if type_of_file(path_of(root, name)) is None:
            raise ValueError(
                "A signature states how a picture was made: pass `source_type`. "
                f"Received: source_type=None, path={str(root / name)!r}"
            )


def _write_files(root: Path, keep: Collection[str]) -> Facts:
    facts, stated = read_facts(root), read_stated(root)
    card = data_card(facts, stated)
    digest = hashlib.sha256(card.encode(errors="backslashreplace")).hexdigest()
    contents = {
        CARD: (card + _DIGEST.format(digest)).encode(errors="backslashreplace"),
        CROISSANT: croissant(facts, stated),
    }
    write_files({root / name: text for name, text in contents.items() if name not in keep})
    return facts


def _foreign(root: Path) -> list[str]:
    """Names of files that kerasgen did not write, or that were changed since."""
    found = []
    card, description = root / CARD, root / CROISSANT
    with access_to(root):
        if card.exists():
            text = card.read_bytes().decode(errors="replace")
            match = _LAST_LINE.search(text)
            own = text[: match.start()] if match else ""
            if not match or hashlib.sha256(own.encode()).hexdigest() != match[1]:
                found.append(CARD)
        if description.exists():
            content = description.read_bytes()
            try:
                is_own = signed_by_digest(json.loads(content)) == content
            except (ValueError, AttributeError):
                is_own = False
            found += [] if is_own else [CROISSANT]
    return found


def _next(root: Path, facts: Facts, stated: Stated) -> str:
    folder = shlex.quote(str(root))
    if stated.publication.licence is None:
        return f"kerasgen dossier {folder} --licence SPDX_ID"
    if facts.is_synthetic and "proof" not in stated.findings:
        return f"kerasgen prove --real REAL --synthetic {folder} --test TEST --out proof"
    return f"hf upload REPOSITORY {folder} --repo-type dataset"
