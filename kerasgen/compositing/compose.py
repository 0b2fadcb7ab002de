"""Composes a folder of scenes from class folders and backgrounds, and checks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kerasgen.annotations.dossier import write_card
from kerasgen.annotations.fill_folder import FilledFolder
from kerasgen.annotations.folder_layout import METADATA, SETTINGS
from kerasgen.annotations.output import Output
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.folder import check_scenes, compose_folder, foregrounds_digest
from kerasgen.compositing.foreground_folders import (
    class_folders,
    cut_categories,
    read_foregrounds,
    warn_of_unread,
)
from kerasgen.compositing.foregrounds import Foreground, Rejection
from kerasgen.compositing.options import SceneOptions
from kerasgen.compositing.rejections import REJECTED_FOREGROUNDS, foreground_lines, save_rejected
from kerasgen.compositing.sheets import save_sheets
from kerasgen.compositing.verification import Verification, verify_folder
from kerasgen.io.files import access_to, check_apart, read_json, write_file
from kerasgen.io.folders import list_images
from kerasgen.io.images import PathLike
from kerasgen.io.interruption import Unfinished
from kerasgen.io.progress import Progress, silent

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Material:
    """The foregrounds and backgrounds of scenes.

    Attributes:
        class_names: The names of labels 0, 1, ...
        foregrounds: The foregrounds.
        rejected_foregrounds: Pictures that gave no foreground, with the reason.
        backgrounds: The usable backgrounds.
        rejected_backgrounds: (path, reason) of each that cannot be used.
    """

    class_names: tuple[str, ...]
    foregrounds: tuple[Foreground, ...]
    rejected_foregrounds: tuple[Rejection, ...]
    backgrounds: Backgrounds
    rejected_backgrounds: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """The backgrounds left out, and one line per class."""
        lines = []
        left_out = len(self.rejected_backgrounds)
        if left_out:
            lines.append(f"{left_out} of {left_out + len(self.backgrounds)} backgrounds left out:")
            lines += [f"  {path}: {why}" for path, why in self.rejected_backgrounds[:_SHOWN]]
            lines += [f"  and {left_out - _SHOWN} more"] if left_out > _SHOWN else []
        labels = [item.label for item in self.foregrounds]
        lines += foreground_lines(labels, self.rejected_foregrounds, self.class_names)
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, kw_only=True)
class ComposedFolder(FilledFolder):
    """A finished folder of scenes; ``sheet`` shows the first ones.

    Attributes:
        material: Its foregrounds and backgrounds, and those left out.
        masks_sheet: The sheet with outlines, boxes and classes; None without scenes.
        verification: The result of the check; None if nothing was checked.
    """

    material: Material
    masks_sheet: Path | None
    verification: Verification | None

    def __str__(self) -> str:
        """What was used, the counts, and the result of the check."""
        masks_sheet = None if self.masks_sheet is None else f"sheet: {self.masks_sheet}"
        parts = (self.material, super().__str__(), masks_sheet, self.verification)
        return "\n".join(str(part) for part in parts if part is not None)


def compose(
    foregrounds: PathLike,
    backgrounds: PathLike,
    folder: PathLike,
    *,
    count: int = 1000,
    options: SceneOptions | None = None,
    seed: int = 0,
    workers: int = 1,
    output: Output | None = None,
    verify: int | None = 100,
    progress: Progress = silent,
) -> ComposedFolder:
    """Pastes foregrounds of known classes onto backgrounds, with exact masks and boxes.

    Args:
        foregrounds: Folder with one sub-folder per class, see ``read_foregrounds``.
        backgrounds: Folder of pictures to paste on; those that cannot be used are left out.
        folder: New, empty, or left unfinished by the same call, which then continues it.
        count: Number of scenes, including rejected ones; larger than before extends the folder.
        options: The ranges; None stands for the defaults.
        seed: Random seed, from 0.
        workers: Processes, see ``compose_folder``; the result does not depend on them.
        output: Label files for YOLO, or a shard, see ``fill_folder``.
        verify: Number of scenes whose annotations are checked, see ``verify_folder``; None for all.
        progress: Progress display, see ``kerasgen.io.progress``.

    Returns:
        The folder, what was left out, and the result of the check.

    Raises:
        ValueError: If an argument is invalid, no foreground or background can be used, or as for
            ``compose_folder``.
        Unfinished: After Ctrl-C or SIGTERM, or if a worker was killed.
    """
    check_apart(folder, foregrounds=foregrounds, backgrounds=backgrounds)
    options = options or SceneOptions()
    warn_of_unread(foregrounds)
    scenery = Backgrounds.from_folder(backgrounds)
    common: dict[str, Any] = {"options": options, "seed": seed, "workers": workers}
    # Fails here rather than after minutes of cutting.
    output = replace(output or Output(), categories=cut_categories(foregrounds))
    output.share(count, block=1)
    check_scenes(folder, count, class_names=class_folders(foregrounds), **common)
    material = _read_material(foregrounds, scenery, options, workers, progress)
    with _explained_by(material), progress("scenes") as report:
        filled = compose_folder(
            material.foregrounds,
            material.backgrounds,
            folder,
            count,
            class_names=material.class_names,
            output=output,
            report=report,
            **common,
        )
    return _finished(filled, material, verify, progress)


@contextmanager
def _explained_by(material: Material) -> Iterator[None]:
    """Adds what was left out to an error: often its reason, and there will be no result."""
    try:
        yield
    except (ValueError, Unfinished) as error:
        if not (material.rejected_foregrounds or material.rejected_backgrounds):
            raise
        raise type(error)(f"{error}\n{material}") from error


def _read_material(
    foregrounds: PathLike,
    scenery: Backgrounds,
    options: SceneOptions,
    workers: int,
    progress: Progress,
) -> Material:
    names = class_folders(foregrounds)
    with progress("backgrounds") as report:
        usable, unusable = scenery.usable(workers, report)
    with progress("foregrounds") as report:
        found, rejected = read_foregrounds(
            foregrounds, names, workers=workers, report=report, **options.extraction
        )
    return Material(tuple(names), tuple(found), tuple(rejected), usable, tuple(unusable))


def _finished(
    filled: FilledFolder, material: Material, verify: int | None, progress: Progress
) -> ComposedFolder:
    """Writes the sheets and the list of rejected foregrounds, and checks the scenes."""
    names, rejected = material.class_names, material.rejected_foregrounds
    save_rejected(filled.folder / REJECTED_FOREGROUNDS, rejected, names)
    sheet, masks_sheet = save_sheets(filled.folder, names) or (None, None)
    write_card(filled.folder, filled.facts)
    verification = None
    if verify is None or verify > 0:
        with progress("verified") as report:
            verification = verify_folder(
                filled.folder, material.foregrounds, most=verify, report=report
            )
    return ComposedFolder(
        **{**vars(filled), "sheet": sheet},
        material=material,
        masks_sheet=masks_sheet,
        verification=verification,
    )


def finish_merged(merged: FilledFolder, shards: Sequence[PathLike]) -> FilledFolder:
    """Adds what ``compose`` writes beside its scenes to merged shards; other jobs write no more.

    Args:
        merged: Shards merged by ``merge_shards``.
        shards: Their folders.

    Returns:
        The folder with its sheet.

    Raises:
        ValueError: If the shards left out different foregrounds, or nothing can be written.
    """
    settings = read_json(merged.folder / SETTINGS)
    if settings.get("kind") != "scenes":
        return merged
    paths = [Path(shard) / REJECTED_FOREGROUNDS for shard in shards]
    with access_to(paths[0]):
        lists = [path.read_bytes() for path in paths]
    for path, content in zip(paths, lists, strict=True):
        if content != lists[0]:
            raise ValueError(
                f"The shards left out different foregrounds. Received: {str(paths[0])!r} and "
                f"{str(path)!r}"
            )
    write_file(merged.folder / REJECTED_FOREGROUNDS, lists[0])
    sheet, _ = save_sheets(merged.folder, settings["class_names"]) or (None, None)
    write_card(merged.folder, merged.facts)
    return replace(merged, sheet=sheet)


def verify(
    folder: PathLike,
    foregrounds: PathLike,
    *,
    most: int | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> Verification:
    """Cuts the foregrounds of a folder of scenes again and checks its annotations.

    Args:
        folder: Folder that ``compose`` wrote.
        foregrounds: Folder it was composed from.
        most: Number of scenes to check, from the first on; None for all.
        workers: Threads.
        progress: As for ``compose``.

    Returns:
        The counts and failures.

    Raises:
        ValueError: If it is not a finished folder of scenes, or has other foregrounds.
    """
    settings = read_json(Path(folder) / SETTINGS)
    if settings.get("kind") != "scenes" or not (Path(folder) / METADATA).exists():
        raise ValueError(f"Not a finished folder of scenes. Received: folder={str(folder)!r}")
    list_images(foregrounds)
    with progress("foregrounds") as report:
        found, _ = read_foregrounds(
            foregrounds,
            settings["class_names"],
            workers=workers,
            report=report,
            **settings["extraction"],
        )
    if foregrounds_digest(found) != settings["foregrounds"]:
        raise ValueError(
            "The scenes were composed from other foregrounds, or cut by another OpenCV. "
            f"Received: foregrounds={str(foregrounds)!r}"
        )
    with progress("verified") as report:
        return verify_folder(folder, found, most=most, report=report)
