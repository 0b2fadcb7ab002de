"""Functional blocks, tensor -> tensor, that the families' builders share; layers of one batch.

The blocks use only ``keras.layers`` and ``keras.ops``: raw TensorFlow calls on a symbolic Keras
tensor raise. What follows them treats dropout and batch statistics over replicas and batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

Tensor: TypeAlias = keras.KerasTensor

_NEEDED = {
    "backend": ("tensorflow", "unset KERAS_BACKEND"),
    "floatx": ("float32", "keras.config.set_floatx('float32')"),
    "image_data_format": ("channels_last", "keras.config.set_image_data_format('channels_last')"),
}
"""What is needed, and the remedy; ``keras.json`` sets all of them, too."""


def check_keras_settings() -> None:
    """Checks the settings before anything is trained: an export would fail at the end.

    Raises:
        ValueError: If a setting is another.
    """
    for name, (needed, remedy) in _NEEDED.items():
        found = getattr(keras.config, name)()
        if found != needed:
            raise ValueError(
                f"kerasgen needs the {name} {needed!r} in Keras: {remedy}. "
                f"Received: {name}={found!r}"
            )


NORMALIZATIONS = (None, "group", "instance", "batch")


def normalize(x: Tensor, normalization: str | None, *, affine: bool = True) -> Tensor:
    """Normalises a feature map.

    Args:
        x: ``[N, H, W, C]``.
        normalization: None; ``"group"`` (at most 8 groups) or ``"instance"``, which treat each
            picture by itself; ``"batch"``, whose statistics are those of the global batch, over
            all replicas.
        affine: Whether each channel is then scaled and shifted by learned numbers.

    Returns:
        ``[N, H, W, C]``.

    Raises:
        ValueError: If ``normalization`` is none of these.
    """
    learned = {"center": affine, "scale": affine}
    if normalization is None:
        return x
    if normalization == "group":
        channels = x.shape[-1]
        groups = max(group for group in range(1, 9) if channels % group == 0)
        return layers.GroupNormalization(groups=groups, epsilon=1e-5, **learned)(x)
    if normalization == "instance":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5, **learned)(x)
    if normalization == "batch":
        return layers.BatchNormalization(synchronized=True, **learned)(x)
    raise ValueError(
        f"`normalization` must be among {NORMALIZATIONS}. Received: normalization={normalization!r}"
    )


def conditional_normalize(x: Tensor, label: Tensor, num_classes: int, normalization: str) -> Tensor:
    """Normalises a feature map, then scales and shifts each channel by learned numbers of a class.

    Dumoulin et al. (2017), arXiv:1610.07629, section 2.2. Every class starts with scale 1 and
    shift 0.

    Args:
        x: ``[N, H, W, C]``.
        label: ``[N]`` int32.
        num_classes: Labels are 0 to ``num_classes - 1``.
        normalization: See ``normalize``.

    Returns:
        ``[N, H, W, C]``.
    """
    channels = x.shape[-1]
    x = normalize(x, normalization, affine=False)
    scale = layers.Embedding(num_classes, channels, embeddings_initializer="ones")(label)
    shift = layers.Embedding(num_classes, channels, embeddings_initializer="zeros")(label)
    reshape = layers.Reshape((1, 1, channels))
    return x * reshape(scale) + reshape(shift)


def mirror_pad(x: Tensor, width: int) -> Tensor:
    """Pads height and width by mirrored pixels, so that no dark frame appears at the border."""
    if width == 0:
        return x
    return ops.pad(x, [[0, 0], [width, width], [width, width], [0, 0]], mode="symmetric")


def convolve(x: Tensor, width: int, kernel: int, *, strides: int = 1, **options: Any) -> Tensor:
    """A convolution with mirrored padding.

    Args:
        x: ``[N, H, W, C]``, sides multiples of ``strides``.
        width: Channels of the result.
        kernel: Side of the kernel; ``kernel - strides`` must be even.
        strides: Strides of the convolution.
        **options: Arguments of ``keras.layers.Conv2D``. The initializer is "he_normal" (He et al.
            2015, arXiv:1502.01852) if it is not among them.

    Returns:
        ``[N, H / strides, W / strides, width]``.
    """
    options = {"kernel_initializer": "he_normal", **options}
    padded = mirror_pad(x, (kernel - strides) // 2)
    return layers.Conv2D(width, kernel, strides=strides, padding="valid", **options)(padded)


def upsample(x: Tensor, width: int, kernel: int) -> Tensor:
    """A stride-2 transposed convolution with mirrored padding.

    Args:
        x: ``[N, H, W, C]``.
        width: Channels of the result.
        kernel: Side of the kernel.

    Returns:
        ``[N, 2 H, 2 W, width]``.
    """
    layer = layers.Conv2DTranspose(
        width, kernel, strides=2, padding="same", kernel_initializer="he_normal"
    )
    return _crop(layer(mirror_pad(x, 1)), 2)


def _crop(x: Tensor, width: int) -> Tensor:
    if None in x.shape[1:3]:
        return layers.Cropping2D(width)(x)
    # The gradient of a slice took 6 % of a refiner's step, that of a split 0.3 %.
    for axis in (1, 2):
        x = ops.split(x, [width, x.shape[axis] - width], axis=axis)[1]
    return x


def depth_to_space(x: Tensor, factor: int) -> Tensor:
    """Turns the channels of each pixel into a block of pixels.

    Shi et al. (2016), arXiv:1609.05158, section 3.2.

    Args:
        x: ``[N, H, W, C f f]``.
        factor: f, the side of a block.

    Returns:
        ``[N, H f, W f, C]``.
    """
    if factor == 1:
        return x
    height, width, channels = x.shape[1:]
    channels //= factor**2
    x = layers.Reshape((height, width, factor, factor, channels))(x)
    x = layers.Permute((1, 3, 2, 4, 5))(x)
    return layers.Reshape((height * factor, width * factor, channels))(x)


def add_noise(x: Tensor, noise: Tensor) -> Tensor:
    """Adds noise to each channel, with a learned strength that is zero at the start.

    Karras et al. (2019), arXiv:1812.04948, section 2: a network without such an input cannot
    produce the grain of a camera, only its average.

    Args:
        x: ``[N, H, W, C]``.
        noise: ``[N, H, W, 1]``.

    Returns:
        ``[N, H, W, C]``.
    """
    strength = layers.Conv2D(x.shape[-1], 1, use_bias=False, kernel_initializer="zeros")
    return x + strength(noise)


def modulate(x: Tensor, condition: Tensor) -> Tensor:
    """Scales and shifts each channel by a learned function of a condition vector.

    Perez et al. (2018), "FiLM", arXiv:1709.07871, section 2.1. Starts near the identity: the scale
    is one plus the layer's output, whose weights start small.

    Args:
        x: ``[N, H, W, C]``.
        condition: ``[N, D]``.

    Returns:
        ``[N, H, W, C]``.
    """
    channels = x.shape[-1]
    small = keras.initializers.RandomNormal(stddev=0.02)
    scale_shift = layers.Dense(2 * channels, kernel_initializer=small)(condition)
    scale_shift = layers.Reshape([1, 1, 2 * channels])(scale_shift)
    return x * (1.0 + scale_shift[..., :channels]) + scale_shift[..., channels:]


def residual_block(
    x: Tensor, *, normalization: str | None = None, condition: Tensor | None = None
) -> Tensor:
    """Two 3x3 convolutions with mirrored padding, added to their input.

    He et al. (2016), arXiv:1512.03385, section 3.1, in the form of Johnson et al. (2016),
    arXiv:1603.08155: no activation after the sum.

    Args:
        x: ``[N, H, W, C]``.
        normalization: After each convolution, see ``normalize``.
        condition: ``[N, D]``, modulates the first convolution's output; None for none.

    Returns:
        ``[N, H, W, C]``.
    """
    width = x.shape[-1]
    y = normalize(convolve(x, width, 3), normalization)
    y = y if condition is None else modulate(y, condition)
    y = layers.LeakyReLU(negative_slope=0.2)(y)
    return x + normalize(convolve(y, width, 3), normalization)


def check_image_shape(image_shape: Sequence[int | None], multiple: int) -> None:
    """Checks the shape of a network's pictures.

    Args:
        image_shape: (height, width, channels); height and width may be None for any size.
        multiple: Height and width must be multiples of it.

    Raises:
        ValueError: If they are not, or the channels are not 1 or 3.
    """
    height, width, channels = image_shape
    sides = [side for side in (height, width) if side is not None]
    if channels not in (1, 3) or any(side < 1 or side % multiple for side in sides):
        raise ValueError(
            f"`image_shape` must be (height, width, 1 or 3) with sides that are multiples of "
            f"{multiple}. Received: image_shape={tuple(image_shape)}"
        )


def share_dropout(layer: keras.layers.Dropout) -> None:
    """Makes several replicas drop together what one would drop of the global batch.

    Keras draws the same mask on every replica, so what is trained would depend on their number. In
    files the layer stays what it is.

    Args:
        layer: Changed in place; nothing happens the second time.
    """
    if "call" in vars(layer):
        return
    drop = layer.call

    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        if not training or context is None or context.num_replicas_in_sync == 1:
            return drop(inputs, training=training)
        rows = inputs.shape[0]
        shape = [rows * context.num_replicas_in_sync, *inputs.shape[1:]]
        kept = drop(tf.ones(shape, inputs.dtype), training=True)
        start = context.replica_id_in_sync_group * rows
        return inputs * tf.ensure_shape(kept[start : start + rows], inputs.shape)

    layer.call = call


def has_statistics(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a batch normalisation that learns.

    Args:
        layer: Any layer.
    """
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


