"""What a translation from one domain to another did: does it arrive, and what does it keep?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np
import tensorflow as tf

from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.metrics import (
    Estimate,
    bootstrap_mean,
    kernel_distance,
    kernel_distance_gain,
    roc_area,
)
from kerasgen.io.channels import luminance
from kerasgen.io.images import to_float, to_uint8
from kerasgen.io.saved_model import open_saved_model

_WINDOW = 7
"""Side, in pixels, of the squares whose structure is compared; that of SSIM's first authors."""

_FAINTEST = 4.0
"""Grey levels: the least deviation in a square for it to have a structure."""


@dataclass(frozen=True)
class TranslationSets:
    """Two domains, each split before anything is trained; all ``[N, H, W, C]`` uint8.

    Attributes:
        source: For training.
        target: For training.
        test_source: Of other origin than ``source``.
        test_target: Of other origin than ``target``.
    """

    source: np.ndarray
    target: np.ndarray
    test_source: np.ndarray
    test_target: np.ndarray


class Translated(NamedTuple):
    """Translated pictures.

    Attributes:
        pictures: ``[N, H, W, C]`` uint8.
        change: ``[N, H, W, 1]`` float32 in [0, 1], how much of each pixel is new; None if the
            network does not say.
    """

    pictures: np.ndarray
    change: np.ndarray | None


Generator = Callable[..., Any]
"""``(images, training=)``, ``[N, H, W, C]`` float32 in [-1, 1] -> pictures, or a dict."""

Translate = Callable[[np.ndarray], Translated]
"""``[N, H, W, C]`` uint8 -> ``Translated``."""


def translating_function(generator: keras.Model | Generator, batch_size: int = 16) -> Translate:
    """A trained generator as a function of uint8 pictures.

    Args:
        generator: ``images`` -> pictures, or a dict with ``picture`` and ``change``.
        batch_size: Pictures at once.
    """

    def translate(images: np.ndarray) -> Translated:
        pictures, changes = [], []
        for start in range(0, len(images), batch_size):
            given = generator(to_float(images[start : start + batch_size]), training=False)
            named = given if isinstance(given, Mapping) else {"picture": given}
            pictures.append(to_uint8(np.asarray(named["picture"], np.float32)))
            if "change" in named:
                changes.append(np.asarray(named["change"], np.float32))
        return Translated(np.concatenate(pictures), np.concatenate(changes) if changes else None)

    return translate


def load_translator(path: str | Path, batch_size: int = 16) -> Translate:
    """A translator that ``deployment.export.export_translator`` wrote, as a function.

    Args:
        path: The version folder.
        batch_size: Pictures at once.

    Raises:
        ValueError: If there is no SavedModel, or it translates nothing.
    """
    loaded = open_saved_model(path, "translate")

    def generator(images: np.ndarray, training: bool) -> Mapping[str, Any]:
        named: Mapping[str, Any] = loaded.signatures["translate"](images=tf.constant(images))
        return named

    return translating_function(generator, batch_size)


