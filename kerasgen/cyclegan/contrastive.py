"""Contrastive translation (CUT): one direction only; every patch must stay recognisable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from kerasgen.cyclegan.translation import (
    Translated,
    TranslationStep,
    adam,
    change_loss,
    check_pictures,
    check_weights,
    split_outputs,
)
from kerasgen.training.step import STREAMS, Player, Stream

_MOST_LAYERS = STREAMS - Stream.PATCHES
"""Each layer has a stream of random numbers."""


def feature_layers(generator: keras.Model) -> tuple[str, ...]:
    """Names of the layers whose features are compared.

    After Park et al. (2020), arXiv:2007.15651, section 3.2, which takes several layers of the
    encoder: the pixels, both halvings, the first and the middle residual block (the fifth of nine).
    """
    blocks = sum(layer.name.startswith("block_") for layer in generator.layers)
    names = ["images", "down_1", "down_2", "block_1", f"block_{(blocks + 1) // 2}"]
    return tuple(dict.fromkeys(names))


def build_encoder(generator: keras.Model, names: Sequence[str] | None = None) -> keras.Model:
    """The generator's first half as a network of its own; weights are shared.

    Args:
        generator: From ``build_generator``.
        names: Names of layers; None for ``feature_layers``.

    Returns:
        The generator's inputs -> list of feature maps ``[N, H / k, W / k, C]``.

    Raises:
        ValueError: If there is no such layer, or there are more than 20.
    """
    names = feature_layers(generator) if names is None else tuple(names)
    known = [layer.name for layer in generator.layers]
    if not 1 <= len(names) <= _MOST_LAYERS or not set(names) <= set(known):
        raise ValueError(
            f"`names` must be 1 to {_MOST_LAYERS} of the generator's layers. Received: "
            f"names={names}"
        )
    features = [generator.get_layer(name).output for name in names]
    return keras.Model(generator.inputs, features, name=f"{generator.name}_encoder")


def build_patch_heads(
    encoder: keras.Model, *, units: int = 256, name: str = "patch_heads"
) -> keras.Model:
    """Two dense layers for each feature map, which project features onto a sphere.

    Park et al. (2020), arXiv:2007.15651, section 3.2; 256 units as there.

    Args:
        encoder: From ``build_encoder``.
        units: Units of each layer.
        name: Of the model.

    Returns:
        List of ``[N, S, C]``, one for each feature map -> list of ``[N, S, units]`` float32 of
        length 1.
    """
    inputs, outputs = [], []
    for features in encoder.outputs:
        samples = keras.Input((None, features.shape[-1]))
        x = layers.Dense(units, activation="relu")(samples)
        x = layers.UnitNormalization(dtype="float32")(layers.Dense(units)(x))
        inputs.append(samples)
        outputs.append(x)
    return keras.Model(inputs, outputs, name=name)


def patch_nce(queries: tf.Tensor, keys: tf.Tensor, temperature: float) -> tf.Tensor:
    """Contrastive loss between the locations of one picture before and after translation.

    Cross-entropy of the right location among all S; the others of the same picture are the
    negatives (Park et al. 2020, arXiv:2007.15651, equations 3 and 4).

    Args:
        queries: ``[N, S, D]`` float32 of length 1.
        keys: The same, in the same order of locations; no gradient goes there.
        temperature: Cosines are divided by it.

    Returns:
        ``[N]`` float32, mean over the locations; log S if all keys are equal.
    """
    cosines = tf.matmul(queries, tf.stop_gradient(keys), transpose_b=True)
    logits = tf.cast(cosines, tf.float32) / temperature
    right = tf.linalg.diag_part(logits)
    return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=2) - right, axis=1)


class ContrastiveStep(TranslationStep):
    """One update of a generator, its patch heads and a discriminator.

    Park et al. (2020), arXiv:2007.15651: the features of a location must be nearer to those of the
    same location before translation than to those of others (PatchNCE). There is no backward
    network, so that it also applies where no inverse translation exists.

    With identity: target pictures are translated too, and must stay recognisable (the paper's CUT;
    without it and with a weight of 10, FastCUT). As in the authors' code, the loss is the mean over
    layers and locations, and the mean of both losses.

    Differs: each picture has locations of its own; all networks are updated at once; FastCUT's
    flips are left to the data's augmentation. The encoder's features before translation are those
    of the translating pass.

    A batch is (source, target) from ``pipeline.unpaired``. Losses, not weighted:
    ``generator_loss``, ``discriminator_loss``, ``nce_loss``, ``identity_loss`` (the same on target
    pictures) and, with a change mask, ``change_loss``, its mean.

    Args:
        generator: Source pictures -> target pictures, from ``build_generator``.
        encoder: From ``build_encoder``, of this generator.
        heads: From ``build_patch_heads``.
        discriminator: Pictures -> logits of any shape ``[N, ...]``.
        generator_player: Updates generator and heads.
        discriminator_player: Updates the discriminator.
        nce_weight: In units of the adversarial loss.
        identity: Whether target pictures are translated too.
        patches: Locations in each picture and layer; all where there are fewer.
        temperature: See ``patch_nce``.
        **options: ``adversarial``, ``change_weight``, ``target_pool`` (None for none, as in the
            paper), ``policy`` and ``seed``, see ``TranslationStep``.

    Raises:
        ValueError: If a number is out of range, or there is a change weight and the generator has
            no change mask.
    """

    def __init__(
        self,
        generator: keras.Model,
        encoder: keras.Model,
        heads: keras.Model,
        discriminator: keras.Model,
        generator_player: Player,
        discriminator_player: Player,
        *,
        nce_weight: float = 1.0,
        identity: bool = True,
        patches: int = 256,
        temperature: float = 0.07,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        check_weights([generator], nce_weight=nce_weight, change_weight=self.change_weight)
        if patches < 2 or temperature <= 0:
            raise ValueError(
                "`patches` must be at least 2 and `temperature` above 0. Received: "
                f"patches={patches}, temperature={temperature}"
            )
        self.generator = generator
        self.heads = heads
        self.discriminator = discriminator
        self.generator_player = generator_player
        self.discriminator_player = discriminator_player
        self.nce_weight = nce_weight
        self.identity = identity
        self.patches = patches
        self.temperature = temperature
        # Functions, not models: as attributes, models would add the generator's weights to a
        # checkpoint again.
        self._features = _function(encoder)
        self._both = _function(keras.Model(generator.inputs, [generator.output, encoder.outputs]))

    def update(self, source: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update.

        Args:
            source: ``[N, H, W, C]`` float32 in [-1, 1], sides multiples of 4.
            target: The same shape.

        Returns:
            The losses by name, see the class.

        Raises:
            ValueError: If the shapes are others.
        """
        check_pictures(source, target)
        with tf.GradientTape(persistent=True) as tape:
            images = tf.concat([source, target], axis=0) if self.identity else source
            (pictures, change), before = self._translate(images)
            nce = self._nce(tf.nest.flatten(self._features(pictures)), before, source.shape[0])
            if self.identity:
                pictures, change = _first_half(pictures), _first_half(change)
            generator_loss, discriminator_loss = self.adversarial_losses(
                self.discriminator, target, pictures, self.target_pool, Stream.TARGET
            )
            total = generator_loss + self.nce_weight * tf.reduce_mean(nce)
            changed = change_loss(change)
            total += self.change_weight * changed.get("change_loss", 0.0)
        self.generator_player.descend(tape, total)
        self.discriminator_player.descend(tape, discriminator_loss)
        names = ("nce_loss", "identity_loss") if self.identity else ("nce_loss",)
        parts = [tf.reduce_mean(part) for part in tf.split(nce, len(names))]
        return {
            "generator_loss": generator_loss,
            "discriminator_loss": discriminator_loss,
            **dict(zip(names, parts, strict=True)),
            **changed,
        }

    def _translate(self, images: tf.Tensor) -> tuple[Translated, list[tf.Tensor]]:
        outputs, features = self._both(images)
        return split_outputs(outputs), features

    def _nce(self, after: Sequence[tf.Tensor], before: Sequence[tf.Tensor], rows: int) -> tf.Tensor:
        """PatchNCE of each picture, ``[N]`` or ``[2 N]``, the mean over the layers."""
        indices = [self._indices(features, rows, layer) for layer, features in enumerate(before)]
        queries, keys = (
            tf.nest.flatten(self.heads(list(map(_gathered, features, indices)), training=True))
            for features in (after, before)
        )
        losses = [
            patch_nce(query, key, self.temperature)
            for query, key in zip(queries, keys, strict=True)
        ]
        return tf.add_n(losses) / len(losses)

    def _indices(self, features: tf.Tensor, rows: int, layer: int) -> tf.Tensor | None:
        """Random locations in each source picture, and the same ones in the target picture."""
        count = features.shape[1] * features.shape[2]
        if count <= self.patches:
            return None
        numbers = self.random(rows, [count], Stream.PATCHES + layer)
        indices = tf.math.top_k(numbers, self.patches, sorted=False).indices
        return tf.tile(indices, [features.shape[0] // rows, 1])


def _function(model: keras.Model) -> Callable[[tf.Tensor], Any]:
    return lambda images: model(images, training=True)


def _gathered(features: tf.Tensor, indices: tf.Tensor | None) -> tf.Tensor:
    rows, height, width, channels = features.shape
    flat = tf.reshape(features, [rows, height * width, channels])
    return flat if indices is None else tf.gather(flat, indices, batch_dims=1)


def _first_half(rows: tf.Tensor | None) -> tf.Tensor | None:
    return None if rows is None else tf.split(rows, 2)[0]


def build_contrastive_step(
    generator: keras.Model,
    discriminator: keras.Model,
    *,
    steps: int,
    batch_size: int = 1,
    rate: float = 2e-4,
    half_life: int | None = None,
    names: Sequence[str] | None = None,
    units: int = 256,
    seed: int = 0,
    **options: Any,
) -> ContrastiveStep:
    """A step with encoder, heads and the optimizers of ``steps.build_step``.

    Call it in the scope of the training strategy.

    Args:
        generator: Source pictures -> target pictures, from ``build_generator``.
        discriminator: From ``build_discriminator``.
        steps: Updates of the whole training.
        batch_size: Pictures of each domain in a global batch.
        rate: Learning rate of all networks.
        half_life: Half-life of the generator's moving average, in pictures, such as 5,000; None
            for none.
        names: Names of the layers whose features are compared; None for ``feature_layers``.
        units: Units of the patch heads.
        seed: Seed of the step's randomness.
        **options: Further arguments of ``ContrastiveStep``.

    Returns:
        The step, for a ``Trainer``.
    """
    encoder = build_encoder(generator, names)
    heads = build_patch_heads(encoder, units=units)
    return ContrastiveStep(
        generator,
        encoder,
        heads,
        discriminator,
        Player([generator, heads], adam(rate, steps, batch_size=batch_size, half_life=half_life)),
        Player(discriminator, adam(rate, steps, batch_size=batch_size)),
        seed=seed,
        **options,
    )
