"""Packs of the WebDataset layout: tar files in which the files of a picture share a key.

Layout: https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from kerasgen.annotations.packing.samples import Sample
from kerasgen.io.files import strict_json


def write_tar(
    path: Path, samples: Iterable[tuple[Sample, bytes]], class_names: Sequence[str]
) -> None:
    """Writes a tar file with ``KEY.png``, ``KEY.json`` and, if there is a class, ``KEY.cls``.

    Args:
        path: The file.
        samples: What to write, each with the bytes of its picture's file.
        class_names: The names of labels 0, 1, ...

    Raises:
        OSError: If it cannot be written.
    """
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for sample, picture in samples:
            key, fields = Path(sample.name).stem, sample.record.fields
            _add(archive, f"{key}.png", picture)
            if sample.class_name is None:
                _add(archive, f"{key}.json", strict_json(fields))
                continue
            label = class_names.index(sample.class_name)
            _add(archive, f"{key}.json", strict_json({**fields, "label": label}))
            _add(archive, f"{key}.cls", str(label).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a file without a date or an owner, so that equal pictures give equal bytes."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
