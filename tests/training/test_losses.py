"""Every loss against numbers worked by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training import losses

REAL = tf.constant([[2.0], [-1.0]])
FAKE = tf.constant([[0.5], [-3.0]])


def softplus(x):
    return math.log(1 + math.exp(x))


# Two logits each: real 2 and -1, fake 0.5 and -3.
BY_HAND = [
    (losses.non_saturating_generator, (softplus(-0.5) + softplus(3)) / 2),
    (
        losses.binary_cross_entropy_discriminator,
        # -log sigmoid(real) is softplus(-real); -log(1 - sigmoid(fake)) is softplus(fake).
        ((softplus(-2) + softplus(1)) / 2 + (softplus(0.5) + softplus(-3)) / 2) / 2,
    ),
    (losses.least_squares_generator, ((0.5 - 1) ** 2 + (-3 - 1) ** 2) / 2),  # 8.125
    (
        losses.least_squares_discriminator,
        # real: (1 + 4) / 2; fake: (0.25 + 9) / 2; half of their sum.
        (2.5 + 4.625) / 2,
    ),
    (losses.hinge_generator, -(0.5 - 3) / 2),  # 1.25
    (
        losses.hinge_discriminator,
        # relu(1 - 2) = 0, relu(1 + 1) = 2; relu(1 + 0.5) = 1.5, relu(1 - 3) = 0.
        (0 + 2) / 2 + (1.5 + 0) / 2,
    ),
    # Pairs: 2 with 0.5 and -1 with -3.
    (losses.relativistic_generator, (softplus(2 - 0.5) + softplus(-1 + 3)) / 2),
    (losses.relativistic_discriminator, (softplus(0.5 - 2) + softplus(-3 + 1)) / 2),
]


@pytest.mark.parametrize(
    ("loss", "expected"), BY_HAND, ids=[function.__name__ for function, _ in BY_HAND]
)
def test_adversarial_losses_are_the_hand_worked_numbers(loss, expected):
    found = loss(REAL, FAKE)
    assert found.shape == ()
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("pair", "generator", "discriminator"),
    [
        (losses.BINARY_CROSS_ENTROPY, math.log(2), math.log(2)),
        (losses.LEAST_SQUARES, 1.0, 0.5),
        (losses.HINGE, 0.0, 2.0),
        (losses.RELATIVISTIC, math.log(2), math.log(2)),
    ],
)
def test_an_undecided_discriminator_gives_the_textbook_value(pair, generator, discriminator):
    undecided = tf.zeros([4, 3, 3, 1])
    assert float(pair.generator(undecided, undecided)) == pytest.approx(generator, rel=1e-6)
    assert float(pair.discriminator(undecided, undecided)) == pytest.approx(discriminator, rel=1e-6)


@pytest.mark.parametrize(
    "pair", [losses.BINARY_CROSS_ENTROPY, losses.LEAST_SQUARES, losses.HINGE, losses.RELATIVISTIC]
)
def test_both_sides_pull_the_fake_logits_in_opposite_directions(pair):
    real, fake = tf.constant([0.3]), tf.Variable([0.4])
    slopes = []
    for loss in pair:
        with tf.GradientTape() as tape:
            value = loss(real, fake)
        slopes.append(float(tape.gradient(value, fake)[0]))
    assert slopes[0] < 0 < slopes[1]


def test_large_logits_neither_overflow_nor_lose_their_slope():
    fake = tf.Variable([-500.0])
    with tf.GradientTape() as tape:
        loss = losses.non_saturating_generator(fake, fake)
    assert float(loss) == 500.0
    assert float(tape.gradient(loss, fake)[0]) == -1.0


def test_l1_is_the_mean_absolute_difference():
    # |1 - 0|, |2 - 4|, |3 - 3|, |-1 - 1|: 5 over 4.
    first, second = tf.constant([[1.0, 2.0], [3.0, -1.0]]), tf.constant([[0.0, 4.0], [3.0, 1.0]])
    assert float(losses.l1(first, second)) == 1.25


@pytest.mark.parametrize(
    "loss",
    [lambda values: losses.l1(values, 0.0 * values), lambda v: -losses.hinge_generator(v, v)],
)
def test_bfloat16_is_reduced_in_float32(loss):
    # 1 and its next neighbour in bfloat16: their mean lies between and is no bfloat16 number.
    mean = loss(tf.constant([1.0, 1.0 + 2**-7], tf.bfloat16))
    assert mean.dtype == tf.float32
    assert float(mean) == 1.0 + 2**-8


@pytest.mark.parametrize("function", [function for function, _ in BY_HAND])
def test_every_loss_of_bfloat16_logits_is_float32(function):
    logits = tf.cast(REAL, tf.bfloat16)
    assert function(logits, logits).dtype == tf.float32


WEIGHTS = tf.reshape(tf.constant([1.0, -2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]), [1, 2, 2, 2])
PICTURES = tf.random.stateless_uniform([3, 2, 2, 2], [1, 2], -1.0, 1.0)


def linear(weights):
    return lambda images: tf.reduce_sum(weights * images, axis=[1, 2, 3])[:, None]


def half_square(images):
    """Its gradient is the picture itself."""
    return 0.5 * tf.reduce_sum(tf.square(images), axis=[1, 2, 3])


def test_r1_of_a_linear_critic_is_half_its_squared_weight():
    # |w|^2 = 1 + 4 + 4 = 9, for any pictures and any number of them.
    assert float(losses.squared_gradient_norm(linear(WEIGHTS), PICTURES)) == 4.5
    assert float(losses.squared_gradient_norm(linear(WEIGHTS), PICTURES[:1])) == 4.5


def test_r1_is_the_mean_over_pictures_of_the_squared_norm():
    # Gradients are the pictures: 2 at one pixel (4), 1 at all eight (8): 0.5 * (4 + 8) / 2 = 3.
    images = np.zeros([2, 2, 2, 2], np.float32)
    images[0, 0, 0, 0] = 2.0
    images[1] = 1.0
    assert float(losses.squared_gradient_norm(half_square, tf.constant(images))) == 3.0


def test_r1_takes_the_sum_over_patches_of_logits():
    # Each of the four patches has slope 3 at its own pixel: 0.5 * 4 * 9.
    critic = lambda images: 3.0 * images  # noqa: E731
    found = losses.squared_gradient_norm(critic, tf.zeros([5, 2, 2, 1]))
    assert float(found) == 18.0


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_r1_moves_the_critics_weights(scale):
    # d/dw of 0.5 |w|^2 is w.
    weights = tf.Variable(WEIGHTS * scale)
    with tf.GradientTape() as tape:
        loss = losses.squared_gradient_norm(linear(weights), PICTURES)
    np.testing.assert_allclose(tape.gradient(loss, weights), weights, atol=1e-6)


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 4.0), (1 / 3, 0.0), (0.0, 1.0)])
def test_gradient_penalty_of_a_linear_critic(scale, expected):
    # |w| = 3 * scale everywhere: (3 - 1)^2, (1 - 1)^2, (0 - 1)^2.
    found = losses.gradient_penalty(
        linear(scale * WEIGHTS), PICTURES, -PICTURES, tf.constant([0.0, 0.4, 1.0])
    )
    assert float(found) == pytest.approx(expected, abs=1e-5)


def test_gradient_penalty_is_taken_at_the_mixed_pictures():
    real = tf.reshape(tf.constant([3.0, 0.0, 0.0, 0.0]), [1, 2, 2, 1])
    real = tf.repeat(real, 3, axis=0)
    # Gradients are the points: norms 3, 1.5 and 2.25, so (2^2 + 0.5^2 + 1.25^2) / 3.
    found = losses.gradient_penalty(
        half_square, real, tf.zeros_like(real), tf.constant([1.0, 0.5, 0.75])
    )
    assert float(found) == pytest.approx(5.8125 / 3, abs=1e-5)


def test_gradient_penalty_has_a_finite_slope_for_a_flat_critic():
    weights = tf.Variable(tf.zeros_like(WEIGHTS))
    with tf.GradientTape() as tape:
        loss = losses.gradient_penalty(linear(weights), PICTURES, PICTURES, tf.zeros([3]))
    assert np.isfinite(tape.gradient(loss, weights)).all()


@pytest.mark.parametrize("kind", ["r1", "penalty"])
def test_penalties_send_no_gradient_into_the_pictures(kind):
    images = tf.Variable(PICTURES)
    with tf.GradientTape() as tape:
        if kind == "r1":
            loss = losses.squared_gradient_norm(half_square, images)
        else:
            loss = losses.gradient_penalty(half_square, images, images, tf.ones([3]))
    assert tape.gradient(loss, images) is None
