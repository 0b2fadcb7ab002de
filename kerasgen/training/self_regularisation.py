"""Self-regularisation terms: how far a refined picture may differ from its render.

Each is a function ``(refined, rendered) -> scalar`` of ``[N, H, W, C]`` float in [-1, 1].
Shrivastava et al. (2017), arXiv:1612.07828, section 2.1, call their choice psi: the identity, or a
feature transform.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasgen.io.channels import LUMA
from kerasgen.training.losses import l1

SelfRegularisation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

_SMALL = 1e-3
"""Added to standard deviations: a flat picture has none."""
_DARKNESS = 0.4
"""Luminance in [0, 1] below which a pixel counts as dark."""
_MASK_BLUR = 3.0
"""Standard deviation in pixels of the mask's blur, applied twice."""
_BLURS = (1.0, 2.5)
"""Standard deviations in pixels of the blurs at which luminance is correlated."""
_LEAST_CONTRAST = 0.33
"""Share of its contrast that the render's dark part keeps; webcam eyes have 0.3 to 0.4 of it."""
_DRIFT = 0.1
"""Structural change at which pupils start to drift."""


def luminance(images: tf.Tensor) -> tf.Tensor:
    """Rec. 601 luminance, ``[N, H, W, 1]`` float32 in [0, 1]."""
    images = tf.cast(images, tf.float32)
    if images.shape[-1] == 1:
        return images * 0.5 + 0.5
    return tf.reduce_sum(images * LUMA, axis=-1, keepdims=True) * 0.5 + 0.5


