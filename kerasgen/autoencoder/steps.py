"""The autoencoder family's step."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kerasgen.training.step import Player, Step


class AutoencoderStep(Step):
    """One update by the mean squared error.

    A batch is (images, ...): what follows the pictures, such as labels, is ignored. Losses:
    ``reconstruction_loss``, the mean squared pixel error on the [-1, 1] scale.

    Args:
        autoencoder: Pictures -> pictures.
        player: Updates the autoencoder.
        seed: Seed of the step's randomness.
    """

    def __init__(self, autoencoder: keras.Model, player: Player, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.autoencoder = autoencoder
        self.player = player

    def update(self, images: tf.Tensor, *rest: Any) -> dict[str, tf.Tensor]:
        """One update."""

        def loss() -> tf.Tensor:
            error = self.autoencoder(images, training=True) - images
            return tf.reduce_mean(tf.square(tf.cast(error, tf.float32)))

        return {"reconstruction_loss": self.player.minimize(loss)}
