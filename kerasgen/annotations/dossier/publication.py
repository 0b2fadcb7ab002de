"""What only the publisher of a set can state, and what was found of it; kept beside the set."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from kerasgen.annotations.dossier.findings import checked_findings
from kerasgen.io.files import encoded_json, read_json

STATED = "dossier.json"
"""File of what was stated, so that it is still known when the folder grows."""

_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Publication:
    """What the publisher of a set states; None where nothing is.

    Attributes:
        licence: Licence of the pictures: an SPDX identifier, such as ``CC-BY-4.0`` in any case, or
            a URL.
        source_licence: Licence of the pictures that they were made from, in words.
        creator: Person or organisation.
        url: Web page of the set.
        published: Date of publication, ``YYYY-MM-DD``.

    Raises:
        ValueError: If one is not of that form.
    """

    licence: str | None = None
    source_licence: str | None = None
    creator: str | None = None
    url: str | None = None
    published: str | None = None

    def __post_init__(self) -> None:
        """Checks the fields."""
        for name, value in vars(self).items():
            if value is not None and not (value.strip() and value.isprintable()):
                raise ValueError(f"`{name}` must be a line of text. Received: {name}={value!r}")
        if self.licence is not None and not _URL.fullmatch(self.licence):
            object.__setattr__(self, "licence", _spdx(self.licence))
        if self.url is not None and not _URL.fullmatch(self.url):
            raise ValueError(f"`url` must begin with https://. Received: url={self.url!r}")
        if self.published is not None:
            try:
                date = datetime.date.fromisoformat(self.published).isoformat()
            except ValueError:
                date = ""
            # Days of a week are dates, too.
            if date != self.published:
                raise ValueError(
                    f"`published` must be YYYY-MM-DD. Received: published={self.published!r}"
                )


def _spdx(licence: str) -> str:
    """The identifier as SPDX writes it."""
    try:
        name = str(canonicalize_license_expression(licence))
    except InvalidLicenseExpression:
        name = ""
    # Neither an expression nor a reference of one's own has a page there.
    if not re.fullmatch(r"(?!LicenseRef)[\w.+-]+", name):
        raise ValueError(
            "`licence` must be an SPDX identifier, such as CC-BY-4.0 or CC0-1.0 (see "
            "https://spdx.org/licenses), or the URL of another licence. Received: "
            f"licence={licence!r}"
        )
    return name


@dataclass(frozen=True)
class Stated:
    """What was stated of a set.

    Attributes:
        publication: By its publisher.
        findings: By reports, see ``read_findings``: "proof" and "comparison", if there are any.
    """

    publication: Publication = Publication()
    findings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def updated(
        self, publication: Publication, findings: Mapping[str, Mapping[str, Any]]
    ) -> Stated:
        """With what is stated anew in place of what was."""
        fresh = {name: value for name, value in vars(publication).items() if value is not None}
        return Stated(dataclasses.replace(self.publication, **fresh), {**self.findings, **findings})

    def encoded(self) -> bytes:
        """The bytes of ``dossier.json``."""
        return encoded_json(
            {"publication": dataclasses.asdict(self.publication), "findings": dict(self.findings)}
        )


def read_stated(folder: Path) -> Stated:
    """Reads what was stated of a set.

    Raises:
        ValueError: If ``dossier.json`` is damaged.
    """
    path = folder / STATED
    if not path.is_file():
        return Stated()
    content = read_json(path)
    try:
        return Stated(Publication(**content["publication"]), checked_findings(content["findings"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"This is no file of `kerasgen dossier` ({error!r}): rename it. Received: "
            f"path={str(path)!r}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{error} In: path={str(path)!r}; correct it there.") from error
