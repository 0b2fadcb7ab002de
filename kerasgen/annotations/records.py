"""What is known of one synthetic picture: its source files, its objects, its manifest row."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from kerasgen.annotations.annotation import (
    Box,
    checked_matrix,
    mask_from_run_lengths,
    run_lengths,
    tight_box,
)
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.io.files import strict_json
from kerasgen.io.images import Pixels

SOURCE_TYPE = "digital_source_type"
"""Field of a row beside those of ``ManifestRow``: what its picture states, which may lose it."""


@dataclass(frozen=True)
class Source:
    """A file that a picture was made from.

    Attributes:
        role: Its use: "foreground", "background", "distractor", "model", ...
        path: Path relative to the folder of sources, so that it is valid on every machine.
        sha256: 64 hexadecimal digits, see `file_sha256`.

    Raises:
        ValueError: If `sha256` is invalid, or a text is empty or not Unicode.
    """

    role: str
    path: str
    sha256: str

    def __post_init__(self) -> None:
        """Checks that the fields identify a file."""
        texts_ok = all(isinstance(text, str) and text for text in (self.role, self.path))
        # Names that are not Unicode hold lone surrogates, which other JSON readers refuse.
        if not texts_ok or any("\ud800" <= character <= "\udfff" for character in self.path):
            raise ValueError(f"`role` and `path` must be Unicode, not empty. Received: {self}")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"`sha256` must be 64 digits from 0 to f. Received: {self}")


@dataclass(frozen=True, eq=False)
class PlacedObject:
    """An object in a synthetic picture.

    Attributes:
        label: Class index, from 0.
        visible: `[H, W]` bool, True where the object is visible.
        whole: `[H, W]` bool, True where it would be visible if nothing covered it.
        matrix: `[3, 3]` float64 from pixels of the source to pixels of the picture, see
            `annotations`.
        source: `path` of the `Source` that it was cut from.
        truncation: Share of the object that lies outside the frame, in [0, 1].

    Raises:
        ValueError: If a field is not as above, or `visible` does not lie in `whole`.
    """

    label: int
    visible: np.ndarray
    whole: np.ndarray
    matrix: np.ndarray
    source: str
    truncation: float = 0.0

    def __post_init__(self) -> None:
        """Checks the fields."""
        object.__setattr__(self, "matrix", checked_matrix(self.matrix))
        if not isinstance(self.label, int | np.integer) or self.label < 0:
            raise ValueError(f"`label` must be an index from 0. Received: label={self.label!r}")
        if not 0 <= self.truncation <= 1:
            received = f"truncation={self.truncation}"
            raise ValueError(f"`truncation` must be in [0, 1]. Received: {received}")
        shape, kinds = self.whole.shape, {self.visible.dtype.name, self.whole.dtype.name}
        if len(shape) != 2 or self.visible.shape != shape or kinds != {"bool"}:
            received = f"visible={self.visible.shape}, whole={shape}, dtypes={sorted(kinds)}"
            raise ValueError(f"Masks must be [H, W] bool, of one size. Received: {received}")
        beyond = np.count_nonzero(self.visible & ~self.whole)
        if beyond:
            raise ValueError(f"`visible` must lie in `whole`. Received: {beyond} pixels outside")

    @property
    def box(self) -> Box | None:
        """Smallest box `(x0, y0, x1, y1)` in pixels around the visible part, or `None`."""
        return tight_box(self.visible)

    @property
    def occlusion(self) -> float:
        """Share of `whole` that is covered, in [0, 1]; 0 if `whole` is empty."""
        whole = np.count_nonzero(self.whole)
        return 1 - np.count_nonzero(self.visible) / whole if whole else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready dictionary; it includes box and occlusion for other readers."""
        box = self.box
        return {
            "label": int(self.label),
            "source": self.source,
            "box": None if box is None else list(box),
            "occlusion": self.occlusion,
            "truncation": float(self.truncation),
            "matrix": self.matrix.tolist(),
            "visible": run_lengths(self.visible),
            "whole": run_lengths(self.whole),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> PlacedObject:
        """Restores what `to_dict` returned, exactly."""
        return cls(
            label=fields["label"],
            visible=mask_from_run_lengths(fields["visible"]),
            whole=mask_from_run_lengths(fields["whole"]),
            matrix=np.array(fields["matrix"], np.float64),
            source=fields["source"],
            truncation=fields["truncation"],
        )


@dataclass(frozen=True, eq=False)
class ManifestRow:
    """What is known of one synthetic picture.

    Attributes:
        file_name: Path of the picture relative to the manifest, see `picture_name`.
        width: Width in pixels.
        height: Height in pixels.
        seed: Seed of the whole folder; with `index` it determines all random numbers.
        index: The picture's number, from 0.
        sources: The files that it was made from.
        parameters: How it was made, as JSON values (tuples become lists, no NaN).
        objects: Its objects from back to front; each comes from one of the sources.
        accepted: Whether the picture is usable.
        reason: Why it was rejected, or `None`.

    Raises:
        ValueError: If the fields do not agree, or JSON cannot hold `parameters`.
    """

    file_name: str
    width: int
    height: int
    seed: int
    index: int
    sources: tuple[Source, ...]
    parameters: Mapping[str, Any]
    objects: tuple[PlacedObject, ...]
    accepted: bool = True
    reason: str | None = None

    def __post_init__(self) -> None:
        """Checks the fields; the parameters become what JSON readers will see."""
        object.__setattr__(self, "parameters", json.loads(strict_json(dict(self.parameters))))
        if min(self.width, self.height, self.index + 1) < 1:
            received = f"width={self.width}, height={self.height}, index={self.index}"
            raise ValueError(f"A picture has a size, and an index from 0. Received: {received}")
        if self.accepted == bool(self.reason):
            received = f"accepted={self.accepted}, reason={self.reason!r}"
            raise ValueError(f"A rejected row, and no other, has a reason. Received: {received}")
        paths = {source.path for source in self.sources}
        for placed in self.objects:
            if placed.source not in paths:
                received = f"source={placed.source!r}"
                raise ValueError(f"An object must come from one of `sources`. Received: {received}")
            if placed.visible.shape != (self.height, self.width):
                received = f"masks={placed.visible.shape}, picture={(self.height, self.width)}"
                raise ValueError(f"Masks must be as large as the picture. Received: {received}")

    def to_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready dictionary."""
        numbers = {name: int(getattr(self, name)) for name in ("width", "height", "seed", "index")}
        return {
            "file_name": self.file_name,
            **numbers,
            "accepted": self.accepted,
            "reason": self.reason,
            "sources": [dataclasses.asdict(source) for source in self.sources],
            "parameters": self.parameters,
            "objects": [placed.to_dict() for placed in self.objects],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ManifestRow:
        """Restores what `to_dict` returned, exactly.

        Raises:
            ValueError: If a field is missing or invalid.
        """
        try:
            own = {name: fields[name] for name in cls.__dataclass_fields__}
            own["sources"] = tuple(Source(**source) for source in fields["sources"])
            own["objects"] = tuple(map(PlacedObject.from_dict, fields["objects"]))
            return cls(**own)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"A field of the row is missing or of no use: {error!r}") from error


class Entry(NamedTuple):
    """A picture that a job made.

    Attributes:
        row: Its row.
        picture: Its pixels, `[H, W, 1 | 3 | 4] uint8 in [0, 255]`; None if it is rejected.
        made: The digital source type that its file states, one of `TERMS`; empty for none.
    """

    row: ManifestRow
    picture: Pixels | None
    made: str = ""

    def check(self, classes: int) -> None:
        """Checks that row and picture agree.

        Args:
            classes: Number of classes of the folder.

        Raises:
            ValueError: If they do not, or an object has no class of the folder.
        """
        row, image = self.row, self.picture
        label = max((int(placed.label) for placed in row.objects), default=-1)
        if label >= classes:
            raise ValueError(f"There is no class of that label. Received: label={label}")
        if row.file_name != picture_name(row.index):
            received = f"file_name={row.file_name!r}, index={row.index}"
            raise ValueError(f"`file_name` must be picture_name(index). Received: {received}")
        if row.accepted != (image is not None):
            received = f"accepted={row.accepted}, image={'none' if image is None else 'array'}"
            raise ValueError(f"Accepted rows, and no others, have a picture. Received: {received}")
        if image is None:
            return
        size = row.height, row.width
        if image.dtype != np.uint8 or image.shape not in [(*size, deep) for deep in (1, 3, 4)]:
            received = f"shape={image.shape}, dtype={image.dtype}, row of (height, width)={size}"
            raise ValueError(
                f"Not [H, W, 1 | 3 | 4] uint8, as large as its row. Received: {received}"
            )
