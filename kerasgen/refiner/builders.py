"""The refiner family's networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from kerasgen.training.colour_moments import STYLE_SIZE
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

NOISE_CHANNELS = 2
"""One channel of noise for full size, one for half size."""


def build_refiner(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    encoder_widths: Sequence[int] = (16, 32, 64, 64),
    decoder_widths: Sequence[int] = (64, 32, 16, 8),
    normalization: str | None = None,
    skips: int = 1,
    style_size: int = STYLE_SIZE,
    noise: bool = True,
    name: str = "refiner",
) -> keras.Model:
    """Encoder-decoder refiner: strided convolutions down, transposed convolutions up.

    Without a dense layer between the two, the feature map keeps the layout. Padding is mirrored,
    since zeros would draw a frame. 281,803 weights at the defaults.

    Args:
        image_shape: (height, width, channels); sides that can be halved as often as there are
            widths.
        encoder_widths: Channels after each halving.
        decoder_widths: Channels after each doubling. If there are fewer than encoder widths, the
            last convolution is followed by a sub-pixel layer (Shi et al. 2016, arXiv:1609.05158),
            which is cheap, since no feature map has full size.
        normalization: See ``training.layers.normalize``.
        skips: Encoder maps added to the decoder's, from the deepest up. More keep the geometry
            better, but also more of the render's style.
        style_size: Size of the style vector; 0 for none. The training steps use ``colour_moments``,
            6 numbers.
        noise: Whether standard normal noise ``[N, H, W, 2]`` is an input, for the camera's grain;
            it is added at full and at half size.
        name: Of the model.

    Returns:
        ``images``, or a list of ``images`` and those of ``style`` and ``noise`` that the network
        has -> pictures, ``[N, H, W, C]`` float32 in [-1, 1]. ``refiner_inputs`` builds the list.

    Raises:
        ValueError: If the arguments do not fit together.
    """
    check_image_shape(image_shape, 2 ** max(len(encoder_widths), len(decoder_widths)))
    _check_depths(encoder_widths, decoder_widths, skips)
    images = keras.Input(tuple(image_shape), name="images")
    style, condition = _style_input(style_size)
    grain = keras.Input((*image_shape[:2], NOISE_CHANNELS), name="noise") if noise else None
    x, maps = images, []
    for width in encoder_widths:
        maps.append(x)
        x = _halve(x, width)
    if condition is not None:
        x = layers.LeakyReLU(negative_slope=0.2)(modulate(convolve(x, x.shape[-1], 3), condition))
    for level, width in enumerate(decoder_widths):
        skip = maps[-1 - level] if level < skips else None
        x = _double(x, width, normalization, skip, condition, grain)
    factor = image_shape[0] // x.shape[1]
    x = convolve(x, image_shape[2] * factor**2, 3, kernel_initializer="glorot_normal")
    return keras.Model(
        _present(images, style, grain), _picture(depth_to_space(x, factor)), name=name
    )


def build_original_refiner(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    encoder_widths: Sequence[int] = (32, 32, 64),
    bottleneck: int = 1024,
    decoder_widths: Sequence[int] = (512, 256, 128, 64),
    dropout: float = 0.5,
    name: str = "refiner",
) -> keras.Model:
    """The original eye refiner: a DCGAN generator whose latent is an encoded render.

    https://github.com/ToddBodnar/appl-eye-gan, after Radford et al. (2016), arXiv:1511.06434:
    convolutions with max pooling, a dense layer, upsampling with convolutions of kernel 8 and then
    5. 10,631,523 weights at the defaults.

    Differs: the padding of the last convolution is mirrored; pixels are in [-1, 1], so its sigmoid
    is a tanh.

    Args:
        image_shape: (height, width, channels); sides that can be halved as often as there are
            widths.
        encoder_widths: Channels before each halving.
        bottleneck: Units of the dense layer; a multiple of the pixels of the decoder's first grid.
        decoder_widths: Channels after each doubling.
        dropout: Share of activations dropped after each encoder block, in training.
        name: Of the model.

    Returns:
        ``images`` -> pictures, ``[N, H, W, C]`` float32 in [-1, 1].

    Raises:
        ValueError: If the arguments do not fit together.
    """
    check_image_shape(image_shape, 2 ** max(len(encoder_widths), len(decoder_widths)))
    height, width = (side // 2 ** len(decoder_widths) for side in image_shape[:2])
    if bottleneck < 1 or bottleneck % (height * width):
        raise ValueError(
            f"`bottleneck` must be a multiple of {height * width}, the decoder's first grid of "
            f"{height}x{width}. Received: bottleneck={bottleneck}"
        )
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for wide in encoder_widths:
        x = _pool(x, wide, dropout)
    x = layers.Dense(bottleneck, activation="relu")(layers.Flatten()(x))
    x = layers.Reshape((height, width, bottleneck // (height * width)))(x)
    for level, wide in enumerate(decoder_widths):
        x = layers.UpSampling2D(2)(x)
        kernel = 5 if level else 8
        x = layers.Conv2DTranspose(wide, kernel, padding="same", activation="relu")(x)
        x = normalize(x, "batch")
    x = convolve(x, image_shape[2], 5, kernel_initializer="glorot_normal")
    return keras.Model(images, _picture(x), name=name)


def build_residual_refiner(
    image_shape: Sequence[int | None] = (None, None, 3),
    *,
    width: int = 64,
    blocks: int = 4,
    normalization: str | None = None,
    style_size: int = 0,
    name: str = "residual_refiner",
) -> keras.Model:
    """Fully convolutional refiner: the input plus a learned change, for pictures of any size.

    Shrivastava et al. (2017), arXiv:1612.07828, section 3: a 3x3 convolution, residual blocks at
    full resolution, a 1x1 convolution.

    Differs: the change is added to the input and starts at zero, so an untrained network passes
    its input through; no tanh; mirrored padding.

    Args:
        image_shape: (height, width, channels); height and width None for any size.
        width: Channels of every block.
        blocks: Residual blocks.
        normalization: See ``training.layers.normalize``.
        style_size: As in ``build_refiner``.
        name: Of the model.

    Returns:
        ``images`` or ``[images, style]`` -> pictures, ``[N, H, W, C]`` float32; slightly outside
        [-1, 1] where the change overshoots, which ``to_uint8`` clips.

    Raises:
        ValueError: If the shape has not 1 or 3 channels.
    """
    check_image_shape(image_shape, 1)
    images = keras.Input(tuple(image_shape), name="images")
    style, condition = _style_input(style_size)
    x = layers.LeakyReLU(negative_slope=0.2)(convolve(images, width, 3))
    for _ in range(blocks):
        x = residual_block(x, normalization=normalization, condition=condition)
    change = layers.Conv2D(image_shape[2], 1, kernel_initializer="zeros", dtype="float32")(x)
    pictures = layers.Add(dtype="float32", name="picture")([images, change])
    return keras.Model(_present(images, style), pictures, name=name)


def build_discriminator(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    widths: Sequence[int] = (32, 64, 128, 128),
    units: int = 128,
    name: str = "discriminator",
) -> keras.Model:
    """Discriminator with two heads: a map of patch logits, and one logit for the whole picture.

    The patch head (Shrivastava et al. 2017, arXiv:1612.07828, section 2.2) judges texture after all
    but the last halving; the other judges whether the parts belong together. 691,426 weights at
    the defaults.

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
        x = _halve(x, width)
    patches = layers.Conv2D(1, 3, padding="same", dtype="float32", name="patch_logits")(x)
    x = layers.Flatten()(_halve(x, widths[-1]))
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(units)(x))
    whole = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(images, [patches, whole], name=name)


