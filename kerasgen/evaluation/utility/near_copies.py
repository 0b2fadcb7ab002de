"""Near copies: pictures that are others re-encoded, mirrored, shifted or with other levels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kerasgen.evaluation.metrics import Groups, squared_distances

_SIDE = 64
"""Larger pictures are reduced to this side."""

_CANDIDATES = 6
"""Pictures that each is compared with pixel by pixel."""

_FREQUENCIES = 9
"""Lowest frequencies, in each direction, by which candidates are found."""

_AT_ONCE = 512
"""Pictures whose frequencies are in memory at a time."""

_LEVELS, _CONTRAST = 3.0, 0.35
"""A copy's error is at most so many levels of 255, or this share of the picture's deviation."""

_RATIO = 0.4
"""A copy is nearer than this share of the distance to the nearest other picture."""


@dataclass(frozen=True)
class _Prepared:
    """Reduced pictures ``[N, h, w, C]`` uint8, and features ``[N, D]`` that find candidates."""

    pixels: np.ndarray
    features: np.ndarray


def near_copies(
    pictures: np.ndarray, references: np.ndarray, groups: Sequence[Hashable] | None = None
) -> np.ndarray:
    """Finds pictures that are references re-encoded, mirrored, shifted or a little brighter.

    A picture is laid over a reference, mirrored or not, at every shift up to an eighth of the
    sides. It is a copy if the difference that remains is small for its contrast, and small beside
    the difference of that reference to the nearest *other* one, as in ``find_copies``: where all
    pictures are alike, alike is no copy. Candidates are found by the absolute values of low
    frequencies, which hardly change with a shift.

    Args:
        pictures: ``[N, H, W, C]`` uint8.
        references: ``[M, H, W, C]`` uint8.
        groups: Source of each reference: pictures of one source, such as frames of a recording, are
            not *other* ones. None if each is its own.

    Returns:
        ``[N]`` int64, the reference that each picture is a copy of, -1 if it is none.
    """
    found = np.full(len(pictures), -1)
    if not len(pictures) or not len(references):
        return found
    queries, known = _prepared(pictures), _prepared(references)
    sources, errors = _nearest(queries, known)
    deviations = np.array([each.std() for each in queries.pixels])
    suspects = np.flatnonzero(errors <= np.maximum(_LEVELS, _CONTRAST * deviations))
    own = Groups(len(references), groups).of_samples
    copied, inverse = np.unique(sources[suspects], return_inverse=True)
    near = errors[suspects] <= _RATIO * _to_others(known, copied, own)[inverse]
    found[suspects[near]] = sources[suspects[near]]
    return found


def _prepared(images: np.ndarray) -> _Prepared:
    height, width, channels = images.shape[1:]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    reduced = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in images]
    pixels = np.stack(reduced).reshape(len(images), size[1], size[0], channels)
    starts = range(0, len(pixels), _AT_ONCE)
    features = [_frequencies(pixels[first : first + _AT_ONCE]) for first in starts]
    return _Prepared(pixels, np.concatenate(features))


def _frequencies(pixels: np.ndarray) -> np.ndarray:
    spectrum = np.abs(np.fft.rfft2(pixels.mean(axis=3)))[..., :_FREQUENCIES]
    rows = min(_FREQUENCIES, spectrum.shape[1])
    # Row -f of a picture's spectrum is row f of the mirrored one's.
    up, down = spectrum[:, :rows], spectrum[:, -np.arange(rows)]
    return np.concatenate([up + down, np.abs(up - down)], axis=1).reshape(len(pixels), -1)


def _nearest(queries: _Prepared, known: _Prepared) -> tuple[np.ndarray, np.ndarray]:
    """The reference with the smallest error for each query, and that error in levels."""
    count = min(_CANDIDATES, len(known.features))
    sources, errors = [], []
    for rows, squared in squared_distances(queries.features, known.features):
        candidates = np.argpartition(squared, count - 1, axis=1)[:, :count]
        for query, few in zip(queries.pixels[rows], candidates, strict=True):
            each = [_error(query, known.pixels[index]) for index in few]
            sources.append(few[int(np.argmin(each))])
            errors.append(min(each))
    return np.array(sources), np.array(errors)


def _error(picture: np.ndarray, reference: np.ndarray) -> float:
    """Smallest root mean square difference, in levels, over shifts and both sides."""
    high, wide = (side // 8 for side in picture.shape[:2])
    middle = picture[high : len(picture) - high, wide : picture.shape[1] - wide]
    squares = [
        float(cv2.matchTemplate(reference, np.ascontiguousarray(each), cv2.TM_SQDIFF).min())
        for each in (middle, middle[:, ::-1])
    ]
    return float(np.sqrt(max(0.0, min(squares)) / middle.size))


def _to_others(known: _Prepared, indices: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Error of references to the nearest one of another source that is no copy of them."""
    found = np.full(len(indices), np.nan)
    count = min(_CANDIDATES, len(groups))
    for rows, squared in squared_distances(known.features[indices], known.features):
        squared[groups[indices[rows], None] == groups] = np.inf
        candidates = np.argpartition(squared, count - 1, axis=1)[:, :count]
        for place, row, few in zip(range(rows.start, rows.stop), squared, candidates, strict=True):
            pixels = known.pixels[indices[place]]
            each = [_error(pixels, known.pixels[index]) for index in few if row[index] < np.inf]
            found[place] = min((error for error in each if error > _LEVELS), default=np.nan)
    usual = _LEVELS / _RATIO if np.isnan(found).all() else np.nanmedian(found)
    return np.where(np.isnan(found), usual, found)
