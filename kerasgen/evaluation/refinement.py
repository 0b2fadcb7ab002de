"""What a refiner did: does it look real, and is what was in the picture still where it was?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgen.data.camera import cheap_realism
from kerasgen.data.images import to_float, to_uint8
from kerasgen.evaluation.features import FeatureExtractor
from kerasgen.evaluation.metrics import (
    Estimate,
    bootstrap_mean,
    kernel_distance,
    nearest_neighbours,
)
from kerasgen.evaluation.pupils import find_pupils, known_pupils, pupil_shift
from kerasgen.evaluation.two_sample import held_out_accuracy
from kerasgen.refiner import takes_look
from kerasgen.training.looks import colour_statistics

Refine = Callable[[np.ndarray, int], np.ndarray]
"""``(images [N, H, W, C] uint8, seed of the looks) -> [N, H, W, C] uint8``."""


@dataclass(frozen=True)
class EyeSets:
    """Rendered and real pictures, apart before anything is trained.

    Attributes:
        rendered: ``[N, H, W, 3]`` uint8, for training.
        real: ``[N, H, W, 3]`` uint8, for training.
        test_rendered: Renders of other poses or parameters.
        test_real: Real pictures from other recordings.
        test_pupils: ``[N, 2]`` true pupil centres (x, y) in pixels of ``test_rendered``, or None.
    """

    rendered: np.ndarray
    real: np.ndarray
    test_rendered: np.ndarray
    test_real: np.ndarray
    test_pupils: np.ndarray | None = None


def refining_function(refiner: keras.Model, references: np.ndarray, batch_size: int = 64) -> Refine:
    """A trained refiner as a function of uint8 pictures and a seed that picks their looks.

    Args:
        refiner: ``images`` or ``[images, look]`` -> pictures in [-1, 1].
        references: ``[M, H, W, 3]`` uint8 photographs whose looks are drawn from; those of the
            training set, never of the test set.
        batch_size: Pictures at once.
    """
    looks = colour_statistics(to_float(references)).numpy()

    def refine(images: np.ndarray, seed: int) -> np.ndarray:
        picked = looks[np.random.default_rng(seed).integers(0, len(looks), len(images))]
        parts = []
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            inputs = tf.constant(to_float(images[part]))
            if takes_look(refiner):
                inputs = [inputs, tf.constant(picked[part])]
            parts.append(to_uint8(refiner(inputs, training=False).numpy()))
        return np.concatenate(parts)

    return refine


def measure_realism(
    refine: Refine, sets: EyeSets, features: FeatureExtractor, *, repeats: int = 4, seed: int = 0
) -> dict[str, Any]:
    """Distances to real test pictures: refined, raw, the cheap baseline, and real to real.

    Args:
        refine: From ``refining_function``.
        sets: The pictures; all renders are refined, seen and unseen.
        features: What the distance is measured on.
        repeats: Different looks for each render.
        seed: Of looks, baseline and intervals.

    Returns:
        ``kid[NAME]`` for ``refined``, ``refined_unseen`` (test renders only), ``rendered``,
        ``cheap_baseline`` (recoloured, blurred, noisy) and ``real_null`` (training reals), and
        ``refined_share`` of the raw renders' distance; the held-out two-sample accuracy.
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
        "real_null": [sets.real],
    }
    distances = {
        name: _mean_estimate(
            [kernel_distance(features(images), target, seed=seed) for images in parts]
        )
        for name, parts in arms.items()
    }
    share = distances["refined"].value / distances["rendered"].value
    # One latent a render: the interval counts test pictures that know nothing of each other.
    accuracy = held_out_accuracy((sets.real, seen), (sets.test_real, unseen[0]), seed=seed)
    return {
        f"kid[{features.name}]": {name: asdict(value) for name, value in distances.items()},
        "refined_share_of_rendered": share,
        "real_or_refined_balanced_accuracy": asdict(accuracy),
    }


def _mean_estimate(estimates: Sequence[Estimate]) -> Estimate:
    # The same render with several latents is not several samples: taken as one set, they would
    # bias the distance upwards and halve its interval. The mean of the ends is a little too wide.
    ends = [(each.value, each.low, each.high) for each in estimates]
    value, low, high = np.mean(ends, axis=0).tolist()
    return Estimate(value, low, high, estimates[0].count)


def measure_geometry(refine: Refine, sets: EyeSets, *, repeats: int = 4, seed: int = 0) -> dict:
    """How far the pupil moved, in pixels: between renders and refined pictures.

    Where the truth is known, both the detector on raw renders and the refined pictures are held
    against it; the first line is then what the detector itself is off.

    Args:
        refine: From ``refining_function``.
        sets: The pictures.
        repeats: Different looks for each render.
        seed: Of the looks.
    """
    renders = np.concatenate([sets.rendered, sets.test_rendered])
    before = find_pupils(np.concatenate([renders] * repeats))
    refined = [refine(renders, seed * 1000 + index) for index in range(repeats)]
    after = find_pupils(np.concatenate(refined))
    result: dict[str, Any] = {"pupil_shift": asdict(pupil_shift(before, after))}
    if sets.test_pupils is not None:
        truth = known_pupils(np.concatenate([sets.test_pupils] * repeats))
        unseen = np.concatenate([part[len(sets.rendered) :] for part in refined])
        detector = pupil_shift(known_pupils(sets.test_pupils), find_pupils(sets.test_rendered))
        result["detector_error_on_renders"] = asdict(detector)
        result["pupil_error_after_refining"] = asdict(pupil_shift(truth, find_pupils(unseen)))
    return result


def nearest_real(refined: np.ndarray, real: np.ndarray, features: FeatureExtractor) -> np.ndarray:
    """For each refined picture the training picture most like it: has it been copied?

    Args:
        refined: ``[N, H, W, 3]`` uint8.
        real: ``[M, H, W, 3]`` uint8.
        features: Where likeness is measured.

    Returns:
        ``[N, H, W, 3]`` uint8.
    """
    return real[nearest_neighbours(features(refined), features(real))]


def prefit_error(refiner: keras.Model, images: np.ndarray) -> Estimate:
    """Mean absolute difference between pictures and their pass-through, on the [0, 1] scale.

    A refiner that takes a look is asked for each picture's own.

    Args:
        refiner: After the first stage.
        images: ``[N, H, W, 3]`` uint8.
    """
    inputs = tf.constant(to_float(images))
    own = [inputs, colour_statistics(inputs)] if takes_look(refiner) else inputs
    passed = to_uint8(refiner(own, training=False).numpy())
    difference = np.abs(passed.astype(np.float64) - images) / 255.0
    return bootstrap_mean(difference.mean(axis=(1, 2, 3)))


def summary_lines(figures: Mapping[str, Any]) -> list[str]:
    """Figures as lines a person reads."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, Mapping) and "value" in value:
            lines.append(f"{name}: {Estimate(**value)}")
        elif isinstance(value, Mapping):
            lines.append(f"{name}:")
            lines += [f"  {line}" for line in summary_lines(value)]
        else:
            lines.append(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    return lines
