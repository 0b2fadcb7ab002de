"""Labelled pictures of one size, from folders, arrays and data sets."""

import io
import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from kerasgen.data.labelled_sources import Item, open_source
from kerasgen.io.files import write_file
from kerasgen.io.images import Fit, ImageError, Pixels, Size, fit_image

_LOGGER = logging.getLogger(__name__)
Transform = Callable[[Pixels], Pixels]
_MODES = {1: "L", 3: "RGB"}
_CHUNK = 256  # full-size pictures in memory at a time


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """N pictures of known classes."""

    images: Pixels  # [N, H, W, C] uint8 in [0, 255]
    labels: np.ndarray  # [N] int32, indices into `class_names`
    class_names: tuple[str, ...]
    names: tuple[str, ...]  # N: path below the folder, or array and index as in "x_train#17"

    def at(self, indices: np.ndarray) -> "LabelledImages":
        """Returns the pictures at `[M]` integer indices, in that order; the classes stay."""
        names = tuple(self.names[index] for index in indices)
        return LabelledImages(self.images[indices], self.labels[indices], self.class_names, names)

    def with_classes(self, class_names: tuple[str, ...], *, called: str = "") -> "LabelledImages":
        """Returns the same pictures with labels that index other class names.

        Args:
            class_names: The other names, which must include those of this set.
            called: Name of the set in an error message, like "--synthetic DIR".

        Raises:
            ValueError: If a class is not among them.
        """
        others = sorted(set(self.class_names) - set(class_names))
        if others:
            folded = {name.casefold() for name in class_names}
            alike = [name for name in others if name.casefold() in folded]
            hint = f" Only upper and lower case differ of {', '.join(alike)}." if alike else ""
            where = f", in {called}" if called else ""
            raise ValueError(
                f"Classes must be called alike in all sets.{hint} Received: {', '.join(others)}, "
                f"not among {', '.join(class_names)}{where}"
            )
        numbers = np.array([class_names.index(name) for name in self.class_names], np.int32)
        return LabelledImages(self.images, numbers[self.labels], class_names, self.names)


def load_labelled(
    source: str | Path,
    *,
    size: Size | None = None,
    channels: int | None = None,
    fit: Fit = "pad",
    transform: Transform | None = None,
) -> dict[str, LabelledImages]:
    """Reads labelled pictures and resizes them to one size.

    A source is one of

    - a folder of class folders, `<class>/**/*.jpg`, all formats of `images.read_image`, classes in
      the order of their names;
    - a folder with `train/` and optionally `validation/` and `test/`, or any names that
      `io.names.split_of` knows, each of class folders; classes may be missing in the last two;
    - a folder with `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and optionally the same
      with `t10k-` for the test, gzipped or not: the format of MNIST; optionally `labels.txt` with
      the name of a class on each line, by default "0", "1", ...;
    - a folder with `metadata.jsonl` whose rows have a class, as `kerasgen synthesize` writes it;
    - an `.npz` file with `x_train` and `y_train` (and the same with `_val`, `_validation`,
      `_test`), or `images` and `labels`; pictures `[N, H, W]` or `[N, H, W, 1 | 3]` uint8, labels
      integers; optionally `class_names`, by default "0", "1", ...;
    - `tfds:NAME` or `tfds:NAME@FOLDER`, a data set that `tensorflow_datasets` has prepared already:
      nothing is downloaded.

    Pictures that cannot be read are left out with one warning.

    Args:
        source: See above.
        size: Side, or (height, width), in pixels. None keeps the size, which must then be the same
            for all pictures.
        channels: 1 (grey) or 3 (RGB). None is 3 for files, and their own number for arrays.
        fit: "pad" adds black, "crop" cuts, "stretch" distorts, as in `images.read_image`.
        transform: Function from `[h, w, 3]` to `[h', w', 3]`, both uint8, applied to each picture
            at its full size before `fit`. A picture for which it raises ValueError is left out.

    Returns:
        "train", and "validation" and "test" if the source has them.

    Raises:
        ValueError: If an argument or the source is invalid, if a training class has no usable
            picture, if there are more than 10,000 classes, or if pictures differ in size and `size`
            is None.
    """
    form = _Form(_target(size), channels, fit, transform)
    if channels not in (None, *_MODES) or fit not in ("crop", "pad", "stretch"):
        raise ValueError(f"Unknown choice. Received: {channels=}, {fit=}")
    found = open_source(source)
    lost: list[_Lost] = []
    sets: dict[str, LabelledImages] = {}
    shapes: dict[tuple[int, ...], str] = {}
    for split, items in found.splits.items():
        kept = list(_usable(items, form, lost, shapes, source))
        sets[split] = _stacked(kept, found.class_names, lost, f"{split} of {str(source)!r}")
        if split == "train":
            _check_classes(sets[split], lost, source)
    _warn_of(lost)
    return sets


