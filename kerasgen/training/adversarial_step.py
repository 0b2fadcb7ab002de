"""The step that every family with a generator and a discriminator shares."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgen.data.pipeline import Batches
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.losses import AdversarialLoss
from kerasgen.training.step import Player, Step, Stream

Heads = list[tf.Tensor]
"""Logits of the discriminator, one tensor for each of its outputs."""
Batch = tuple[tf.Tensor, ...]
Terms = dict[str, tuple[float, tf.Tensor]]
"""Name -> (weight, loss)."""


class AdversarialStep(Step):
    """One update of a generator and a discriminator; a family defines what is generated and kept.

    With one update each, both players share one forward pass of the generator and one of the
    discriminator. With other counts, the batch is split into equal parts with random numbers of
    their own, one for each update of a player, and the generator is updated first.

    Args:
        generator: The network that ``generate`` runs.
        discriminator: Pictures -> logits of any shape ``[N, ...]``, or a list of such (heads,
            whose losses are added).
        generator_player: Updates the generator.
        discriminator_player: Updates the discriminator.
        adversarial: A pair of ``training.losses``.
        pool: History of fakes; None for none. With one, an even number of pictures on each
            replica makes the training independent of the number of replicas.
        policy: DiffAugment of the discriminator's inputs; empty for none.
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

    def prepare(self, *batch: tf.Tensor) -> Batch:
        """The batch as all other methods take it, with what is sampled once per update added."""
        return batch

    def conditions(self, *batch: tf.Tensor) -> tuple[tf.Tensor | None, tf.Tensor | None]:
        """The discriminator's second input for the real pictures, and that for the fakes."""
        return None, None

    def adversarial_heads(self, heads: Heads) -> Heads:
        """Those of the discriminator's outputs that are real-or-fake logits."""
        return heads

    def generator_terms(self, fakes: tf.Tensor, heads: Heads, *batch: tf.Tensor) -> Terms:
        """Further loss terms of the generator; ``heads`` are the logits of its fakes."""
        return {}

    def discriminator_terms(self, real: tf.Tensor, heads: Heads, *batch: tf.Tensor) -> Terms:
        """Further loss terms of the discriminator; ``real`` is augmented, as it was judged."""
        return {}

    def update(self, *batch: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update of both players.

        Returns:
            ``generator_loss`` and ``discriminator_loss`` (their adversarial parts), and the
            family's own terms, not weighted.

        Raises:
            ValueError: If the batch cannot be divided by an update count.
        """
        batch = self.prepare(*batch)
        if self.update_counts == (1, 1):
            return self._together(batch)
        losses: dict[str, tf.Tensor] = {}
        moves = (self._move_generator, self._move_discriminator)
        for count, move in zip(self.update_counts, moves, strict=True):
            if batch[0].shape[0] % count:
                raise ValueError(
                    "The batch of a replica must be a multiple of both update counts. Received: "
                    f"{batch[0].shape[0]} pictures, update counts {self.update_counts}"
                )
            for number in range(count):
                # Every so many rows, not a block: so replicas divide the rows as one device does.
                with self.part(number):
                    losses.update(move(tuple(tensor[number::count] for tensor in batch)))
        return losses

    def _together(self, batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape(persistent=True) as tape:
            fakes = self.generate(*batch)
            # Real and past pictures in a pass of their own: the generator's gradient then goes
            # back through the fresh ones alone.
            fresh = self._judge_fakes(batch, fakes)
            shown, real, past = self._judge_real(batch, self._past(fakes))
            losses, total = self._generator_losses(batch, fakes, real, fresh)
            more, discriminator_total = self._discriminator_losses(batch, shown, real, fresh, past)
        self.generator_player.descend(tape, total)
        self.discriminator_player.descend(tape, discriminator_total)
        return {**losses, **more}

    def _move_generator(self, batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            fakes = self.generate(*batch)
            fresh = self._judge_fakes(batch, fakes)
            _, real, _ = self._judge_real(batch, None)
            losses, total = self._generator_losses(batch, fakes, real, fresh)
        self.generator_player.descend(tape, total)
        return losses

    def _move_discriminator(self, batch: Batch) -> dict[str, tf.Tensor]:
        fakes = tf.stop_gradient(self.generate(*batch))
        past = self._past(fakes)
        with tf.GradientTape() as tape:
            fresh = self._judge_fakes(batch, fakes)
            shown, real, past_heads = self._judge_real(batch, past)
            losses, total = self._discriminator_losses(batch, shown, real, fresh, past_heads)
        self.discriminator_player.descend(tape, total)
        return losses

    def _past(self, fakes: tf.Tensor) -> tf.Tensor | None:
        """Half as many pictures as ``fakes``, from the history once it is full.

        Shrivastava et al. (2017), arXiv:1612.07828, section 2.3.
        """
        if self.pool is None or self.pool.capacity == 0:
            return None
        # Every other row, not the first half: so replicas divide the rows as one device does.
        even = fakes[: fakes.shape[0] // 2 * 2 : 2]
        return self.past(self.pool, even, Stream.POOL_SWAP)

    def averaged(
        self, batches: Batches, *, pictures: int = 1024
    ) -> contextlib.AbstractContextManager[None]:
        """Within the block the generator has its averaged weights, if there are any.

        Its batch statistics are measured again for them. Use it around sampling, measuring and
        exporting; training goes on afterwards as if it had not been.

        Args:
            batches: The training batches; the first ones are used.
            pictures: Number of pictures from which batch statistics are measured, rounded up to
                whole batches.
        """
        count = -(-pictures // batches.batch_size)
        return self.generator_player.averaged(self._passes(batches, count))

    def _passes(self, batches: Batches, count: int) -> Iterator[tf.Tensor]:
        for number, batch in enumerate(batches.dataset().take(count)):
            # Other labels and noise for each.
            with self.part(number):
                fakes = self.generate(*self.prepare(*batch))
            yield fakes

    def judge(self, images: tf.Tensor, condition: tf.Tensor | None) -> Heads:
        """The discriminator's logits of pictures, in training mode."""
        inputs = images if condition is None else [images, condition]
        return tf.nest.flatten(self.discriminator(inputs, training=True))

    def _judge_fakes(self, batch: Batch, fakes: tf.Tensor) -> Heads:
        shown = self.augment(fakes, self.policy, Stream.FRESH_FAKES)
        return self.judge(shown, self.conditions(*batch)[1])

    def _judge_real(
        self, batch: Batch, past: tf.Tensor | None
    ) -> tuple[tf.Tensor, Heads, Heads | None]:
        """The real pictures after augmentation, and the heads of them and of past fakes."""
        # A stream for each set of pictures: their rows stay those of the global batch.
        shown = self.augment(self.real(*batch), self.policy, Stream.REAL)
        condition = self.conditions(*batch)[0]
        if past is None:
            return shown, self.judge(shown, condition), None
        both = tf.concat([shown, self.augment(past, self.policy, Stream.PAST_FAKES)], axis=0)
        heads = self.judge(both, condition)
        rows = shown.shape[0]
        return shown, [head[:rows] for head in heads], [head[rows:] for head in heads]

    def _generator_losses(
        self, batch: Batch, fakes: tf.Tensor, real: Heads, fresh: Heads
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        heads = self.adversarial_heads(real), self.adversarial_heads(fresh)
        adversarial = _added(self.adversarial.generator, *heads)
        terms = self.generator_terms(fakes, fresh, *batch)
        return _named("generator_loss", adversarial, terms)

    def _discriminator_losses(
        self, batch: Batch, shown: tf.Tensor, real: Heads, fresh: Heads, past: Heads | None
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        if past is not None:
            # Half fresh, half past: as many fakes as there are real pictures.
            fresh = [_every_other(*pair) for pair in zip(past, fresh, strict=True)]
        heads = self.adversarial_heads(real), self.adversarial_heads(fresh)
        adversarial = _added(self.adversarial.discriminator, *heads)
        terms = self.discriminator_terms(shown, real, *batch)
        return _named("discriminator_loss", adversarial, terms)


def _every_other(even: tf.Tensor, all_rows: tf.Tensor) -> tf.Tensor:
    """The rows with others at 0, 2, ..."""
    pairs = tf.stack([even, all_rows[1 : 2 * even.shape[0] : 2]], axis=1)
    mixed = tf.reshape(pairs, [-1, *all_rows.shape[1:]])
    return tf.concat([mixed, all_rows[mixed.shape[0] :]], axis=0)


def _added(loss: Any, real: Sequence[tf.Tensor], fake: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([loss(first, second) for first, second in zip(real, fake, strict=True)])


def _named(
    name: str, adversarial: tf.Tensor, terms: Terms
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Every loss by name, and the weighted sum."""
    losses = {name: adversarial, **{term: loss for term, (_, loss) in terms.items()}}
    return losses, adversarial + sum(weight * loss for weight, loss in terms.values())