def pixel_l1(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """Mean absolute pixel difference, as in the original refiner; it also forbids new colours.

    Args:
        refined: ``[N, H, W, C]`` float in [-1, 1].
        rendered: The same.

    Returns:
        Scalar float32, in [0, 2].
    """
    return l1(tf.cast(refined, tf.float32), tf.cast(rendered, tf.float32))


def normalised_luminance(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of luminance, each picture scaled to mean 0 and deviation 1.

    Colour, brightness and contrast may change freely; shading may not.
    """
    return l1(_standardised(luminance(refined)), _standardised(luminance(rendered)))


def masked_gradient(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of normalised luminance gradients near dark parts of the render.

    In an eye the dark parts are pupil, iris and lashes: their edges stay, and with them the gaze;
    skin and colour may change freely.
    """
    return tf.reduce_mean(_gradient_change(refined, rendered))


def masked_correlation(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """One minus the correlation of blurred luminance near dark parts of the render.

    Invariant to brightness and contrast, and to detail finer than the blurs: highlights and noise
    may appear, the dark disc must stay where it is.
    """
    return tf.reduce_mean(_correlation_loss(refined, rendered))


def masked_structure(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """Correlation, gradient and contrast, squared for each picture: large changes weigh more.

    A refiner first distorts the poses that no photograph shows; in a plain mean these hardly count.
    Held by correlation and gradient alone they fade, so the dark part must also keep a third of its
    contrast. The sum of ``masked_correlation``, twice ``masked_gradient`` and the missing contrast
    is squared and divided by 0.1, about where a pupil starts to drift: there the term equals the
    plain mean.

    Args:
        refined: ``[N, H, W, C]`` float in [-1, 1].
        rendered: The same.

    Returns:
        Scalar float32.
    """
    change = _correlation_loss(refined, rendered) + 2.0 * _gradient_change(refined, rendered)
    return tf.reduce_mean(tf.square(change + _faded(refined, rendered))) / _DRIFT


def feature_l1(features: Callable[[tf.Tensor], tf.Tensor]) -> SelfRegularisation:
    """Mean absolute difference of features, for any differentiable network.

    Args:
        features: ``[N, H, W, C]`` float in [-1, 1] -> any tensor. A Keras model stays as it is as
            long as no player holds it.

    Returns:
        A self-regularisation term.
    """

    def term(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
        return l1(features(refined), features(rendered))

    return term


def _standardised(images: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(images, axes=[1, 2, 3], keepdims=True)
    return (images - mean) / (tf.sqrt(variance) + _SMALL)


def _gradient_change(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """One number per picture."""
    weight = _dark_mask(luminance(rendered))
    difference = _normalised_gradients(refined) - _normalised_gradients(rendered)
    return tf.reduce_mean(weight * tf.abs(difference), axis=[1, 2, 3])


def _correlation_loss(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """One number per picture, the mean over the blurs."""
    weight = _unit_mask(rendered)
    lights = luminance(refined), luminance(rendered)
    terms = []
    for blur in _BLURS:
        first, second = (_blur(light, blur) for light in lights)
        terms.append(1.0 - _weighted_correlation(first, second, weight))
    return tf.add_n(terms)[:, 0, 0, 0] / len(terms)


def _faded(refined: tf.Tensor, rendered: tf.Tensor) -> tf.Tensor:
    """One number per picture: 0 if the dark part keeps enough contrast, 1 if it has none."""
    weight = _unit_mask(rendered)
    deviations = []
    for images in (refined, rendered):
        light = _blur(luminance(images), _BLURS[0])
        mean = tf.reduce_sum(light * weight, axis=[1, 2, 3], keepdims=True)
        variance = tf.reduce_sum(tf.square(light - mean) * weight, axis=[1, 2, 3])
        deviations.append(tf.sqrt(variance + 1e-6))
    kept = deviations[0] / deviations[1]
    return tf.nn.relu(1.0 - kept / _LEAST_CONTRAST)


def _unit_mask(rendered: tf.Tensor) -> tf.Tensor:
    weight = _dark_mask(luminance(rendered))
    return weight / (tf.reduce_sum(weight, axis=[1, 2, 3], keepdims=True) + 1e-6)


def _normalised_gradients(images: tf.Tensor) -> tf.Tensor:
    """Forward differences of the smoothed luminance over their root mean square, both axes."""
    smooth = _separable_blur(luminance(images), np.array([0.25, 0.5, 0.25]))
    # Zero in the last row and column, which have no neighbour.
    down = tf.pad(smooth[:, 1:] - smooth[:, :-1], [[0, 0], [0, 1], [0, 0], [0, 0]])
    right = tf.pad(smooth[:, :, 1:] - smooth[:, :, :-1], [[0, 0], [0, 0], [0, 1], [0, 0]])
    both = tf.concat([down, right], axis=-1)
    power = tf.reduce_mean(tf.square(both), axis=[1, 2, 3], keepdims=True)
    return both / (tf.sqrt(power + 1e-12) + _SMALL)


def _weighted_correlation(first: tf.Tensor, second: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    def mean(values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(values * weight, axis=[1, 2, 3], keepdims=True)

    first, second = first - mean(first), second - mean(second)
    power = mean(tf.square(first)) * mean(tf.square(second))
    return mean(first * second) / tf.sqrt(power + 1e-6)


def _dark_mask(light: tf.Tensor) -> tf.Tensor:
    mask = _blur(_blur(tf.nn.relu(_DARKNESS - light), _MASK_BLUR), _MASK_BLUR)
    return mask / (tf.reduce_max(mask, axis=[1, 2, 3], keepdims=True) + 1e-6)


def _blur(images: tf.Tensor, sigma: float) -> tf.Tensor:
    radius = int(np.ceil(2.5 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return _separable_blur(images, kernel / kernel.sum())


def _separable_blur(images: tf.Tensor, kernel: np.ndarray) -> tf.Tensor:
    radius = len(kernel) // 2
    taps = tf.constant(kernel, tf.float32)
    padded = tf.pad(images, [[0, 0], [radius, radius], [radius, radius], [0, 0]], "SYMMETRIC")
    vertical = tf.nn.conv2d(padded, taps[:, None, None, None], 1, "VALID")
    return tf.nn.conv2d(vertical, taps[None, :, None, None], 1, "VALID")
