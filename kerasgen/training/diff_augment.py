"""Differentiable augmentation of real and fake pictures.

Zhao et al. (2020), "Differentiable Augmentation for Data-Efficient GAN Training", arXiv:2006.10738,
section 3. Differs: shifted pictures repeat their edge, where the paper pads with zeros, which would
cover a large part of a small picture.

Stateless: the randomness is an argument, so a step stays a pure function.
"""

from __future__ import annotations

from collections.abc import Collection

import tensorflow as tf

POLICIES = ("colour", "translation", "cutout")
NUMBERS_PER_PICTURE = 7
"""Columns of uniform numbers that ``diff_augment`` needs for each picture."""


def diff_augment(
    images: tf.Tensor,
    random: tf.Tensor,
    policy: Collection[str] = POLICIES,
    *,
    translation: float = 0.125,
    cutout: float = 0.5,
) -> tf.Tensor:
    """Augments pictures so that the discriminator cannot memorise a small set.

    Args:
        images: ``[N, H, W, C]`` float in [-1, 1].
        random: ``[N, 7]`` uniform in [0, 1).
        policy: Any of ``"colour"`` (brightness, saturation, contrast), ``"translation"`` and
            ``"cutout"``; empty for none.
        translation: Largest shift, as a share of the side.
        cutout: Side of the square that is set to 0, as a share of the side.

    Returns:
        ``[N, H, W, C]``, not clipped.

    Raises:
        ValueError: If the policy has a name that is not known.
    """
    unknown = sorted(set(policy) - set(POLICIES))
    if unknown:
        raise ValueError(f"`policy` must be among {POLICIES}. Received: policy={unknown}")
    numbers = tf.cast(random, images.dtype)
    if "colour" in policy:
        images = _colour(images, numbers[:, 0:3])
    if "translation" in policy:
        images = _translate(images, random[:, 3:5], translation)
    if "cutout" in policy:
        images = _cut_out(images, random[:, 5:7], cutout)
    return images


def _colour(images: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    brightness, saturation, contrast = (
        tf.reshape(numbers[:, column], [-1, 1, 1, 1]) for column in range(3)
    )
    images = images + (brightness - 0.5)
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * (2.0 * saturation) + grey
    level = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - level) * (contrast + 0.5) + level


def _translate(images: tf.Tensor, numbers: tf.Tensor, share: float) -> tf.Tensor:
    height, width = images.shape[1], images.shape[2]
    for axis, side, column in ((1, height, 0), (2, width, 1)):
        reach = int(round(side * share))
        offsets = tf.cast(tf.floor(numbers[:, column] * (2 * reach + 1)), tf.int32)
        indices = tf.range(side)[None, :] + offsets[:, None] - reach
        indices = tf.clip_by_value(indices, 0, side - 1)
        images = tf.gather(images, indices, axis=axis, batch_dims=1)
    return images


def _cut_out(images: tf.Tensor, numbers: tf.Tensor, share: float) -> tf.Tensor:
    height, width = images.shape[1], images.shape[2]
    inside = []
    for side, column in ((height, 0), (width, 1)):
        length = int(round(side * share))
        centre = tf.floor(numbers[:, column] * (side + 1 - length % 2))
        distance = tf.range(side, dtype=tf.float32)[None, :] - centre[:, None] + length // 2
        inside.append(tf.logical_and(distance >= 0, distance < length))
    hole = tf.logical_and(inside[0][:, :, None], inside[1][:, None, :])
    return images * tf.cast(tf.logical_not(hole), images.dtype)[..., None]
