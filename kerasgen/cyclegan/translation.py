"""What the steps of this family share: adversarial losses, checks, the optimizer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from kerasgen.cyclegan.builders import SIDE_MULTIPLE
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.layers import check_image_shape
from kerasgen.training.losses import LEAST_SQUARES, AdversarialLoss
from kerasgen.training.step import Step

Translated = tuple[tf.Tensor, tf.Tensor | None]
"""Pictures, and the change mask if the generator has one."""


class TranslationStep(Step):
    """Base class of this family's steps: the adversarial losses of one domain.

    Args:
        adversarial: A pair of ``training.losses``.
        change_weight: Weight of the change mask's mean, in units of the adversarial loss.
        target_pool: History of the fakes the target discriminator sees; None for none.
        policy: DiffAugment of the discriminators' inputs; empty for none.
        seed: Seed of the step's randomness.
    """

    def __init__(
        self,
        *,
        adversarial: AdversarialLoss = LEAST_SQUARES,
        change_weight: float = 0.0,
        target_pool: ImagePool | None = None,
        policy: Collection[str] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        self.adversarial = adversarial
        self.change_weight = change_weight
        self.target_pool = target_pool
        self.policy = tuple(policy)

    def adversarial_losses(
        self,
        discriminator: keras.Model,
        real: tf.Tensor,
        fakes: tf.Tensor,
        pool: ImagePool | None,
        stream: int,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The generator's loss on fresh fakes, and the discriminator's on those of the pool.

        Args:
            discriminator: Pictures -> logits of any shape ``[N, ...]``.
            real: ``[N, H, W, C]`` float32 in [-1, 1].
            fakes: The same.
            pool: History of fakes, or None.
            stream: ``Stream.SOURCE`` or ``Stream.TARGET``, the first of five.

        Returns:
            The generator's loss and the discriminator's.
        """
        # Fresh fakes in a pass of their own: the generator's gradient goes back through them alone.
        fresh = discriminator(self.augment(fakes, self.policy, stream), training=True)
        shown = self.augment(real, self.policy, stream + 1)
        if pool is None or pool.capacity == 0:
            on_real, on_past = discriminator(shown, training=True), fresh
        else:
            past = self.past(pool, fakes, stream + 3)
            past = self.augment(past, self.policy, stream + 2)
            both = discriminator(tf.concat([shown, past], axis=0), training=True)
            on_real, on_past = tf.split(both, 2)
        generator_loss = self.adversarial.generator(on_real, fresh)
        return generator_loss, self.adversarial.discriminator(on_real, on_past)


def split_outputs(outputs: Any) -> Translated:
    """The pictures and the change mask, if there is one, of a generator's outputs."""
    if isinstance(outputs, dict):
        return outputs["picture"], outputs["change"]
    return outputs, None


def change_loss(*changes: tf.Tensor | None) -> dict[str, tf.Tensor]:
    """``{"change_loss": ...}``, the sum of the masks' means; empty if there is no mask."""
    means = [tf.reduce_mean(change) for change in changes if change is not None]
    return {"change_loss": tf.add_n(means)} if means else {}


def check_weights(generators: Sequence[keras.Model], **weights: float) -> None:
    """Checks a step's weights by name; ``change_weight`` is among them.

    Raises:
        ValueError: If one is negative, or there is a change weight and no generator has a mask.
    """
    received = ", ".join(f"{name}={weight}" for name, weight in weights.items())
    if min(weights.values()) < 0:
        raise ValueError(f"Weights must be 0 or more. Received: {received}")
    if weights["change_weight"] and not any(isinstance(g.output, dict) for g in generators):
        raise ValueError(
            f"`change_weight` needs a generator built with `change_mask=True`. Received: {received}"
        )


def check_pictures(source: tf.Tensor, target: tf.Tensor) -> None:
    """Checks the shapes of a batch, as far as they are known.

    Raises:
        ValueError: If a side is not a multiple of 4, or the two differ.
    """
    check_image_shape(tuple(source.shape[1:]), SIDE_MULTIPLE)
    if not source.shape.is_compatible_with(target.shape):
        raise ValueError(
            "Source and target pictures must have the same shape. Received: "
            f"source={tuple(source.shape)}, target={tuple(target.shape)}"
        )


@keras.saving.register_keras_serializable(package="kerasgen")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate for half of the training, then a linear decay to 0.

    Zhu et al. (2017), arXiv:1703.10593, section 4: 100 epochs each. Keras has no such schedule.

    Args:
        rate: Learning rate in the first half.
        steps: Updates of the whole training.

    Raises:
        ValueError: If ``steps`` is below 1.
    """

    def __init__(self, rate: float, steps: int) -> None:
        if steps < 1:
            raise ValueError(f"`steps` must be at least 1. Received: steps={steps}")
        self.rate = rate
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """The learning rate of an update, counted from 0."""
        left = 1.0 - ops.cast(step, "float32") / self.steps
        return self.rate * ops.clip(2.0 * left, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"rate": self.rate, "steps": self.steps}


def adam(
    rate: float, steps: int, *, batch_size: int, half_life: int | None = None
) -> keras.optimizers.Optimizer:
    """The family's optimizer: Adam with beta1 0.5 on ``ConstantThenLinear``.

    Args:
        rate: Learning rate at the start.
        steps: Updates of the training.
        batch_size: Pictures in a global batch.
        half_life: Pictures after which a weight's share in its moving average is one half; None
            for no average.
    """
    average = {}
    if half_life is not None:
        average = {"use_ema": True, "ema_momentum": 0.5 ** (batch_size / half_life)}
    return keras.optimizers.Adam(ConstantThenLinear(rate, steps), beta_1=0.5, **average)
