"""Measures of a refiner: realism of its pictures, and displacement of their content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgen.evaluation.comparison.real_fake_classifier import held_out_accuracy
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.judges.iris import find_irises
from kerasgen.evaluation.judges.pupil import find_pupils, known_pupils, pupil_shift
from kerasgen.evaluation.metrics import (
    Estimate,
    bootstrap_mean,
    kernel_distance,
    nearest_neighbours,
)
from kerasgen.io.images import to_float, to_uint8
from kerasgen.procedural.camera import cheap_realism
from kerasgen.refiner import NOISE_CHANNELS, refiner_inputs
from kerasgen.training.colour_moments import colour_moments

Refine = Callable[[np.ndarray, int], np.ndarray]
"""``(images [N, H, W, C] uint8, seed of the styles) -> [N, H, W, C] uint8``."""


@dataclass(frozen=True)
class EyeSets:
    """Rendered and real pictures, split before training.

    Attributes:
        rendered: ``[N, H, W, 3]`` uint8, for training.
        real: ``[N, H, W, 3]`` uint8, for training.
        test_rendered: Renders with other poses or parameters.
        test_real: Real pictures from other recordings.
        test_pupils: ``[N, 2]`` true pupil centres (x, y) in pixels of ``test_rendered``, or None.
        test_real_pupils: The same for ``test_real``.
    """

    rendered: np.ndarray
    real: np.ndarray
    test_rendered: np.ndarray
    test_real: np.ndarray
    test_pupils: np.ndarray | None = None
    test_real_pupils: np.ndarray | None = None


def refining_function(refiner: keras.Model, references: np.ndarray, batch_size: int = 64) -> Refine:
    """A trained refiner as a function of uint8 pictures and a seed.

    Args:
        refiner: From ``kerasgen.refiner``.
        references: ``[M, H, W, 3]`` uint8 photographs of the training set, whose styles are drawn.
        batch_size: Pictures in a batch.

    Returns:
        The function; its seed selects styles and noise.
    """
    styles = colour_moments(to_float(references)).numpy()

    def refine(images: np.ndarray, seed: int) -> np.ndarray:
        generator = np.random.default_rng(seed)
        picked = styles[generator.integers(0, len(styles), len(images))]
        parts = []
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            rendered = tf.constant(to_float(images[part]))
            grain = _noise(rendered, generator)
            inputs = refiner_inputs(refiner, rendered, tf.constant(picked[part]), grain)
            parts.append(to_uint8(refiner(inputs, training=False).numpy()))
        return np.concatenate(parts)

    return refine


def _noise(images: tf.Tensor, generator: np.random.Generator) -> tf.Tensor:
    shape = (*images.shape[:3], NOISE_CHANNELS)
    return tf.constant(generator.standard_normal(shape, np.float32))


def measure_realism(
    refine: Refine, sets: EyeSets, features: FeatureExtractor, *, repeats: int = 4, seed: int = 0
) -> dict[str, Any]:
    """Distances to real test pictures, for refined, raw, cheaply altered and real pictures.

    Args:
        refine: From ``refining_function``.
        sets: The pictures; all renders are refined, seen and unseen.
        features: Feature space of the distances.
        repeats: Number of styles for each render.
        seed: Seed of styles, cheap baseline and intervals.

    Returns:
        ``kid[NAME]`` for ``refined``, ``refined_unseen`` (test renders only), ``rendered``,
        ``cheap_baseline`` (recoloured, blurred, noisy) and ``real_baseline`` (real training
        pictures); ``refined_share_of_rendered``, the ratio of two of these;
        ``real_or_refined_balanced_accuracy`` on held-out pictures.
    """
    renders = np.concatenate([sets.rendered, sets.test_rendered])
    refined = [refine(renders, seed * 1000 + index) for index in range(repeats)]
    unseen = [part[len(sets.rendered) :] for part in refined]
    seen = np.concatenate([part[: len(sets.rendered)] for part in refined])
    target = features(sets.test_real)
    arms = {
        "refined": refined,
        "refined_unseen": unseen,
        "rendered": [renders],
        "cheap_baseline": [
            cheap_realism(renders, sets.real, seed * 1000 + index) for index in range(repeats)
        ],
        "real_baseline": [sets.real],
    }
    distances = {
        name: _mean_estimate(
            [kernel_distance(features(images), target, seed=seed) for images in parts]
        )
        for name, parts in arms.items()
    }
    share = distances["refined"].value / distances["rendered"].value
    # One style per render, because the interval assumes independent test pictures.
    accuracy = held_out_accuracy(
        (sets.real, seen),
        (sets.test_real, unseen[0]),
        sources=(
            [("real", index) for index in range(len(sets.real))],
            [("render", index) for index in range(len(sets.rendered))] * repeats,
        ),
        seed=seed,
    )
    return {
        f"kid[{features.name}]": {name: asdict(value) for name, value in distances.items()},
        "refined_share_of_rendered": share,
        "real_or_refined_balanced_accuracy": asdict(accuracy),
    }


def _mean_estimate(estimates: Sequence[Estimate]) -> Estimate:
    # One render in several styles is not several samples: as one set they would bias the distance
    # upwards and halve its interval. The mean of the ends is a little too wide.
    ends = [(each.value, each.low, each.high) for each in estimates]
    value, low, high = np.mean(ends, axis=0).tolist()
    return Estimate(value, low, high, estimates[0].count)


def measure_geometry(refine: Refine, sets: EyeSets, *, repeats: int = 4, seed: int = 0) -> dict:
    """Displacement of pupil and iris between renders and refined pictures, in pixels.

    Where true pupils are known, the error of the pupil detector is measured on raw renders and on
    real pictures, too.

    Args:
        refine: From ``refining_function``.
        sets: The pictures.
        repeats: Number of styles for each render.
        seed: Seed of the styles.

    Returns:
        ``pupil_shift``, where the pupil is found; ``iris_shift``, of the whole dark disc, which is
        found in dark pictures, too; with true pupils, ``detector_error_on_renders``,
        ``pupil_error_after_refining`` and ``detector_error_on_real``. Each a ``PupilShift`` as a
        dict.
    """
    renders = np.concatenate([sets.rendered, sets.test_rendered])
    before = find_pupils(np.concatenate([renders] * repeats))
    refined = [refine(renders, seed * 1000 + index) for index in range(repeats)]
    after = find_pupils(np.concatenate(refined))
    discs = find_irises(np.concatenate([renders] * repeats)), find_irises(np.concatenate(refined))
    result: dict[str, Any] = {
        "iris_shift": asdict(pupil_shift(*discs)),
        "pupil_shift": asdict(pupil_shift(before, after)),
    }
    if sets.test_pupils is not None:
        truth = known_pupils(np.concatenate([sets.test_pupils] * repeats))
        unseen = np.concatenate([part[len(sets.rendered) :] for part in refined])
        result["detector_error_on_renders"] = _detector_error(sets.test_rendered, sets.test_pupils)
        result["pupil_error_after_refining"] = asdict(pupil_shift(truth, find_pupils(unseen)))
    if sets.test_real_pupils is not None:
        result["detector_error_on_real"] = _detector_error(sets.test_real, sets.test_real_pupils)
    return result


def _detector_error(images: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    return asdict(pupil_shift(known_pupils(truth), find_pupils(images)))


def nearest_real(refined: np.ndarray, real: np.ndarray, features: FeatureExtractor) -> np.ndarray:
    """The nearest training picture of each refined picture, to see whether it was copied.

    Args:
        refined: ``[N, H, W, 3]`` uint8.
        real: ``[M, H, W, 3]`` uint8.
        features: Feature space of the distance.

    Returns:
        ``[N, H, W, 3]`` uint8.
    """
    return real[nearest_neighbours(features(refined), features(real))]


def prefit_error(refiner: keras.Model, images: np.ndarray) -> Estimate:
    """Mean absolute difference between pictures and the refiner's output, on the [0, 1] scale.

    A refiner with a style input receives each picture's own style.

    Args:
        refiner: A refiner after the prefit stage.
        images: ``[N, H, W, 3]`` uint8.

    Returns:
        The mean over pictures, with its interval.
    """
    rendered = tf.constant(to_float(images))
    grain = _noise(rendered, np.random.default_rng(0))
    own = refiner_inputs(refiner, rendered, colour_moments(rendered), grain)
    passed = to_uint8(refiner(own, training=False).numpy())
    difference = np.abs(passed.astype(np.float64) - images) / 255.0
    return bootstrap_mean(difference.mean(axis=(1, 2, 3)))
