"""Differentiable augmentation, number by number."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training.diff_augment import NUMBERS_PER_PICTURE, POLICIES, diff_augment

BRIGHTNESS, SATURATION, CONTRAST, DOWN, RIGHT, HOLE_Y, HOLE_X = range(NUMBERS_PER_PICTURE)
NEUTRAL = [0.5] * NUMBERS_PER_PICTURE


def row(**columns):
    values = list(NEUTRAL)
    for name, value in columns.items():
        values[globals()[name.upper()]] = value
    return tf.constant([values])


def noise(count=1, height=8, width=8, channels=3):
    values = np.random.default_rng(0).uniform(-1, 1, (count, height, width, channels))
    return tf.constant(values, tf.float32)


def random_rows(count, seed=0):
    return tf.random.stateless_uniform([count, NUMBERS_PER_PICTURE], [seed, 0])


def test_an_empty_policy_changes_nothing():
    images = noise()
    np.testing.assert_array_equal(diff_augment(images, row(), ()), images)


def test_colour_in_the_middle_of_its_ranges_changes_nothing():
    images = noise()
    np.testing.assert_allclose(diff_augment(images, row(), ("colour",)), images, atol=1e-6)


def test_brightness_is_added():
    images = noise()
    found = diff_augment(images, row(brightness=0.9), ("colour",))
    np.testing.assert_allclose(found, images + 0.4, atol=1e-6)


def test_saturation_scales_the_distance_from_grey():
    # Pixel (0.1, 0.2, 0.6): grey 0.3, distances -0.2, -0.1, 0.3, times 2 * 0.75 = 1.5.
    images = tf.constant([[[[0.1, 0.2, 0.6]]]])
    found = diff_augment(images, row(saturation=0.75), ("colour",))
    np.testing.assert_allclose(found[0, 0, 0], [0.0, 0.15, 0.75], atol=1e-6)
    grey = diff_augment(images, row(saturation=0.0), ("colour",))
    np.testing.assert_allclose(grey[0, 0, 0], [0.3, 0.3, 0.3], atol=1e-6)


def test_contrast_scales_the_distance_from_the_pictures_own_mean():
    # Mean 0.25, distances -0.25 and 0.25, times 0.9 + 0.5.
    images = tf.constant([[[[0.0], [0.5]]], [[[0.0], [0.5]]]])
    numbers = tf.concat([row(contrast=0.9), row()], axis=0)
    found = diff_augment(images, numbers, ("colour",))
    np.testing.assert_allclose(found[0, 0, :, 0], [0.25 - 0.35, 0.25 + 0.35], atol=1e-6)
    np.testing.assert_allclose(found[1], images[1], atol=1e-6)


def test_the_three_parts_of_colour_follow_each_other():
    # (-0.3, 0, 0.6) + 0.2 = (-0.1, 0.2, 0.8); about grey 0.3 by 0.5: (0.1, 0.25, 0.55); about the
    # mean 0.3 by 1.2: (0.06, 0.24, 0.6).
    images = tf.constant([[[[-0.3, 0.0, 0.6]]]])
    found = diff_augment(images, row(brightness=0.7, saturation=0.25, contrast=0.7), ("colour",))
    np.testing.assert_allclose(found[0, 0, 0], [0.06, 0.24, 0.6], atol=1e-6)


@pytest.mark.parametrize(
    ("down", "right", "move"), [(0.0, 0.5, (2, 0)), (0.999, 0.5, (-2, 0)), (0.5, 0.0, (0, 2))]
)
def test_translation_moves_whole_pixels_and_repeats_the_edge(down, right, move):
    # A quarter of 8 is 2: five positions, chosen by 5 * number, from two down (0) to two up (4).
    images = noise()
    found = diff_augment(images, row(down=down, right=right), ("translation",), translation=0.25)
    padded = np.pad(images[0], [(2, 2), (2, 2), (0, 0)], mode="edge")
    expected = padded[2 - move[0] : 10 - move[0], 2 - move[1] : 10 - move[1]]
    np.testing.assert_array_equal(found[0], expected)


def test_translation_reaches_every_place_of_its_range_and_none_beyond():
    # One bright pixel in the middle of 17; an eighth of 17 is 2.
    images = np.zeros([200, 17, 17, 1], np.float32)
    images[:, 8, 8] = 1.0
    found = diff_augment(tf.constant(images), random_rows(200), ("translation",)).numpy()
    _, rows, columns, _ = np.nonzero(found)
    assert len(rows) == 200
    assert {*zip(rows - 8, columns - 8, strict=True)} == {
        (y, x) for y in range(-2, 3) for x in range(-2, 3)
    }


def test_translation_of_pictures_that_are_no_squares_uses_each_side():
    images = np.zeros([100, 8, 16, 1], np.float32)
    images[:, 4, 8] = 1.0
    found = diff_augment(tf.constant(images), random_rows(100), ("translation",)).numpy()
    _, rows, columns, _ = np.nonzero(found)
    assert {*(rows - 4)} == {-1, 0, 1} and {*(columns - 8)} == {-2, -1, 0, 1, 2}


def test_the_gradient_of_a_translation_is_the_inverse_shift():
    # Two pixels down: output row i is input row i - 2, so the gradient moves two rows up. Row 0
    # stands three times: in its own position two rows down, and twice as the repeated edge.
    images, weights = noise(), noise(height=8, channels=3) * 2
    with tf.GradientTape() as tape:
        tape.watch(images)
        moved = diff_augment(images, row(down=0.0), ("translation",), translation=0.25)
        total = tf.reduce_sum(weights * moved)
    expected = np.concatenate([weights[0, 2:], np.zeros([2, 8, 3])])
    expected[0] += weights[0, 0] + weights[0, 1]
    np.testing.assert_allclose(tape.gradient(total, images)[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("y", "x", "rows", "columns"),
    [
        # Sides 8, hole 4: the centre is floor(9 * number), the hole from two before to one after.
        (0.5, 0.5, (2, 6), (2, 6)),
        (0.0, 0.0, (0, 2), (0, 2)),
        (0.999, 0.5, (6, 8), (2, 6)),
        (0.25, 0.75, (0, 4), (4, 8)),
    ],
)
def test_cutout_sets_its_square_to_zero_and_nothing_else(y, x, rows, columns):
    found = diff_augment(tf.ones([1, 8, 8, 3]), row(hole_y=y, hole_x=x), ("cutout",))
    expected = np.ones([8, 8, 3])
    expected[slice(*rows), slice(*columns)] = 0.0
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize(("share", "largest"), [(0.5, 16), (0.25, 4), (0.375, 9)])
def test_cutouts_have_their_area_unless_the_border_cuts_them(share, largest):
    found = diff_augment(tf.ones([300, 8, 8, 1]), random_rows(300), ("cutout",), cutout=share)
    areas = 64 - np.sum(found.numpy(), axis=(1, 2, 3))
    assert areas.max() == largest and areas.min() >= (round(8 * share) // 2) ** 2
    assert np.mean(areas == largest) > 0.2


def test_cutout_blocks_the_gradient_in_the_hole_only():
    images = noise()
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(diff_augment(images, row(), ("cutout",)))
    gradient = tape.gradient(total, images).numpy()
    assert not gradient[0, 2:6, 2:6].any() and gradient.sum() == (64 - 16) * 3


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_lets_gradients_through(policy):
    images = noise(2)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(tf.square(diff_augment(images, random_rows(2), (policy,))))
    gradient = tape.gradient(total, images).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).reshape(2, -1).max(axis=1) > 0).all()


def test_the_same_numbers_give_the_same_result_and_others_another():
    images = noise(3)
    first = diff_augment(images, random_rows(3))
    np.testing.assert_array_equal(first, diff_augment(images, random_rows(3)))
    assert np.abs(first - diff_augment(images, random_rows(3, seed=1))).max() > 0.1


def test_each_picture_has_its_own_numbers():
    images, numbers = noise(3), random_rows(3)
    together = diff_augment(images, numbers)
    for index in range(3):
        alone = diff_augment(images[index : index + 1], numbers[index : index + 1])
        np.testing.assert_allclose(together[index], alone[0], atol=1e-6)


def test_it_works_within_a_traced_function_and_in_bfloat16():
    images, numbers = noise(2), random_rows(2)
    traced = tf.function(diff_augment)(images, numbers)
    np.testing.assert_allclose(traced, diff_augment(images, numbers), atol=1e-6)
    small = diff_augment(tf.cast(images, tf.bfloat16), numbers)
    assert small.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(small, tf.float32), traced, atol=0.05)


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match=r"Received: policy=\['color'\]"):
        diff_augment(noise(), row(), ("color", "cutout"))
