"""The refiner family's two training stages."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf

from kerasgen.refiner.builders import NOISE_CHANNELS, has_input, refiner_inputs
from kerasgen.training.adversarial_step import AdversarialStep, Heads, Terms
from kerasgen.training.colour_moments import colour_moments, recolour, style_distance
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.losses import LEAST_SQUARES, AdversarialLoss, l1
from kerasgen.training.self_regularisation import SelfRegularisation, masked_structure
from kerasgen.training.step import Player, Step, Stream

PASS_THROUGH_WEIGHTS = MappingProxyType({"normal": 0.5, "less": 0.125, "equal": 1.0, "more": 2.0})
"""Weight of the pixel L1 term, in units of the adversarial term, for the original's four presets.

https://github.com/ToddBodnar/appl-eye-gan. Differs: there it is a ratio of the learning rates of
two optimizers in turns (2, 8, 1 and 0.5 for the adversarial one); here the same ratio in one
weighted sum.
"""


def _refine(step: Step, refiner: keras.Model, rendered: tf.Tensor, style: Any) -> tf.Tensor:
    """Runs a refiner in training mode, with fresh noise if it has such an input."""
    noise = None
    if has_input(refiner, "noise"):
        shape = [*rendered.shape[1:3], NOISE_CHANNELS]
        noise = step.random(rendered.shape[0], shape, Stream.NOISE, normal=True)
    return refiner(refiner_inputs(refiner, rendered, style, noise), training=True)


class PrefitStep(Step):
    """First stage: the refiner learns to pass its input through, by pixel L1, without adversary.

    Shrivastava et al. (2017), arXiv:1612.07828, section 3, train the refiner first on the
    self-regularisation only.

    Differs: a refiner with a style input learns on one half of the pictures that a render with its
    own style stays as it is, and on the other half to recolour it to a photograph's style.

    Args:
        refiner: From a builder of this module.
        player: Updates the refiner.
        seed: Seed of the step's randomness.
    """

    def __init__(self, refiner: keras.Model, player: Player, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.refiner = refiner
        self.player = player

    def update(self, rendered: tf.Tensor, real: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update.

        Args:
            rendered: ``[N, H, W, C]`` float32 in [-1, 1].
            real: The same; only their styles are used, if at all.

        Returns:
            ``l1_loss`` of the pass-through, in [0, 2] (twice the value on the [0, 1] scale), and
            ``recolour_loss`` with a style.

        Raises:
            ValueError: If the refiner has a style input and a replica's batch is odd.
        """
        if has_input(self.refiner, "style") and rendered.shape[0] % 2:
            raise ValueError(
                "Prefitting a refiner with a style input needs an even batch on each replica. "
                f"Received: {rendered.shape[0]} pictures"
            )
        losses: dict[str, tf.Tensor] = {}

        def loss() -> tf.Tensor:
            if not has_input(self.refiner, "style"):
                losses["l1_loss"] = l1(_refine(self, self.refiner, rendered, None), rendered)
                return losses["l1_loss"]
            # Every other row, not the first half: so replicas divide the rows as one device does.
            kept, recoloured = rendered[::2], rendered[1::2]
            own, other = colour_moments(kept), colour_moments(real[1::2])
            expected = _interleaved(kept, recolour(recoloured, other))
            passed = _refine(self, self.refiner, rendered, _interleaved(own, other))
            difference = tf.reduce_mean(tf.abs(passed - expected), axis=[1, 2, 3])
            losses["l1_loss"] = tf.reduce_mean(difference[::2])
            losses["recolour_loss"] = tf.reduce_mean(difference[1::2])
            return tf.reduce_mean(difference)

        self.player.minimize(loss)
        return losses


def _interleaved(even: tf.Tensor, odd: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.stack([even, odd], axis=1), [-1, *even.shape[1:]])


