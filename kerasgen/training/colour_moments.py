"""The style of a picture: six numbers that describe its colours, apart from what is in it.

Mean and standard deviation of each channel: style as in Huang & Belongie (2017), arXiv:1703.06868,
equation 8, but of pixels instead of features, as in Reinhard et al. (2001), "Color Transfer between
Images", https://doi.org/10.1109/38.946629. A refiner that takes the style of a photograph can give
one render many lightings.
"""

from __future__ import annotations

import tensorflow as tf

from kerasgen.training.losses import l1

STYLE_SIZE = 6
"""Three means, three standard deviations."""

_SMALL = 1e-4
"""Added to variances, so that the root has a slope on a flat picture."""


def colour_moments(images: tf.Tensor) -> tf.Tensor:
    """Mean and standard deviation of each channel.

    Args:
        images: ``[N, H, W, 3]`` float in [-1, 1].

    Returns:
        ``[N, 6]`` float32: three means, then three deviations, in the unit of the pixels.
    """
    pixels = images.shape[1] * images.shape[2]
    flat = tf.reshape(tf.cast(images, tf.float32), [-1, pixels, images.shape[3]])
    # As a matrix product: means over the middle axis of such a thin array take twice as long.
    average = tf.fill([1, 1, pixels], 1.0 / pixels)
    mean = tf.squeeze(average @ flat, axis=1)
    variance = tf.squeeze(average @ tf.square(flat - mean[:, None, :]), axis=1)
    return tf.concat([mean, tf.sqrt(variance + _SMALL)], axis=1)


def recolour(images: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Gives pictures the means and deviations of a style.

    Args:
        images: ``[N, H, W, 3]`` float32 in [-1, 1].
        style: ``[N, 6]`` from ``colour_moments``.

    Returns:
        ``[N, H, W, 3]`` float32, clipped to [-1, 1].
    """
    own = colour_moments(images)[:, None, None, :]
    target = style[:, None, None, :]
    scaled = (images - own[..., :3]) / own[..., 3:] * target[..., 3:] + target[..., :3]
    return tf.clip_by_value(scaled, -1.0, 1.0)


def style_distance(images: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference between the styles of pictures and the requested ones.

    Args:
        images: ``[N, H, W, 3]`` float in [-1, 1].
        style: ``[N, 6]`` from ``colour_moments``.

    Returns:
        Scalar float32, in the unit of the pixels.
    """
    return l1(colour_moments(images), style)
