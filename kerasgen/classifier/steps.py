"""The classifier family's step, and its class weights."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasgen.training.step import Player, Step


class ClassifierStep(Step):
    """One update by cross-entropy.

    A batch is (images, labels), or (features, labels) for the head of ``split_head``. Losses:
    ``loss`` and ``accuracy`` in [0, 1], which ignores class weights.

    With class weights the loss is the mean over the batch of weight times cross-entropy. It is not
    divided by the sum of the weights in the batch, so that two replicas with other labels each
    still make the update of one.

    Args:
        classifier: Pictures, or features, -> logits.
        player: Updates the classifier.
        class_weights: One number per class, 0 or more; see ``balanced_weights``. None for 1 each.
        seed: Seed of the step's randomness.

    Raises:
        ValueError: If there is not one weight for each class, or they are out of range.
    """

    def __init__(
        self,
        classifier: keras.Model,
        player: Player,
        *,
        class_weights: Sequence[float] | np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        self.classifier = classifier
        self.player = player
        self.class_weights = (
            None
            if class_weights is None
            else check_class_weights(class_weights, classifier.output_shape[-1])
        )

    def update(self, images: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """One update with ``[N, H, W, C]`` float32 in [-1, 1] (or features) and ``[N]`` int32."""
        results: dict[str, tf.Tensor] = {}

        def loss() -> tf.Tensor:
            logits = self.classifier(images, training=True)
            right = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
            results["accuracy"] = tf.reduce_mean(tf.cast(right, tf.float32))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            if self.class_weights is not None:
                losses *= tf.gather(tf.constant(self.class_weights, tf.float32), labels)
            return tf.reduce_mean(losses)

        return {"loss": self.player.minimize(loss), **results}


def balanced_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Weights that give every class the same total, N / (K n_k); their mean over pictures is 1.

    Args:
        labels: ``[N]`` integers of the training pictures.
        num_classes: K; labels are 0 to K - 1.

    Returns:
        ``[K]`` float64.

    Raises:
        ValueError: If a label is out of range or a class has no picture.
    """
    labels = np.asarray(labels)
    check_labels(labels, num_classes)
    counts = np.bincount(labels, minlength=num_classes)
    if not counts.all():
        raise ValueError(
            "Balanced weights need a picture of every class. "
            f"Received: none of the classes {np.flatnonzero(counts == 0).tolist()}"
        )
    return len(labels) / (num_classes * counts)


def check_labels(labels: np.ndarray, num_classes: int) -> None:
    """Checks that there are labels and that they are in range.

    Args:
        labels: ``[N]`` integers, N above 0.
        num_classes: Labels must be from 0 to ``num_classes - 1``.

    Raises:
        ValueError: If they are not.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            "`labels` must be [N] integers with N above 0. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"Labels must be 0 to {num_classes - 1}. "
            f"Received: labels from {labels.min()} to {labels.max()}, num_classes={num_classes}"
        )


def check_class_weights(
    class_weights: Sequence[float] | np.ndarray, num_classes: int
) -> np.ndarray:
    """Class weights as an array.

    Args:
        class_weights: One number per class.
        num_classes: Number of classes.

    Returns:
        ``[num_classes]`` float64.

    Raises:
        ValueError: If there is not one for each class, or they are negative, not finite or all 0.
    """
    weights = np.asarray(class_weights, np.float64)
    fits = weights.shape == (num_classes,) and np.isfinite(weights).all()
    if not fits or weights.min() < 0 or not weights.any():
        raise ValueError(
            f"`class_weights` must be {num_classes} finite numbers, one for each class, 0 or more "
            f"and not all 0. Received: class_weights={weights.tolist()}"
        )
    return weights
