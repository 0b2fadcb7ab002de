"""Functional blocks, tensor -> tensor, that the families' builders share.

Only ``keras.layers`` and ``keras.ops``: raw TensorFlow calls on a symbolic Keras tensor raise.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

Tensor = keras.KerasTensor

NORMALIZATIONS = (None, "group", "instance", "batch")


def normalize(x: Tensor, normalization: str | None) -> Tensor:
    """Normalises a feature map.

    Args:
        x: ``[N, H, W, C]``.
        normalization: None; ``"group"`` (at most 8 groups) or ``"instance"``, which treat each
            picture by itself and so give the same result on one replica and on many; ``"batch"``,
            which does not: its statistics are those of one replica's part.

    Raises:
        ValueError: If the name is not known.
    """
    if normalization is None:
        return x
    if normalization == "group":
        channels = x.shape[-1]
        groups = max(group for group in range(1, 9) if channels % group == 0)
        return layers.GroupNormalization(groups=groups, epsilon=1e-5)(x)
    if normalization == "instance":
        return layers.GroupNormalization(groups=-1, epsilon=1e-5)(x)
    if normalization == "batch":
        return layers.BatchNormalization()(x)
    raise ValueError(
        f"`normalization` must be among {NORMALIZATIONS}. Received: normalization={normalization!r}"
    )


def reflect_pad(x: Tensor, width: int) -> Tensor:
    """Pads height and width by mirrored pixels, so that no dark frame appears at the border."""
    return ops.pad(x, [[0, 0], [width, width], [width, width], [0, 0]], mode="reflect")


def modulate(x: Tensor, condition: Tensor) -> Tensor:
    """Scales and shifts each channel by a learned function of a condition vector.

    Perez et al., "FiLM" (2018), section 2.1. Starts as the identity, because the layer's weights
    start at zero and the scale is one plus its output.

    Args:
        x: ``[N, H, W, C]``.
        condition: ``[N, D]``.
    """
    channels = x.shape[-1]
    scale_shift = layers.Dense(2 * channels, kernel_initializer="zeros")(condition)
    scale_shift = layers.Reshape([1, 1, 2 * channels])(scale_shift)
    return x * (1.0 + scale_shift[..., :channels]) + scale_shift[..., channels:]


def residual_block(
    x: Tensor, *, normalization: str | None = None, condition: Tensor | None = None
) -> Tensor:
    """Two 3x3 convolutions, reflect-padded, added to their input; the width stays.

    He et al. (2016), section 3.1, in the form of Johnson et al. (2016): nothing after the sum.
    """
    channels = x.shape[-1]
    y = layers.Conv2D(channels, 3, padding="valid")(reflect_pad(x, 1))
    y = normalize(y, normalization)
    if condition is not None:
        y = modulate(y, condition)
    y = layers.LeakyReLU(negative_slope=0.2)(y)
    y = layers.Conv2D(channels, 3, padding="valid")(reflect_pad(y, 1))
    return x + normalize(y, normalization)


def check_image_shape(image_shape: Sequence[int | None], multiple: int) -> None:
    """Checks that a picture's form can be halved and doubled without a remainder.

    Args:
        image_shape: (height, width, channels); height and width may be None (size-free).
        multiple: What height and width must be a multiple of.

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
