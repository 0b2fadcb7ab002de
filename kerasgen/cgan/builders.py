"""The conditional GAN family's networks."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers, ops

from kerasgen.training.layers import Tensor, check_image_shape, conditional_normalize

_ORIGINAL_WIDTH = 128
"""Channels of every convolution in the original's networks."""

_MOST_CLASSES = 10_000

LATENT_SIZE = 64
"""Size of ``build_generator``'s noise vector."""


def build_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    latent_size: int = LATENT_SIZE,
    embedding_size: int = 32,
    widths: Sequence[int] | None = None,
    normalization: str = "batch",
    name: str = "generator",
) -> keras.Model:
    """Generator whose label also scales and shifts every normalised feature map.

    Conditional normalization (Dumoulin et al. 2017, arXiv:1610.07629, section 2.2; Miyato & Koyama
    2018, arXiv:1802.05637, section 4). The layers are DCGAN's (Radford et al. 2016,
    arXiv:1511.06434, section 3): stride-2 transposed convolutions of kernel 4.

    Batch statistics are those of the global batch, over all replicas. Group normalization, which
    needs none, learns as well at a learning rate of 5e-4, but is unstable at higher ones.

    Args:
        image_shape: (height, width, channels); sides a multiple of 4, 1 or 3 channels.
        num_classes: Labels are 0 to ``num_classes - 1``; at most 10,000.
        latent_size: Size of the noise vector.
        embedding_size: Size of a label's learned vector beside the noise.
        widths: Channels at the first grid and after each doubling but the last; None for 64 at
            half size and twice as many at each grid below, at most 256, down to about 4x4.
        normalization: See ``training.layers.normalize``.
        name: Of the model.

    Returns:
        ``[latent, label]``, ``[N, latent_size]`` float32 standard normal and ``[N]`` int32 ->
        pictures ``[N, H, W, C]`` float32 in [-1, 1].

    Raises:
        ValueError: If the shape, the number of classes or the widths do not fit.
    """
    _check(image_shape, num_classes)
    widths = _checked_widths(_generator_widths(image_shape) if widths is None else widths)
    check_image_shape(image_shape, 2 ** len(widths))
    height, width = (side // 2 ** len(widths) for side in image_shape[:2])
    latent, label = _generator_inputs(latent_size)
    embedded = layers.Embedding(num_classes, embedding_size)(label)
    # No bias before a normalization: it would be subtracted again.
    x = layers.Concatenate()([latent, embedded])
    x = layers.Dense(height * width * widths[0], use_bias=False)(x)
    x = layers.Reshape((height, width, widths[0]))(x)
    for wide in (*widths[1:], None):
        x = conditional_normalize(x, label, num_classes, normalization)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
        last = wide is None
        x = layers.Conv2DTranspose(
            image_shape[2] if last else wide, 4, strides=2, padding="same", use_bias=last
        )(x)
    pictures = layers.Activation("tanh", dtype="float32", name="picture")(x)
    return keras.Model([latent, label], pictures, name=name)


def build_discriminator(
    image_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    widths: Sequence[int] | None = None,
    spectral: bool = False,
    class_head: bool = True,
    name: str = "discriminator",
) -> keras.Model:
    """Projection discriminator: the label is multiplied into the features.

    The logit is a linear function of the features plus their product with a learned
    vector of the class (Miyato & Koyama 2018, arXiv:1802.05637, equation 3). A second head may
    classify the picture (Odena et al. 2017, arXiv:1610.09585, section 3).

    Args:
        image_shape: (height, width, channels); sides a multiple of 4, 1 or 3 channels.
        num_classes: Labels are 0 to ``num_classes - 1``; at most 10,000.
        widths: Channels after each stride-2 convolution; None for 32 and doubling, at most 256,
            down to about 4x4.
        spectral: Whether every layer is divided by its spectral norm (Miyato et al. 2018,
            arXiv:1802.05957).
        class_head: Whether class logits are a second output.
        name: Of the model.

    Returns:
        ``[images, label]``, ``[N, H, W, C]`` float32 in [-1, 1] and ``[N]`` int32 -> logits
        ``[N, 1]``, or ``[logits, class logits [N, num_classes]]``, float32.

    Raises:
        ValueError: If the shape, the number of classes or the widths do not fit.
    """
    _check(image_shape, num_classes)
    wrap = layers.SpectralNormalization if spectral else lambda layer: layer
    widths = _checked_widths(_discriminator_widths(image_shape) if widths is None else widths)
    images, label = _discriminator_inputs(image_shape)
    x = images
    for index, wide in enumerate(widths):
        # A kernel that is a multiple of the stride weights all pixels equally; 3 where 4 exceeds
        # the map.
        kernel = 4 if index < 2 else 3
        x = wrap(layers.Conv2D(wide, kernel, strides=2, padding="same"))(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    features = layers.Flatten()(x)
    whole = wrap(layers.Dense(1))(features)
    by_class = wrap(layers.Dense(num_classes, use_bias=False))(features)
    chosen = ops.sum(by_class * ops.one_hot(label, num_classes), axis=-1, keepdims=True)
    logit = layers.Add(dtype="float32", name="logit")([whole, chosen])
    if not class_head:
        return keras.Model([images, label], logit, name=name)
    classes = layers.Dense(num_classes, dtype="float32", name="class_logits")(features)
    return keras.Model([images, label], [logit, classes], name=name)


def build_original_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    latent_size: int = 100,
    embedding_size: int = 50,
    name: str = "generator",
) -> keras.Model:
    """The original generator: the label is a map beside the first feature map.

    The conditional GAN (Mirza & Osindero 2014, arXiv:1411.1784) in its most widely used form,
    https://machinelearningmastery.com/how-to-develop-a-conditional-generative-adversarial-network-from-scratch/:
    a latent through a dense layer to a quarter of the size, two stride-2 transposed convolutions
    of 128 channels, a 7x7 convolution. 1,169,336 weights at the defaults.

    Args:
        image_shape: (height, width, channels); sides a multiple of 4, 1 or 3 channels.
        num_classes: Labels are 0 to ``num_classes - 1``; at most 10,000.
        latent_size: Size of the noise vector.
        embedding_size: Size of a label's learned vector.
        name: Of the model.

    Returns:
        ``[latent, label]``, ``[N, latent_size]`` float32 standard normal and ``[N]`` int32 ->
        pictures ``[N, H, W, C]`` float32 in [-1, 1].

    Raises:
        ValueError: If the shape or the number of classes does not fit.
    """
    _check(image_shape, num_classes)
    height, width = image_shape[0] // 4, image_shape[1] // 4
    latent, label = _generator_inputs(latent_size)
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(height * width * _ORIGINAL_WIDTH)(latent))
    x = layers.Reshape((height, width, _ORIGINAL_WIDTH))(x)
    x = layers.Concatenate()([x, _label_map(label, num_classes, embedding_size, height, width)])
    for _ in range(2):
        x = layers.Conv2DTranspose(_ORIGINAL_WIDTH, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Conv2D(image_shape[2], 7, padding="same")(x)
    pictures = layers.Activation("tanh", dtype="float32", name="picture")(x)
    return keras.Model([latent, label], pictures, name=name)


def build_original_discriminator(
    image_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    embedding_size: int = 50,
    dropout: float = 0.4,
    name: str = "discriminator",
) -> keras.Model:
    """The original discriminator: the label is a channel beside the picture.

    Two stride-2 convolutions of 128 channels, dropout, one logit. 196,773 weights at the defaults.
    See ``build_original_generator`` for its origin.

    Differs: it returns the logit; the original's sigmoid is in the loss.

    Args:
        image_shape: (height, width, channels); sides a multiple of 4, 1 or 3 channels.
        num_classes: Labels are 0 to ``num_classes - 1``; at most 10,000.
        embedding_size: Size of a label's learned vector.
        dropout: Share of activations dropped before the logit, in training.
        name: Of the model.

    Returns:
        ``[images, label]``, ``[N, H, W, C]`` float32 in [-1, 1] and ``[N]`` int32 -> logits
        ``[N, 1]`` float32.

    Raises:
        ValueError: If the shape or the number of classes does not fit.
    """
    _check(image_shape, num_classes)
    images, label = _discriminator_inputs(image_shape)
    x = layers.Concatenate()(
        [images, _label_map(label, num_classes, embedding_size, *image_shape[:2])]
    )
    for _ in range(2):
        x = layers.Conv2D(_ORIGINAL_WIDTH, 3, strides=2, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    logits = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model([images, label], logits, name=name)


def _check(image_shape: Sequence[int], num_classes: int) -> None:
    if len(image_shape) != 3 or None in image_shape:
        raise ValueError(
            "`image_shape` must be (height, width, channels), without None. "
            f"Received: image_shape={tuple(image_shape)}"
        )
    check_image_shape(image_shape, 4)
    if not 1 <= num_classes <= _MOST_CLASSES:
        raise ValueError(
            f"`num_classes` must be from 1 to {_MOST_CLASSES}. Received: num_classes={num_classes}"
        )


def _checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    if not widths or min(widths) < 1:
        raise ValueError(f"`widths` must be one or more, each above 0. Received: widths={widths}")
    return tuple(widths)


def _generator_inputs(latent_size: int) -> tuple[Tensor, Tensor]:
    if latent_size < 1:
        raise ValueError(f"`latent_size` must be at least 1. Received: latent_size={latent_size}")
    return keras.Input((latent_size,), name="latent"), keras.Input((), dtype="int32", name="label")


def _discriminator_inputs(image_shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    images = keras.Input(tuple(image_shape), name="images")
    return images, keras.Input((), dtype="int32", name="label")


def _label_map(label: Tensor, num_classes: int, size: int, height: int, width: int) -> Tensor:
    x = layers.Embedding(num_classes, size)(label)
    return layers.Reshape((height, width, 1))(layers.Dense(height * width)(x))


def _halvings(image_shape: Sequence[int]) -> int:
    """How often both sides can be halved without a remainder and without going below 4."""
    count, (height, width) = 0, image_shape[:2]
    while height % 2 == width % 2 == 0 and min(height, width) >= 8:
        count, height, width = count + 1, height // 2, width // 2
    return max(count, 2)


def _generator_widths(image_shape: Sequence[int]) -> tuple[int, ...]:
    count = _halvings(image_shape)
    return tuple(min(64 * 2 ** (count - 1 - level), 256) for level in range(count))


def _discriminator_widths(image_shape: Sequence[int]) -> tuple[int, ...]:
    # One more than the generator's doublings: down to about half of its first grid.
    return tuple(min(32 * 2**level, 256) for level in range(_halvings(image_shape) + 1))
