"""What only the publisher of a set can state, and what was found of it; kept beside the set."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerasgen.io.files import encoded_json, read_json

STATED = "dossier.json"
"""File of what was stated, so that it is still known when the folder grows."""

_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Publication:
    """What the publisher of a set states; None where nothing is.

    Attributes:
        licence: Licence of the pictures: an SPDX identifier, such as ``CC-BY-4.0``, or a URL.
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
        licence = self.licence or "MIT"
        if not (_URL.fullmatch(licence) or re.fullmatch(r"[\w.+-]+", licence)):
            raise ValueError(
                "`licence` must be an SPDX identifier, such as CC-BY-4.0 (see "
                f"https://spdx.org/licenses), or a URL. Received: licence={licence!r}"
            )
        if self.url is not None and not _URL.fullmatch(self.url):
            raise ValueError(f"`url` must begin with https://. Received: url={self.url!r}")
        if self.published is not None:
            try:
                datetime.date.fromisoformat(self.published)
            except ValueError as error:
                raise ValueError(
                    f"`published` must be YYYY-MM-DD. Received: published={self.published!r}"
                ) from error


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
        return Stated(Publication(**content["publication"]), dict(content["findings"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"This is no file of `kerasgen dossier`: rename it. Received: path={str(path)!r}"
        ) from error
