"""Writes what a data set says of itself: its files, the marks in its pictures, their signatures."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasgen.annotations.dossier.card import data_card
from kerasgen.annotations.dossier.croissant import croissant, signed_by_digest
from kerasgen.annotations.dossier.facts import (
    Facts,
    list_pictures,
    read_facts,
    read_settings,
    recorded_types,
)
from kerasgen.annotations.dossier.findings import read_findings
from kerasgen.annotations.dossier.jobs import job_of
from kerasgen.annotations.dossier.marking import Marking
from kerasgen.annotations.dossier.publication import STATED, Publication, Stated, read_stated
from kerasgen.annotations.dossier.signing import PictureSigner
from kerasgen.annotations.dossier.source_types import TERMS, composite_of
from kerasgen.io.files import access_to, check_writable, write_file, write_files
from kerasgen.io.images import PathLike
from kerasgen.io.progress import Progress, silent

CARD, CROISSANT = "README.md", "croissant.json"
_DIGEST = "\n<!-- kerasgen dossier, SHA-256 of the text above: {} -->\n"
LAST_LINE = re.compile(_DIGEST.format("([0-9a-f]{64})") + r"\Z")


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
        count = self.facts.count
        states = count - self.facts.source_types.get(None, 0)
        lines = [
            f"{CARD} and {CROISSANT} in {self.folder}; {states:,} of {count:,} pictures state how "
            f"they were made ({self.marked:,} new), {self.facts.signed:,} are signed "
            f"({self.signed:,} new)"
        ]
        lines += [f"{number:,} left as they are: {why}" for why, number in self.unmarked.items()]
        return "\n".join([*lines, f"next: {self.next_command}"])


def write_card(folder: PathLike, facts: Facts | None = None) -> Facts:
    """Writes data card and Croissant description of a finished folder.

    Files of these names that were changed or come from elsewhere are kept, with a warning.

    Args:
        folder: A finished ``SyntheticFolder``.
        facts: What this function returned, if only sheets were added since; None reads the folder.

    Returns:
        The folder in numbers.

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
    facts = read_facts(root) if facts is None else facts.with_sheet(root)
    _write_files(root, facts, keep=foreign)
    return facts


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
            for that of their row or of the job that filled the folder. A row is believed first.
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
    marking = Marking(root, names, recorded_types(root), made, job is not None)
    marking.check(signs=certificate is not None)
    if certificate is not None and key is not None:
        marking.signer = PictureSigner(certificate, key)
    with progress("pictures") as report:
        done = marking.run(report)
    if stated != read_stated(root):
        write_file(root / STATED, stated.encoded())
    facts = read_facts(root)
    if job is not None and None not in facts.source_types:
        marking.mark_sheets(composite_of(facts.source_types))
    _write_files(root, facts, keep=())
    marked, signed = done.pop("marked", 0), done.pop("signed", 0)
    return Dossier(root, facts, marked, signed, dict(done), _next(root, facts, stated))


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


def _write_files(root: Path, facts: Facts, keep: Collection[str]) -> None:
    stated = read_stated(root)
    card = data_card(facts, stated)
    digest = hashlib.sha256(card.encode(errors="backslashreplace")).hexdigest()
    contents = {
        CARD: (card + _DIGEST.format(digest)).encode(errors="backslashreplace"),
        CROISSANT: croissant(facts, stated),
    }
    write_files({root / name: text for name, text in contents.items() if name not in keep})


def _foreign(root: Path) -> list[str]:
    """Names of files that kerasgen did not write, or that were changed since."""
    found = []
    card, description = root / CARD, root / CROISSANT
    with access_to(root):
        if card.exists():
            text = card.read_bytes().decode(errors="replace")
            match = LAST_LINE.search(text)
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
