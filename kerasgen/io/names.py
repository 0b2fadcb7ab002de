"""Names of files and folders: of splits and classes, not in Unicode, or patterns to TensorFlow."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PathLike = str | os.PathLike[str]

_SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}

_NOT_PLAIN = re.compile(r"[][*?{}\\\ud800-\udfff]")
_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")
"""Bytes below 0x80, such as those of ``../``, are never escaped: they are UTF-8."""


def split_of(name: str) -> str | None:
    """The split that a folder or an array is named after.

    Args:
        name: Its name: train, training, valid, val, validation, test or testing, in any case.

    Returns:
        ``train``, ``validation`` or ``test``; None if the name is no split's.
    """
    return _SPLITS.get(name.casefold())


def unicode_name(path: PathLike) -> str:
    r"""A file's name as Unicode text that every JSON reader and terminal takes.

    Args:
        path: The name; bytes that are not UTF-8 are lone surrogates in it, as Python has them.

    Returns:
        The name, with ``\xe9`` for such a byte; ``path_of`` finds the file again.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def path_of(folder: PathLike, name: str) -> Path:
    """The path of a file, from the folder and its ``unicode_name`` below it.

    Args:
        folder: The folder.
        name: From ``unicode_name``, or in the other of Unicode's two forms of accents.

    Returns:
        The path; the file need not exist.
    """
    path = Path(folder, name)
    if os.path.lexists(path):
        return path
    encoded = name.encode(errors="surrogatepass")
    raw = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), encoded)
    forms = [os.fsdecode(raw), *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))]
    others = [Path(folder, form) for form in dict.fromkeys(forms) if form != name]
    # Unlike Path.exists it takes a name that is too long.
    return next((each for each in others if os.path.exists(each)), path)


def file_name_of(row: Mapping[str, Any], location: str) -> str:
    """The picture of a row of ``metadata.jsonl``; what is written to it must stay in the folder.

    Args:
        row: The fields of the row.
        location: Where the row is, for the message.

    Returns:
        Its ``file_name``: a path below the folder of the rows, see ``path_of``.

    Raises:
        ValueError: If there is none, or if it is absolute or goes up by ``..``.
    """
    name = row.get("file_name")
    if not (isinstance(name, str) and name):
        raise ValueError(f"A row needs a `file_name`. Received: {location}")
    path = Path(name)
    if path.anchor or ".." in path.parts or "\0" in name:
        raise ValueError(
            "The `file_name` of a row must be the path of a picture below the folder, neither "
            f"absolute nor with '..': move the picture there. Received: file_name={name!r}, "
            f"{location}"
        )
    return name


def class_name_of(folder_name: str) -> str:
    """The class that a folder is named after.

    Args:
        folder_name: The folder's name; macOS writes an accent as a letter of its own (NFD).

    Returns:
        The name in Unicode's composed form (NFC), so that equal names are one class.
    """
    return unicodedata.normalize("NFC", unicode_name(folder_name))


def plain_path(folder: PathLike) -> str:
    r"""A path of a folder that TensorFlow reads as it is.

    TensorFlow takes ``[ ] * ? { } \`` in the path of a checkpoint or of a SavedModel for a pattern,
    and then writes files that it does not find, or finds those of another folder; and it refuses
    names that are not UTF-8.

    Args:
        folder: The folder; it is created if a link is needed.

    Returns:
        The path itself, or that of a link to it, which is removed when the process ends.

    Raises:
        ValueError: If a link is needed and cannot be made.
    """
    if not _NOT_PLAIN.search(os.fspath(folder)):
        return os.fspath(folder)
    return _linked(os.path.abspath(folder))


@functools.cache
def _linked(folder: str) -> str:
    try:
        os.makedirs(folder, exist_ok=True)
        room = tempfile.mkdtemp(prefix="kerasgen-")
        atexit.register(shutil.rmtree, room, ignore_errors=True)
        link = os.path.join(room, "folder")
        os.symlink(folder, link, target_is_directory=True)
    except OSError as error:
        raise ValueError(
            f"TensorFlow cannot use this path, and no link to it can be made ({error}): use a "
            rf"folder without [ ] * ? {{ }} \ in its path. Received: folder={folder!r}"
        ) from error
    return link


def first_names(names: Sequence[str], most: int = 3) -> str:
    """Writes the first names.

    Args:
        names: The names.
        most: How many are written.

    Returns:
        They, separated by commas, and "..." if there are others.
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
