"""The picture files that are sent to a server."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerasgen.annotations import Source
from kerasgen.io.files import access_to, file_sha256
from kerasgen.io.folders import list_images
from kerasgen.io.names import PathLike, unicode_name


@dataclass(frozen=True)
class SentFiles:
    """Picture files, each once, in the order of their folders and names.

    Attributes:
        paths: Their paths.
        sources: Each as the source of an answer; its path is relative to ``root``.
        root: The folder that holds all of them.
    """

    paths: Sequence[Path]
    sources: Sequence[Source]
    root: Path

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of all names and contents."""
        digest = hashlib.sha256()
        for source in self.sources:
            digest.update(json.dumps([source.path, source.sha256]).encode() + b"\n")
        return digest.hexdigest()

    def content(self, index: int) -> bytes:
        """The bytes of a file.

        Raises:
            ValueError: If it cannot be read.
        """
        with access_to(self.paths[index]):
            return self.paths[index].read_bytes()


def collect_files(inputs: Sequence[PathLike]) -> SentFiles:
    """Finds the files, and reads each once for its SHA-256.

    Args:
        inputs: Files, taken whatever their ending, and folders of pictures, see ``list_images``.

    Returns:
        The files.

    Raises:
        ValueError: If there are none, one is missing or cannot be read, or a folder has no picture.
    """
    found: dict[Path, None] = {}
    homes = []
    for each in map(Path, inputs):
        is_folder = each.is_dir()
        homes.append(os.path.abspath(each if is_folder else each.parent))
        for path in list_images(each, count_others=True) if is_folder else [each]:
            found[Path(os.path.abspath(path))] = None
    if not found:
        raise ValueError(f"Name at least one file or folder. Received: inputs={list(inputs)}")
    root = Path(os.path.commonpath(homes))
    names = [unicode_name(path.relative_to(root).as_posix()) for path in found]
    sources = [
        Source("picture", name, file_sha256(path)) for name, path in zip(names, found, strict=True)
    ]
    return SentFiles(list(found), sources, root)
