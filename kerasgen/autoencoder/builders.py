"""The autoencoder family's networks."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from kerasgen.training.layers import Tensor, check_image_shape

CODE = "code"
"""Name of the layer whose output is the code."""

_ORIGINAL_SIDE = 299


def build_autoencoder(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    widths: Sequence[int] = (32, 64, 64),
    code_channels: int = 8,
    name: str = "autoencoder",
) -> keras.Model:
    """Convolutional autoencoder: stride-2 convolutions down to the code, and as many doublings up.

    Doublings are nearest-neighbour upsampling and a convolution, without checkerboard artefacts
    (Odena et al. 2016, https://distill.pub/2016/deconv-checkerboard).

    Args:
        image_shape: (height, width, channels), sides multiples of 2 ** len(widths).
        widths: Channels after each halving.
        code_channels: Channels of the code, whose sides are the picture's after all halvings.
        name: Of the model.

    Returns:
        ``images`` ``[N, H, W, C]`` float32 in [-1, 1] -> the same pictures, rebuilt from the code;
        ``encoder_of`` has the code.

    Raises:
        ValueError: If an argument does not fit.
    """
    if not widths or min(*widths, code_channels) < 1:
        raise ValueError(
            "`widths` must be one or more, and they and `code_channels` at least 1. "
            f"Received: widths={tuple(widths)}, code_channels={code_channels}"
        )
    check_image_shape(image_shape, 2 ** len(widths))
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for width in widths:
        x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Conv2D(code_channels, 1, name=CODE)(x)
    for width in reversed(widths):
        x = layers.Conv2D(width, 3, padding="same")(x)
        x = layers.UpSampling2D(2)(layers.LeakyReLU(negative_slope=0.2)(x))
    return keras.Model(
        images, _picture(layers.Conv2D(image_shape[2], 3, padding="same")(x)), name=name
    )


def build_original_autoencoder(*, name: str = "autoencoder") -> keras.Model:
    """The original autoencoder: 299x299x3 -> a code of 37x37x8 -> 299x299x3.

    https://github.com/tanayag/comparing_synthetic_real_images: two strided convolutions, each
    followed by max pooling, and three transposed convolutions. 6,083 weights.

    Differs: pixels are in [-1, 1], as its tanh needs; the original's are in [0, 1].

    Args:
        name: Of the model.

    Returns:
        ``images`` ``[N, 299, 299, 3]`` float32 in [-1, 1] -> pictures of the same shape.
    """
    images = keras.Input((_ORIGINAL_SIDE, _ORIGINAL_SIDE, 3), name="images")
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(layers.ZeroPadding2D(1)(images))
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(layers.ZeroPadding2D(1)(x))
    x = layers.MaxPooling2D(2, strides=1, name=CODE)(x)
    x = layers.Conv2DTranspose(16, 3, strides=2, activation="relu")(x)
    x = layers.Conv2DTranspose(8, 5, strides=2)(x)
    x = layers.ReLU()(layers.Cropping2D(1)(x))
    x = layers.Conv2DTranspose(3, 2, strides=2)(x)
    # PyTorch's padding of 2 with an output padding of 1.
    x = layers.Cropping2D(((2, 1), (2, 1)))(x)
    return keras.Model(images, _picture(x), name=name)


def encoder_of(autoencoder: keras.Model) -> keras.Model:
    """The part up to the code; weights are shared.

    Args:
        autoencoder: From a builder of this family, or loaded from its ``.keras`` file.

    Returns:
        ``images`` -> codes ``[N, h, w, c]`` float32.

    Raises:
        ValueError: If the model has no code.
    """
    if CODE not in {layer.name for layer in autoencoder.layers}:
        raise ValueError(
            "`autoencoder` must come from a builder of kerasgen.autoencoder. "
            f"Received: a model {autoencoder.name!r} without a layer {CODE!r}"
        )
    return keras.Model(
        autoencoder.input, autoencoder.get_layer(CODE).output, name=f"{autoencoder.name}_encoder"
    )


def _picture(x: Tensor) -> Tensor:
    return layers.Activation("tanh", dtype="float32", name="picture")(ops.cast(x, "float32"))
