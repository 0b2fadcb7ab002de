"""The CycleGAN family's networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from kerasgen.training.layers import Tensor, check_image_shape, normalize

SIDE_MULTIPLE = 4
"""A generator halves a picture twice: other sides would not be restored."""

_LARGEST_SMALL = 128
"""Longest side, in pixels, with six residual blocks in the publication."""

_OPEN = 3.0
"""Added to the mask's logit: training starts as it does without a mask, with all pixels drawn.

Copying has no cycle and identity loss: a mask that starts half open would be closed before the
generator draws anything that fools a discriminator.
"""


def blocks_for(image_shape: Sequence[int]) -> int:
    """The published number of residual blocks for pictures of some size.

    Zhu et al. (2017), arXiv:1703.10593, appendix 7.2: six for 128 pixels, nine for 256 and above.

    Args:
        image_shape: (height, width, channels).

    Raises:
        ValueError: If a side is not a multiple of 4, or there are not 1 or 3 channels.
    """
    check_image_shape(image_shape, SIDE_MULTIPLE)
    return 6 if max(image_shape[:2]) <= _LARGEST_SMALL else 9


def build_generator(
    image_shape: Sequence[int | None] = (None, None, 3),
    *,
    width: int = 64,
    blocks: int = 9,
    change_mask: bool = False,
    extra_channels: int = 0,
    name: str = "generator",
) -> keras.Model:
    """Residual generator for pictures of any size whose sides are multiples of 4.

    Zhu et al. (2017), arXiv:1703.10593, appendix 7.2, after Johnson et al. (2016),
    arXiv:1603.08155: a 7x7 convolution, two halvings, residual blocks, two doublings, a 7x7
    convolution; mirrored padding where the stride is 1; instance normalization; weights from
    N(0, 0.02). 11,378,179 weights at the defaults, as in the authors' PyTorch implementation
    (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/issues/169): normalizations have no
    learned scale and shift, since the next convolution has, and the convolutions before them keep
    their biases, which have no effect.

    Args:
        image_shape: (height, width, 1 or 3); height and width None for any size.
        width: Channels of the first feature map; four times as many in the residual blocks.
        blocks: Residual blocks. ``blocks_for`` has the published number: six up to 128 pixels,
            nine above.
        change_mask: Whether the network also predicts where it changes the picture. Its result is
            ``(1 - change) * images + change * drawn``: where ``change`` is 0, the same pixels.
        extra_channels: Channels of a second input, such as a map of the requested density; 0 for
            none.
        name: Of the model.

    Returns:
        ``images``, or ``[images, extra]``, ``[N, H, W, ...]`` float32 in [-1, 1] -> pictures
        ``[N, H, W, C]`` float32 in [-1, 1]. With a change mask, a dict of these as ``picture``, and
        ``change``, ``[N, H, W, 1]`` float32 in [0, 1], 1 everywhere before training.

    Raises:
        ValueError: If an argument is out of range.
    """
    check_image_shape(image_shape, SIDE_MULTIPLE)
    if min(width, blocks) < 1 or extra_channels < 0:
        raise ValueError(
            "`width` and `blocks` must be at least 1, `extra_channels` at least 0. Received: "
            f"width={width}, blocks={blocks}, extra_channels={extra_channels}"
        )
    images = keras.Input(tuple(image_shape), name="images")
    inputs, x = images, images
    if extra_channels:
        inputs = [images, keras.Input((*image_shape[:2], extra_channels), name="extra")]
        x = layers.Concatenate()(inputs)
    x = _activated(_convolve(x, width, 7))
    for level in (1, 2):
        x = _activated(_halve(x, 2**level * width, 3, name=f"down_{level}"))
    for block in range(1, blocks + 1):
        y = _activated(_convolve(x, x.shape[-1], 3))
        y = normalize(_convolve(y, x.shape[-1], 3), "instance", affine=False)
        x = layers.Add(name=f"block_{block}")([x, y])
    for level in (1, 0):
        x = _activated(_double(x, 2**level * width))
    outputs = _drawn(_convolve(x, images.shape[-1] + change_mask, 7), images, change_mask)
    return keras.Model(inputs, outputs, name=name)


def _drawn(x: Tensor, images: Tensor, change_mask: bool) -> Any:
    if not change_mask:
        return layers.Activation("tanh", dtype="float32", name="picture")(x)
    drawn, logit = ops.split(ops.cast(x, "float32"), [images.shape[-1]], axis=-1)
    return _blend(images, ops.tanh(drawn), ops.sigmoid(logit + _OPEN))


def _blend(images: Tensor, drawn: Tensor, soft: Tensor) -> dict[str, Tensor]:
    """Draws where the mask is open: not at all where the sigmoid is below 0.25, fully above 0.75.

    A sigmoid is never 0 unless it is stretched and clipped (Louizos et al. 2018, arXiv:1712.01312,
    section 2.2). Clipping stops all gradients, so that a closed mask would stay closed. So only the
    values are clipped; gradients are those of a blend by the sigmoid (the straight-through
    estimator of Bengio et al. 2013, arXiv:1308.3432, section 3).
    """
    hard = ops.clip(2.0 * soft - 0.5, 0.0, 1.0)
    change = _straight_through(hard, soft)
    shown = _straight_through(hard * drawn, soft * drawn)
    return {"picture": (1.0 - change) * images + shown, "change": change}


def _straight_through(value: Tensor, differentiable: Tensor) -> Tensor:
    """The value with the gradient of another tensor; an exact 0 stays one."""
    return ops.stop_gradient(value - differentiable) + differentiable


def build_discriminator(
    image_shape: Sequence[int | None] = (None, None, 3),
    *,
    width: int = 64,
    halvings: int = 3,
    normalization: str | None = "instance",
    name: str = "discriminator",
) -> keras.Model:
    """PatchGAN: a map of logits, each of which judges one square of the picture.

    Isola et al. (2017), arXiv:1611.07004, section 3.2.2; Zhu et al. (2017), arXiv:1703.10593,
    appendix 7.2: 4x4 convolutions, of stride 2 but for the last two, LeakyReLU 0.2, no
    normalization after the first; weights from N(0, 0.02). 2,764,737 weights at the defaults, as in
    the authors' implementation (see ``build_generator``).

    Args:
        image_shape: (height, width, 1 or 3); height and width None for any size.
        width: Channels of the first feature map; they double with each layer, up to eight times.
        halvings: Convolutions of stride 2. They set the side of the square, see
            ``receptive_field``: 70 pixels for 3, 34 for 2, 16 for 1.
        normalization: See ``training.layers.normalize``.
        name: Of the model.

    Returns:
        ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, H / 2^k - 2, W / 2^k - 2, 1]`` float32,
        k = halvings.

    Raises:
        ValueError: If an argument is out of range.
    """
    check_image_shape(image_shape, 1)
    if min(width, halvings) < 1:
        raise ValueError(
            "`width` and `halvings` must be at least 1. Received: "
            f"width={width}, halvings={halvings}"
        )
    images = keras.Input(tuple(image_shape), name="images")
    x = layers.LeakyReLU(negative_slope=0.2)(_halve(images, width, 4))
    for level in range(1, halvings + 1):
        wide = width * min(2**level, 8)
        x = _halve(x, wide, 4) if level < halvings else _slide(x, wide)
        x = layers.LeakyReLU(negative_slope=0.2)(normalize(x, normalization, affine=False))
    logits = _slide(x, 1, dtype="float32", name="logits")
    return keras.Model(images, logits, name=name)


def receptive_field(halvings: int = 3) -> int:
    """Side, in pixels, of the square that one logit of ``build_discriminator`` judges.

    From the last layer back, a layer of kernel k and stride s turns a side r into (r - 1) s + k.
    The statistics of instance normalization add a slight dependence on the whole picture.

    Args:
        halvings: As in ``build_discriminator``.

    Raises:
        ValueError: If ``halvings`` is below 1.
    """
    if halvings < 1:
        raise ValueError(f"`halvings` must be at least 1. Received: halvings={halvings}")
    side = 1
    for stride in [1, 1] + [2] * halvings:
        side = (side - 1) * stride + 4
    return side


def _activated(x: Tensor) -> Tensor:
    return layers.ReLU()(normalize(x, "instance", affine=False))


def _convolve(x: Tensor, width: int, kernel: int) -> Tensor:
    """A convolution with reflection padding, as in the paper."""
    edge = [kernel // 2, kernel // 2]
    padded = ops.pad(x, [[0, 0], edge, edge, [0, 0]], mode="reflect")
    return layers.Conv2D(width, kernel, kernel_initializer=_initial())(padded)


def _halve(x: Tensor, width: int, kernel: int, **options: Any) -> Tensor:
    return layers.Conv2D(
        width, kernel, strides=2, padding="same", kernel_initializer=_initial(), **options
    )(x)


def _double(x: Tensor, width: int) -> Tensor:
    return layers.Conv2DTranspose(
        width, 3, strides=2, padding="same", kernel_initializer=_initial()
    )(x)


def _slide(x: Tensor, width: int, **options: Any) -> Tensor:
    """A 4x4 convolution of stride 1, padded by one row of zeros: the output is one row smaller."""
    padded = layers.ZeroPadding2D(1)(x)
    return layers.Conv2D(width, 4, kernel_initializer=_initial(), **options)(padded)


def _initial() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02)
