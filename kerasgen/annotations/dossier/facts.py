"""What a folder of pictures says of itself, counted once for the data card and for Croissant."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.dossier.jobs import Job, job_of
from kerasgen.annotations.dossier.source_types import SYNTHETIC, TERMS, stated_type
from kerasgen.annotations.folder_layout import IMAGES, METADATA, PARTS, REJECTED, SETTINGS
from kerasgen.annotations.records import SOURCE_TYPE
from kerasgen.io.files import access_to, file_sha256, json_lines, read_json
from kerasgen.io.folders import ENDINGS
from kerasgen.io.images import PathLike
from kerasgen.io.names import file_name_of, first_names, path_of, unicode_name
from kerasgen.io.sheets import PNG_END
from kerasgen.io.xmp import is_signed

SHEETS = ("sheet.png", "sheet_masks.png")


@dataclass(frozen=True)
class Facts:
    """A folder of pictures in numbers.

    Attributes:
        settings: The settings of the job that filled it; empty if kerasgen did not.
        job: The job, or None.
        groups: For each folder, as a relative path, and ending, the number of pictures.
        rejected: Number of rejected pictures.
        classes: For each class, the number of its pictures and of its objects.
        sizes: "width x height" in pixels, each once; empty if unknown.
        roles: For each role of a source, the number of files.
        source_types: For each digital source type, the number of pictures that state it; None for
            those that state none.
        signed: Number of pictures with a C2PA manifest.
        tasks: What the annotations can train, in Hugging Face's words.
        sha256: Of ``metadata.jsonl``, or of all names and pictures.
        has_rows: Whether there is a ``metadata.jsonl``.
        has_sheet: Whether there is a ``sheet.png`` of kerasgen's.
        listed: Relative paths of the pictures if other picture files, such as masks, lie beside
            them, so that patterns will not do; else empty.
    """

    settings: Mapping[str, Any]
    job: Job | None
    groups: Mapping[tuple[str, str], int]
    rejected: int
    classes: Mapping[str, tuple[int, int]]
    sizes: Sequence[str]
    roles: Mapping[str, int]
    source_types: Mapping[str | None, int]
    signed: int
    tasks: Sequence[str]
    sha256: str
    has_rows: bool
    has_sheet: bool
    listed: Sequence[str]

    @property
    def is_synthetic(self) -> bool:
        """Whether all pictures are known to be synthetic."""
        return self.job is not None or 0 < self.count == self.synthetic

    @property
    def synthetic(self) -> int:
        """Number of pictures that are known to be synthetic."""
        if self.job is not None:
            return self.count
        return sum(self.source_types.get(term, 0) for term in SYNTHETIC)

    @property
    def count(self) -> int:
        """The number of pictures."""
        return sum(self.groups.values())

    def with_sheet(self, root: Path) -> Facts:
        """The same, of a folder whose sheets may be new."""
        return replace(self, has_sheet=self.job is not None and _has_sheet(root))

    @property
    def title(self) -> str:
        """What the set is called."""
        if self.job is not None:
            return self.job.title
        return "Synthetic pictures" if self.is_synthetic else "Pictures"


def list_pictures(folder: PathLike) -> list[str]:
    """Relative paths of the pictures of a folder, see ``AnnotatedFolder``.

    Raises:
        ValueError: If it is unfinished, there are no pictures, or a row names one elsewhere.
    """
    return list(_picture_names(Path(folder)))


def _picture_names(root: Path) -> Iterable[str]:
    if (root / PARTS).is_dir() or (read_settings(root) and not _has_rows(root)):
        raise ValueError(
            "The folder is unfinished: run the command that fills it again. "
            f"Received: folder={str(root)!r}"
        )
    if _has_rows(root):
        # Those of AnnotatedFolder, but none at all if all pictures were rejected.
        return (file_name_of(row, location) for row, _, location in json_lines(root / METADATA))
    return AnnotatedFolder(root).names


def recorded_types(folder: PathLike) -> dict[str, str]:
    """The digital source types that rows record, so that they outlive the marks of the pictures.

    Args:
        folder: Any folder that ``list_pictures`` reads.

    Returns:
        One of ``TERMS`` for each ``file_name`` whose row has one.
    """
    root = Path(folder)
    rows = _rows(root / METADATA) if _has_rows(root) else ()
    made = {row["file_name"]: row.get(SOURCE_TYPE) for row in rows}
    return {name: term for name, term in made.items() if isinstance(term, str) and term in TERMS}


def read_settings(root: Path) -> dict[str, Any]:
    """The settings of the job that filled a folder; empty if there is none of kerasgen's.

    Raises:
        ValueError: If they are damaged.
    """
    path = root / SETTINGS
    if not path.is_file():
        return {}
    try:
        settings = read_json(path)
    except ValueError:
        # Beside pictures alone it is an editor's, which may hold comments.
        if _has_rows(root):
            raise
        return {}
    has_names = isinstance(settings.get("class_names"), list)
    if job_of(settings) is None:
        # Every ``SyntheticFolder`` has these.
        return settings if has_names else {}
    has_model = "model_sha256" not in settings or "model" in settings
    if not (isinstance(settings.get("seed"), int) and has_names and has_model):
        raise ValueError(
            "The settings lack `seed`, `class_names` or `model`: bring the file back as it was, or "
            f"rename it. Received: path={str(path)!r}"
        )
    return settings


def read_facts(folder: PathLike) -> Facts:
    """Counts what a folder holds; masks are not decoded.

    Args:
        folder: A finished ``SyntheticFolder``, or any folder that ``AnnotatedFolder`` reads.

    Returns:
        The facts.

    Raises:
        ValueError: If the folder is unfinished or cannot be read, or a picture is missing, or cut
            off in a folder of kerasgen.
    """
    root = Path(folder)
    settings = read_settings(root)
    job = job_of(settings)
    groups: Counter[tuple[str, str]] = Counter()
    states: Counter[str | None] = Counter()
    signed = 0
    for name in _picture_names(root):
        content = _content(path_of(root, name), is_ours=job is not None)
        path = PurePosixPath(name)
        groups["" if "/" not in name else path.parent.as_posix(), path.suffix] += 1
        states[stated_type(content)] += 1
        signed += is_signed(content)
    counts = _Counts(settings.get("class_names", ()))
    sha256 = counts.add_all(root)
    rejected = root / REJECTED
    return Facts(
        settings,
        job,
        groups,
        sum(1 for _ in _rows(rejected)) if rejected.is_file() else 0,
        {name: (counts.pictures[name], counts.objects[name]) for name in counts.class_names()},
        sorted(counts.sizes),
        {role: len(counts.files[role]) for role in sorted(counts.files)},
        dict(sorted(states.items(), key=lambda item: (-item[1], str(item[0])))),
        signed,
        tuple(counts.tasks()),
        sha256,
        _has_rows(root),
        job is not None and _has_sheet(root),
        list_pictures(root) if _has_others(root, groups, IMAGES if job else "") else (),
    )


def _has_others(root: Path, groups: Mapping[tuple[str, str], int], below: str) -> bool:
    """Whether a pattern by ending would match other files than the pictures, hidden ones too."""
    known: Counter[str] = Counter()
    for (folder, _), count in groups.items():
        known[folder] += count
    walked = (os.path.relpath(folder, root) for folder, _, _ in os.walk(root / below))
    folders = {unicode_name("" if folder == "." else folder) for folder in walked}
    with access_to(root):
        # Some may lie in links, which are not walked.
        for folder in folders | {*known}:
            names = os.listdir(path_of(root, folder))
            if sum(name.lower().endswith(ENDINGS) for name in names) != known[folder]:
                return True
    return False


def _content(path: Path, is_ours: bool) -> bytes:
    with access_to(path):
        content = path.read_bytes()
    if is_ours and not content.endswith(PNG_END):
        raise ValueError(
            "The picture is cut off: delete it, and run the command that filled the folder again. "
            f"Received: path={str(path)!r}"
        )
    return content


class _Counts:
    """Classes, sizes and sources, counted row by row."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self._known = list(class_names)
        self.pictures: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()
        self.sizes: set[str] = set()
        self.files: dict[str, set[str]] = defaultdict(set)
        self._annotated: set[str] = set()

    def add_all(self, root: Path) -> str:
        """Counts all rows or class folders; returns the SHA-256 of what says them."""
        if not _has_rows(root):
            known = AnnotatedFolder(root)
            for name in known.names:
                self.add_class(known.facts(name).class_name)
            return known.sha256
        for row, _, location in json_lines(root / METADATA):
            try:
                self.add_row(row)
            except (KeyError, IndexError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"The row cannot be read: {error!r}. Received: {location}"
                ) from error
        return file_sha256(root / METADATA)

    def add_class(self, name: str | None) -> None:
        """Counts the class of a picture."""
        if name is not None:
            self.pictures[name] += 1

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Counts a row; fields that another program means otherwise are left out."""
        parameters = row.get("parameters")
        parameters = parameters if isinstance(parameters, dict) else {}
        name, annotation = parameters.get("class_name"), parameters.get("annotation")
        self.add_class(name if isinstance(name, str) else None)
        if isinstance(annotation, dict):
            self._annotated |= {key for key in ("mask", "keypoints") if annotation.get(key)}
        if "width" in row and "height" in row:
            self.sizes.add(f"{row['width']} x {row['height']}")
        if "sources" not in row or not isinstance(row.get("objects"), list):
            return
        for placed in row["objects"]:
            self.objects[self._known[placed["label"]]] += 1
        for source in row["sources"]:
            self.files[source["role"]].add(source["sha256"])

    def class_names(self) -> list[str]:
        """The classes, in the order of their labels, then by name."""
        return list(dict.fromkeys([*self._known, *sorted({*self.pictures, *self.objects})]))

    def tasks(self) -> Iterator[str]:
        """What the annotations can train."""
        if self.pictures:
            yield "image-classification"
        if self.objects:
            yield "object-detection"
        if self.objects or "mask" in self._annotated:
            yield "image-segmentation"
        if "keypoints" in self._annotated:
            yield "keypoint-detection"


def sizes_text(facts: Facts) -> str:
    """The sizes of the pictures in a few words; empty if unknown."""
    return f"{first_names(facts.sizes)} pixels" if facts.sizes else ""


def _has_sheet(root: Path) -> bool:
    return (root / SHEETS[0]).is_file()


def _has_rows(root: Path) -> bool:
    return (root / METADATA).is_file()


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    return (fields for fields, _, _ in json_lines(path))
