"""Losses as pure functions: tensors in, one scalar out, the mean over the batch.

Functions rather than Keras loss classes, because the classes divide by the number of replicas
under a strategy and the functions do not; the only scaling is in ``Player.descend``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import tensorflow as tf

Logits: TypeAlias = tf.Tensor
Critic = Callable[[tf.Tensor], tf.Tensor]


class AdversarialLoss(NamedTuple):
    """A pair of losses, each a function of ``(real_logits, fake_logits)`` of any equal shape."""

    generator: Callable[[Logits, Logits], tf.Tensor]
    discriminator: Callable[[Logits, Logits], tf.Tensor]


def _mean(values: tf.Tensor) -> tf.Tensor:
    # Means in float32, also under mixed precision.
    return tf.reduce_mean(tf.cast(values, tf.float32))


def non_saturating_generator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Non-saturating generator loss, softplus(-D(fake)).

    Goodfellow et al. (2014), arXiv:1406.2661, section 3.
    """
    return _mean(tf.nn.softplus(-fake_logits))


def binary_cross_entropy_discriminator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Binary cross-entropy of logits, with targets 1 for real and 0 for fake.

    Goodfellow et al. (2014), arXiv:1406.2661, equation 1. Differs: the mean of the two halves,
    not their sum, so that it is log 2 for an undecided discriminator.
    """
    return 0.5 * (_mean(tf.nn.softplus(-real_logits)) + _mean(tf.nn.softplus(fake_logits)))


def least_squares_generator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Least-squares generator loss, (D(fake) - 1)^2.

    Mao et al. (2017), arXiv:1611.04076, equation 9, b = c = 1.
    """
    return _mean(tf.square(fake_logits - 1.0))


def least_squares_discriminator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Least-squares discriminator loss, half of (D(real) - 1)^2 + D(fake)^2.

    Mao et al. (2017), arXiv:1611.04076, equation 9.
    """
    return 0.5 * (_mean(tf.square(real_logits - 1.0)) + _mean(tf.square(fake_logits)))


def hinge_generator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Hinge generator loss, -D(fake) (Lim & Ye 2017, arXiv:1705.02894, equation 8)."""
    return -_mean(fake_logits)


def hinge_discriminator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Hinge discriminator loss, relu(1 - D(real)) + relu(1 + D(fake)).

    Lim & Ye (2017), arXiv:1705.02894.
    """
    return _mean(tf.nn.relu(1.0 - real_logits)) + _mean(tf.nn.relu(1.0 + fake_logits))


def relativistic_generator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Relativistic pairing loss, softplus(D(real) - D(fake)).

    Jolicoeur-Martineau (2018), arXiv:1807.00734, as in Huang et al. (2024), arXiv:2501.05441,
    section 2.1.
    """
    return _mean(tf.nn.softplus(real_logits - fake_logits))


def relativistic_discriminator(real_logits: Logits, fake_logits: Logits) -> tf.Tensor:
    """Relativistic pairing loss, softplus(D(fake) - D(real)); see ``relativistic_generator``."""
    return _mean(tf.nn.softplus(fake_logits - real_logits))


BINARY_CROSS_ENTROPY = AdversarialLoss(non_saturating_generator, binary_cross_entropy_discriminator)
LEAST_SQUARES = AdversarialLoss(least_squares_generator, least_squares_discriminator)
HINGE = AdversarialLoss(hinge_generator, hinge_discriminator)
RELATIVISTIC = AdversarialLoss(relativistic_generator, relativistic_discriminator)


def l1(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference, in the unit of the arguments.

    Args:
        first: Any shape.
        second: The same shape.

    Returns:
        Scalar float32.
    """
    return _mean(tf.abs(first - second))


def squared_gradient_norm(critic: Critic, images: tf.Tensor) -> tf.Tensor:
    """Half the mean squared norm of the critic's gradient at the pictures.

    On real pictures this is R1, on fakes R2 (Mescheder et al. 2018, arXiv:1801.04406, equation 9),
    to be multiplied by their gamma.

    Args:
        critic: Pictures -> logits of any shape ``[N, ...]``.
        images: ``[N, H, W, C]`` float32 in [-1, 1].

    Returns:
        Scalar float32.
    """
    images = tf.stop_gradient(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.cast(critic(images), tf.float32)
    gradients = tf.cast(tape.gradient(logits, images), tf.float32)
    return 0.5 * _mean(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]))


def gradient_penalty(
    critic: Critic, real: tf.Tensor, fake: tf.Tensor, mixing: tf.Tensor
) -> tf.Tensor:
    """Mean squared distance of the critic's gradient norm from 1.

    Gulrajani et al. (2017), arXiv:1704.00028, equation 3.

    Args:
        critic: Pictures -> logits of any shape ``[N, ...]``.
        real: ``[N, H, W, C]`` float32 in [-1, 1].
        fake: ``[N, H, W, C]`` float32 in [-1, 1].
        mixing: ``[N]`` uniform in [0, 1): the share of the real picture at each point.

    Returns:
        Scalar float32.
    """
    share = tf.reshape(mixing, [-1, 1, 1, 1])
    points = tf.stop_gradient(share * real + (1.0 - share) * fake)
    with tf.GradientTape() as tape:
        tape.watch(points)
        logits = tf.cast(critic(points), tf.float32)
    gradients = tf.cast(tape.gradient(logits, points), tf.float32)
    # The small constant keeps the square root's own gradient finite at zero.
    norms = tf.sqrt(tf.reduce_sum(tf.square(gradients), axis=[1, 2, 3]) + 1e-12)
    return _mean(tf.square(norms - 1.0))
