"""The step that every family with a generator and a discriminator shares."""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgen.training.augment import NUMBERS_PER_PICTURE, diff_augment
from kerasgen.training.history import ImagePool
from kerasgen.training.losses import AdversarialLoss
from kerasgen.training.step import Player, Step

_SWAP_STREAM, _SLOT_STREAM, _AUGMENT_STREAM = 0, 1, 2

Logits = list[tf.Tensor]
"""One tensor for each head of the discriminator."""
Batch = tuple[tf.Tensor, ...]


class AdversarialStep(Step):
    """Moves a generator and a discriminator once; a family says what is generated and kept.

    With one update each, both players share one forward pass of the generator and one of the
    discriminator. With other counts, the batch is cut into equal parts, one for each update of a
    player, and the generator moves first.

    Args:
        generator: Whatever ``generate`` runs.
        discriminator: Pictures -> logits of any shape ``[N, ...]``, or a list of such (heads,
            whose losses are added).
        generator_player: Moves the generator.
        discriminator_player: Moves the discriminator.
        adversarial: A pair of ``training.losses``.
        pool: History of fakes; None for none.
        policy: DiffAugment on what the discriminator sees; empty for none.
        generator_updates: Updates of the generator for each batch.
        discriminator_updates: Updates of the discriminator for each batch.
        seed: Of the step's randomness.

    Raises:
        ValueError: If an update count is below 1.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        generator_player: Player,
        discriminator_player: Player,
        *,
        adversarial: AdversarialLoss,
        pool: ImagePool | None = None,
        policy: Collection[str] = (),
        generator_updates: int = 1,
        discriminator_updates: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        if min(generator_updates, discriminator_updates) < 1:
            raise ValueError(
                "Update counts must be at least 1. Received: "
                f"generator_updates={generator_updates}, "
                f"discriminator_updates={discriminator_updates}"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.generator_player = generator_player
        self.discriminator_player = discriminator_player
        self.adversarial = adversarial
        self.pool = pool
        self.policy = tuple(policy)
        self.update_counts = (generator_updates, discriminator_updates)

    @abc.abstractmethod
    def real(self, *batch: tf.Tensor) -> tf.Tensor:
        """The real pictures of a batch, ``[N, H, W, C]``."""

    @abc.abstractmethod
    def generate(self, *batch: tf.Tensor) -> tf.Tensor:
        """Fakes for a batch, ``[N, H, W, C]``, in training mode."""

    def terms(self, fakes: tf.Tensor, *batch: tf.Tensor) -> dict[str, tuple[float, tf.Tensor]]:
        """What else the generator minimises: name -> (weight, loss)."""
        return {}

    def update(self, *batch: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of both players.

        Returns:
            ``generator_loss`` (its adversarial part), ``discriminator_loss``, and the family's
            own terms, not weighted.
        """
        if self.update_counts == (1, 1):
            return self._together(batch)
        losses: dict[str, tf.Tensor] = {}
        moves = (self._move_generator, self._move_discriminator)
        for count, move in zip(self.update_counts, moves, strict=True):
            for part in zip(*(tf.split(tensor, count) for tensor in batch), strict=True):
                losses.update(move(part))
        return losses

    def _together(self, batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            fakes = self.generate(*batch)
            shown = self._judge(self.real(*batch), fakes, self._past(fakes))
            losses, total = self._generator_losses(batch, fakes, *shown[:2])
            losses["discriminator_loss"] = self._discriminator_loss(*shown)
        self.generator_player.descend(tape, total)
        self.discriminator_player.descend(tape, losses["discriminator_loss"])
        return losses

    def _move_generator(self, batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            fakes = self.generate(*batch)
            shown = self._judge(self.real(*batch), fakes)
            losses, total = self._generator_losses(batch, fakes, *shown)
        self.generator_player.descend(tape, total)
        return losses

    def _move_discriminator(self, batch: Batch) -> dict[str, tf.Tensor]:
        fakes = tf.stop_gradient(self.generate(*batch))
        past = self._past(fakes)
        with tf.GradientTape() as tape:
            loss = self._discriminator_loss(*self._judge(self.real(*batch), fakes, past))
        self.discriminator_player.descend(tape, loss)
        return {"discriminator_loss": loss}

    def _past(self, fakes: tf.Tensor) -> tf.Tensor | None:
        """Half as many pictures as ``fakes``, from the history once it is full.

        Shrivastava et al. (2017), section 2.3.
        """
        if self.pool is None or self.pool.capacity == 0:
            return None
        half = fakes.shape[0] // 2
        swap = self.random(half, [], _SWAP_STREAM)
        priorities = self.random(self.pool.capacity, [], _SLOT_STREAM)
        return self.pool.exchange(fakes[:half], swap, priorities)

    def _judge(self, *parts: tf.Tensor | None) -> list[Any]:
        """Logits of each set of pictures (None for None), from one pass of the discriminator."""
        given = [part for part in parts if part is not None]
        seen = [self._augmented(part, index) for index, part in enumerate(given)]
        heads = tf.nest.flatten(self.discriminator(tf.concat(seen, axis=0), training=True))
        by_head = [tf.split(head, [part.shape[0] for part in given]) for head in heads]
        logits = iter([list(of_part) for of_part in zip(*by_head, strict=True)])
        return [next(logits) if part is not None else None for part in parts]

    def _augmented(self, images: tf.Tensor, part: int) -> tf.Tensor:
        if not self.policy:
            return images
        # A stream for each part, so that the rows stay those of the global batch.
        numbers = self.random(images.shape[0], [NUMBERS_PER_PICTURE], _AUGMENT_STREAM + part)
        return diff_augment(images, numbers, self.policy)

    def _generator_losses(
        self, batch: Batch, fakes: tf.Tensor, real: Logits, fresh: Logits
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        adversarial = _added(self.adversarial.generator, real, fresh)
        terms = self.terms(fakes, *batch)
        total = adversarial + sum(weight * loss for weight, loss in terms.values())
        return {"generator_loss": adversarial, **{n: loss for n, (_, loss) in terms.items()}}, total

    def _discriminator_loss(self, real: Logits, fresh: Logits, past: Logits | None) -> tf.Tensor:
        if past is not None:
            # Half fresh, half past: as many fakes as there are real pictures.
            pairs = zip(past, fresh, strict=True)
            fresh = [tf.concat([old, new[old.shape[0] :]], axis=0) for old, new in pairs]
        return _added(self.adversarial.discriminator, real, fresh)


def _added(loss: Any, real: Sequence[tf.Tensor], fake: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([loss(first, second) for first, second in zip(real, fake, strict=True)])
