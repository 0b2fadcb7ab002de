"""Measures and picture sheets of a class-conditional generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import (
    Generate,
    TrainConfig,
    accuracy,
    generated_batches,
    macro_f1,
    predict,
    train_classifier,
)
from kerasgen.evaluation.metrics import (
    Estimate,
    bootstrap_mean,
    nearest_neighbours,
    share_with_interval,
)
from kerasgen.io.images import to_uint8
from kerasgen.io.sheets import contact_sheet, labelled_sheet


def sample(
    generate: Generate, latent_size: int, labels: np.ndarray, seed: int, batch_size: int = 250
) -> np.ndarray:
    """Generates one picture for each label.

    Args:
        generate: A trained generator, in inference mode.
        latent_size: Size of its noise vector.
        labels: ``[N]`` integers.
        seed: Seed of the noise.
        batch_size: Pictures in a batch.

    Returns:
        ``[N, H, W, C]`` uint8.
    """
    latents = np.random.default_rng(seed).standard_normal((len(labels), latent_size), np.float32)
    labels = np.asarray(labels, np.int32)
    parts = [slice(first, first + batch_size) for first in range(0, len(labels), batch_size)]
    images = [generate(tf.constant(latents[part]), tf.constant(labels[part])) for part in parts]
    return np.concatenate([np.asarray(to_uint8(part)) for part in images])


def measure_generator(
    generate: Generate,
    latent_size: int,
    train: LabelledImages,
    test: LabelledImages,
    config: TrainConfig,
    judges: Sequence[keras.Model],
) -> dict[str, Any]:
    """Classification accuracy score, its gap to real pictures, label fidelity and copying.

    Args:
        generate: A trained generator, in inference mode.
        latent_size: Size of its noise vector.
        train: The real pictures it was trained on.
        test: Other real pictures, not used for training or selection.
        config: Training configuration of all classifiers.
        judges: From ``train_on_images`` on ``train`` with the same config, for the seeds 0, 1, ...

    Returns:
        For each seed ``real`` and ``generated`` accuracy and macro F1 on ``test``; ``gap_points``
        (mean over seeds, 100 times the difference of accuracies); ``label_fidelity``: the share
        of generated pictures that the first judge assigns to the class requested; ``copying``
        from ``measure_copying``.
    """
    classes, shape = len(train.class_names), train.images.shape[1:]
    arms: dict[str, list[dict[str, Any]]] = {"real": [], "generated": []}
    for seed, judge in enumerate(judges):
        batches = generated_batches(generate, latent_size, classes, config, seed + 1000)
        trained = train_classifier(batches, shape, classes, config, seed)
        for arm, network in (("real", judge), ("generated", trained)):
            arms[arm].append(scores(test.labels, predict(network, test.images)))
    means = {arm: np.mean([one["accuracy"]["value"] for one in arms[arm]]) for arm in arms}
    requested = np.arange(2000) % classes
    generated = sample(generate, latent_size, requested, seed=0)
    return {
        **arms,
        "gap_points": 100.0 * float(means["real"] - means["generated"]),
        "label_fidelity": asdict(accuracy(requested, predict(judges[0], generated))),
        "copying": measure_copying(generated, train.images, test.images),
    }


def scores(labels: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """Accuracy and macro F1 with their intervals, as JSON values."""
    return {
        "accuracy": asdict(accuracy(labels, predicted)),
        "macro_f1": asdict(macro_f1(labels, predicted)),
    }


def measure_copying(generated: np.ndarray, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Euclidean distances, on pixels in [0, 1], to the nearest training picture.

    Generated pictures that are much closer to the training set than new real ones are copies.

    Args:
        generated: ``[N, H, W, C]`` uint8.
        train: ``[M, H, W, C]`` uint8, what the generator was trained on.
        test: ``[K, H, W, C]`` uint8, other real pictures.

    Returns:
        ``generated`` and ``real_test`` mean distances, and ``generated_below``: the share of
        generated pictures closer than 95 % of the real test pictures (about 0.05 without copying).
    """
    distances = {"generated": _nearest(generated, train), "real_test": _nearest(test, train)}
    near = float(np.percentile(distances["real_test"], 5))
    return {
        **{name: asdict(bootstrap_mean(values)) for name, values in distances.items()},
        "generated_below": asdict(share_with_interval(distances["generated"] < near)),
    }


def _nearest(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    flat = [_flat(part) for part in (queries, references)]
    found = nearest_neighbours(*flat)
    return np.linalg.norm(flat[0] - flat[1][found], axis=1)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255.0


def class_sheet(
    generate: Generate, latent_size: int, class_names: Sequence[str], rows: int = 10, seed: int = 0
) -> np.ndarray:
    """A sheet with a column for each class; each row has one latent, shown as every class."""
    count = len(class_names)
    latents = np.random.default_rng(seed).standard_normal((rows, latent_size), np.float32)
    columns = {}
    for label in range(count):
        labels = tf.fill([rows], label)
        columns[class_names[label]] = np.asarray(to_uint8(generate(tf.constant(latents), labels)))
    return labelled_sheet(columns)


def nearest_sheet(generated: np.ndarray, train: np.ndarray, columns: int = 12) -> np.ndarray:
    """A sheet of generated pictures, each with the nearest training picture below it."""
    nearest = train[nearest_neighbours(_flat(generated), _flat(train))]
    rows = [
        part[first : first + columns]
        for first in range(0, len(generated), columns)
        for part in (generated, nearest)
    ]
    return contact_sheet(np.concatenate(rows), columns, scale=2)


def interpolation_sheet(
    generate: Generate, latent_size: int, num_classes: int, steps: int = 10, seed: int = 0
) -> np.ndarray:
    """A sheet with a row for each class: from one latent to another along a great circle.

    White (2016, arXiv:1609.04468), "Sampling Generative Networks", section 2.1: a straight line
    would pass closer to the origin than samples do.
    """
    generator = np.random.default_rng(seed)
    first, last = generator.standard_normal((2, num_classes, 1, latent_size), np.float32)
    shares = np.linspace(0.0, 0.5 * np.pi, steps, dtype=np.float32)[None, :, None]
    latents = first * np.cos(shares) + last * np.sin(shares)
    labels = np.repeat(np.arange(num_classes, dtype=np.int32), steps)
    images = generate(tf.constant(latents.reshape(-1, latent_size)), tf.constant(labels))
    return contact_sheet(np.asarray(to_uint8(images)), steps, scale=2)


def summary_lines(figures: dict[str, Any]) -> list[str]:
    """The result of ``measure_generator`` as lines for a terminal."""
    copying = figures["copying"]
    lines = [
        f"accuracy on real test pictures, trained on {arm} ones: "
        + "; ".join(str(Estimate(**one["accuracy"])) for one in figures[arm])
        for arm in ("real", "generated")
    ]
    return [
        *lines,
        f"gap: {figures['gap_points']:.1f} points (below 0, the generated ones train better)",
        f"label fidelity (by the real-trained classifier): {Estimate(**figures['label_fidelity'])}",
        "distance to the nearest training picture: generated "
        f"{Estimate(**copying['generated'])}, real test {Estimate(**copying['real_test'])}",
    ]
