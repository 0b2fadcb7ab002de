"""Sources of labelled pictures: class folders, idx files, npz files, tensorflow_datasets."""

import functools
import gzip
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kerasgen.annotations.folder_layout import METADATA
from kerasgen.data.labelled_folders import (
    SPLITS,
    Item,
    LabelledSource,
    check_class_count,
    read_class_folders,
    read_manifest_classes,
)
from kerasgen.io.names import class_name_of, plain_path, split_of

LABELS = "labels.txt"
"""File beside idx files with the name of each class, a line each, in the order of the labels."""

_IDX_STEMS = {"train": "train", "test": "t10k"}
# Deflate expands a byte to at most this many: more means a broken header.
_MOST_INFLATION = 1100


def open_source(source: str | Path) -> LabelledSource:
    """Detects the kind of a source and lists its pictures.

    Args:
        source: See `kerasgen.data.labelled_images.load_labelled`.

    Returns:
        Its classes and pictures, "train" first. Folders are listed, idx and npz files read.

    Raises:
        ValueError: If the source is of no known kind, or damaged.
    """
    if isinstance(source, str) and source.startswith("tfds:"):
        return _prepared_tfds(source)
    path = Path(source)
    if path.is_file() and path.suffix.lower() == ".npz":
        return _npz(path)
    if not path.is_dir():
        raise ValueError(
            "`source` must be a folder of class folders or of idx files, an .npz file, or "
            f"'tfds:NAME'; there is no such folder or file. Received: source={str(source)!r}"
        )
    if any(_idx_file(path, stem, "images", 3) for stem in _IDX_STEMS.values()):
        return _idx_folder(path)
    listed = read_manifest_classes if (path / METADATA).is_file() else read_class_folders
    return listed(path)


def _idx_folder(folder: Path) -> LabelledSource:
    arrays = {}
    for split, stem in _IDX_STEMS.items():
        images, labels = _idx_file(folder, stem, "images", 3), _idx_file(folder, stem, "labels", 1)
        if images and labels:
            arrays[split] = _Arrays(images.name, _idx(images, 3), _idx(labels, 1))
        elif images or labels or split == "train":
            there, missing = images or labels, "labels-idx1" if images else "images-idx3"
            raise ValueError(
                f"{stem}-{missing}-ubyte[.gz] is missing{f' beside {there.name}' if there else ''}."
                f" Received: source={str(folder)!r}"
            )
    return _array_source(arrays, _names_beside(folder), folder)


def _names_beside(folder: Path) -> tuple[str, ...] | None:
    """The lines of ``labels.txt``: idx files have no class names."""
    path = folder / LABELS
    if not path.is_file():
        return None
    try:
        names = tuple(filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"Cannot be read: {error}. Received: path={str(path)!r}") from error
    if len(set(names)) < len(names):
        raise ValueError(f"A class is named twice. Received: path={str(path)!r}")
    return names


def _idx_file(folder: Path, stem: str, kind: str, dimensions: int) -> Path | None:
    names = [f"{stem}-{kind}{joint}idx{dimensions}-ubyte" for joint in "-."]
    paths = [folder / f"{name}{ending}" for name in names for ending in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)


def _idx(path: Path, dimensions: int) -> np.ndarray:
    # http://yann.lecun.com/exdb/mnist: two zeros, the type (8 for bytes), the dimensions, sizes.
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as stream:
            head = stream.read(4 + 4 * dimensions)
            if head[:4] != bytes([0, 0, 8, dimensions]):
                raise ValueError(
                    f"No idx file of bytes in {dimensions} dimension(s): it starts with "
                    f"{head[:4].hex()}, not {bytes([0, 0, 8, dimensions]).hex()}."
                )
            if len(head) < 4 + 4 * dimensions:
                raise EOFError("the header ends early")
            shape = struct.unpack(f">{dimensions}I", head[4:])
            size = math.prod(shape)
            if size > path.stat().st_size * (_MOST_INFLATION if is_packed else 1):
                raise EOFError(f"the header promises {shape}")
            values = np.frombuffer(stream.read(size + 1), np.uint8)
            if values.size < size:
                raise EOFError(f"the header promises {size} values, there are {values.size}")
            if values.size > size:
                raise ValueError(f"There is more than the {shape} that the header promises.")
            return values.reshape(shape)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"Cut off or damaged ({error}): copy or download it again. Received: path={str(path)!r}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{error} Received: path={str(path)!r}") from error


class _Arrays(NamedTuple):
    name: str
    images: np.ndarray
    labels: np.ndarray


def _npz(path: Path) -> LabelledSource:
    if not zipfile.is_zipfile(path):
        raise ValueError(f"No .npz file, or a damaged one. Received: path={str(path)!r}")
    arrays = {}
    with np.load(path, allow_pickle=False) as stored:
        names = _npz_array(path, stored, "class_names") if "class_names" in stored else None
        pairs = {"images": ("train", "labels")} if "images" in stored else {}
        for key in stored.files:
            part = split_of(key[2:]) if key.startswith("x_") else None
            if part:
                pairs[key] = (part, f"y_{key[2:]}")
        for key, (split, labels) in pairs.items():
            if split in arrays:
                raise ValueError(f"Two arrays are {split} pictures. Received: path={str(path)!r}")
            values = (_npz_array(path, stored, name) for name in (key, labels))
            arrays[split] = _Arrays(key, *values)
        found = ", ".join(stored.files)
    if "train" not in arrays:
        raise ValueError(
            "An .npz file needs x_train and y_train, or images and labels. "
            f"Received: path={str(path)!r} with {found or 'nothing'}"
        )
    if names is not None and (names.ndim != 1 or names.dtype.kind != "U"):
        received = f"shape={names.shape}, dtype={names.dtype}"
        raise ValueError(
            "`class_names` must be a list of text, as of np.array(['a', 'b']). "
            f"Received: path={str(path)!r}, {received}"
        )
    return _array_source(arrays, None if names is None else tuple(names.tolist()), path)


