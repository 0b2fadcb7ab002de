"""Can a classifier tell two sets apart, on pictures it has not seen? The two-sample test.

Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests" (2017).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from kerasgen.evaluation.metrics import Estimate, wilson_interval
from kerasgen.io.images import to_float


def held_out_accuracy(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    seed: int = 0,
    steps: int = 600,
    batch_size: int = 32,
) -> Estimate:
    """Balanced accuracy of a small CNN, real against synthetic, on held-out pictures.

    0.5 means that it cannot tell them apart. Every batch holds as many pictures of one kind as of
    the other, each mirrored or not and shifted by up to 4 pixels.

    Args:
        train: Real and synthetic pictures, each ``[N, H, W, C]`` uint8.
        test: The same, from other sources.
        seed: Of the network's weights and the batches.
        steps: Updates of the network.
        batch_size: Pictures in a batch, both kinds together.

    Returns:
        The mean of the accuracies on real and on synthetic test pictures, with a 95 % interval
        from the two binomials (Wilson's, joined as by Newcombe 1998, method 10).
    """
    generator = np.random.default_rng(seed)
    network = _build_network(train[0].shape[1:], seed)
    network.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    half = batch_size // 2
    labels = np.repeat([1.0, 0.0], half)[:, None]
    for _ in range(steps):
        picked = [part[generator.integers(0, len(part), half)] for part in train]
        images = _jittered(to_float(np.concatenate(picked)), generator)
        network.train_on_batch(images, labels)
    right = [
        np.mean((network.predict(to_float(part), verbose=0)[:, 0] > 0) == wanted)
        for part, wanted in zip(test, (True, False), strict=True)
    ]
    counts = [len(part) for part in test]
    ends = [wilson_interval(share, count) for share, count in zip(right, counts, strict=True)]
    below, above = (
        0.5 * float(np.hypot(*(end[side] - p for end, p in zip(ends, right, strict=True))))
        for side in (0, 1)
    )
    balanced = float(np.mean(right))
    return Estimate(balanced, balanced - below, balanced + above, min(counts))


def _build_network(image_shape: tuple[int, ...], seed: int) -> keras.Model:
    images = keras.Input(image_shape, name="images")
    x = images
    for index, width in enumerate((16, 32, 64)):
        kernel = keras.initializers.HeNormal(seed + index)
        x = layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=kernel)(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed))(x)
    return keras.Model(images, logits, name="real_or_synthetic")


def _jittered(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mirrors half of the pictures and shifts each by up to 4 pixels, edges repeated."""
    padded = np.pad(images, [(0, 0), (4, 4), (4, 4), (0, 0)], mode="edge")
    height, width = images.shape[1:3]
    moved = np.empty_like(images)
    for index, (top, left) in enumerate(generator.integers(0, 9, (len(images), 2))):
        moved[index] = padded[index, top : top + height, left : left + width]
    mirrored = generator.random(len(images)) < 0.5
    moved[mirrored] = moved[mirrored][:, :, ::-1]
    return moved
