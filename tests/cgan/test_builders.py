"""The conditional GAN family: golden numbers, what its networks do, and what they refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_round_trip

from kerasgen.cgan import (
    build_cgan,
    build_discriminator,
    build_generator,
    build_original_discriminator,
    build_original_generator,
)
from kerasgen.training.layers import conditional_normalize, normalize

SHAPE = (8, 8, 1)
CLASSES = 3
LATENT = 6
ROWS = 8

GENERATORS = (build_original_generator, build_generator)
DISCRIMINATORS = (build_original_discriminator, build_discriminator)
BUILDERS = (*GENERATORS, *DISCRIMINATORS)


def small_generator(**changes):
    options = {"latent_size": LATENT, "embedding_size": 4, "widths": (4, 4), **changes}
    return build_generator(SHAPE, CLASSES, **options)


def small_discriminator(**changes):
    return build_discriminator(SHAPE, CLASSES, **{"widths": (4, 4), **changes})


def original_pair():
    """The original's layers at the smallest size: they include Dropout."""
    generator = build_original_generator(SHAPE, CLASSES, latent_size=LATENT, embedding_size=4)
    return generator, build_original_discriminator(SHAPE, CLASSES, embedding_size=4)


def seed_judge():
    return original_pair()[1]


def batch(rows=ROWS):
    """Images, labels (every class occurs) and latents."""
    numbers = np.random.default_rng(0)
    images = numbers.uniform(-1, 1, (rows, *SHAPE)).astype(np.float32)
    labels = (np.arange(rows) % CLASSES).astype(np.int32)
    return images, labels, numbers.normal(size=(rows, LATENT)).astype(np.float32)


def latent_and_label(generator, rows=4):
    latents = tf.random.stateless_normal([rows, generator.inputs[0].shape[1]], [1, 2])
    return [latents, tf.range(rows) % CLASSES]


def test_the_write_ups_networks_have_their_published_sizes():
    assert build_original_generator().count_params() == 1_169_336
    assert build_original_discriminator().count_params() == 196_773


def test_the_modern_networks_have_their_sizes():
    assert build_generator().count_params() == 738_753
    assert build_discriminator().count_params() == 150_251
    assert build_discriminator(class_head=False).count_params() == 129_761


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (40, 28), (4, 4)])
def test_every_size_runs_from_latent_and_label_to_logits(size, channels):
    shape = (*size, channels)
    for build in GENERATORS:
        generator = build(shape, CLASSES)
        pictures = generator(latent_and_label(generator))
        assert pictures.shape == (4, *shape)
        assert pictures.dtype == tf.float32
        assert np.abs(pictures).max() <= 1
    label = tf.range(4) % CLASSES
    logits = build_original_discriminator(shape, CLASSES)([pictures, label])
    assert (logits.shape, logits.dtype) == ((4, 1), tf.float32)
    logits, classes = build_discriminator(shape, CLASSES)([pictures, label])
    assert logits.shape == (4, 1)
    assert classes.shape == (4, CLASSES)


@pytest.mark.parametrize("build", BUILDERS)
def test_the_label_reaches_every_output(build):
    """One picture or latent, another label: another result. (Class logits know no label.)"""
    network = build(SHAPE, CLASSES)
    first = tf.random.stateless_normal([1, *network.inputs[0].shape[1:]], [3, 4])
    repeated = tf.repeat(first, CLASSES, axis=0)
    for variable in network.trainable_variables:
        variable.assign(tf.random.normal(variable.shape, stddev=0.1))
    result, *classes = tf.nest.flatten(network([repeated, tf.range(CLASSES)]))
    for other in (1, 2):
        assert np.abs(result[0] - result[other]).max() > 1e-3
    for logits in classes:
        np.testing.assert_allclose(logits[1:], logits[:-1], atol=1e-5)


def test_networks_compute_in_half_precision_and_answer_in_full():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    generator, discriminator = small_generator(), small_discriminator()
    assert generator.layers[3].compute_dtype == "bfloat16"
    judged = build_cgan(generator, discriminator)(latent_and_label(generator))
    assert [heads.dtype for heads in judged] == [tf.float32, tf.float32]


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 0},
        {"num_classes": 10_001},
        {"image_shape": (30, 28, 1)},
        {"image_shape": (28, 30, 1)},
        {"image_shape": (0, 28, 1)},
        {"image_shape": (28, 28, 2)},
        {"image_shape": (28, 28)},
        {"image_shape": (None, None, 1)},
    ],
)
@pytest.mark.parametrize("build", BUILDERS)
def test_shapes_and_classes_out_of_range_are_refused(build, options):
    with pytest.raises(ValueError, match="Received"):
        build(**options)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (build_original_generator, {"latent_size": 0}),
        (build_generator, {"latent_size": 0}),
        (build_generator, {"widths": ()}),
        (build_generator, {"widths": (8, 0)}),
        (build_generator, {"widths": (8, 8, 8)}),
        (build_generator, {"normalization": "layer"}),
        (build_discriminator, {"widths": ()}),
        (build_original_discriminator, {"dropout": 1.5}),
    ],
)
def test_options_that_do_not_fit_are_refused(build, options):
    with pytest.raises(ValueError, match="Received"):
        build(**options)


@pytest.mark.parametrize("most", [10_000])
def test_the_most_classes_are_built(most):
    assert build_discriminator(SHAPE, most, widths=(1, 1)).output[1].shape[1] == most


def test_conditional_normalization_scales_and_shifts_by_class():
    images, label = keras.Input((4, 4, 6)), keras.Input((), dtype="int32")
    network = keras.Model(
        [images, label], conditional_normalize(images, label, CLASSES, "instance")
    )
    plain = keras.Model(images, normalize(images, "instance"))
    assert network.count_params() == 2 * CLASSES * 6
    x, labels = tf.random.stateless_normal([3, 4, 4, 6], [1, 2], 5.0, 2.0), tf.constant([2, 0, 2])
    np.testing.assert_allclose(network([x, labels]), plain(x), atol=1e-6)
    scale, shift = network.trainable_variables
    scale.assign(np.arange(18.0).reshape(CLASSES, 6))
    shift.assign(-np.arange(18.0).reshape(CLASSES, 6))
    rows = np.arange(18.0).reshape(CLASSES, 6)[labels.numpy()][:, None, None]
    np.testing.assert_allclose(network([x, labels]), plain(x) * rows - rows, atol=1e-4)


@pytest.mark.parametrize("make", [small_generator, lambda: original_pair()[0]])
def test_generators_are_plain_keras_models(make, tmp_path):
    generator = make()
    check_round_trip(generator, latent_and_label(generator), tmp_path)


@pytest.mark.parametrize(
    "make",
    [small_discriminator, lambda: small_discriminator(spectral=True), seed_judge],
)
def test_discriminators_are_plain_keras_models(make, tmp_path):
    images, labels, _ = batch()
    check_round_trip(make(), [images, labels], tmp_path)
