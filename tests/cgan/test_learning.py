"""What the conditional GAN family's steps minimise, worked by hand, and what they teach."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from kerasgen.cgan import (
    CGANStep,
    OriginalCGANStep,
    build_discriminator,
    build_generator,
)
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.training.losses import BINARY_CROSS_ENTROPY, RELATIVISTIC
from kerasgen.training.step import Player

LOG3 = np.log(3.0)
PIXELS = (1, 2, 1)
FAKES = np.array([[0.0, 1.0], [0.0, -1.0]])
JUDGES = np.array([[LOG3, 0.0], [0.0, LOG3]])
CLASS_KERNEL = np.array([[0.0, LOG3], [0.0, LOG3]])


def linear_step(rate=0.0, **options):
    """Two classes, pictures of two pixels: logits are products of a picture with a class's row.

    The fake of class k is row k of ``FAKES`` plus nothing times the latent.
    """
    latent, label = keras.Input((2,)), keras.Input((), dtype="int32")
    table = layers.Embedding(2, 2, weights=[FAKES], name="table")(label)
    fakes = table + layers.Dense(2, use_bias=False, kernel_initializer="zeros")(latent)
    generator = keras.Model([latent, label], layers.Reshape(PIXELS)(fakes))

    images, label = keras.Input(PIXELS), keras.Input((), dtype="int32")
    pixels = layers.Flatten()(images)
    judge = layers.Embedding(2, 2, weights=[JUDGES], name="judge")(label)
    logit = ops.sum(pixels * judge, axis=-1, keepdims=True)
    classes = layers.Dense(2, use_bias=False, name="classes")
    discriminator = keras.Model([images, label], [logit, classes(pixels)])
    classes.kernel.assign(CLASS_KERNEL)
    players = [
        Player(network, keras.optimizers.SGD(rate)) for network in (generator, discriminator)
    ]
    plain = {"adversarial": BINARY_CROSS_ENTROPY, "balanced": False, "num_classes": 2}
    return CGANStep(generator, discriminator, *players, **{**plain, **options})


def floats(losses):
    return {name: float(loss) for name, loss in losses.items()}


def weights_of(network, name):
    return network.get_layer(name).trainable_variables[0].numpy()


LINEAR_BATCH = (
    tf.reshape(tf.constant([[1.0, 0.0], [1.0, 0.0]]), (2, *PIXELS)),
    tf.constant([0, 1]),
    tf.zeros((2, 2)),
)


@pytest.mark.parametrize(
    ("adversarial", "of_discriminator", "of_generator"),
    [
        # Real logits are log 3 and 0, those of fakes 0 and -log 3: both pairs log 3 apart.
        (BINARY_CROSS_ENTROPY, np.log(8 / 3) / 2, np.log(8) / 2),
        (RELATIVISTIC, np.log(4 / 3), np.log(4)),
    ],
)
def test_losses_of_linear_networks_by_hand(adversarial, of_discriminator, of_generator):
    losses = floats(linear_step(adversarial=adversarial)(*LINEAR_BATCH))
    assert losses["discriminator_loss"] == pytest.approx(of_discriminator, abs=1e-6)
    assert losses["generator_loss"] == pytest.approx(of_generator, abs=1e-6)
    # Class logits of a real picture are (0, log 3): chances of 1/4 and 3/4.
    assert losses["real_class_loss"] == pytest.approx(np.log(16 / 3) / 2, abs=1e-6)
    # Those of the fakes (0, log 3) and (0, -log 3), whose classes are 0 and 1: both 1/4.
    assert losses["fake_class_loss"] == pytest.approx(np.log(4), abs=1e-6)
    assert losses["gradient_penalty"] == pytest.approx(LOG3**2 / 2, abs=1e-6)


@pytest.mark.parametrize("every", [1, 3])
def test_the_penalty_is_computed_at_every_kth_update(every):
    step = linear_step(penalty_every=every)
    update = tf.function(lambda *batch: step(*batch)["gradient_penalty"])
    values = [float(update(*LINEAR_BATCH)) for _ in range(7)]
    expected = [0.0 if number % every else LOG3**2 / 2 for number in range(7)]
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_each_loss_is_about_the_labels_of_its_own_pictures():
    """Every real picture is of class 0; the fakes are of both classes."""
    rows = 8
    images = tf.reshape(tf.tile(tf.constant([[1.0, 0.0]]), (rows, 1)), (rows, *PIXELS))
    step = linear_step(balanced=True)
    step.discriminator.get_layer("judge").trainable_variables[0].assign([[3.0, 4.0], [1.0, 0.0]])
    _, labels = step.conditions(*step.prepare(None, tf.zeros(rows, tf.int32), None))
    assert set(labels.numpy()) == {0, 1}
    losses = floats(step(images, tf.zeros(rows, tf.int32), tf.zeros((rows, 2))))
    # The row of class 0, (3, 4), is 5 long; that of class 1 only 1.
    assert losses["gradient_penalty"] == pytest.approx(25 / 2, abs=1e-5)
    # Chances of 1/4 for what is true of each; they would be 3/4 for the other class.
    assert losses["real_class_loss"] == pytest.approx(np.log(4), abs=1e-6)
    assert losses["fake_class_loss"] == pytest.approx(np.log(4), abs=1e-6)


def test_the_lazy_penalty_weighs_as_much_as_one_at_every_update():
    after = []
    for penalty in (0.0, 0.1):
        step = linear_step(rate=1.0, penalty=penalty, penalty_every=4)
        step(*LINEAR_BATCH)
        after.append(weights_of(step.discriminator, "judge"))
    # Half the mean squared norm over two pictures, one of each class: its gradient is w / 2.
    np.testing.assert_allclose(after[1] - after[0], -0.1 * 4 * JUDGES / 2, atol=1e-6)


def test_the_class_loss_weighs_as_much_as_it_says():
    after = []
    for weight in (0.0, 0.5):
        step = linear_step(rate=1.0, class_weight=weight)
        step(*LINEAR_BATCH)
        after.append(weights_of(step.generator, "table"))
        # The discriminator's own: chances minus what is true, (-1/4, 1/4) on the first pixel.
        kernel = CLASS_KERNEL - [[-0.25, 0.25], [0.0, 0.0]]
        np.testing.assert_allclose(weights_of(step.discriminator, "classes"), kernel, atol=1e-6)
    # Chances minus the fakes' classes: (-3/4, 3/4) and (3/4, -3/4), times log 3 for class 1.
    slope = 0.5 * np.array([[0.75, 0.75], [-0.75, -0.75]]) * LOG3 / 2
    np.testing.assert_allclose(after[1] - after[0], -slope, atol=1e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def test_three_updates_in_turn_by_hand():
    """One pixel, one class: the logit is w times the picture, the fake is t."""
    latent, label = keras.Input((2,)), keras.Input((), dtype="int32")
    fakes = layers.Embedding(1, 1, weights=[np.array([[-1.0]])], name="t")(label)
    fakes += layers.Dense(1, use_bias=False, kernel_initializer="zeros")(latent)
    generator = keras.Model([latent, label], layers.Reshape((1, 1, 1))(fakes))
    images, label = keras.Input((1, 1, 1)), keras.Input((), dtype="int32")
    weight = layers.Embedding(1, 1, embeddings_initializer="zeros", name="w")(label)
    discriminator = keras.Model([images, label], layers.Flatten()(images) * weight)
    players = [Player(network, keras.optimizers.SGD(1.0)) for network in (generator, discriminator)]
    step = OriginalCGANStep(generator, discriminator, *players, num_classes=1)

    losses = floats(step(tf.ones((4, 1, 1, 1)), tf.zeros(4, tf.int32)))
    after_real = sigmoid(0.0)
    after_fake = after_real + sigmoid(-after_real)
    assert losses["discriminator_loss"] == pytest.approx(
        (softplus(0.0) + softplus(-after_real)) / 2, abs=1e-6
    )
    assert losses["generator_loss"] == pytest.approx(softplus(after_fake), abs=1e-6)
    assert weights_of(discriminator, "w") == pytest.approx(after_fake, abs=1e-6)
    fake = -1.0 + after_fake * sigmoid(after_fake)
    assert weights_of(generator, "t") == pytest.approx(fake, abs=1e-6)


SHAPE = (8, 8, 1)
LATENT = 6
LEVELS = np.array([40, 100, 155, 215])
"""Grey of each class's pictures: with four classes, chance can hardly put all in order."""


