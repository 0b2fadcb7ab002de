"""The refiner family's networks."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

from kerasgen.training.colour_moments import LOOK_SIZE
from kerasgen.training.layers import (
    Tensor,
    add_noise,
    check_image_shape,
    convolve,
    depth_to_space,
    modulate,
    normalize,
    residual_block,
    upsample,
)

SEED_REFINER = MappingProxyType(
    {
        "image_shape": (64, 64, 3),
        "encoder_widths": (32, 32, 64),
        "encoder_kernel": 3,
        "downsampling": "pooling",
        "dropout": 0.5,
        "bottleneck": 1024,
        "decoder_widths": (512, 256, 128, 64),
        "decoder_kernels": (8, 5, 5, 5),
        "upsampling": "nearest",
        "output_kernel": 5,
        "normalization": "batch",
        "skips": 0,
        "look_size": 0,
        "noise": False,
    }
)
"""Arguments of ``build_refiner`` that give the network of the eye write-up: 10,631,523 weights."""


NOISE_CHANNELS = 2
"""One channel of noise for full size, one for half size."""


def build_refiner(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    encoder_widths: Sequence[int] = (16, 32, 64, 64),
    encoder_kernel: int = 4,
    downsampling: str = "strided",
    dropout: float = 0.0,
    bottleneck: int | None = None,
    decoder_widths: Sequence[int] = (64, 32, 16, 8),
    decoder_kernels: int | Sequence[int] = 4,
    upsampling: str = "transposed",
    output_kernel: int = 3,
    normalization: str | None = None,
    skips: int = 1,
    look_size: int = LOOK_SIZE,
    noise: bool = True,
    name: str = "refiner",
) -> keras.Model:
    """Encoder-decoder refiner: a DCGAN generator whose noise vector is an encoded render.

    Args:
        image_shape: (height, width, channels); sides a multiple of 2 ** len(encoder_widths).
        encoder_widths: Channels after each halving.
        encoder_kernel: Kernel of the encoder's convolutions, in pixels.
        downsampling: ``"strided"`` (mirrored padding) or ``"pooling"`` (zero padding, max pooling
            after the activation).
        dropout: Share of activations dropped after each encoder block, in training.
        bottleneck: Units of a dense layer between encoder and decoder; None keeps the map, and
            with it where things are. With units, they must fill the decoder's first grid.
        decoder_widths: Channels after each doubling. What the decoder lacks in depth, the last
            convolution makes up by sub-pixels (Shi et al. 2016): cheap, as no map has full size.
        decoder_kernels: One kernel for all doublings or one for each.
        upsampling: ``"transposed"`` (stride-2 transposed convolution, mirrored padding: zeros
            draw a frame) or ``"nearest"`` (repeat, then convolve, zero padding).
        output_kernel: Kernel of the last convolution; mirrored padding.
        normalization: See ``training.layers.normalize``.
        skips: Encoder maps added to the decoder's, from the deepest up. More keep the geometry
            better and the render's look longer.
        look_size: Size of a vector that chooses among the looks one render can take; 0 for none.
            The training steps fill it with ``colour_statistics``, 6 numbers.
        noise: Whether standard normal noise ``[N, H, W, 2]`` is an input, for the camera's grain;
            added at full and at half size where the decoder is made of transposed convolutions.
        name: Of the model.

    Returns:
        ``images``, or a list of ``images``, ``look`` and ``noise`` as far as they are asked for ->
        pictures, ``[N, H, W, C]`` float32 in [-1, 1]. ``refiner_inputs`` makes the list.

    Raises:
        ValueError: If the arguments do not fit together.
    """
    check_image_shape(image_shape, 2 ** max(len(encoder_widths), len(decoder_widths)))
    _check_depths(encoder_widths, decoder_widths, bottleneck, skips)
    if isinstance(decoder_kernels, int):
        decoder_kernels = [decoder_kernels] * len(decoder_widths)
    images = keras.Input(tuple(image_shape), name="images")
    look = keras.Input((look_size,), name="look") if look_size else None
    style = None if look is None else _style(look)
    grain = keras.Input((*image_shape[:2], NOISE_CHANNELS), name="noise") if noise else None
    x, maps = images, []
    for width in encoder_widths:
        maps.append(x)
        x = _encode(x, width, encoder_kernel, downsampling, dropout)
    if bottleneck is not None:
        x = _squeeze(x, bottleneck, image_shape, 2 ** len(decoder_widths))
    elif style is not None:
        x = layers.LeakyReLU(negative_slope=0.2)(modulate(convolve(x, x.shape[-1], 3), style))
    for level, (width, kernel) in enumerate(zip(decoder_widths, decoder_kernels, strict=True)):
        skip = maps[-1 - level] if level < skips else None
        x = _decode(x, width, kernel, upsampling, normalization, skip, style, grain)
    factor = image_shape[0] // x.shape[1]
    x = convolve(x, image_shape[2] * factor**2, output_kernel, kernel_initializer="glorot_normal")
    x = depth_to_space(x, factor)
    pictures = layers.Activation("tanh", dtype="float32", name="picture")(x)
    return keras.Model(_given(images, look, grain), pictures, name=name)


def _given(*inputs: Tensor | None) -> Any:
    given = [each for each in inputs if each is not None]
    return given if len(given) > 1 else given[0]


def refiner_inputs(refiner: keras.Model, images: Any, look: Any, noise: Any) -> Any:
    """What a refiner takes of these, in its order; a list if it is more than the images.

    Args:
        refiner: From a builder of this module.
        images: ``[N, H, W, C]`` float32 in [-1, 1].
        look: ``[N, 6]`` float32.
        noise: ``[N, H, W, 2]`` float32, standard normal.
    """
    offered = {"look": look, "noise": noise}
    given = [images, *(offered[tensor.name] for tensor in refiner.inputs[1:])]
    return given if len(given) > 1 else given[0]


def takes(refiner: keras.Model, name: str) -> bool:
    """Whether a refiner has an input of this name: ``"look"`` or ``"noise"``."""
    return any(tensor.name == name for tensor in refiner.inputs)


def _check_depths(
    encoder_widths: Sequence[int],
    decoder_widths: Sequence[int],
    bottleneck: int | None,
    skips: int,
) -> None:
    if bottleneck is None and len(encoder_widths) < len(decoder_widths):
        raise ValueError(
            "Without a bottleneck, the decoder cannot be deeper than the encoder. Received: "
            f"encoder_widths={tuple(encoder_widths)}, decoder_widths={tuple(decoder_widths)}"
        )
    most = 0 if bottleneck is not None else len(encoder_widths) - 1
    if not 0 <= skips <= most:
        raise ValueError(f"`skips` must be from 0 to {most} here. Received: skips={skips}")


def _style(look: Tensor) -> Tensor:
    """A small network from the look to what modulates every decoder block."""
    # Looks are means and deviations of pixels in [-1, 1], rarely above 0.5.
    x = layers.Rescaling(3.0)(look)
    for _ in range(2):
        x = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(64)(x))
    return x


def _encode(x: Tensor, width: int, kernel: int, downsampling: str, dropout: float) -> Tensor:
    if downsampling == "strided":
        x = convolve(x, width, kernel, strides=2)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    elif downsampling == "pooling":
        x = layers.Conv2D(width, kernel, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.3)(x)
        x = layers.MaxPooling2D(2)(x)
    else:
        raise ValueError(
            "`downsampling` must be 'strided' or 'pooling'. "
            f"Received: downsampling={downsampling!r}"
        )
    return layers.Dropout(dropout)(x) if dropout else x


def _squeeze(x: Tensor, units: int, image_shape: Sequence[int], factor: int) -> Tensor:
    height, width = image_shape[0] // factor, image_shape[1] // factor
    if units % (height * width):
        raise ValueError(
            f"`bottleneck` must be a multiple of {height * width}, the decoder's first grid of "
            f"{height}x{width}. Received: bottleneck={units}"
        )
    x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
    return layers.Reshape((height, width, units // (height * width)))(x)


def _decode(
    x: Tensor,
    width: int,
    kernel: int,
    upsampling: str,
    normalization: str | None,
    skip: Tensor | None,
    style: Tensor | None,
    grain: Tensor | None,
) -> Tensor:
    if upsampling == "nearest":
        x = layers.UpSampling2D(2)(x)
        x = layers.Conv2DTranspose(width, kernel, padding="same", activation="relu")(x)
        return normalize(x, normalization)
    if upsampling != "transposed":
        raise ValueError(
            f"`upsampling` must be 'transposed' or 'nearest'. Received: upsampling={upsampling!r}"
        )
    x = upsample(x, width, kernel)
    if skip is not None:
        x = layers.Add()([x, skip if skip.shape[-1] == width else layers.Conv2D(width, 1)(skip)])
    x = normalize(x, normalization)
    if grain is not None and grain.shape[1] == x.shape[1]:
        x = add_noise(x, grain[..., :1])
    elif grain is not None and grain.shape[1] == 2 * x.shape[1]:
        x = add_noise(x, grain[:, ::2, ::2, 1:])
    x = x if style is None else modulate(x, style)
    return layers.LeakyReLU(negative_slope=0.2)(x)


def build_residual_refiner(
    image_shape: Sequence[int | None] = (None, None, 3),
    *,
    width: int = 64,
    blocks: int = 4,
    normalization: str | None = None,
    look_size: int = 0,
    name: str = "residual_refiner",
) -> keras.Model:
    """Fully convolutional refiner: the input plus a learned change, for pictures of any size.

    Shrivastava et al. (2017), section 3: a 3x3 convolution, residual blocks at full resolution,
    a 1x1 convolution.

    Differs: the change is added to the input and starts at zero, so an untrained network passes
    its input through; no tanh; mirrored padding.

    Args:
        image_shape: (height, width, channels); height and width None for any size.
        width: Channels of every block.
        blocks: Residual blocks.
        normalization: See ``training.layers.normalize``.
        look_size: As in ``build_refiner``.
        name: Of the model.

    Returns:
        ``images`` or ``[images, look]`` -> pictures, ``[N, H, W, C]`` float32; in [-1, 1] up to
        the part of the change that overshoots, which ``to_uint8`` clips.

    Raises:
        ValueError: If the shape has not 1 or 3 channels.
    """
    check_image_shape(image_shape, 1)
    images = keras.Input(tuple(image_shape), name="images")
    look = keras.Input((look_size,), name="look") if look_size else None
    style = None if look is None else _style(look)
    x = layers.LeakyReLU(negative_slope=0.2)(convolve(images, width, 3))
    for _ in range(blocks):
        x = residual_block(x, normalization=normalization, condition=style)
    change = layers.Conv2D(image_shape[2], 1, kernel_initializer="zeros", dtype="float32")(x)
    pictures = layers.Add(dtype="float32", name="picture")([images, change])
    return keras.Model(_given(images, look), pictures, name=name)


def build_discriminator(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    widths: Sequence[int] = (32, 64, 128, 128),
    units: int = 128,
    name: str = "discriminator",
) -> keras.Model:
    """Discriminator with two heads: a map of patch logits, and one logit for the whole picture.

    The patch head (Shrivastava et al. 2017, section 2.2) judges texture after all but the last
    halving; the other judges whether the parts belong together.

    Args:
        image_shape: (height, width, channels).
        widths: Channels after each stride-2 convolution, at least two.
        units: Of the dense layer before the single logit.
        name: Of the model.

    Returns:
        ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, H / 2^(k-1), W / 2^(k-1), 1]`` and
        ``[N, 1]``, float32, k = len(widths).

    Raises:
        ValueError: If the sides are not multiples of 2 ** len(widths).
    """
    check_image_shape(image_shape, 2 ** len(widths))
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for width in widths[:-1]:
        x = _encode(x, width, 4, "strided", 0.0)
    patches = layers.Conv2D(1, 3, padding="same", dtype="float32", name="patch_logits")(x)
    x = layers.Flatten()(_encode(x, widths[-1], 4, "strided", 0.0))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(units)(x))
    whole = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(images, [patches, whole], name=name)


def build_small_convnet(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    widths: Sequence[int] = (32, 32, 64),
    dropout: float = 0.5,
    name: str = "small_convnet",
) -> keras.Model:
    """The eye write-up's discriminator: a small convnet with one logit; 32,737 weights.

    Differs: it returns the logit; the write-up's sigmoid is in the loss.

    Args:
        image_shape: (height, width, channels).
        widths: Channels of the blocks: convolution, LeakyReLU 0.3, max pooling, Dropout.
        dropout: Share of activations dropped in each block, in training.
        name: Of the model.

    Returns:
        ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, 1]`` float32.

    Raises:
        ValueError: If the sides are not multiples of 2 ** len(widths).
    """
    check_image_shape(image_shape, 2 ** len(widths))
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for width in widths:
        x = _encode(x, width, 3, "pooling", dropout)
    logits = layers.Dense(1, dtype="float32", name="logits")(layers.Flatten()(x))
    return keras.Model(images, logits, name=name)