def _npz_array(path: Path, stored: Any, name: str) -> np.ndarray:
    try:
        return stored[name]
    except KeyError as error:
        raise ValueError(f"`{name}` is missing. Received: path={str(path)!r}") from error
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        # numpy refuses Python objects, which could execute code when they are loaded.
        raise ValueError(
            f"`{name}` cannot be read ({error}): save plain uint8, integer or text arrays. "
            f"Received: path={str(path)!r}"
        ) from error


def _array_source(
    arrays: Mapping[str, _Arrays], class_names: tuple[str, ...] | None, source: Path
) -> LabelledSource:
    checked = {split: _checked(values, source) for split, values in arrays.items()}
    count = int(checked["train"].labels.max()) + 1 if class_names is None else len(class_names)
    check_class_count(count, source)
    for values in checked.values():
        low, high = int(values.labels.min()), int(values.labels.max())
        if low < 0 or high >= count:
            raise ValueError(
                f"Labels must be from 0 to {count - 1}, the classes of the training pictures. "
                f"Received: labels from {low} to {high} for {values.name} in {str(source)!r}"
            )
    names = tuple(map(class_name_of, class_names or map(str, range(count))))
    return LabelledSource(names, {split: _array_items(values) for split, values in checked.items()})


def _checked(arrays: _Arrays, source: Path) -> _Arrays:
    images, labels = arrays.images, arrays.labels
    received = f"{arrays.name} of shape={images.shape}, dtype={images.dtype} in {str(source)!r}"
    if images.dtype != np.uint8:
        raise ValueError(
            "Pictures must be uint8 in [0, 255]; floats in [0, 1] become that with "
            f"np.rint(255 * images).astype(np.uint8). Received: {received}"
        )
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
        raise ValueError(f"Pictures must be [N, H, W] or [N, H, W, 1 | 3]. Received: {received}")
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"There must be one integer label for each of {len(images)} pictures. Received: labels "
            f"of shape={labels.shape}, dtype={labels.dtype} for {arrays.name} in {str(source)!r}"
        )
    return _Arrays(arrays.name, images, labels)


def _array_items(arrays: _Arrays) -> Iterator[Item]:
    for index, label in enumerate(arrays.labels.tolist()):
        read = functools.partial(arrays.images.__getitem__, index)
        yield Item(f"{arrays.name}#{index}", label, read)


def _prepared_tfds(source: str) -> LabelledSource:
    name, _, folder = source.removeprefix("tfds:").partition("@")
    # A name with a namespace would cause a network request.
    if not re.fullmatch(r"[\w/.+-]+(:[\d.*]+)?", name):
        raise ValueError(f"Write 'tfds:NAME' or 'tfds:NAME@FOLDER'. Received: source={source!r}")
    import tensorflow_datasets as tfds

    data_dir = plain_path(folder) if folder else None
    try:
        splits, info = tfds.load(name, data_dir=data_dir, download=False, with_info=True)
    except AssertionError as error:
        arguments = f"{name!r}, data_dir={data_dir!r}" if data_dir else repr(name)
        command = f'python -c "import tensorflow_datasets as t; t.load({arguments})"'
        raise ValueError(
            f"The data set is not prepared here. Run once: {command} Received: source={source!r}"
        ) from error
    except ValueError as error:
        # The lines after the first name all existing data sets.
        raise ValueError(f"{str(error).splitlines()[0]} Received: source={source!r}") from error
    image, label = _tfds_features(info.features, tfds.features, source)
    names = tuple(info.features[label].names)
    check_class_count(len(names), source)
    known = {part: rows for split, rows in splits.items() if (part := split_of(split))}
    if "train" not in known:
        found = ", ".join(splits)
        raise ValueError(f"There is no train split, only {found}. Received: source={source!r}")
    items = {split: _tfds_items(source, split, known[split], image, label) for split in known}
    return LabelledSource(names, {split: items[split] for split in SPLITS if split in items})


def _tfds_features(features: Any, kinds: Any, source: str) -> tuple[str, str]:
    images = [key for key, kind in features.items() if isinstance(kind, kinds.Image)]
    labels = [key for key, kind in features.items() if isinstance(kind, kinds.ClassLabel)]
    if len(images) != 1 or len(labels) != 1:
        raise ValueError(
            f"Needed are one Image and one ClassLabel, there are {images} and {labels}: write the "
            f"pictures into class folders. Received: source={source!r}"
        )
    kind = features[images[0]]
    if kind.np_dtype != np.uint8 or kind.shape[-1] not in (1, 3):
        received = f"shape={kind.shape}, dtype={kind.np_dtype}"
        raise ValueError(
            "Pictures must be uint8 with 1 or 3 channels: write them into class folders. "
            f"Received: source={source!r} of {received}"
        )
    return images[0], labels[0]


def _tfds_items(source: str, split: str, rows: Any, image: str, label: str) -> Iterator[Item]:
    pairs = rows.map(lambda row: (row[image], row[label]))
    for index, (pixels, number) in enumerate(pairs.as_numpy_iterator()):
        if number < 0:
            raise ValueError(f"The {split} split has no labels. Received: source={source!r}")
        yield Item(f"{split}#{index}", int(number), functools.partial(np.asarray, pixels))