def build_original_discriminator(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    widths: Sequence[int] = (32, 32, 64),
    dropout: float = 0.5,
    name: str = "discriminator",
) -> keras.Model:
    """The original eye discriminator: a small convolutional network with one logit.

    https://github.com/ToddBodnar/appl-eye-gan: the encoder of ``build_original_refiner`` and a
    dense layer. 32,737 weights at the defaults.

    Differs: it returns the logit; the original's sigmoid is in the loss.

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
        x = _pool(x, width, dropout)
    logits = layers.Dense(1, dtype="float32", name="logits")(layers.Flatten()(x))
    return keras.Model(images, logits, name=name)


def refiner_inputs(refiner: keras.Model, images: Any, style: Any, noise: Any) -> Any:
    """The inputs that a refiner has, in its order.

    Args:
        refiner: From a builder of this module.
        images: ``[N, H, W, C]`` float32 in [-1, 1].
        style: ``[N, 6]`` float32.
        noise: ``[N, H, W, 2]`` float32, standard normal.

    Returns:
        The images, or a list if there is more than one input.
    """
    others = {"style": style, "noise": noise}
    return _present(images, *(others[tensor.name] for tensor in refiner.inputs[1:]))


def has_input(refiner: keras.Model, name: str) -> bool:
    """Whether a refiner has an input of some name.

    Args:
        refiner: From a builder of this module.
        name: ``"style"`` or ``"noise"``.

    Returns:
        True if it has.
    """
    return any(tensor.name == name for tensor in refiner.inputs)


def _present(*inputs: Any) -> Any:
    present = [each for each in inputs if each is not None]
    return present if len(present) > 1 else present[0]


def _check_depths(encoder_widths: Sequence[int], decoder_widths: Sequence[int], skips: int) -> None:
    if len(encoder_widths) < len(decoder_widths):
        raise ValueError(
            "The decoder cannot be deeper than the encoder. Received: "
            f"encoder_widths={tuple(encoder_widths)}, decoder_widths={tuple(decoder_widths)}"
        )
    if not 0 <= skips < len(encoder_widths):
        raise ValueError(
            f"`skips` must be from 0 to {len(encoder_widths) - 1} here. Received: skips={skips}"
        )


def _style_input(size: int) -> tuple[Tensor | None, Tensor | None]:
    """The style input, and the output of a small network on it, which modulates the blocks."""
    if not size:
        return None, None
    style = keras.Input((size,), name="style")
    # Means and deviations of pixels in [-1, 1] are rarely above 0.5.
    x = layers.Rescaling(3.0)(style)
    for _ in range(2):
        x = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(64)(x))
    return style, x


def _halve(x: Tensor, width: int) -> Tensor:
    return layers.LeakyReLU(negative_slope=0.2)(convolve(x, width, 4, strides=2))


def _pool(x: Tensor, width: int, dropout: float) -> Tensor:
    x = layers.Conv2D(width, 3, padding="same")(x)
    x = layers.MaxPooling2D(2)(layers.LeakyReLU(negative_slope=0.3)(x))
    return layers.Dropout(dropout)(x)


def _double(
    x: Tensor,
    width: int,
    normalization: str | None,
    skip: Tensor | None,
    condition: Tensor | None,
    grain: Tensor | None,
) -> Tensor:
    x = upsample(x, width, 4)
    if skip is not None:
        x = layers.Add()([x, skip if skip.shape[-1] == width else layers.Conv2D(width, 1)(skip)])
    x = normalize(x, normalization)
    if grain is not None and grain.shape[1] == x.shape[1]:
        x = add_noise(x, grain[..., :1])
    elif grain is not None and grain.shape[1] == 2 * x.shape[1]:
        x = add_noise(x, grain[:, ::2, ::2, 1:])
    x = x if condition is None else modulate(x, condition)
    return layers.LeakyReLU(negative_slope=0.2)(x)


def _picture(x: Tensor) -> Tensor:
    return layers.Activation("tanh", dtype="float32", name="picture")(x)
