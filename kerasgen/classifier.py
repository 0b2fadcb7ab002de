"""The classifier family: which class is on the picture?"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import layers

from kerasgen.training.layers import check_image_shape
from kerasgen.training.step import Player, Step


def build_classifier(
    image_shape: Sequence[int],
    num_classes: int,
    *,
    widths: Sequence[int] = (32, 64),
    units: int = 128,
    dropout: float = 0.5,
    name: str = "classifier",
) -> keras.Model:
    """A small convolutional classifier, trained from scratch.

    For each width two 3x3 convolutions, the second followed by max pooling (Simonyan & Zisserman
    2015, section 2.1, in small); a dense layer; dropout. 467,818 weights for 28x28x1, ten classes.

    Args:
        image_shape: (height, width, channels); sides a multiple of 2 ** len(widths).
        num_classes: Labels are 0 to ``num_classes - 1``.
        widths: Channels before each halving.
        units: Of the dense layer.
        dropout: Share of its outputs dropped, in training.
        name: Of the model.

    Returns:
        ``[N, H, W, C]`` float32 in [-1, 1] -> logits ``[N, num_classes]`` float32.

    Raises:
        ValueError: If the shape does not fit or there are fewer than two classes.
    """
    check_image_shape(image_shape, 2 ** len(widths))
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes}")
    images = keras.Input(tuple(image_shape), name="images")
    x = images
    for width in widths:
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=name)


class ClassifierStep(Step):
    """One update by cross-entropy.

    A batch is (images, labels). Losses: ``loss`` and ``accuracy`` in [0, 1].

    Args:
        classifier: Pictures -> logits.
        player: Moves the classifier.
        seed: Of the step's randomness.
    """

    def __init__(self, classifier: keras.Model, player: Player, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.classifier = classifier
        self.player = player

    def update(self, images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update."""
        results: dict[str, tf.Tensor] = {}

        def loss() -> tf.Tensor:
            logits = self.classifier(images, training=True)
            right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
            results["accuracy"] = tf.reduce_mean(tf.cast(right, tf.float32))
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )

        return {"loss": self.player.minimize(loss), **results}
