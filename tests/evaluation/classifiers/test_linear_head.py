"""The head's own standardisation, and batches that keep each feature with its label."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.evaluation.classifiers.linear_head import feature_batches, linear_head

FEATURES = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
LABELS = np.arange(10) % 3


def test_the_head_standardises_by_the_training_pictures(tmp_path):
    features = np.array([[0, 10, 5], [4, 30, 5]], np.float32)
    head = linear_head(features, 2)
    head.layers[-1].set_weights([np.array([[1, 0], [0, 1], [1, 1]]), np.array([0.5, 0])])
    # Deviations of 2, 10 and 0, and 0.001 on top: a feature that does not vary stays 0.
    expected = [[0.5 + 4 / 2.001, 20 / 10.001]]
    np.testing.assert_allclose(head(np.array([[6, 40, 5]], np.float32)), expected, rtol=1e-6)
    np.testing.assert_allclose(head(features[:1]), [[0.5 - 2 / 2.001, -10 / 10.001]], rtol=1e-6)
    head.save(tmp_path / "head.keras")
    again = keras.models.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(again(features), head(features))


def test_features_come_in_the_order_of_their_pictures():
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 1), np.uint8)
    flat = images.reshape(10, 16).astype(np.float32)
    pairs = zip(
        labelled(Pictures.from_array(images, LABELS), 4, seed=7).dataset().take(6),
        feature_batches(flat, LABELS, 4, seed=7).dataset().take(6),
        strict=True,
    )
    for (pictures, labels), (features, same) in pairs:
        np.testing.assert_array_equal(labels, same)
        pixels = np.rint((pictures.numpy() + 1) * 127.5).reshape(4, 16)
        np.testing.assert_array_equal(pixels, features)
        assert (features.dtype, same.dtype) == (tf.float32, tf.int32)


def test_features_and_labels_must_belong_together():
    for labels in (LABELS[:9], LABELS[:0], LABELS[:, None]):
        with pytest.raises(ValueError, match="Received: shapes"):
            feature_batches(FEATURES, labels, 2, seed=0)
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        feature_batches(FEATURES, LABELS, 0, seed=0)
