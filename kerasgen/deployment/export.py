"""Trained networks -> SavedModels for TensorFlow Serving, checked before they are kept.

All signatures refuse what they cannot answer rightly with an ``InvalidArgumentError`` that names
the row and the limit: see ``endpoints.checks``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from kerasgen.deployment.endpoints.classifier import check_classifier, classifier_endpoints
from kerasgen.deployment.endpoints.endpoint import check_form
from kerasgen.deployment.endpoints.generator import check_generator, generator_endpoints
from kerasgen.deployment.endpoints.refiner import refiner_endpoints
from kerasgen.deployment.endpoints.translator import check_translator, translator_endpoints
from kerasgen.deployment.savedmodel import ExportError, publish
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.preprocessing import Preprocessing

__all__ = [
    "ExportError",
    "Measure",
    "export_classifier",
    "export_generator",
    "export_refiner",
    "export_translator",
]

Measure: TypeAlias = Callable[[ServedModel], Mapping[str, Any]]
"""Entries of a model card that are measured through the signatures of the reloaded model."""


def export_refiner(
    refiner: keras.Model,
    directory: str | Path,
    name: str,
    *,
    preprocessing: Preprocessing,
    card: Mapping[str, Any],
    probes: np.ndarray,
    styles: np.ndarray | None = None,
    measure: Measure | None = None,
    sheet: np.ndarray | None = None,
) -> Path:
    """Exports a refiner to ``directory/name/<n>/``, with the next free number.

    It is kept only if it gives the same, reloaded in a new process without Keras.

    Signatures:
        ``serving_default``: ``image_bytes`` ``[N]`` string, PNG, JPEG, WebP or BMP files of any
            size, read as in training -> ``png_bytes`` ``[N]``, a picture each. If the refiner takes
            a style or noise, a hash of the bytes picks one of ``styles`` and seeds the noise: the
            same file gives the same picture.
        ``refine``: the refiner's own inputs, ``images`` ``[N, H, W, C]`` float32 in [-1, 1], and
            ``style`` ``[N, L]`` and ``noise`` ``[N, H, W, 2]`` if it takes them -> ``picture``.
        ``preprocess``: ``image_bytes`` -> ``images``, the pixels that the network takes.
        ``styles``, if it takes a style: ``seed`` ``[N]`` int64 -> ``style`` ``[N, L]`` float32, the
            row of ``styles`` at the seed modulo K.

    Args:
        refiner: From ``kerasgen.refiner``; its first input is ``images``.
        directory: Folder of models, such as ``saved_models``.
        name: The model's name.
        preprocessing: How files become the refiner's pictures, the same as in training.
        card: Entries of ``model_card.json``: data, steps, seed, figures, licence of the data.
        probes: ``[N, H, W, C]`` uint8 pictures that the check uses.
        styles: ``[K, L]`` float32 from ``colour_moments`` of training photographs, stored in the
            model; needed if the refiner takes a style.
        measure: Called with the reloaded model once it has passed the check; what it returns is
            added to the card.
        sheet: ``[H, W, 1 or 3]`` uint8, pictures to show on the card, ``samples.png``.

    Returns:
        The version folder.

    Raises:
        ExportError: If the reloaded model differs from the trained one.
        ValueError: If the folder cannot be written, or styles are missing.
    """
    if any(tensor.name == "style" for tensor in refiner.inputs) != (styles is not None):
        raise ValueError(
            "`styles` must be given if, and only if, the refiner takes a style. "
            f"Received: styles={None if styles is None else styles.shape}, "
            f"inputs={[tensor.name for tensor in refiner.inputs]}"
        )
    check_form(refiner.inputs[0], preprocessing)
    endpoints = refiner_endpoints(refiner, preprocessing, probes, styles)
    return publish(refiner, endpoints, directory, name, card, preprocessing, measure, sheet)


def export_generator(
    generator: keras.Model,
    directory: str | Path,
    name: str,
    *,
    class_names: Sequence[str],
    card: Mapping[str, Any],
    preprocessing: Preprocessing | None = None,
    measure: Measure | None = None,
    sheet: np.ndarray | None = None,
) -> Path:
    """Exports a generator to ``directory/name/<n>/``, with the next free number.

    It is kept only if it gives the same, reloaded in a new process without Keras.

    The check compares pictures of every class. To export averaged weights, call this within
    ``step.averaged(batches)``.

    Signatures:
        ``serving_default``: ``seed`` ``[N]`` int64 and ``label`` ``[N]`` int32 -> ``png_bytes``
            ``[N]``, a picture each, and ``class_name`` ``[N]`` string. A row's latent is
            ``seeded_latents`` of its seed: the same seed and label give the same picture, whatever
            else is in the batch.
        ``latents``: ``seed`` ``[N]`` -> ``latent`` ``[N, L]`` float32.
        ``generate``: ``latent`` and ``label`` -> ``picture`` ``[N, H, W, C]`` float32 in [-1, 1].
        ``classes``: ``label`` ``[N]`` -> ``class_name`` ``[N]`` and ``all_class_names`` ``[N, K]``,
            each row all names in the order of their labels. TensorFlow Serving's REST refuses a
            signature without inputs, and its batching one whose outputs have other rows than its
            inputs: send label 0.

    A label below 0 or above K - 1 is an ``InvalidArgumentError`` that names it and its row.

    Args:
        generator: ``latent`` ``[N, L]`` float32 and ``label`` ``[N]`` int32 -> pictures
            ``[N, H, W, 1 or 3]`` in [-1, 1], of a fixed size.
        directory: Folder of models, such as ``saved_models``.
        name: The model's name.
        class_names: The K names of the labels 0 to K - 1, stored in the model and in the card.
        card: Entries of ``model_card.json``: data, steps, seed, figures, licence of the data.
        preprocessing: How files became the pictures that it was trained on, for whoever reads
            others beside its own, such as ``prove``; None if there were no files.
        measure: Called with the reloaded model once it has passed the check; what it returns is
            added to the card.
        sheet: ``[H, W, 1 or 3]`` uint8, pictures to show on the card, ``samples.png``.

    Returns:
        The version folder.

    Raises:
        ExportError: If the reloaded model differs from the trained one.
        ValueError: If the folder cannot be written, the generator has other inputs or outputs, or
            ``class_names`` repeat or are not as many as its classes.
    """
    check_generator(generator, class_names)
    endpoints = generator_endpoints(generator, class_names)
    named = {**card, "class_names": list(class_names)}
    return publish(generator, endpoints, directory, name, named, preprocessing, measure, sheet)


def export_translator(
    translator: keras.Model,
    directory: str | Path,
    name: str,
    *,
    preprocessing: Preprocessing,
    card: Mapping[str, Any],
    probes: np.ndarray,
    measure: Measure | None = None,
    sheet: np.ndarray | None = None,
) -> Path:
    """Exports a translator to ``directory/name/<n>/``, with the next free number.

    It is kept only if it gives the same, reloaded in a new process without Keras.

    Signatures:
        ``serving_default``: ``image_bytes`` ``[N]`` string, PNG, JPEG, WebP or BMP files of any
            size, read as in training -> ``png_bytes`` ``[N]``, a picture each, and, if the
            translator gives a change mask, ``change_bytes`` ``[N]``, grey PNG files of it.
        ``preprocess``: ``image_bytes`` -> ``images``, the pixels that the network takes.
        ``translate``: ``images`` ``[N, H, W, C]`` float32 in [-1, 1], of any size the network
            takes -> ``picture`` and ``change`` ``[N, H, W, 1]`` float32 in [0, 1], of that size.

    Args:
        translator: ``images`` -> pictures, or a dict with ``picture``, such as one from
            ``kerasgen.cyclegan``.
        directory: Folder of models, such as ``saved_models``.
        name: The model's name.
        preprocessing: How files become the translator's pictures, the same as in training.
        card: Entries of ``model_card.json``: data, steps, seed, figures, licence of the data.
        probes: ``[N, H, W, C]`` uint8 pictures that the check uses.
        measure: Called with the reloaded model once it has passed the check; what it returns is
            added to the card.
        sheet: ``[H, W, 1 or 3]`` uint8, pictures to show on the card, ``samples.png``.

    Returns:
        The version folder.

    Raises:
        ExportError: If the reloaded model differs from the trained one.
        ValueError: If the folder cannot be written, or the translator has other inputs.
    """
    check_translator(translator, preprocessing)
    endpoints = translator_endpoints(translator, preprocessing, probes)
    return publish(translator, endpoints, directory, name, card, preprocessing, measure, sheet)


def export_classifier(
    classifier: keras.Model,
    directory: str | Path,
    name: str,
    *,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
    card: Mapping[str, Any],
    probes: np.ndarray,
    threshold: float | None = None,
    measure: Measure | None = None,
    sheet: np.ndarray | None = None,
) -> Path:
    """Exports a classifier to ``directory/name/<n>/``, with the next free number.

    It is kept only if it gives the same, reloaded in a new process without Keras.

    Signatures:
        ``serving_default``: ``image_bytes`` ``[N]`` string, PNG, JPEG, WebP or BMP files of any
            size, read as in training -> ``probabilities`` ``[N, K]`` float32 and ``class_name``
            ``[N]`` string, the most probable, or that of the threshold.
        ``preprocess``: ``image_bytes`` -> ``images``, the pixels that the network takes.
        ``classify``: ``images`` ``[N, H, W, C]`` float32 in [-1, 1] -> the same.

    Args:
        classifier: From ``kerasgen.classifier``.
        directory: Folder of models, such as ``saved_models``.
        name: The model's name.
        class_names: The K names of the labels 0 to K - 1, stored in the model and in the card.
        preprocessing: How files become the classifier's pictures, the same as in training.
        card: Entries of ``model_card.json``: data, steps, seed, figures, licence of the data.
        probes: ``[N, H, W, C]`` uint8 pictures that the check uses, of the classifier's size.
        threshold: For two classes, the log-odds above which a picture is of the second, see
            ``calibrated_threshold``; stored in the model and in the card. None for the most
            probable class.
        measure: Called with the reloaded model once it has passed the check; what it returns is
            added to the card.
        sheet: ``[H, W, 1 or 3]`` uint8, pictures to show on the card, ``samples.png``.

    Returns:
        The version folder.

    Raises:
        ExportError: If the reloaded model differs from the trained one.
        ValueError: If the folder cannot be written, the classifier has other inputs or outputs, or
            ``class_names`` or the threshold do not fit.
    """
    check_classifier(classifier, class_names, preprocessing, threshold)
    endpoints = classifier_endpoints(classifier, class_names, preprocessing, probes, threshold)
    named = {**card, "class_names": list(class_names)}
    if threshold is not None:
        named["threshold_log_odds"] = threshold
    return publish(classifier, endpoints, directory, name, named, preprocessing, measure, sheet)
