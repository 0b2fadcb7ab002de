"""The picture files of a folder, without its masks, its sheets and files of other kinds."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from kerasgen.io.names import PathLike, first_names

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_BESIDE = (".json", ".jsonl", ".csv", ".txt", ".md", ".db")  # no reason for a warning
_MASK = re.compile(r"(.+)([._])mask\.[^.]+", re.IGNORECASE)
_MANIFEST, _SHEETS = "metadata.jsonl", ("sheet.png", "sheet_masks.png")
"""A folder of kerasgen's own has these sheets beside its manifest."""


def list_images(folder: PathLike, *, count_others: bool = False) -> list[Path]:
    """List the picture files of a folder and its sub-folders, sorted by relative posix path.

    Hidden files and editor backups are skipped, and so are masks (see `masks_among`) and the sheets
    of a folder that kerasgen wrote. Links are followed, each real folder once.

    Args:
        folder: The folder; endings png jpg jpeg webp bmp tif tiff are read, in any case.
        count_others: Whether to warn of files that are left out (except text and tables, and
            ``NAME.mask.png``), and of TIFF files with more pictures than the first.

    Returns:
        The paths, including broken links, which `read_image` refuses.

    Raises:
        ValueError: If `folder` is missing, is a file, or holds no pictures.
    """
    root = Path(folder)
    if not root.is_dir():
        kind = "a file" if root.exists() else "missing"
        raise ValueError(f"The picture folder is {kind}. Received: folder={str(root)!r}")
    files, unreadable = _walk(root)
    found = [path for path in files if _is_picture(path)]
    masks = masks_among(found)
    pictures = [path for path in found if path not in masks]
    reasons = ", ".join(map(str, unreadable[:3]))
    lost = f"{len(unreadable)} folder(s) cannot be read: {reasons}." if unreadable else ""
    if not pictures:
        seen = f"No picture among {len(files)} file(s), only {' '.join(ENDINGS)} are read. "
        if masks:
            seen = f"No picture among {len(files)} file(s), {len(masks)} of them masks. "
        raise ValueError(f"{seen}{lost and lost + ' '}Received: folder={str(root)!r}")
    remarks = [lost, *(_others(files, masks) if count_others else ())]
    for remark in filter(None, remarks):
        warnings.warn(remark, stacklevel=2)
    return sorted(pictures, key=lambda path: path.relative_to(root).as_posix())


def walk_images(folder: PathLike) -> Iterator[Path]:
    """Yields what `list_images` lists, folder by folder: no more than one is in memory.

    Args:
        folder: The folder.

    Yields:
        The paths, sorted within each folder.

    Raises:
        ValueError: If the folder is missing, or one below it cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise ValueError(f"No access: {error}. Received: folder={str(folder)!r}") from error

    for files in _by_folder(Path(folder), refuse):
        found = [path for path in files if _is_picture(path)]
        yield from sorted(set(found) - masks_among(found))


def unread_files(folder: PathLike) -> list[str]:
    """Sentences on the files below a folder that `list_images` leaves out, as it warns of them.

    Args:
        folder: The folder.

    Returns:
        One for each kind of file; often none.
    """
    files, _ = _walk(Path(folder))
    return _others(files, masks_among(path for path in files if _is_picture(path)))


def masks_among(paths: Iterable[Path]) -> set[Path]:
    """The masks among picture files.

    ``shirt.mask.png`` is one, and ``shirt_mask.png`` if a picture ``shirt`` lies beside it; upper
    and lower case and the kinds of both files do not matter.

    Args:
        paths: All picture files of one or more folders.

    Returns:
        The paths that are masks.
    """
    paths = list(paths)
    stems = {(path.parent, path.stem) for path in paths}
    masks = set()
    for path in paths:
        match = _MASK.fullmatch(path.name)
        if match and (match[2] == "." or (path.parent, match[1]) in stems):
            masks.add(path)
    return masks


def masks_beside(path: Path) -> list[Path]:
    """The masks of a picture, see `masks_among`; at most one is right.

    Args:
        path: The picture.

    Returns:
        Their paths, sorted.

    Raises:
        OSError: If the folder cannot be read.
    """
    found = []
    for name in os.listdir(path.parent):
        if name.startswith(path.stem) and name.lower().endswith(ENDINGS):
            match = _MASK.fullmatch(name)
            if match and match[1] == path.stem:
                found.append(path.with_name(name))
    return sorted(found)


def _is_picture(path: Path) -> bool:
    return path.name.lower().endswith(ENDINGS)


def _others(files: Sequence[Path], masks: set[Path]) -> list[str]:
    """Sentences on files that are not read, or not wholly."""
    unexpected = [
        path.suffix.lower() or "(no ending)"
        for path in files
        if not path.name.lower().endswith((*ENDINGS, *_BESIDE))
    ]
    remarks = []
    if unexpected:
        many = "1 file of another kind was" if len(unexpected) == 1 else ""
        kinds = first_names(sorted(set(unexpected)))
        remarks.append(
            f"{many or f'{len(unexpected)} files of other kinds were'} not read: {kinds}"
        )
    doubtful = sorted(path.name for path in masks if "_mask." in path.name.lower())
    if doubtful:
        remarks.append(
            f"{len(doubtful)} file(s) were taken for masks of the pictures beside them, not for "
            f"pictures: {first_names(doubtful)}"
        )
    stacks = sorted(path.name for path in files if _is_stack(path))
    if stacks:
        remarks.append(
            f"{len(stacks)} TIFF file(s) hold several pictures, of which only the first is read: "
            f"{first_names(stacks)}"
        )
    return remarks


def _is_stack(path: Path) -> bool:
    if not path.name.lower().endswith((".tif", ".tiff")):
        return False
    # What is wrong with a file is said when it is read.
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        with Image.open(path, formats=("TIFF",)) as image:
            return getattr(image, "n_frames", 1) > 1
    return False


def _walk(root: Path) -> tuple[list[Path], list[OSError]]:
    unreadable: list[OSError] = []
    return [path for files in _by_folder(root, unreadable.append) for path in files], unreadable


def _by_folder(root: Path, unreadable: Callable[[OSError], None]) -> Iterator[list[Path]]:
    """The files of each folder, parents first."""
    visited = {os.path.realpath(root)}
    for parent, folders, names in os.walk(root, onerror=unreadable, followlinks=True):
        shown = [Path(parent, name) for name in folders if name[0] != "."]
        # Of several names for one folder the last one is kept: its real one, if it is among them.
        shown.sort(key=lambda path: (path.is_symlink(), path.name), reverse=True)
        fresh = {os.path.realpath(path): path.name for path in shown}
        folders[:] = sorted(name for real, name in fresh.items() if real not in visited)
        visited.update(fresh)
        files = []
        for path in (Path(parent, name) for name in names if name[0] != "."):
            if path.name in _SHEETS and _MANIFEST in names:
                continue
            is_file = os.path.isfile(path) or path.is_symlink()
            if is_file and not path.name.endswith(("~", "#", ".bak")):
                files.append(path)
        yield files
