"""A linear classifier on precomputed features, and its batches."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgen.data.pipeline import Batches, Pictures, array_digest, labelled


def linear_head(features: np.ndarray, num_classes: int) -> keras.Model:
    """A linear layer on standardised features.

    Args:
        features: ``[N, D]`` float32 of the training pictures; the network standardises by their
            mean and deviation.
        num_classes: Labels are 0 to ``num_classes - 1``.

    Returns:
        A model, ``[N, D]`` raw features -> logits ``[N, num_classes]`` float32.
    """
    # Avoids amplifying features that hardly vary.
    deviation = features.std(axis=0) + 1e-3
    inputs = keras.Input(features.shape[1:], name="features")
    x = layers.Normalization(
        mean=features.mean(axis=0), variance=deviation**2, dtype="float32", name="standardised"
    )(inputs)
    # Avoids overfitting with hundreds of features and few pictures.
    x = layers.Dropout(0.5)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="linear_head")


def feature_batches(
    features: np.ndarray, labels: np.ndarray, batch_size: int, *, seed: int
) -> Batches:
    """Batches of (features, labels) for the head, in the order of ``pipeline.labelled``.

    Args:
        features: ``[N, D]`` float32.
        labels: ``[N]`` integers.
        batch_size: Rows in a global batch.
        seed: Seed of the order.

    Returns:
        Batches of ``[n, D]`` float32 and ``[n]`` int32.

    Raises:
        ValueError: If the shapes do not match or the batch size is below 1.
    """
    if features.ndim != 2 or np.shape(labels) != (len(features),) or not len(features):
        raise ValueError(
            "`features` must be [N, D] and `labels` [N] with N above 0. "
            f"Received: shapes {features.shape} and {np.shape(labels)}"
        )
    rows_of_features = tf.constant(features, tf.float32)
    rows_of_labels = tf.constant(labels, tf.int32)
    # Empty pictures whose labels are their indices: the order is that of `labelled`.
    order = labelled(
        Pictures(
            len(features),
            (1, 1, 1),
            lambda indices: tf.zeros([tf.size(indices), 1, 1, 1], tf.uint8),
            np.arange(len(features), dtype=np.int32),
        ),
        batch_size,
        seed=seed,
    )

    def make(step: tf.Tensor, first: tf.Tensor, rows: int) -> tuple[tf.Tensor, ...]:
        _, indices = order.make(step, first, rows)
        return tf.gather(rows_of_features, indices), tf.gather(rows_of_labels, indices)

    digest = array_digest(np.asarray(features, np.float32), np.asarray(labels, np.int32))
    return Batches(batch_size, make, {"features": digest, "batch_seed": seed})