class RefinerStep(AdversarialStep):
    """Second stage: adversarial loss on *refined* pictures, plus self-regularisation.

    Shrivastava et al. (2017), arXiv:1612.07828, sections 2.1 to 2.3; half of the discriminator's
    fakes come from a history of refined pictures. A refiner with a style input gets the styles of
    the batch's photographs, and its pictures must match them.

    A batch is (rendered, real) from ``pipeline.unpaired``. Losses, not weighted:
    ``generator_loss``, ``discriminator_loss``, ``regularisation_loss`` and, with a style,
    ``style_loss``.

    Args:
        refiner: From a builder of this module.
        discriminator: Pictures -> logits of any shape ``[N, ...]``, or a list of such.
        refiner_player: Updates the refiner.
        discriminator_player: Updates the discriminator.
        adversarial: A pair of ``training.losses``.
        regularisation: A function of ``training.self_regularisation``.
        regularisation_weight: In units of the adversarial loss.
        style_weight: Weight of the style distance, in the same units.
        **options: ``pool``, ``policy``, ``generator_updates``, ``discriminator_updates`` and
            ``seed``, see ``AdversarialStep``.

    Raises:
        ValueError: If an update count is below 1 or a weight is negative.
    """

    def __init__(
        self,
        refiner: keras.Model,
        discriminator: keras.Model,
        refiner_player: Player,
        discriminator_player: Player,
        *,
        adversarial: AdversarialLoss = LEAST_SQUARES,
        regularisation: SelfRegularisation = masked_structure,
        regularisation_weight: float = 6.0,
        style_weight: float = 2.0,
        **options: Any,
    ) -> None:
        if min(regularisation_weight, style_weight) < 0:
            raise ValueError(
                "Weights must be 0 or more. Received: "
                f"regularisation_weight={regularisation_weight}, style_weight={style_weight}"
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
        self.style_weight = style_weight

    def real(self, rendered: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
        """The photographs."""
        return real

    def generate(self, rendered: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
        """The refined renders."""
        return _refine(self, self.generator, rendered, colour_moments(real))

    def generator_terms(
        self, refined: tf.Tensor, heads: Heads, rendered: tf.Tensor, real: tf.Tensor
    ) -> Terms:
        """The self-regularisation, and the distance from the requested style."""
        kept = self.regularisation(refined, rendered)
        terms = {"regularisation_loss": (self.regularisation_weight, kept)}
        if has_input(self.generator, "style"):
            distance = style_distance(refined, colour_moments(real))
            terms["style_loss"] = (self.style_weight, distance)
        return terms


def build_steps(
    refiner: keras.Model,
    discriminator: keras.Model,
    *,
    batch_size: int,
    prefit_steps: int = 2000,
    refine_steps: int = 4000,
    refiner_rate: float = 3e-4,
    discriminator_rate: float = 3e-4,
    seed: int = 0,
    **options: Any,
) -> tuple[PrefitStep, RefinerStep]:
    """Both stages with the optimizers and the history that work for small sets on a CPU.

    Adam throughout; learning rates fall to a twentieth over each stage; the refiner's weights are
    averaged (export them within ``step.averaged(batches)``). The history keeps 256 pictures, or a
    batch where that is larger. Call it in the scope of the training strategy.

    Args:
        refiner: From a builder of this family.
        discriminator: The same.
        batch_size: Pictures of each domain in a global batch of the second stage.
        prefit_steps: Length of the first stage.
        refine_steps: Length of the second.
        refiner_rate: Learning rate of the refiner in the second stage.
        discriminator_rate: Learning rate of the discriminator.
        seed: Seed of the steps' randomness.
        **options: Further arguments of ``RefinerStep``.

    Returns:
        The two steps, for two phases of a ``Trainer``.
    """

    def adam(rate: float, steps: int, **more: Any) -> keras.optimizers.Optimizer:
        falling = keras.optimizers.schedules.CosineDecay(rate, max(steps, 1), alpha=0.05)
        return keras.optimizers.Adam(falling, beta_2=0.99, **more)

    prefit = PrefitStep(refiner, Player(refiner, adam(2e-3, prefit_steps)), seed=seed)
    capacity, shape = max(256, batch_size), refiner.inputs[0].shape[1:]
    pool = ImagePool(capacity, shape, batch_size, swap_probability=1.0)
    average = {"use_ema": True, "ema_momentum": 0.998}
    refine = RefinerStep(
        refiner,
        discriminator,
        Player(refiner, adam(refiner_rate, refine_steps, beta_1=0.5, **average)),
        Player(discriminator, adam(discriminator_rate, refine_steps, beta_1=0.5)),
        **{"pool": pool, "policy": ("translation",), "seed": seed, **options},
    )
    return prefit, refine
