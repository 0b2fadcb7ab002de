"""Styles: six numbers for the colours of a picture."""

import numpy as np
import tensorflow as tf

from kerasgen.training.colour_moments import colour_moments, recolour, style_distance


def halves(first, second):
    """One picture: two rows of one colour, two of another."""
    rows = [first, first, second, second]
    return tf.constant([[[row] * 4 for row in rows]], tf.float32)


def test_a_style_is_three_means_and_three_deviations():
    style = colour_moments(halves([0.0, 0.5, -1.0], [0.4, 0.5, 1.0]))
    np.testing.assert_allclose(style, [[0.2, 0.5, 0.0, 0.2, 0.0, 1.0]], atol=0.011)


def test_recolouring_gives_the_style_and_keeps_the_pattern():
    picture = halves([0.0, 0.1, -0.2], [0.4, 0.3, 0.2])
    expected = tf.constant([[0.1, -0.1, 0.0, 0.3, 0.2, 0.1]])
    recoloured = recolour(picture, expected)
    np.testing.assert_allclose(colour_moments(recoloured), expected, atol=1e-2)
    assert np.all(recoloured[0, 3] > recoloured[0, 0])
    assert style_distance(recoloured, expected) < 0.01 < style_distance(picture, expected)


def test_recolouring_to_its_own_style_changes_nothing():
    picture = tf.random.stateless_uniform([2, 8, 8, 3], [1, 2], -0.9, 0.9)
    np.testing.assert_allclose(recolour(picture, colour_moments(picture)), picture, atol=1e-5)


def test_a_flat_picture_has_a_slope():
    picture = tf.Variable(tf.zeros([1, 4, 4, 3]))
    with tf.GradientTape() as tape:
        loss = style_distance(picture, tf.ones([1, 6]))
    assert np.all(np.isfinite(tape.gradient(loss, picture)))
