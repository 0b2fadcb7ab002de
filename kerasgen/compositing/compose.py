"""Class folders and backgrounds -> a folder of scenes, checked, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerasgen.annotations.fill_folder import FilledFolder
from kerasgen.annotations.synthetic_folder import METADATA, SETTINGS
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.folder import check_scenes, compose_folder, foregrounds_digest
from kerasgen.compositing.foregrounds import (
    Foreground,
    Rejection,
    class_folders,
    read_foregrounds,
)
from kerasgen.compositing.options import SceneOptions
from kerasgen.compositing.rejections import REJECTED_FOREGROUNDS, foreground_lines, save_rejected
from kerasgen.compositing.sheets import save_sheets
from kerasgen.compositing.verification import Verification, verify_folder
from kerasgen.io.files import check_apart, read_json
from kerasgen.io.images import PathLike, list_images
from kerasgen.io.progress import Progress, silent

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class ComposedFolder(FilledFolder):
    """A finished folder of scenes; `sheet` shows the first ones.

    Attributes:
        class_names: The names of labels 0, 1, ...
        foregrounds: What was pasted.
        rejected_foregrounds: Pictures that gave no foreground, with the reason; also a file.
        backgrounds: How many could be pasted on.
        rejected_backgrounds: (path, reason) of each that could not.
        masks_sheet: The sheet with outlines, boxes and classes; None if there is no scene.
        verification: What was found wrong; None if nothing was checked.
    """

    class_names: tuple[str, ...] = ()
    foregrounds: tuple[Foreground, ...] = ()
    rejected_foregrounds: tuple[Rejection, ...] = ()
    backgrounds: int = 0
    rejected_backgrounds: tuple[tuple[str, str], ...] = ()
    masks_sheet: Path | None = None
    verification: Verification | None = None

    def __str__(self) -> str:
        """What was used, what there is and what was found wrong."""
        lines = []
        if self.rejected_backgrounds:
            left_out = len(self.rejected_backgrounds)
            lines.append(f"{left_out} of {left_out + self.backgrounds} backgrounds left out:")
            lines += [f"  {path}: {why}" for path, why in self.rejected_backgrounds[:_SHOWN]]
            lines += [f"  and {left_out - _SHOWN} more"] if left_out > _SHOWN else []
        labels = [item.label for item in self.foregrounds]
        lines += foreground_lines(labels, self.rejected_foregrounds, self.class_names)
        lines.append(super().__str__())
        lines += [f"sheet: {self.masks_sheet}"] if self.masks_sheet is not None else []
        lines += [str(self.verification)] if self.verification is not None else []
        return "\n".join(lines)


def compose(
    foregrounds: PathLike,
    backgrounds: PathLike,
    folder: PathLike,
    *,
    count: int = 1000,
    options: SceneOptions | None = None,
    seed: int = 0,
    workers: int = 1,
    yolo: bool = False,
    verify: int | None = 100,
    progress: Progress = silent,
) -> ComposedFolder:
    """Pastes foregrounds of known classes on backgrounds, with exact masks and boxes.

    Args:
        foregrounds: Folder with one sub-folder a class, see `read_foregrounds`.
        backgrounds: Folder of pictures to paste on; those that cannot be used are left out.
        folder: New, empty, or begun by the same call, which then goes on.
        count: Scenes, those rejected included; a finished folder may grow.
        options: The ranges; None stands for the defaults.
        seed: From 0.
        workers: Processes, see `compose_folder`; the result does not depend on them.
        yolo: Whether to write YOLO's files too.
        verify: Scenes whose annotations are checked, see `verify_folder`; None for all.
        progress: Shows how far each part of the job has come, see `kerasgen.io.progress`.

    Returns:
        What there is, and what was left out or found wrong.

    Raises:
        ValueError: If an argument is invalid, nothing can be cut or pasted on, the folder is
            another's or cannot be written, or more than half of the scenes cannot be composed.
        Unfinished: After Ctrl-C or SIGTERM, or if a worker was killed.
    """
    check_apart(folder, foregrounds=foregrounds, backgrounds=backgrounds)
    # What could fail after minutes of cutting is tried before.
    options = options or SceneOptions()
    list_images(foregrounds)
    names = class_folders(foregrounds)
    scenery = Backgrounds.from_folder(backgrounds)
    check_scenes(folder, count, class_names=names, options=options, seed=seed, workers=workers)
    with progress("backgrounds") as report:
        usable, unusable = scenery.usable(workers, report)
    with progress("foregrounds") as report:
        found, rejected = read_foregrounds(
            foregrounds, names, workers=workers, report=report, **options.extraction
        )
    with progress("scenes") as report:
        filled = compose_folder(
            found,
            usable,
            folder,
            count,
            class_names=names,
            options=options,
            seed=seed,
            workers=workers,
            yolo=yolo,
            report=report,
        )
    save_rejected(filled.folder / REJECTED_FOREGROUNDS, rejected, names)
    sheet, masks_sheet = save_sheets(folder, names) or (None, None)
    verification = None
    if verify is None or verify > 0:
        with progress("verified") as report:
            verification = verify_folder(folder, found, most=verify, report=report)
    return ComposedFolder(
        filled.folder,
        filled.pictures,
        filled.rejected,
        sheet,
        tuple(names),
        tuple(found),
        tuple(rejected),
        len(usable),
        tuple(unusable),
        masks_sheet,
        verification,
    )


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
        folder: What `compose` wrote.
        foregrounds: The folder it was composed from.
        most: Scenes to check, from the first on; None for all.
        workers: Threads.
        progress: As for `compose`.

    Returns:
        Counts and failures.

    Raises:
        ValueError: If it is no finished folder of scenes, or was composed from other foregrounds.
    """
    settings = read_json(Path(folder) / SETTINGS)
    if settings.get("kind") != "scenes" or not (Path(folder) / METADATA).exists():
        raise ValueError(f"No finished folder of scenes. Received: folder={str(folder)!r}")
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
