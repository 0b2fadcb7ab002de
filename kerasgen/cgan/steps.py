"""The conditional GAN family's steps."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from kerasgen.training.adversarial_step import AdversarialStep, Batch, Heads, Terms
from kerasgen.training.losses import RELATIVISTIC, AdversarialLoss, squared_gradient_norm
from kerasgen.training.step import Player, Step, Stream


class CGANStep(AdversarialStep):
    """One update of a generator and a discriminator that both take the class.

    There are as many fakes as real pictures. If the discriminator has class logits as a second
    output, it learns them from the real pictures, and the generator's pictures must be classified
    correctly by them (Odena et al. 2017, arXiv:1610.09585, section 3). The gradient penalty R1
    (Mescheder et al. 2018, arXiv:1801.04406, section 4) is lazy: only every few updates, and as
    many times stronger (Karras et al. 2020, arXiv:1912.04958, section 3.1).

    A batch is (images, labels, latents) from ``pipeline.labelled(..., latent_size=...)``. Losses:
    ``generator_loss``, ``discriminator_loss`` and, with class logits, ``real_class_loss`` and
    ``fake_class_loss`` (not weighted), ``gradient_penalty`` (half the mean squared norm; 0 in an
    update without it).

    Args:
        generator: ``[latent, label] -> pictures``.
        discriminator: ``[pictures, label] -> logits`` or ``[logits, class logits]``.
        generator_player: Updates the generator.
        discriminator_player: Updates the discriminator.
        num_classes: Labels are 0 to ``num_classes - 1``.
        adversarial: A pair of ``training.losses``.
        balanced: Whether labels of fakes are uniform; else they are those of the real batch.
        class_weight: Weight of the generator's class loss, in units of the adversarial loss.
        penalty: Gamma of R1; 0 for none.
        penalty_every: Updates between two penalties.
        **options: ``policy``, ``generator_updates``, ``discriminator_updates`` and ``seed``, see
            ``AdversarialStep``.

    Raises:
        ValueError: If an update count or an interval is below 1, or a weight is negative.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        generator_player: Player,
        discriminator_player: Player,
        *,
        num_classes: int,
        adversarial: AdversarialLoss = RELATIVISTIC,
        balanced: bool = True,
        class_weight: float = 0.05,
        penalty: float = 1.0,
        penalty_every: int = 8,
        **options: Any,
    ) -> None:
        if min(class_weight, penalty, penalty_every - 1) < 0:
            raise ValueError(
                "Weights must be 0 or more and the interval at least 1. Received: "
                f"class_weight={class_weight}, penalty={penalty}, penalty_every={penalty_every}"
            )
        if options.get("pool") is not None:
            raise ValueError("A pool would need the labels of its pictures. Received: pool")
        super().__init__(
            generator,
            discriminator,
            generator_player,
            discriminator_player,
            adversarial=adversarial,
            **options,
        )
        self.num_classes = num_classes
        self.balanced = balanced
        self.class_weight = class_weight
        self.penalty = penalty
        self.penalty_every = penalty_every

    def prepare(self, images: tf.Tensor, labels: tf.Tensor, latents: tf.Tensor) -> Batch:
        """The batch and the labels of the fakes."""
        fake_labels = labels
        if self.balanced:
            fake_labels = _random_labels(self, labels.shape[0], self.num_classes, Stream.LABELS)
        return images, labels, latents, fake_labels

    def real(self, *batch: tf.Tensor) -> tf.Tensor:
        """The real pictures."""
        return batch[0]

    def generate(self, *batch: tf.Tensor) -> tf.Tensor:
        """One fake for each latent."""
        _, _, latents, fake_labels = batch
        return self.generator([latents, fake_labels], training=True)

    def conditions(self, *batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The labels of the real pictures and those of the fakes."""
        _, labels, _, fake_labels = batch
        return labels, fake_labels

    def adversarial_heads(self, heads: Heads) -> Heads:
        """The first head; the second is that of the classes."""
        return heads[:1]

    def generator_terms(self, fakes: tf.Tensor, heads: Heads, *batch: tf.Tensor) -> Terms:
        """The class loss of the fakes."""
        if len(heads) < 2:
            return {}
        loss = _class_loss(self.conditions(*batch)[1], heads[1])
        return {"fake_class_loss": (self.class_weight, loss)}

    def discriminator_terms(self, real: tf.Tensor, heads: Heads, *batch: tf.Tensor) -> Terms:
        """The class loss of the real pictures, and R1."""
        labels, terms = self.conditions(*batch)[0], {}
        if len(heads) > 1:
            terms["real_class_loss"] = (1.0, _class_loss(labels, heads[1]))
        if self.penalty:
            weight = self.penalty * self.penalty_every
            terms["gradient_penalty"] = (weight, self._lazy_penalty(real, labels))
        return terms

    def _lazy_penalty(self, real: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        def penalty() -> tf.Tensor:
            return squared_gradient_norm(lambda images: self.judge(images, labels)[0], real)

        due = tf.equal(self.updates.value() % self.penalty_every, 0)
        return tf.cond(due, penalty, lambda: tf.constant(0.0))


class OriginalCGANStep(Step):
    """The schedule of the original: three updates, each on pictures of its own.

    The discriminator on real pictures; the discriminator on as many fakes; the generator on twice
    as many new latents, with the labels "inverted" (the non-saturating loss). All labels of fakes
    are uniform. See ``build_original_generator`` for its origin.

    A batch is (images, labels), half of the original's batch. Losses: ``discriminator_loss`` (the
    mean of both), ``generator_loss``.

    Args:
        generator: ``[latent, label] -> pictures``.
        discriminator: ``[pictures, label] -> logits``.
        generator_player: Updates the generator.
        discriminator_player: Updates the discriminator.
        num_classes: Labels are 0 to ``num_classes - 1``.
        seed: Seed of latents and labels.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        generator_player: Player,
        discriminator_player: Player,
        *,
        num_classes: int,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        self.generator = generator
        self.discriminator = discriminator
        self.generator_player = generator_player
        self.discriminator_player = discriminator_player
        self.num_classes = num_classes

    def update(self, images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """One round of the three updates."""
        half = images.shape[0]
        on_real = self.discriminator_player.minimize(
            lambda: _mean_softplus(-self._judge(images, labels))
        )
        fakes, fake_labels = self._fakes(half, Stream.LABELS, Stream.LATENTS)
        on_fake = self.discriminator_player.minimize(
            lambda: _mean_softplus(self._judge(tf.stop_gradient(fakes), fake_labels))
        )
        more = 2 * half, Stream.GENERATOR_LABELS, Stream.GENERATOR_LATENTS
        fooling = self.generator_player.minimize(
            lambda: _mean_softplus(-self._judge(*self._fakes(*more)))
        )
        return {"discriminator_loss": 0.5 * (on_real + on_fake), "generator_loss": fooling}

    def averaged(self, batches: Any) -> AbstractContextManager[None]:
        """As ``CGANStep.averaged``, but the original has no averages: ``batches`` are not used."""
        return self.generator_player.averaged()

    def _fakes(
        self, count: int, label_stream: Stream, latent_stream: Stream
    ) -> tuple[tf.Tensor, tf.Tensor]:
        size = self.generator.inputs[0].shape[1]
        labels = _random_labels(self, count, self.num_classes, label_stream)
        latents = self.random(count, [size], latent_stream, normal=True)
        return self.generator([latents, labels], training=True), labels

    def _judge(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return self.discriminator([images, labels], training=True)


PHOTOGRAPHS: dict[str, dict[str, Any]] = {
    "generator": {"widths": (192, 128, 64, 32)},
    "step": {"penalty": 2.0, "policy": ("colour", "translation")},
}
"""For a few thousand photographs of 64 pixels: arguments of ``build_generator``, a narrower network
that a CPU can train, and of ``build_step``."""


def build_step(
    generator: keras.Model,
    discriminator: keras.Model,
    *,
    num_classes: int,
    steps: int,
    batch_size: int = 64,
    rate: float = 2e-3,
    policy: Collection[str] = (),
    seed: int = 0,
    **options: Any,
) -> CGANStep:
    """A step with the optimizers that work for small pictures on a CPU.

    Adam with beta1 0.5 and beta2 0.99; the learning rate falls to a tenth; the generator's weights
    are averaged with a half-life of 5,000 pictures (sample within ``step.averaged(batches)``).

    Args:
        generator: From a builder of this family.
        discriminator: The same.
        num_classes: Labels are 0 to ``num_classes - 1``.
        steps: Length of the training.
        batch_size: Pictures in a global batch.
        rate: Learning rate of both.
        policy: DiffAugment, see ``training.diff_augment``.
        seed: Seed of the step's randomness.
        **options: Further arguments of ``CGANStep``.

    Returns:
        The step, for a ``Trainer``.
    """

    def adam(**more: Any) -> keras.optimizers.Optimizer:
        falling = keras.optimizers.schedules.CosineDecay(rate, max(steps, 1), alpha=0.1)
        return keras.optimizers.Adam(falling, beta_1=0.5, beta_2=0.99, **more)

    momentum = 0.5 ** (batch_size / 5000)
    return CGANStep(
        generator,
        discriminator,
        Player(generator, adam(use_ema=True, ema_momentum=momentum)),
        Player(discriminator, adam()),
        num_classes=num_classes,
        policy=policy,
        seed=seed,
        **options,
    )


def _random_labels(step: Step, count: int, num_classes: int, stream: int) -> tf.Tensor:
    numbers = step.random(count, [], stream)
    return tf.minimum(tf.cast(numbers * num_classes, tf.int32), num_classes - 1)


def _class_loss(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
    return tf.reduce_mean(losses)


def _mean_softplus(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.softplus(tf.cast(values, tf.float32)))
