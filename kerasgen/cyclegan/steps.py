"""The CycleGAN step: two generators, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgen.cyclegan.builders import SIDE_MULTIPLE
from kerasgen.cyclegan.translation import (
    TranslationStep,
    adam,
    change_loss,
    check_pictures,
    check_weights,
    split_outputs,
)
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.layers import check_image_shape
from kerasgen.training.losses import l1
from kerasgen.training.step import Player, Stream


class CycleGANStep(TranslationStep):
    """One update of two generators, forward and backward, and two discriminators.

    Zhu et al. (2017), arXiv:1703.10593, equation 3: both adversarial losses; the cycle loss; the
    identity loss (section 5.2, "Photo generation from paintings"). Weights are those of the
    authors' implementation, which always has the identity loss. The authors halve the
    discriminators' loss (appendix 7.1): so does ``LEAST_SQUARES``; with Adam the effect is small.

    Differs in order only: all four networks are updated at once, where the authors update the
    generators first. The result is the same, since their discriminators also judge fakes from
    before that update.

    A batch is (source, target) from ``pipeline.unpaired``. Losses, each the sum over both
    directions and not weighted: ``generator_loss``, ``discriminator_loss``, ``cycle_loss``,
    ``identity_loss`` unless its weight is 0, and ``change_loss``, the mean of the change mask, if
    a generator has one.

    Args:
        forward: Source pictures -> target pictures, from ``build_generator``.
        backward: Target pictures -> source pictures.
        source_discriminator: Pictures -> logits of any shape ``[N, ...]``.
        target_discriminator: The same.
        generator_player: Updates both generators.
        discriminator_player: Updates both discriminators.
        cycle_weight: In units of the adversarial loss; pixels are in [-1, 1].
        identity_weight: In units of the cycle weight; 0 saves two of six generator passes.
        source_pool: History of the fakes the source discriminator sees; None for none.
        **options: ``adversarial``, ``change_weight``, ``target_pool``, ``policy`` and ``seed``, see
            ``TranslationStep``.

    Raises:
        ValueError: If a weight is negative, or there is a change weight and no generator has a
            change mask.
    """

    def __init__(
        self,
        forward: keras.Model,
        backward: keras.Model,
        source_discriminator: keras.Model,
        target_discriminator: keras.Model,
        generator_player: Player,
        discriminator_player: Player,
        *,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.5,
        source_pool: ImagePool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        check_weights(
            [forward, backward],
            cycle_weight=cycle_weight,
            identity_weight=identity_weight,
            change_weight=self.change_weight,
        )
        self.forward = forward
        self.backward = backward
        self.source_discriminator = source_discriminator
        self.target_discriminator = target_discriminator
        self.generator_player = generator_player
        self.discriminator_player = discriminator_player
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.source_pool = source_pool

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
            fake_target, same_target, to_target = self._translate(self.forward, source, target)
            fake_source, same_source, to_source = self._translate(self.backward, target, source)
            again_source, _ = split_outputs(self.backward(fake_target, training=True))
            again_target, _ = split_outputs(self.forward(fake_source, training=True))
            losses = self._both_adversarial_losses(source, target, fake_source, fake_target)
            losses["cycle_loss"] = l1(again_source, source) + l1(again_target, target)
            if self.identity_weight:
                losses["identity_loss"] = l1(same_source, source) + l1(same_target, target)
            losses.update(change_loss(to_target, to_source))
            total = self._total(losses)
        self.generator_player.descend(tape, total)
        self.discriminator_player.descend(tape, losses["discriminator_loss"])
        return losses

    def _translate(
        self, generator: keras.Model, images: tf.Tensor, same: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor | None]:
        """Translates pictures, and those of the target domain in the same pass: this saves time."""
        if not self.identity_weight:
            picture, change = split_outputs(generator(images, training=True))
            return picture, None, change
        picture, change = split_outputs(generator(tf.concat([images, same], axis=0), training=True))
        translated, passed = tf.split(picture, 2)
        return translated, passed, None if change is None else tf.split(change, 2)[0]

    def _both_adversarial_losses(
        self, source: tf.Tensor, target: tf.Tensor, fake_source: tf.Tensor, fake_target: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        sides = (
            (self.source_discriminator, source, fake_source, self.source_pool, Stream.SOURCE),
            (self.target_discriminator, target, fake_target, self.target_pool, Stream.TARGET),
        )
        (to_source, of_source), (to_target, of_target) = (
            self.adversarial_losses(*side) for side in sides
        )
        return {
            "generator_loss": to_source + to_target,
            "discriminator_loss": of_source + of_target,
        }

    def _total(self, losses: dict[str, tf.Tensor]) -> tf.Tensor:
        """What the generators minimise."""
        weights = {
            "cycle_loss": self.cycle_weight,
            "identity_loss": self.cycle_weight * self.identity_weight,
            "change_loss": self.change_weight,
        }
        terms = (weight * losses[name] for name, weight in weights.items() if name in losses)
        return losses["generator_loss"] + sum(terms)


def build_step(
    forward: keras.Model,
    backward: keras.Model,
    source_discriminator: keras.Model,
    target_discriminator: keras.Model,
    *,
    steps: int,
    image_shape: Sequence[int],
    batch_size: int = 1,
    rate: float = 2e-4,
    half_life: int | None = None,
    pool_capacity: int = 50,
    **options: Any,
) -> CycleGANStep:
    """A step with the authors' optimizers and histories.

    Adam at 2e-4 with beta1 0.5, constant for half of the training, then falling to 0; a history of
    50 fakes for each discriminator (Zhu et al. 2017, arXiv:1703.10593, section 4). Call it in the
    scope of the training strategy.

    Args:
        forward: Source pictures -> target pictures, from ``build_generator``.
        backward: Target pictures -> source pictures.
        source_discriminator: From ``build_discriminator``.
        target_discriminator: The same.
        steps: Updates of the whole training.
        image_shape: (height, width, channels) of a picture; the histories need it.
        batch_size: Pictures of each domain in a global batch.
        rate: Learning rate of all networks.
        half_life: Half-life of the generators' moving average, in pictures, such as 5,000; None for
            none. With one, sample and export within ``generator_player.averaged()``.
        pool_capacity: Fakes of each domain kept, at least a global batch; 0 for no history.
        **options: Further arguments of ``CycleGANStep``, such as its ``seed``.

    Returns:
        The step, for a ``Trainer``.

    Raises:
        ValueError: If the pictures' sides are not multiples of 4, or an argument of
            ``CycleGANStep`` is out of range.
    """
    check_image_shape(image_shape, SIDE_MULTIPLE)
    generators, discriminators = [forward, backward], [source_discriminator, target_discriminator]
    capacity = max(pool_capacity, batch_size) if pool_capacity > 0 else pool_capacity
    source_pool, target_pool = (ImagePool(capacity, image_shape, batch_size) for _ in range(2))
    return CycleGANStep(
        forward,
        backward,
        source_discriminator,
        target_discriminator,
        Player(generators, adam(rate, steps, batch_size=batch_size, half_life=half_life)),
        Player(discriminators, adam(rate, steps, batch_size=batch_size)),
        **{"source_pool": source_pool, "target_pool": target_pool, **options},
    )