def measure_arrival(
    arms: Mapping[str, np.ndarray],
    sets: TranslationSets,
    features: FeatureExtractor,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Distances to real test pictures of the target domain.

    Args:
        arms: Pictures by the name of what made them, of ``sets.test_source``: those of a generator
            first, then those of a cheap rule.
        sets: The pictures.
        features: What the distance is measured on.
        seed: Of the intervals.

    Returns:
        ``kid[NAME]`` for each arm, for ``source`` (test pictures, untouched) and for ``real_null``
        (training pictures of the target domain); ``nearer[NAME]``, how much nearer the first arm
        is than the others and than ``source``, paired by source picture.
    """
    target = features(sets.test_target)
    whole = {**arms, "source": sets.test_source, "real_null": sets.target}
    known = {name: features(images) for name, images in whole.items()}
    first = next(iter(arms))
    return {
        f"kid[{features.name}]": {
            name: asdict(kernel_distance(each, target, seed=seed)) for name, each in known.items()
        },
        f"nearer[{features.name}]": {
            f"than {name}": asdict(kernel_distance_gain(each, known[first], target, seed=seed))
            for name, each in known.items()
            if name not in (first, "real_null")
        },
    }


def structure_kept(before: np.ndarray, after: np.ndarray) -> Estimate:
    """How much of the fine structure of pictures is still there after a translation.

    The structure term of SSIM (Wang et al. 2004, section 3.B): the correlation of luminance in
    squares of 7 pixels, averaged over the squares in which the picture had any structure. A veil
    of smooth density, whatever its colour, leaves it near 1: what it takes of the contrast does
    not count, what is moved, bent or painted over does.

    Args:
        before: ``[N, H, W, C]`` uint8.
        after: The same pictures, translated.

    Returns:
        Mean over pictures, in [-1, 1], with its interval; unrelated pictures have about 0.

    Raises:
        ValueError: If the forms differ, or fewer than two pictures have any structure.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"Both sets must be of one form. Received: {before.shape} and {after.shape}"
        )
    lights = (luminance(images, np.float64) for images in (before, after))
    found = [_structure(*pair) for pair in zip(*lights, strict=True)]
    return bootstrap_mean(np.array([value for value in found if not np.isnan(value)]))


def share_unchanged(before: np.ndarray, after: np.ndarray, levels: int = 2) -> Estimate:
    """Share of pixels that differ by no more than a few grey levels, in any channel.

    Args:
        before: ``[N, H, W, C]`` uint8.
        after: The same pictures, translated.
        levels: That still count as no change.
    """
    difference = np.abs(before.astype(np.int16) - after).max(axis=-1)
    return bootstrap_mean((difference <= levels).mean(axis=(1, 2)))


def mask_kept(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> Estimate:
    """Whether a picture still differs from its source where a mask says, and only there.

    For each picture, the area under the ROC curve of a pixel's change as a sign that it is in the
    mask: 1 if all pixels in the mask changed more than all others, 0.5 if the mask says nothing.

    Args:
        before: ``[N, H, W, C]`` uint8, without the thing.
        after: The same pictures, with the thing, through whatever it went.
        mask: ``[N, H, W]`` bool, where the thing was put. Pictures that it fills or misses do not
            count.

    Returns:
        Mean over pictures, with its interval.

    Raises:
        ValueError: If the forms differ, or no picture counts.
    """
    if before.shape != after.shape or mask.shape != before.shape[:-1] or mask.dtype != bool:
        raise ValueError(
            "`before` and `after` must be of one form [N, H, W, C], `mask` [N, H, W] bool. "
            f"Received: {before.shape}, {after.shape} and {mask.shape} {mask.dtype}"
        )
    change = np.abs(before.astype(np.int16) - after).mean(axis=-1)
    areas = np.array([roc_area(*pair) for pair in _flat_pairs(mask, change)])
    if np.isnan(areas).all():
        raise ValueError(f"No mask has pixels in and out. Received: mask of {mask.mean():.0%}")
    return bootstrap_mean(areas[~np.isnan(areas)])


def _flat_pairs(mask: np.ndarray, change: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return zip(mask.reshape(len(mask), -1), change.reshape(len(change), -1), strict=True)


def _structure(before: np.ndarray, after: np.ndarray) -> float:
    def mean(values: np.ndarray) -> np.ndarray:
        # Only squares that lie whole within the picture.
        edge = _WINDOW // 2
        return cv2.blur(values, (_WINDOW, _WINDOW))[edge:-edge, edge:-edge]

    means = mean(before), mean(after)
    variances = [
        np.maximum(mean(values**2) - average**2, 0.0)
        for values, average in zip((before, after), means, strict=True)
    ]
    covariance = mean(before * after) - means[0] * means[1]
    structured = variances[0] > _FAINTEST**2
    if not structured.any():
        return float("nan")
    # Below half a grey level it is rounding that correlates, or does not.
    spread = np.sqrt(variances[0] * np.maximum(variances[1], 0.25))
    return float((covariance / np.maximum(spread, 1e-6))[structured].mean())
