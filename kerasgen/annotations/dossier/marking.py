"""States in the pictures of a set how they were made, and signs them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from kerasgen.annotations.dossier.facts import SHEETS
from kerasgen.annotations.dossier.signing import PictureSigner
from kerasgen.annotations.dossier.source_types import stated_type, type_of_file
from kerasgen.io.files import access_to, write_file
from kerasgen.io.images import ImageError
from kerasgen.io.interruption import Unfinished
from kerasgen.io.names import path_of
from kerasgen.io.parallel import share_out
from kerasgen.io.progress import Report
from kerasgen.io.xmp import is_signed, media_type, source_type, with_source_type

_LINKED = (
    "The picture is a link, or in a linked folder: run `kerasgen dossier` where the file itself is."
)
_UNKNOWN = (
    "Neither the picture nor its row states how it was made, which follows from its sources: pass "
    "`source_type` if you know it."
)


class Marking:
    """Marks and signs the pictures of a set, each atomically.

    Args:
        root: The folder.
        names: Its pictures.
        recorded: The digital source types that their rows record.
        made: The digital source type of the others that state none; None if it is not known.
        is_own: Whether kerasgen made the pictures.

    Attributes:
        signer: Signs the pictures; None to sign nothing.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        recorded: Mapping[str, str],
        made: str | None,
        is_own: bool,
    ) -> None:
        self.signer: PictureSigner | None = None
        self._root, self._names, self._recorded = root, names, recorded
        self._made, self._is_own = made, is_own

    def check(self, *, signs: bool) -> None:
        """Checks all pictures before the first one is changed.

        Args:
            signs: Whether the pictures are to be signed.

        Raises:
            ValueError: If one cannot be read, or is to be signed and states no type.
        """
        for name in self._names:
            path = path_of(self._root, name)
            with access_to(path), path.open("rb"):
                pass
            if signs and not self._type(name) and type_of_file(path) is None:
                raise ValueError(
                    "A signature states how a picture was made: pass `source_type`. "
                    f"Received: source_type=None, path={str(path)!r}"
                )

    def run(self, report: Report) -> Counter[str]:
        """Marks and signs all pictures.

        Args:
            report: Called after each.

        Returns:
            The numbers of those "marked" and "signed", and of those left for each reason.

        Raises:
            ValueError: If a file cannot be read or written.
            Unfinished: After Ctrl-C or SIGTERM.
        """
        done: Counter[str] = Counter()
        count = len(self._names)
        try:
            for index, result in share_out(self._mark_number, range(count), 1, self._root):
                done.update(result)
                report(index + 1, count)
        except Unfinished as error:
            raise type(error)(f"{error} Run the same command again to go on.") from error
        return done

    def mark_sheets(self, made: str) -> None:
        """Marks and signs the sheets of a folder of kerasgen.

        Args:
            made: Their digital source type, which follows from those of the pictures.

        Raises:
            ValueError: If a file cannot be read or written.
        """
        for name in SHEETS:
            if (self._root / name).is_file():
                self._mark(name, made)

    def _type(self, name: str) -> str | None:
        return self._recorded.get(name) or self._made

    def _mark_number(self, index: int) -> list[str]:
        name = self._names[index]
        return self._mark(name, self._type(name))

    def _mark(self, name: str, made: str | None) -> list[str]:
        """Returns what was done to a picture, or why nothing was."""
        path = path_of(self._root, name)
        below = path.relative_to(self._root)
        if Path(os.path.realpath(path)) != Path(os.path.realpath(self._root), below):
            return [_LINKED]
        with access_to(path):
            before = content = path.read_bytes()
        # A signature holds for the bytes that it was made of.
        if is_signed(content):
            return [] if stated_type(content) else ["the picture is signed already"]
        stated = source_type(content)
        made = stated or made
        if made is None:
            return [_UNKNOWN] if self._is_own else []
        done = []
        try:
            if stated is None:
                content = with_source_type(content, made)
                done.append("marked")
            if self.signer is not None:
                kind = media_type(content)
                content = self.signer.signed(content, kind, made, path.name, new=self._is_own)
                done.append("signed")
        except ImageError as error:
            return [str(error)]
        if content != before:
            write_file(path, content)
        return done
