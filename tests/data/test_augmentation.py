"""Random geometry, checked pixel by pixel, and against the annotations that ride along."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.annotations import annotation
from kerasgen.annotations.annotation import Annotation
from kerasgen.data.augmentation import (
    NUMBERS_PER_PICTURE,
    Augmentation,
    augment,
    augmentation_matrices,
    warp,
)

EVERYTHING = Augmentation(rotation=25, shift=0.15, shear=15, zoom=0.2, flip=True)
TURN, MOVE_X, MOVE_Y, SHEAR, ZOOM_X, ZOOM_Y, FLIP = range(NUMBERS_PER_PICTURE)


def numbers(**columns):
    """One row in which every range is at its middle, where it does nothing, but the named ones."""
    row = np.full([1, NUMBERS_PER_PICTURE], 0.5, np.float32)
    for name, value in columns.items():
        row[0, globals()[name.upper()]] = value
    return tf.constant(row)


def noise(height=7, width=9, channels=3):
    values = np.random.default_rng(0).uniform(-1, 1, (1, height, width, channels))
    return values.astype(np.float32)


def random_rows(count, seed=0):
    return tf.random.stateless_uniform([count, NUMBERS_PER_PICTURE], [seed, 1])


def test_without_ranges_nothing_changes():
    images = np.repeat(noise(), 5, axis=0)
    rows = random_rows(5)
    np.testing.assert_allclose(augment(images, Augmentation(), rows), images, atol=1e-6)
    identity = augmentation_matrices(Augmentation(), rows, (7, 9))
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-6)


def test_a_shift_by_whole_pixels_moves_pixels_and_repeats_the_edge():
    # 2 * 0.75 - 1 = half of the range: 0.5 * 0.5 * 8 = 2 to the right; 0.5 * 0.5 * 4 = 1 up.
    images = noise(4, 8)
    row = numbers(move_x=0.75, move_y=0.25)
    moved = augment(images, Augmentation(shift=0.5), row)[0]
    rows, columns = np.clip(np.arange(4) + 1, 0, 3), np.clip(np.arange(8) - 2, 0, 7)
    np.testing.assert_allclose(moved, images[0][rows][:, columns], atol=1e-5)


def test_a_shift_is_a_share_of_width_and_height():
    matrix = augmentation_matrices(
        Augmentation(shift=0.25), numbers(move_x=1.0, move_y=0.0), (20, 40)
    )
    np.testing.assert_allclose(matrix[0], annotation.translation(10, -5), atol=1e-5)


def test_the_flip_mirrors_half_of_the_pictures():
    images = noise()
    flipped = augment(images, Augmentation(flip=True), numbers(flip=0.49))
    np.testing.assert_allclose(flipped, images[:, :, ::-1], atol=1e-5)
    kept = augment(images, Augmentation(flip=True), numbers(flip=0.5))
    np.testing.assert_allclose(kept, images, atol=1e-5)


def test_a_turn_is_the_rotation_of_the_annotations():
    # 2 * 0.75 - 1 = 0.5, half of 60 degrees.
    matrix = augmentation_matrices(Augmentation(rotation=60), numbers(turn=0.75), (8, 10))
    np.testing.assert_allclose(matrix[0], annotation.rotation(30, (5, 4)), atol=1e-5)
    assert float(matrix[0, 0, 0]) == pytest.approx(math.sqrt(3) / 2, abs=1e-6)


def test_a_half_turn_reverses_both_axes():
    images = noise()
    turned = augment(images, Augmentation(rotation=180), numbers(turn=1.0))
    np.testing.assert_allclose(turned, images[:, ::-1, ::-1], atol=1e-4)


def test_a_quarter_turn_is_clockwise_as_seen():
    images = noise(8, 8)
    turned = augment(images, Augmentation(rotation=90), numbers(turn=1.0))
    np.testing.assert_allclose(turned[0], np.rot90(images[0], -1), atol=1e-4)


def test_the_zoom_is_apart_for_x_and_y_and_about_the_centre():
    matrix = augmentation_matrices(
        Augmentation(zoom=0.5), numbers(zoom_x=1.0, zoom_y=0.0), (10, 20)
    )
    # x: 1.5 x + 10 - 1.5 * 10; y: 0.5 y + 5 - 0.5 * 5.
    expected = [[1.5, 0, -5], [0, 0.5, 2.5], [0, 0, 1]]
    np.testing.assert_allclose(matrix[0], expected, atol=1e-5)


def test_the_shear_slants_the_columns_and_keeps_the_rows():
    matrix = augmentation_matrices(Augmentation(shear=30), numbers(shear=1.0), (10, 20))[0].numpy()
    # Keras: x' = x - sin(30) y, y' = cos(30) y, about the centre (10, 5).
    np.testing.assert_allclose(matrix[:2, :2], [[1, -0.5], [0, math.sqrt(3) / 2]], atol=1e-6)
    np.testing.assert_allclose(matrix @ [10, 5, 1], [10, 5, 1], atol=1e-5)


def test_all_together_are_zoom_then_shear_then_turn_then_mirror_then_shift():
    height, width = 12, 20
    row = random_rows(1, seed=3).numpy()
    row[0, FLIP] = 0.1
    signed = 2 * row[0] - 1
    angle, slant = math.radians(25 * signed[TURN]), math.radians(15 * signed[SHEAR])
    centre, back = annotation.translation(10, 6), annotation.translation(-10, -6)
    zoom = annotation.scaling(1 + 0.2 * signed[ZOOM_X], 1 + 0.2 * signed[ZOOM_Y])
    shear = np.array([[1, -math.sin(slant), 0], [0, math.cos(slant), 0], [0, 0, 1]])
    turn = annotation.rotation(math.degrees(angle))
    mirror = annotation.scaling(-1, 1)
    shift = annotation.translation(0.15 * signed[MOVE_X] * width, 0.15 * signed[MOVE_Y] * height)
    expected = shift @ centre @ mirror @ turn @ shear @ zoom @ back
    found = augmentation_matrices(EVERYTHING, tf.constant(row), (height, width))[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_dot_lands_where_its_annotation_says():
    height, width = 40, 48
    dot = (20.5, 16.5)
    ys, xs = np.mgrid[:height, :width] + 0.5
    picture = np.exp(-((xs - dot[0]) ** 2 + (ys - dot[1]) ** 2) / 8).astype(np.float32)
    rows = random_rows(24, seed=1)
    matrices = augmentation_matrices(EVERYTHING, rows, (height, width)).numpy()
    moved = warp(np.repeat(picture[None, :, :, None], 24, axis=0), matrices).numpy()[..., 0]
    distances = []
    for image, matrix in zip(moved, matrices, strict=True):
        note = Annotation(keypoints={"dot": dot}).transformed(matrix, (height, width))
        x, y = note.keypoints["dot"]
        found = np.array([(image * xs).sum(), (image * ys).sum()]) / image.sum()
        assert np.hypot(*(found - (x, y))) < 0.6
        distances.append(math.hypot(x - dot[0], y - dot[1]))
    assert max(distances) > 5 and len(set(distances)) == 24


def test_a_mask_moves_as_its_picture_does():
    mask = np.zeros([30, 30], bool)
    mask[8:20, 12:26] = True
    matrices = augmentation_matrices(EVERYTHING, random_rows(6, seed=2), (30, 30)).numpy()
    images = np.repeat(mask.astype(np.float32)[None, :, :, None], 6, axis=0)
    for image, matrix in zip(warp(images, matrices).numpy(), matrices, strict=True):
        moved = Annotation(mask=mask).transformed(matrix, (30, 30)).mask
        # Bilinear against nearest: they may differ on the outline only.
        assert np.mean(moved != (image[..., 0] > 0.5)) < 0.03


def test_numbers_stay_within_their_ranges():
    rows = tf.constant(np.float32([[0.0] * 7, [0.99999994] * 7]))
    only_turn = augmentation_matrices(Augmentation(rotation=10), rows, (8, 8)).numpy()
    angles = np.degrees(np.arctan2(only_turn[:, 1, 0], only_turn[:, 0, 0]))
    np.testing.assert_allclose(angles, [-10, 10], atol=1e-4)


def test_the_same_numbers_give_the_same_pictures_eagerly_and_within_tf_data():
    images = tf.constant(np.repeat(noise(), 4, axis=0))
    rows = random_rows(4)
    eager = augment(images, EVERYTHING, rows)
    assert np.abs(eager - images).max() > 0.1
    dataset = tf.data.Dataset.from_tensors((images, rows))
    mapped = next(iter(dataset.map(lambda image, row: augment(image, EVERYTHING, row))))
    np.testing.assert_allclose(mapped, eager, atol=1e-6)
    assert mapped.shape == images.shape


def test_bytes_stay_bytes():
    images = np.random.default_rng(0).integers(0, 256, (1, 6, 6, 3), np.uint8)
    moved = augment(tf.constant(images), Augmentation(flip=True), numbers(flip=0.0))
    assert moved.dtype == tf.uint8
    np.testing.assert_array_equal(moved, images[:, :, ::-1])


@pytest.mark.parametrize("name", ["rotation", "shift", "shear", "zoom", "brightness", "contrast"])
def test_negative_ranges_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}`.*Received: -0.1"):
        Augmentation(**{name: -0.1})


def test_a_zoom_to_nothing_is_refused():
    with pytest.raises(ValueError, match="Received: zoom=1.0"):
        Augmentation(zoom=1.0)


TRIVIAL = Augmentation(
    rotation=30, shift=0.3, shear=17, zoom=0.3, flip=True, brightness=0.9, contrast=0.9, one_of=True
)


def test_one_of_the_changes_is_drawn_for_each_picture():
    random = tf.concat([random_rows(4000)[:, :FLIP], random_rows(4000, 1)[:, FLIP:]], axis=1)
    rows = augmentation_matrices(TRIVIAL, random, (20, 20)).numpy()
    mirrored = rows[:, 0, 0] < 0
    assert abs(mirrored.mean() - 0.5) < 0.03
    # Two of eight operations are of light, and one is none.
    centre = np.tile([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], (len(rows), 1, 1))
    centre[mirrored, 0] = [-1, 0, 20]
    still = np.isclose(rows, centre, atol=1e-5).all(axis=(1, 2))
    assert abs(still.mean() - 3 / 8) < 0.03
    assert abs(still[mirrored].mean() - still[~mirrored].mean()) < 0.05
    moved = (rows[~still] @ [10, 10, 1])[:, :2] - 10
    # A shift is along one axis, the others keep the centre.
    assert (np.isclose(moved, 0, atol=1e-4).any(axis=1)).all()
    assert abs((~np.isclose(moved, 0, atol=1e-4).all(axis=1)).mean() - 2 / 5) < 0.04


def test_light_changes_by_the_same_share_in_bytes_and_floats():
    picture = np.random.default_rng(0).integers(0, 120, (1, 6, 6, 3)).astype(np.uint8)
    random = numbers(zoom_x=0.75, zoom_y=0.25)
    brighter = augment(tf.constant(picture), Augmentation(brightness=0.8), random).numpy()
    np.testing.assert_allclose(brighter, 1.4 * picture, atol=0.51)
    flatter = augment(tf.constant(picture), Augmentation(contrast=0.8), random).numpy()
    middle = picture.mean()
    np.testing.assert_allclose(flatter, middle + 0.6 * (picture - middle), atol=0.51)
    both = Augmentation(brightness=0.8, contrast=0.8)
    floats = augment(tf.constant(picture / 127.5 - 1, tf.float32), both, random).numpy()
    np.testing.assert_allclose(
        (floats + 1) * 127.5, augment(tf.constant(picture), both, random).numpy(), atol=0.51
    )