def learn_greys(step_type, steps=200):
    """Share of fakes whose grey is nearest to that of their class."""
    count = len(LEVELS)
    numbers = np.random.default_rng(0)
    labels = np.arange(256) % count
    noise = numbers.normal(0, 4, (256, *SHAPE))
    images = np.clip(LEVELS[labels][:, None, None, None] + noise, 0, 255).astype(np.uint8)
    generator = build_generator(SHAPE, count, latent_size=LATENT, embedding_size=4, widths=(16, 8))
    discriminator = build_discriminator(SHAPE, count, widths=(16, 16), class_head=False)
    players = [
        Player(network, keras.optimizers.Adam(5e-3, beta_1=0.5))
        for network in (generator, discriminator)
    ]
    step = step_type(generator, discriminator, *players, num_classes=count)
    latent_size = 0 if step_type is OriginalCGANStep else LATENT
    pictures = Pictures.from_array(images, labels)
    batches = labelled(pictures, 16, seed=0, latent_size=latent_size)
    update = tf.function(lambda *batch: step(*batch))
    for batch in batches.dataset().take(steps):
        update(*batch)
    labels = np.repeat(np.arange(count), 50)
    latents = tf.random.stateless_normal([len(labels), LATENT], [7, 7])
    fakes = generator([latents, tf.constant(labels, tf.int32)])
    greys = np.mean(fakes, axis=(1, 2, 3)) * 127.5 + 127.5
    return np.mean(np.argmin(np.abs(greys[:, None] - LEVELS), axis=1) == labels)


@pytest.mark.parametrize("step_type", [CGANStep, OriginalCGANStep])
def test_fakes_are_of_the_class_of_their_label(step_type):
    assert learn_greys(step_type) > 0.95


@pytest.mark.parametrize("step_type", [CGANStep, OriginalCGANStep])
def test_learning_fails_if_the_discriminator_does_not_get_the_label(step_type, monkeypatch):
    conditions, judge = CGANStep.conditions, OriginalCGANStep._judge

    def blind_conditions(self, *batch):
        return tuple(0 * label for label in conditions(self, *batch))

    def blind_judge(self, images, labels):
        return judge(self, images, 0 * labels)

    monkeypatch.setattr(CGANStep, "conditions", blind_conditions)
    monkeypatch.setattr(OriginalCGANStep, "_judge", blind_judge)
    assert learn_greys(step_type) < 0.8