def measure_statistics(
    normalisations: Sequence[keras.layers.BatchNormalization], passes: Iterable[Any]
) -> None:
    """Gives each layer the mean and variance of what it gets over all passes.

    Args:
        normalisations: The layers, whose statistics are replaced.
        passes: Each item runs the network once in training mode.

    Raises:
        ValueError: If there is no pass.
    """
    momenta = [layer.momentum for layer in normalisations]
    found: list[list[tuple[np.ndarray, np.ndarray]]] = []
    try:
        for layer in normalisations:
            # The moving statistics are then those of the last batch.
            layer.momentum = 0.0
        for _ in passes:
            rows = [(x.moving_mean.numpy(), x.moving_variance.numpy()) for x in normalisations]
            found.append(rows)
    finally:
        for layer, momentum in zip(normalisations, momenta, strict=True):
            layer.momentum = momentum
    if not found:
        raise ValueError(
            "Averaged weights need batch statistics of their own: use `step.averaged(batches)`, or "
            f"pass `passes`. Received: no passes, batch normalisation {normalisations[0].path}"
        )
    for layer, rows in zip(normalisations, zip(*found, strict=True), strict=True):
        means, variances = (np.stack(each) for each in zip(*rows, strict=True))
        layer.moving_mean.assign(means.mean(axis=0))
        layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))
