"""What a refined picture may change and what it must keep."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training import self_regularisation
from kerasgen.training.self_regularisation import (
    feature_l1,
    luminance,
    masked_correlation,
    masked_gradient,
    masked_structure,
    normalised_luminance,
    pixel_l1,
)

TERMS = [pixel_l1, normalised_luminance, masked_gradient, masked_correlation]


def eye(centre=(24.0, 24.0), texture=0.0, side=48):
    """Bright skin with a dark disc of radius 7, and a texture in the far corner; grey as RGB."""
    ys, xs = np.mgrid[:side, :side] + 0.5
    distance = np.hypot(xs - centre[0], ys - centre[1])
    # The disc's border is two pixels soft.
    light = 0.7 - 0.6 / (1 + np.exp((distance - 7) * 2))
    corner = (xs < 8) & (ys < 8)
    light = light + texture * corner * np.sin(2.0 * xs) * np.sin(1.7 * ys)
    picture = np.repeat((2 * light - 1)[..., None], 3, axis=-1)
    return tf.constant(picture[None], tf.float32)


BRIGHTER = 0.7 * eye() + 0.2
TINTED = eye() * [0.9, 0.6, 0.4] + [0.05, -0.1, 0.2]


def test_luminance_weighs_the_channels_and_lies_between_nought_and_one():
    colours = tf.constant([[[[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0], [1.0, -1.0, -1.0]]]])
    np.testing.assert_allclose(luminance(colours)[0, 0, :, 0], [1.0, 0.0, 0.299], atol=1e-6)
    grey = tf.constant([[[[0.5], [-1.0]]]])
    np.testing.assert_allclose(luminance(grey)[0, 0, :, 0], [0.75, 0.0], atol=1e-6)


@pytest.mark.parametrize("term", TERMS)
def test_identical_pictures_cost_nothing(term):
    assert float(term(eye(), eye())) == pytest.approx(0.0, abs=1e-3)


def test_pixel_l1_is_the_mean_absolute_difference():
    # 0.5 at every second pixel.
    first = tf.constant([[[[0.5], [0.0]]]])
    assert float(pixel_l1(first, tf.zeros_like(first))) == 0.25


def test_normalised_luminance_by_hand():
    # Luminance 0, 1 has mean 0.5, deviation 0.5: -1, 1. Mirrored: 1, -1. Differences 2 and 2, over
    # 0.5 + 0.001 instead of 0.5.
    rendered = tf.constant([[[[-1.0], [1.0]]]])
    found = normalised_luminance(rendered[:, :, ::-1], rendered)
    assert float(found) == pytest.approx(2 * 0.5 / 0.501, rel=1e-5)


@pytest.mark.parametrize("changed", [BRIGHTER, TINTED], ids=["brighter", "tinted"])
def test_brightness_contrast_and_colour_move_freely_but_for_pixel_l1(changed):
    moved = eye(centre=(27, 24))
    for term in (normalised_luminance, masked_gradient, masked_correlation):
        assert float(term(changed, eye())) < 0.05 * float(term(moved, eye()))
    assert float(pixel_l1(changed, eye())) > float(pixel_l1(moved, eye()))


@pytest.mark.parametrize("direction", [(3, 0), (0, 3), (-2, 2)])
def test_masked_gradient_rises_with_the_way_the_dark_disc_moves(direction):
    costs = [
        float(masked_gradient(eye((24 + share * direction[0], 24 + share * direction[1])), eye()))
        for share in (0, 1 / 3, 2 / 3, 1)
    ]
    assert costs == sorted(costs) and costs[3] > 1.5 * costs[1] > 0.01


def test_far_skin_moves_freely_for_masked_gradient_only():
    textured, moved = eye(texture=0.2), eye(centre=(27, 24))

    def share(term):
        return float(term(textured, eye())) / float(term(moved, eye()))

    assert share(masked_gradient) < 0.03 < 0.08 < share(normalised_luminance)


def test_the_mask_comes_from_the_render_so_that_a_refined_picture_cannot_move_it():
    bright = tf.ones_like(eye())
    assert float(masked_gradient(eye(), bright)) == pytest.approx(0.0, abs=1e-6)
    assert float(masked_gradient(bright, eye())) > 0.01


def test_each_picture_counts_by_itself():
    pair = tf.concat([eye((27, 24)), eye()], axis=0)
    renders = tf.concat([eye(), eye()], axis=0)
    for term in TERMS:
        alone, same = float(term(eye((27, 24)), eye())), float(term(eye(), eye()))
        assert float(term(pair, renders)) == pytest.approx((alone + same) / 2, rel=1e-4)


@pytest.mark.parametrize("term", TERMS)
def test_flat_pictures_have_finite_costs_and_slopes(term):
    refined = tf.zeros([1, 8, 8, 3])
    with tf.GradientTape() as tape:
        tape.watch(refined)
        cost = term(refined, tf.zeros([1, 8, 8, 3]) - 0.9)
    assert np.isfinite(cost) and np.isfinite(tape.gradient(cost, refined)).all()


@pytest.mark.parametrize("term", TERMS)
def test_bfloat16_pictures_give_float32_costs(term):
    refined = tf.cast(eye((27, 24)), tf.bfloat16)
    cost = term(refined, eye())
    assert cost.dtype == tf.float32
    assert float(cost) == pytest.approx(float(term(eye((27, 24)), eye())), rel=0.1)


def test_one_channel_gives_what_three_equal_ones_give():
    grey = [eye((27, 24))[..., :1], eye()[..., :1]]
    for term in TERMS:
        assert float(term(*grey)) == pytest.approx(float(term(eye((27, 24)), eye())), rel=1e-3)


def test_feature_l1_compares_features_and_reaches_the_picture():
    # Features are row means: of 1 and 3 it is 2, of 0 and 0 it is 0.
    term = feature_l1(lambda images: tf.reduce_mean(images, axis=2))
    refined = tf.constant([[[[1.0], [3.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(refined)
        cost = term(refined, tf.zeros_like(refined))
    assert float(cost) == 2.0
    np.testing.assert_array_equal(tape.gradient(cost, refined)[0, 0, :, 0], [0.5, 0.5])


def test_the_blur_keeps_the_sum_of_light():
    spot = np.zeros([1, 9, 9, 1], np.float32)
    spot[0, 0, 4] = 1.0
    blurred = self_regularisation._separable_blur(tf.constant(spot), np.array([0.25, 0.5, 0.25]))
    assert float(tf.reduce_sum(blurred)) == pytest.approx(1.0)
    np.testing.assert_allclose(blurred[0, :3, 4, 0], [0.375, 0.125, 0.0])


def test_a_dark_part_may_lose_contrast_but_not_fade():
    rendered = tf.fill([1, 64, 64, 3], 0.8) * 1.0
    rows, columns = np.mgrid[:64, :64]
    inside = (np.hypot(rows - 32, columns - 32) < 8)[None, :, :, None]
    rendered = tf.where(inside, -0.8, rendered)
    halved, faded = 0.5 * rendered, 0.1 * rendered
    assert masked_structure(halved, rendered) < 0.02
    assert masked_structure(faded, rendered) > 1.0
