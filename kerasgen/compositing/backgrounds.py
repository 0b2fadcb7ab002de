"""Pictures to paste on, read when needed, and pieces of them to paste as distractors."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kerasgen.annotations.dossier import type_of_file
from kerasgen.compositing.foregrounds import Foreground
from kerasgen.io.files import file_sha256
from kerasgen.io.folders import list_images
from kerasgen.io.images import PathLike, Pixels, read_image
from kerasgen.io.names import unicode_name
from kerasgen.io.progress import Report

_MAX_SIDE = 2048
_MEMORY_LIMIT = 256 * 2**20
_SMALLEST_SIDE = 8
_ZOOM = (0.7, 1.0)
_PIECE = 96
_WAVES = 5


@dataclass(frozen=True, eq=False)
class Background:
    """A picture to paste on.

    Attributes:
        image: ``[H, W, 3]`` uint8 in [0, 255].
        path: Its name.
        sha256: Of its file, or of its pixels if it has none; hexadecimal.
        made: The digital source type that its file states, or None.
    """

    image: Pixels
    path: str
    sha256: str
    made: str | None = None


class Backgrounds:
    """A sequence of backgrounds.

    Args:
        pictures: Files, or arrays ``[H, W, 3]`` uint8 in [0, 255], of any sizes.
        root: Folder that the recorded file names are relative to; None records bare names.

    Raises:
        ValueError: If there are none, or an array is not such a picture.
    """

    def __init__(self, pictures: Sequence[PathLike | Pixels], root: PathLike | None = None) -> None:
        if not len(pictures):
            raise ValueError("Needs at least one background. Received: pictures=[]")
        self._pictures = [
            picture if isinstance(picture, str | os.PathLike) else np.asarray(picture)
            for picture in pictures
        ]
        self.root = root
        self._known: dict[int, tuple[str, str]] = {}
        self._kept: dict[int, Background] = {}
        self._kept_bytes = 0
        for index, picture in enumerate(self._pictures):
            if isinstance(picture, np.ndarray):
                _check(picture, f"pictures[{index}]")

    @classmethod
    def from_folder(cls, folder: PathLike) -> "Backgrounds":
        """All pictures of a folder and its sub-folders, see ``images.list_images``.

        Raises:
            ValueError: If the folder is missing or holds no pictures.
        """
        return cls(list_images(folder, count_others=True), folder)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pictures)

    def __getitem__(self, index: int) -> Background:
        """Reads one; up to 256 MiB of them are kept in memory.

        Raises:
            ImageError: If the file is no readable picture.
            ValueError: If it is below 8 pixels on a side.
        """
        if index not in self._kept:
            background = self._read(index)
            if self._kept_bytes + background.image.nbytes > _MEMORY_LIMIT:
                return background
            self._kept[index] = background
            self._kept_bytes += background.image.nbytes
        return self._kept[index]

    def __getstate__(self) -> dict[str, Any]:
        """Without the pictures kept in memory: other processes read them again."""
        return {**self.__dict__, "_kept": {}, "_kept_bytes": 0}

    def usable(
        self, workers: int = 1, report: Report | None = None
    ) -> tuple["Backgrounds", list[tuple[str, str]]]:
        """Decodes each once, and leaves out those that ``__getitem__`` would refuse.

        Only decoding finds a damaged file, which would reject every scene that draws it.

        Args:
            workers: Threads; the result does not depend on them.
            report: Called after each.

        Returns:
            The others, in their order, and the (path, reason) of each that is left out.

        Raises:
            ValueError: If none is left.
        """
        reasons = []
        with ThreadPoolExecutor(workers) as pool:
            for reason in pool.map(self._fault, range(len(self))):
                reasons.append(reason)
                if report is not None:
                    report(len(reasons), len(self))
        left_out = [
            (str(picture), reason)
            for picture, reason in zip(self._pictures, reasons, strict=True)
            if reason
        ]
        if not left_out:
            return self, []
        if len(left_out) == len(self):
            path, reason = left_out[0]
            raise ValueError(
                f"None of {len(left_out)} backgrounds can be used, for the first: {reason} "
                f"Received: path={path!r}"
            )
        good = [
            picture for picture, reason in zip(self._pictures, reasons, strict=True) if not reason
        ]
        return Backgrounds(good, self.root), left_out

    def _fault(self, index: int) -> str:
        picture = self._pictures[index]
        try:
            # Not kept in memory: each process keeps its own.
            if not isinstance(picture, np.ndarray):
                _check(read_image(picture), str(picture))
        except ValueError as error:
            return str(error).partition(" Received: ")[0]
        return ""

    def sources(self) -> list[tuple[str, str]]:
        """The name and the SHA-256 of each, as ``Background`` has them; none is decoded.

        Raises:
            ValueError: If a file cannot be read.
        """
        return [self._source(index) for index in range(len(self))]

    def _source(self, index: int) -> tuple[str, str]:
        if index not in self._known:
            picture = self._pictures[index]
            if isinstance(picture, np.ndarray):
                digest = hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()
                self._known[index] = (f"pictures[{index}]", digest)
            else:
                path = Path(picture)
                name = path.name if self.root is None else path.relative_to(self.root).as_posix()
                self._known[index] = (unicode_name(name), file_sha256(path))
        return self._known[index]

    def _read(self, index: int) -> Background:
        picture = self._pictures[index]
        if isinstance(picture, np.ndarray):
            return Background(picture, *self._source(index))
        image = read_image(picture)
        _check(image, str(picture))
        ratio = _MAX_SIDE / max(image.shape[:2])
        if ratio < 1:
            image = _resized(image, tuple(max(1, round(side * ratio)) for side in image.shape[:2]))
        return Background(image, *self._source(index), type_of_file(Path(picture)))


def random_crop(
    random: np.random.Generator, image: Pixels, size: tuple[int, int]
) -> tuple[Pixels, tuple[int, int, int, int]]:
    """Cuts a part with the proportions of ``size`` out of a picture and scales it to ``size``.

    The part is between 0.7 and 1 times the largest possible one, and enlarged only if the picture
    is too small.

    Args:
        random: Random generator.
        image: ``[H, W, 3]`` uint8.
        size: (height, width) of the result.

    Returns:
        ``[*size, 3]`` uint8, and the part as (x, y, width, height) in pixels of the picture.
    """
    limits = image.shape[:2]
    largest = min(limits[0] / size[0], limits[1] / size[1])
    zoom = max(largest * random.uniform(*_ZOOM), min(largest, 1.0))
    height, width = (
        min(limit, max(1, round(side * zoom))) for side, limit in zip(size, limits, strict=True)
    )
    y = int(random.integers(limits[0] - height + 1))
    x = int(random.integers(limits[1] - width + 1))
    return _resized(image[y : y + height, x : x + width], size), (x, y, width, height)


def random_piece(random: np.random.Generator, backgrounds: Backgrounds) -> Foreground:
    """Cuts a piece with a smooth random outline out of a random background.

    Pasted without an annotation, it keeps a detector from taking pasted edges for objects, as the
    distractor objects of Dwibedi et al. 2017, "Cut, Paste and Learn" (arXiv:1708.01642), section
    5.2. Differs: a piece of a background, so that no other objects are needed.

    Args:
        random: Random generator.
        backgrounds: To cut from.

    Returns:
        A foreground of at most 96 pixels a side.
    """
    background = backgrounds[int(random.integers(len(backgrounds)))]
    side = min(background.image.shape[:2])
    share = random.uniform(0.3, 0.7)
    height, width = (max(_SMALLEST_SIDE, round(side * share)),) * 2
    y = int(random.integers(background.image.shape[0] - height + 1))
    x = int(random.integers(background.image.shape[1] - width + 1))
    image = _resized(background.image[y : y + height, x : x + width], (_PIECE, _PIECE))
    return Foreground(
        image,
        _random_outline(random),
        (x, y),
        (width, height),
        0,
        background.path,
        background.sha256,
        "mask",
        1.0,
        background.made,
    )


def _random_outline(random: np.random.Generator) -> Pixels:
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angles)
    for wave in range(2, 2 + _WAVES):
        radius += random.uniform(0, 0.5 / wave) * np.cos(wave * angles + random.uniform(0, 7))
    radius *= 0.46 * _PIECE / radius.max()
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None] + _PIECE / 2
    alpha = np.zeros((_PIECE, _PIECE), np.uint8)
    # Antialiased, with four fractional bits.
    cv2.fillPoly(alpha, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return alpha


def _resized(image: Pixels, size: tuple[int, ...]) -> Pixels:
    shrinks = size[0] < image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=how), np.uint8)


def _check(image: Pixels, name: str) -> None:
    shape = image.shape
    if image.dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or min(shape) < 1:
        received = f"shape={shape}, dtype={image.dtype}, name={name!r}"
        raise ValueError(f"A background must be [H, W, 3] uint8. Received: {received}")
    if min(shape[:2]) < _SMALLEST_SIDE:
        raise ValueError(
            f"A background needs 8 pixels on a side, this has {shape[1]} x {shape[0]}. "
            f"Received: shape={shape}, name={name!r}"
        )
