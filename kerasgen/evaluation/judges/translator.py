"""Measures of a translation: closeness to the target domain, and what is preserved."""

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
"""Side, in pixels, of the windows whose structure is compared."""

_FAINTEST = 4.0
"""Least standard deviation, in grey levels, of a window with structure."""


@dataclass(frozen=True)
class TranslationSets:
    """Two domains, each split before training; all ``[N, H, W, C]`` uint8.

    Attributes:
        source: For training.
        target: For training.
        test_source: Pictures of other origin than ``source``.
        test_target: Pictures of other origin than ``target``.
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
            network does not return it.
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
        batch_size: Pictures in a batch.

    Returns:
        The function.
    """

    def translate(images: np.ndarray) -> Translated:
        pictures, changes = [], []
        for start in range(0, len(images), batch_size):
            outputs = generator(to_float(images[start : start + batch_size]), training=False)
            named = outputs if isinstance(outputs, Mapping) else {"picture": outputs}
            pictures.append(to_uint8(np.asarray(named["picture"], np.float32)))
            if "change" in named:
                changes.append(np.asarray(named["change"], np.float32))
        return Translated(np.concatenate(pictures), np.concatenate(changes) if changes else None)

    return translate


def load_translator(path: str | Path, batch_size: int = 16) -> Translate:
    """A translator that ``deployment.export.export_translator`` wrote, as a function.

    Args:
        path: The version folder.
        batch_size: Pictures in a batch.

    Returns:
        ``[N, H, W, C]`` uint8 -> ``Translated``.

    Raises:
        ValueError: If there is no SavedModel, or it is not a translator.
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
        arms: Translations of ``sets.test_source`` by name of the method: a generator first, then
            simple rules to compare with.
        sets: The pictures.
        features: Feature space of the distances.
        seed: Seed of the intervals.

    Returns:
        ``kid[NAME]`` for each arm, ``source`` (test pictures, unchanged) and ``real_baseline``
        (training pictures of the target domain); ``nearer[NAME]``, how much closer the first arm
        is than the others and than ``source``, paired by source picture.
    """
    target = features(sets.test_target)
    whole = {**arms, "source": sets.test_source, "real_baseline": sets.target}
    known = {name: features(images) for name, images in whole.items()}
    first = next(iter(arms))
    return {
        f"kid[{features.name}]": {
            name: asdict(kernel_distance(each, target, seed=seed)) for name, each in known.items()
        },
        f"nearer[{features.name}]": {
            f"than {name}": asdict(kernel_distance_gain(each, known[first], target, seed=seed))
            for name, each in known.items()
            if name not in (first, "real_baseline")
        },
    }


def structure_kept(before: np.ndarray, after: np.ndarray) -> Estimate:
    """How much of the fine structure of pictures is kept by a translation.

    The structure term of SSIM (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861, section
    3.B): the correlation of luminance in windows of 7 pixels, averaged over windows with structure.
    A smooth veil of any colour leaves it near 1, because lost contrast does not count; content that
    is moved, distorted or covered does.

    Args:
        before: ``[N, H, W, C]`` uint8.
        after: The same pictures, translated.

    Returns:
        Mean over pictures, in [-1, 1], with its interval; unrelated pictures have about 0.

    Raises:
        ValueError: If the shapes differ, or fewer than two pictures have any structure.
    """
    if before.shape != after.shape:
        raise ValueError(
            f"Both sets must have one shape. Received: {before.shape} and {after.shape}"
        )
    lights = (luminance(images, np.float64) for images in (before, after))
    found = [_structure(*pair) for pair in zip(*lights, strict=True)]
    return bootstrap_mean(np.array([value for value in found if not np.isnan(value)]))


def share_unchanged(before: np.ndarray, after: np.ndarray, levels: int = 2) -> Estimate:
    """Share of pixels that differ by at most a few grey levels in every channel.

    Args:
        before: ``[N, H, W, C]`` uint8.
        after: The same pictures, translated.
        levels: Largest difference, in grey levels, that counts as unchanged.

    Returns:
        Mean over pictures, with its interval.
    """
    difference = np.abs(before.astype(np.int16) - after).max(axis=-1)
    return bootstrap_mean((difference <= levels).mean(axis=(1, 2)))


def mask_kept(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> Estimate:
    """Whether pictures still differ from their sources inside a mask, and only there.

    For each picture, the area under the ROC curve of a pixel's change as a score for being in the
    mask: 1 if all pixels in the mask changed more than all others, 0.5 if there is no relation.

    Args:
        before: ``[N, H, W, C]`` uint8, without the added object.
        after: The same pictures with the object, after any further processing.
        mask: ``[N, H, W]`` bool, where the object was added. Pictures with a full or an empty mask
            are left out.

    Returns:
        Mean over pictures, with its interval.

    Raises:
        ValueError: If the shapes differ, or all masks are full or empty.
    """
    if before.shape != after.shape or mask.shape != before.shape[:-1] or mask.dtype != bool:
        raise ValueError(
            "`before` and `after` must have one shape [N, H, W, C], `mask` [N, H, W] bool. "
            f"Received: {before.shape}, {after.shape} and {mask.shape} {mask.dtype}"
        )
    change = np.abs(before.astype(np.int16) - after).mean(axis=-1)
    areas = np.array([roc_area(*pair) for pair in _flat_pairs(mask, change)])
    if np.isnan(areas).all():
        raise ValueError(f"Every mask is full or empty. Received: mask of {mask.mean():.0%}")
    return bootstrap_mean(areas[~np.isnan(areas)])


def _flat_pairs(mask: np.ndarray, change: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return zip(mask.reshape(len(mask), -1), change.reshape(len(change), -1), strict=True)


def _structure(before: np.ndarray, after: np.ndarray) -> float:
    def mean(values: np.ndarray) -> np.ndarray:
        # Only windows completely inside the picture.
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
    # Below half a grey level the correlation would be that of rounding.
    spread = np.sqrt(variances[0] * np.maximum(variances[1], 0.25))
    return float((covariance / np.maximum(spread, 1e-6))[structured].mean())