def save_labelled(path: str | Path, pictures: LabelledImages) -> None:
    """Writes pictures as an `.npz` file that `load_labelled` reads.

    Args:
        path: The file.
        pictures: The pictures; their names are not saved.

    Raises:
        ValueError: If the file cannot be written; it is then unchanged.
    """
    stream = io.BytesIO()
    names = np.array(pictures.class_names)
    np.savez_compressed(stream, images=pictures.images, labels=pictures.labels, class_names=names)
    write_file(Path(path), stream.getvalue())


class _Form(NamedTuple):
    """How every picture is prepared, see `load_labelled`."""

    size: tuple[int, int] | None
    channels: int | None
    fit: Fit
    transform: Transform | None


class _Kept(NamedTuple):
    name: str
    label: int
    pixels: Pixels


class _Lost(NamedTuple):
    name: str
    label: int
    reason: str
    by_transform: bool


def _target(size: Size | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ValueError(f"`size` must be a side or (height, width). Received: size={size}")
    return sides


def _usable(
    items: Iterable[Item],
    form: _Form,
    lost: list[_Lost],
    shapes: dict[tuple[int, ...], str],
    source: str | Path,
) -> Iterator[_Kept]:
    """Yields the pictures of one shape that can be used; adds the others to `lost`."""
    for one in _each(items, form):
        if isinstance(one, _Lost):
            lost.append(one)
        else:
            shapes.setdefault(one.pixels.shape, one.name)
            _check_shapes(shapes, source)
            yield one


def _each(items: Iterable[Item], form: _Form) -> Iterator[_Kept | _Lost]:
    if form.transform is not None:
        yield from (_one(item, form) for item in items)
        return
    rest = iter(items)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        while chunk := list(itertools.islice(rest, _CHUNK)):
            yield from pool.map(lambda item: _one(item, form), chunk)


def _one(item: Item, form: _Form) -> _Kept | _Lost:
    try:
        pixels = item.read()
    except ImageError as error:
        return _Lost(item.name, item.label, str(error), by_transform=False)
    if form.transform is not None:
        try:
            pixels = form.transform(
                np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
            )
        except ValueError as error:
            return _Lost(item.name, item.label, str(error), by_transform=True)
        _check_transformed(pixels, item.name)
    try:
        return _Kept(item.name, item.label, _formed(pixels, form))
    except ImageError as error:
        return _Lost(item.name, item.label, str(error), by_transform=False)


def _check_transformed(pixels: Pixels, name: str) -> None:
    shape, dtype = np.shape(pixels), getattr(pixels, "dtype", None)
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 1 or dtype != np.uint8:
        raise ValueError(
            "`transform` must return [h, w, 3] uint8. "
            f"Received: shape={shape}, dtype={dtype} for {name!r}"
        )


def _formed(pixels: Pixels, form: _Form) -> Pixels:
    channels = form.channels or pixels.shape[2]
    if form.size in (None, pixels.shape[:2]) and channels == pixels.shape[2]:
        return pixels
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture = picture.convert(_MODES[channels])
    if form.size is not None:
        picture = fit_image(picture, form.size, form.fit)
    return np.asarray(picture).reshape(picture.height, picture.width, channels)


def _check_shapes(shapes: Mapping[tuple[int, ...], str], source: str | Path) -> None:
    if len(shapes) > 1:
        found = " and ".join(f"{list(shape)} of {name!r}" for shape, name in shapes.items())
        raise ValueError(
            "Pictures differ in height, width or channels: set a size (--size) and channels "
            f"(--channels). Received: {found} in source={str(source)!r}"
        )


def _stacked(
    kept: list[_Kept], class_names: tuple[str, ...], lost: list[_Lost], where: str
) -> LabelledImages:
    if not kept:
        reason = f", for the last: {lost[-1].reason}" if lost else ""
        raise ValueError(f"There is no picture to use{reason}. Received: {where}")
    labels = np.array([one.label for one in kept], np.int32)
    names = tuple(one.name for one in kept)
    return LabelledImages(np.stack([one.pixels for one in kept]), labels, class_names, names)


def _check_classes(train: LabelledImages, lost: list[_Lost], source: str | Path) -> None:
    counts = np.bincount(train.labels, minlength=len(train.class_names))
    emptied = [one for one in lost if not counts[one.label]]
    if emptied:
        name, reason = train.class_names[emptied[0].label], emptied[0].reason
        raise ValueError(
            f"No picture of class {name!r} can be used, for the first: {reason} "
            f"Received: source={str(source)!r}"
        )
    if len(counts) == 1:
        _LOGGER.warning("There is only one class, %r: one folder too high?", train.class_names[0])
    for count, text in ((0, "no"), (1, "only one")):
        names = [train.class_names[label] for label in np.flatnonzero(counts == count)]
        if names:
            _LOGGER.warning("There is %s training picture of class %s", text, ", ".join(names))


def _warn_of(lost: list[_Lost]) -> None:
    if lost:
        by_transform = sum(one.by_transform for one in lost)
        counts = len(lost), by_transform, len(lost) - by_transform
        text = "%d pictures left out: %d by the transform, %d unreadable. First: %s: %s"
        _LOGGER.warning(text, *counts, lost[0].name, lost[0].reason)
