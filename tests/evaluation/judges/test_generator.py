"""Figures of generators that are known to be good, useless, or to copy."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import TrainConfig, train_on_images
from kerasgen.evaluation.judges import generator as generation

SIZE = 8


def pictures(count, seed):
    """Class 0 is brighter at the top, class 1 at the bottom; both noisy."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 2
    images = generator.integers(0, 120, (count, SIZE, SIZE, 1))
    images[labels == 0, : SIZE // 2] += 100
    images[labels == 1, SIZE // 2 :] += 100
    names = tuple(map(str, range(count)))
    return LabelledImages(images.astype(np.uint8), labels, ("top", "bottom"), names)


def honest(latents, labels):
    """Draws from the same law as ``pictures``."""
    noise = tf.reshape(latents, [-1, SIZE, SIZE, 1])
    rows = tf.cast(tf.range(SIZE)[None, :, None, None] < SIZE // 2, tf.float32)
    wanted = tf.reshape(tf.cast(labels, tf.float32), [-1, 1, 1, 1])
    lit = rows * (1.0 - wanted) + (1.0 - rows) * wanted
    return tf.clip_by_value(-0.5 + 0.25 * noise + 0.8 * lit, -1.0, 1.0)


def deaf(latents, labels):
    """The same, whatever class is requested."""
    return honest(latents, tf.cast(latents[:, 0] > 0, tf.int32))


CONFIG = TrainConfig(steps=40, batch_size=32)


def measured(generate):
    train, test = pictures(200, 0), pictures(100, 1)
    judges = [train_on_images(train, CONFIG, seed) for seed in (0, 1)]
    return generation.measure_generator(generate, SIZE * SIZE, train, test, CONFIG, judges)


def test_pictures_of_a_right_generator_are_as_good_as_real_ones():
    figures = measured(honest)
    assert figures["label_fidelity"]["value"] > 0.98
    assert abs(figures["gap_points"]) < 3
    assert len(figures["generated"]) == len(figures["real"]) == 2
    assert any("gap" in line for line in generation.summary_lines(figures))


def test_a_generator_that_ignores_the_class_teaches_nothing():
    figures = measured(deaf)
    assert figures["label_fidelity"]["value"] < 0.6
    assert figures["gap_points"] > 20


def test_copies_are_found():
    train, test = pictures(200, 0).images, pictures(100, 1).images
    copied = generation.measure_copying(train[:50], train, test)
    assert copied["generated"]["value"] == pytest.approx(0, abs=1e-6)
    assert copied["generated_below"]["value"] == 1
    fresh = generation.measure_copying(pictures(100, 2).images, train, test)
    assert fresh["generated_below"]["value"] < 0.15
    ratio = fresh["generated"]["value"] / fresh["real_test"]["value"]
    assert ratio == pytest.approx(1, abs=0.03)


def test_a_sample_depends_on_its_seed_and_not_on_the_batch():
    labels = np.arange(7) % 2
    once = generation.sample(honest, SIZE * SIZE, labels, seed=3)
    parts = generation.sample(honest, SIZE * SIZE, labels, seed=3, batch_size=2)
    np.testing.assert_array_equal(once, parts)
    assert once.dtype == np.uint8 and once.shape == (7, SIZE, SIZE, 1)
    assert not np.array_equal(once, generation.sample(honest, SIZE * SIZE, labels, seed=4))


def test_interpolation_keeps_the_length_of_latents():
    shown = []

    def watch(latents, labels):
        shown.append((np.asarray(latents), np.asarray(labels)))
        return honest(latents, labels)

    generation.interpolation_sheet(watch, SIZE * SIZE, 2, steps=5)
    ((latents, labels),) = shown
    np.testing.assert_array_equal(labels, [0] * 5 + [1] * 5)
    norms = np.linalg.norm(latents, axis=1)
    # Two random directions in 64 dimensions are nearly at right angles.
    assert norms.min() > 0.75 * SIZE and norms.max() < 1.35 * SIZE


def test_sheets_show_every_class_and_the_nearest_picture():
    train = pictures(20, 0)
    sheet = generation.class_sheet(honest, SIZE * SIZE, train.class_names, rows=3)
    assert sheet.ndim == 3 and sheet.dtype == np.uint8
    nearest = generation.nearest_sheet(train.images[:4], train.images, columns=4)
    # The pictures are their own neighbours: the second row repeats the first.
    margin, side = 2, 2 * SIZE
    first = nearest[margin : margin + side]
    second = nearest[2 * margin + side : 2 * margin + 2 * side]
    np.testing.assert_array_equal(first, second)
