"""Refiner: takes a rendered picture and makes it look real, without moving what is in it.

Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training"
(2017), and a DCGAN-derived variant (Radford et al. 2016) with a convolutional encoder in place of
the noise vector. Builders first, training steps below.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from kerasgen.training.adversary import AdversarialStep
from kerasgen.training.layers import (
    Tensor,
    check_image_shape,
    modulate,
    normalize,
    reflect_pad,
    residual_block,
)
from kerasgen.training.losses import LEAST_SQUARES, AdversarialLoss, l1
from kerasgen.training.regularisation import SelfRegularisation, masked_gradient
from kerasgen.training.step import Player, Step

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
        "normalization": "batch",
        "latent_size": 0,
    }
)
"""Arguments of ``build_refiner`` that give the network of the eye write-up: 10,631,523 weights."""

PASS_THROUGH_WEIGHTS = MappingProxyType({"normal": 0.5, "less": 0.125, "equal": 1.0, "more": 2.0})
"""Weight of the pixel L1 term, in units of the adversarial term, for the write-up's four presets.

Differs: there the "weight" is a ratio of learning rates of two optimizers that step in turn (2, 8,
1 and 0.5 for the adversarial one); here it is the same ratio in one weighted sum.
"""


def build_refiner(
    image_shape: Sequence[int] = (64, 64, 3),
    *,
    encoder_widths: Sequence[int] = (16, 32, 64, 128),
    encoder_kernel: int = 5,
    downsampling: str = "strided",
    dropout: float = 0.0,
    bottleneck: int | None = None,
    decoder_widths: Sequence[int] = (128, 64, 32, 16),
    decoder_kernels: int | Sequence[int] = 5,
    upsampling: str = "transposed",
    normalization: str | None = None,
    latent_size: int = 4,
    name: str = "refiner",
) -> keras.Model:
    """Encoder-decoder refiner: a DCGAN generator whose noise vector is an encoded render.

    Args:
        image_shape: (height, width, channels); sides a multiple of 2 ** len(encoder_widths).
        encoder_widths: Channels after each halving.
        encoder_kernel: Kernel of the encoder's convolutions, in pixels.
        downsampling: ``"strided"`` or ``"pooling"`` (max pooling after the activation).
        dropout: Share of activations dropped after each encoder block, in training.
        bottleneck: Units of a dense layer between encoder and decoder; None keeps the map, and
            with it where things are. With units, they must fill the decoder's first grid.
        decoder_widths: Channels after each doubling.
        decoder_kernels: One kernel for all doublings or one for each.
        upsampling: ``"transposed"`` (stride-2 transposed convolution) or ``"nearest"`` (repeat,
            then convolve).
        normalization: See ``training.layers.normalize``.
        latent_size: Size of a standard normal vector that chooses among the lightings one render
            can take; 0 for none.
        name: Of the model.

    Returns:
        ``images`` or ``[images, latent]`` -> pictures, ``[N, H, W, C]`` float32 in [-1, 1].

    Raises:
        ValueError: If the arguments do not fit together.
    """
    check_image_shape(image_shape, 2 ** max(len(encoder_widths), len(decoder_widths)))
    if bottleneck is None and len(encoder_widths) != len(decoder_widths):
        raise ValueError(
            "Without a bottleneck, encoder and decoder must be equally deep. Received: "
            f"encoder_widths={tuple(encoder_widths)}, decoder_widths={tuple(decoder_widths)}"
        )
    kernels = (
        [decoder_kernels] * len(decoder_widths)
        if isinstance(decoder_kernels, int)
        else list(decoder_kernels)
    )
    images = keras.Input(tuple(image_shape), name="images")
    latent = keras.Input((latent_size,), name="latent") if latent_size else None
    x = images
    for width in encoder_widths:
        x = _encode(x, width, encoder_kernel, downsampling, dropout)
    if bottleneck is not None:
        x = _squeeze(x, bottleneck, image_shape, 2 ** len(decoder_widths))
    for width, kernel in zip(decoder_widths, kernels, strict=True):
        x = _decode(x, width, kernel, upsampling, normalization, latent)
    x = layers.Conv2DTranspose(image_shape[2], 5, padding="same")(x)
    pictures = layers.Activation("tanh", dtype="float32", name="picture")(x)
    return keras.Model(images if latent is None else [images, latent], pictures, name=name)


def _encode(x: Tensor, width: int, kernel: int, downsampling: str, dropout: float) -> Tensor:
    if downsampling == "strided":
        x = layers.Conv2D(width, kernel, strides=2, padding="same")(x)
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
    latent: Tensor | None,
) -> Tensor:
    if upsampling == "transposed":
        x = layers.Conv2DTranspose(width, kernel, strides=2, padding="same")(x)
    elif upsampling == "nearest":
        x = layers.UpSampling2D(2)(x)
        x = layers.Conv2DTranspose(width, kernel, padding="same")(x)
    else:
        raise ValueError(
            f"`upsampling` must be 'transposed' or 'nearest'. Received: upsampling={upsampling!r}"
        )
    x = layers.ReLU()(x)
    x = normalize(x, normalization)
    return x if latent is None else modulate(x, latent)


def build_residual_refiner(
    image_shape: Sequence[int | None] = (None, None, 3),
    *,
    width: int = 64,
    blocks: int = 4,
    normalization: str | None = None,
    latent_size: int = 0,
    name: str = "residual_refiner",
) -> keras.Model:
    """Fully convolutional refiner: the input plus a learned change, for pictures of any size.

    Shrivastava et al. (2017), section 3: a 3x3 convolution, residual blocks at full resolution,
    a 1x1 convolution.

    Differs: the change is added to the input before the tanh-free clip, so that an untrained
    network passes its input through unchanged (its last layer starts at zero); reflect padding.

    Args:
        image_shape: (height, width, channels); height and width None for any size.
        width: Channels of every block.
        blocks: Residual blocks.
        normalization: See ``training.layers.normalize``.
        latent_size: As in ``build_refiner``.
        name: Of the model.

    Returns:
        ``images`` or ``[images, latent]`` -> pictures, ``[N, H, W, C]`` float32; in [-1, 1] up to
        the part of the change that overshoots, which ``to_uint8`` clips.

    Raises:
        ValueError: If the shape has not 1 or 3 channels.
    """
    check_image_shape(image_shape, 1)
    images = keras.Input(tuple(image_shape), name="images")
    latent = keras.Input((latent_size,), name="latent") if latent_size else None
    x = layers.Conv2D(width, 3, padding="valid")(reflect_pad(images, 1))
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    for _ in range(blocks):
        x = residual_block(x, normalization=normalization, condition=latent)
    change = layers.Conv2D(image_shape[2], 1, kernel_initializer="zeros", dtype="float32")(x)
    pictures = layers.Add(dtype="float32", name="picture")([images, change])
    return keras.Model(images if latent is None else [images, latent], pictures, name=name)


def build_discriminator(
    image_shape: Sequence[int | None] = (64, 64, 3),
    *,
    widths: Sequence[int] = (32, 64, 96),
    name: str = "discriminator",
) -> keras.Model:
    """Patch discriminator: a map of logits, each judging one neighbourhood.

    Shrivastava et al. (2017), section 2.2 (local adversarial loss).

    Args:
        image_shape: (height, width, channels); height and width may be None.
        widths: Channels after each stride-2 convolution.
        name: Of the model.

    Returns:
        ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, H / 2^k, W / 2^k, 1]`` float32.

    Raises:
        ValueError: If the sides are not multiples of 2 ** len(widths).
    """
    check_image_shape(image_shape, 2 ** len(widths))
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for width in widths:
        x = layers.Conv2D(width, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.Conv2D(widths[-1], 3, padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    logits = layers.Conv2D(1, 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


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


def _refine(refiner: keras.Model, rendered: tf.Tensor, latent: Sequence[tf.Tensor]) -> tf.Tensor:
    """Runs a refiner with or without a latent, in training mode."""
    return refiner([rendered, *latent] if latent else rendered, training=True)


class PrefitStep(Step):
    """First stage: the refiner learns to pass its input through, by pixel L1, without adversary.

    Shrivastava et al. (2017), section 3, train the refiner first on the self-regularisation only.

    Args:
        refiner: From a builder of this module.
        player: Moves the refiner.
        seed: Of the step's randomness.
    """

    def __init__(self, refiner: keras.Model, player: Player, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.refiner = refiner
        self.player = player

    def update(
        self, rendered: tf.Tensor, real: tf.Tensor, *latent: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """One update.

        Args:
            rendered: ``[N, H, W, C]`` float32 in [-1, 1].
            real: Not used here; both stages take the same batches.
            *latent: ``[N, L]`` float32, if the refiner takes one.

        Returns:
            ``l1_loss``, in [0, 2] (twice the value on the [0, 1] scale).
        """

        def loss() -> tf.Tensor:
            return l1(_refine(self.refiner, rendered, latent), rendered)

        return {"l1_loss": self.player.minimize(loss)}


class RefinerStep(AdversarialStep):
    """Second stage: fool a discriminator that sees *refined* pictures, and keep what is in them.

    Shrivastava et al. (2017), sections 2.1 to 2.3: adversarial loss plus weighted
    self-regularisation; half of the discriminator's fakes come from a history of refined pictures.

    A batch is (rendered, real, latent), as from ``pipeline.unpaired``; without the latent if the
    refiner takes none. Losses: ``generator_loss``, ``discriminator_loss`` and
    ``regularisation_loss`` (not weighted).

    Args:
        refiner: From a builder of this module.
        discriminator: Pictures -> logits of any shape ``[N, ...]``, or a list of such.
        refiner_player: Moves the refiner.
        discriminator_player: Moves the discriminator.
        adversarial: A pair of ``training.losses``.
        regularisation: What a refined picture must keep, from ``training.regularisation``.
        regularisation_weight: In units of the adversarial loss.
        **options: ``pool``, ``policy``, ``generator_updates``, ``discriminator_updates`` and
            ``seed``, see ``AdversarialStep``.

    Raises:
        ValueError: If an update count is below 1 or the weight is negative.
    """

    def __init__(
        self,
        refiner: keras.Model,
        discriminator: keras.Model,
        refiner_player: Player,
        discriminator_player: Player,
        *,
        adversarial: AdversarialLoss = LEAST_SQUARES,
        regularisation: SelfRegularisation = masked_gradient,
        regularisation_weight: float = 3.0,
        **options: Any,
    ) -> None:
        if regularisation_weight < 0:
            raise ValueError(
                "`regularisation_weight` must be 0 or more. "
                f"Received: regularisation_weight={regularisation_weight}"
            )
        super().__init__(
            refiner,
            discriminator,
            refiner_player,
            discriminator_player,
            adversarial=adversarial,
            **options,
        )
        self.regularisation = regularisation
        self.regularisation_weight = regularisation_weight

    def real(self, rendered: tf.Tensor, real: tf.Tensor, *latent: tf.Tensor) -> tf.Tensor:
        """The photographs."""
        return real

    def generate(self, rendered: tf.Tensor, real: tf.Tensor, *latent: tf.Tensor) -> tf.Tensor:
        """The refined renders."""
        return _refine(self.generator, rendered, latent)

    def terms(
        self, refined: tf.Tensor, rendered: tf.Tensor, *rest: tf.Tensor
    ) -> dict[str, tuple[float, tf.Tensor]]:
        """The self-regularisation."""
        kept = self.regularisation(refined, rendered)
        return {"regularisation_loss": (self.regularisation_weight, kept)}
