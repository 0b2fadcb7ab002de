"""Folders of composed scenes; the same bytes on any number of processes."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasgen.annotations.fill_folder import FilledFolder, fill_folder
from kerasgen.annotations.folder_layout import SETTINGS, picture_name
from kerasgen.annotations.output import Output
from kerasgen.annotations.records import Entry, ManifestRow
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.foregrounds import Foreground
from kerasgen.compositing.options import SceneOptions
from kerasgen.compositing.scene import by_label, compose_scene
from kerasgen.io.files import check_settings, check_writable, read_json
from kerasgen.io.images import PathLike, Pixels
from kerasgen.io.progress import Report

_MOST_REJECTED = 0.5
"""Largest share of scenes that may be rejected."""


def compose_folder(
    foregrounds: Sequence[Foreground],
    backgrounds: Backgrounds | Sequence[Pixels],
    folder: PathLike,
    count: int,
    *,
    class_names: Sequence[str],
    options: SceneOptions | None = None,
    seed: int = 0,
    workers: int = 1,
    output: Output | None = None,
    report: Report | None = None,
) -> FilledFolder:
    """Composes scenes into a folder, see ``fill_folder``; existing scenes are kept.

    A scene that cannot be composed becomes a rejected row with a reason.

    Args:
        foregrounds: To choose objects from, see ``compose_scene``.
        backgrounds: To choose backgrounds from.
        folder: New, empty, or begun with the same settings.
        count: Number of scenes, including rejected ones; larger than before extends the folder.
        class_names: The names of the foregrounds' labels 0, 1, ...
        options: The ranges, and how the foregrounds were cut; None stands for the defaults.
        seed: Random seed, from 0.
        workers: Processes; 1 for this one alone. For several, a script needs its
            ``if __name__ == "__main__":``.
        output: Label files for YOLO, or a shard, see ``fill_folder``.
        report: Called after every scene.

    Returns:
        The folder and its counts.

    Raises:
        ValueError: If an argument is invalid, more than half of the scenes cannot be composed, or
            as for ``fill_folder``.
        Unfinished: As for ``fill_folder``.
    """
    options = options or SceneOptions()
    _check_numbers(count, seed, workers)
    groups = by_label(foregrounds)
    if max(groups) >= len(class_names):
        received = f"label={max(groups)}, class_names={list(class_names)}"
        raise ValueError(f"Each label needs a name. Received: {received}")
    scenery = backgrounds if isinstance(backgrounds, Backgrounds) else Backgrounds(backgrounds)
    pictures = {
        "foregrounds": foregrounds_digest(foregrounds),
        "backgrounds": _digest(f"{name} {sha256}" for name, sha256 in scenery.sources()),
    }
    return fill_folder(
        _SceneJob(groups, scenery, options, seed),
        folder,
        count,
        settings={**_settings(options, seed), **pictures},
        class_names=class_names,
        workers=workers,
        output=output,
        most_rejected=_MOST_REJECTED,
        report=report,
    )


def check_scenes(
    folder: PathLike,
    count: int,
    *,
    class_names: Sequence[str],
    options: SceneOptions,
    seed: int = 0,
    workers: int = 1,
) -> None:
    """Checks the arguments of ``compose_folder`` that can be checked before pictures are read.

    Args:
        folder: As for ``compose_folder``; nothing is written.
        count: Number of scenes.
        class_names: The names of labels.
        options: The ranges, and how the foregrounds will be cut.
        seed: Random seed, from 0.
        workers: Processes.

    Raises:
        ValueError: If an argument is invalid, or the folder cannot be used.
    """
    _check_numbers(count, seed, workers)
    check_writable(folder)
    path = Path(folder) / SETTINGS
    if path.exists():
        known = {**_settings(options, seed), "class_names": list(class_names)}
        check_settings(path, {**read_json(path), **known})


def _check_numbers(count: int, seed: int, workers: int) -> None:
    if min(count, workers) < 1 or seed < 0:
        raise ValueError(
            "`count` and `workers` must be 1 or more, and `seed` 0 or more. "
            f"Received: {count=}, {workers=}, {seed=}"
        )


def _settings(options: SceneOptions, seed: int) -> dict[str, Any]:
    drawn = {**dataclasses.asdict(options), "size": options.frame}
    extraction = {name: drawn.pop(name) for name in options.extraction}
    return {"kind": "scenes", "seed": seed, "options": drawn, "extraction": extraction}


def foregrounds_digest(foregrounds: Sequence[Foreground]) -> str:
    """The SHA-256 of foregrounds, including their pixels and order; 64 hexadecimal digits."""
    return _digest(
        f"{item.path} {item.label} {item.sha256} {item.offset} {item.extent} {item.image.shape} "
        f"{_sha256(item.image)} {_sha256(item.alpha)}"
        for item in foregrounds
    )


class _SceneJob:
    """Composes scenes, in this process or another."""

    def __init__(
        self,
        foregrounds: Mapping[int, Sequence[Foreground]],
        backgrounds: Backgrounds,
        options: SceneOptions,
        seed: int,
    ) -> None:
        self._foregrounds, self._backgrounds = foregrounds, backgrounds
        self._options, self._seed = options, seed

    def __call__(self, indices: range) -> Iterator[Entry]:
        return map(self._entry, indices)

    def _entry(self, index: int) -> Entry:
        height, width = self._options.frame
        frame = (picture_name(index), width, height, self._seed, index)
        try:
            scene = compose_scene(
                index, self._seed, self._foregrounds, self._backgrounds, self._options
            )
        except ValueError as error:
            reason = _reason(error, self._backgrounds)
            return Entry(ManifestRow(*frame, (), {}, (), accepted=False, reason=reason), None)
        row = ManifestRow(*frame, scene.sources, scene.parameters, scene.objects)
        return Entry(row, scene.image, scene.made)


def _reason(error: ValueError, backgrounds: Backgrounds) -> str:
    # Without the path of the folder, which differs between machines.
    return str(error).replace(f"{backgrounds.root}{os.sep}", "")


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _sha256(pixels: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
