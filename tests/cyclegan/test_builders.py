"""The CycleGAN family's networks: golden numbers, sizes, what one logit sees, the change mask."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_round_trip

from kerasgen.cyclegan import blocks_for, build_discriminator, build_generator, receptive_field


def pictures(rows=2, height=16, width=24, channels=3):
    numbers = np.random.default_rng(0).uniform(-1, 1, (rows, height, width, channels))
    return tf.constant(numbers, tf.float32)


def small_generator(**changes):
    return build_generator(**{"width": 4, "blocks": 1, **changes})


def last_convolution(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]


def convolution(kernel, inputs, outputs):
    """Weights and biases of a convolution."""
    return kernel * kernel * inputs * outputs + outputs


def test_the_default_generator_has_the_published_size():
    ends = convolution(7, 3, 64) + convolution(7, 64, 3)
    halvings = convolution(3, 64, 128) + convolution(3, 128, 256)
    doublings = convolution(3, 256, 128) + convolution(3, 128, 64)
    counted = ends + halvings + 9 * 2 * convolution(3, 256, 256) + doublings
    # The authors' PyTorch log: pytorch-CycleGAN-and-pix2pix, issue 169.
    assert build_generator().count_params() == counted == 11_378_179


def test_the_default_discriminator_has_the_published_size():
    widths = [3, 64, 128, 256, 512, 1]
    counted = sum(convolution(4, *pair) for pair in zip(widths[:-1], widths[1:], strict=True))
    assert build_discriminator().count_params() == counted == 2_764_737


def test_a_mask_and_extra_channels_cost_a_channel_of_the_last_and_the_first_kernel():
    plain = small_generator().count_params()
    assert small_generator(change_mask=True).count_params() == plain + convolution(7, 4, 1)
    assert small_generator(extra_channels=2).count_params() == plain + 7 * 7 * 2 * 4


@pytest.mark.parametrize("channels", [1, 3])
def test_one_generator_takes_pictures_of_any_size(channels):
    generator = small_generator(image_shape=(None, None, channels))
    for height, width in [(8, 8), (16, 28), (64, 32)]:
        images = pictures(2, height, width, channels)
        result = generator(images)
        assert result.shape == images.shape
        assert np.abs(result).max() < 1.0


def test_networks_of_one_size_refuse_another():
    judge = build_discriminator((16, 24, 3), width=2, halvings=1)
    for network in (small_generator(image_shape=(16, 24, 3)), judge):
        assert network.input_shape == (None, 16, 24, 3)
        with pytest.raises(ValueError, match="shape"):
            network(pictures(2, 24, 16))


def test_patch_logits_have_the_published_forms():
    shape = build_discriminator(width=2)(tf.zeros([1, 256, 256, 3])).shape
    assert shape == (1, 30, 30, 1)
    small = build_discriminator((None, None, 1), width=2, halvings=2)
    assert small(tf.zeros([2, 64, 32, 1])).shape == (2, 14, 6, 1)


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (2, 34), (3, 70)])
def test_one_logit_sees_the_documented_square(halvings, side):
    assert receptive_field(halvings) == side
    # Without normalization: its statistics would let every pixel in.
    discriminator = build_discriminator(width=2, halvings=halvings, normalization=None)
    images = pictures(1, 2 * side + 4 - 2 * side % 4, 2 * side + 4 - 2 * side % 4)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images)
        one = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(one, images)[0]).max(axis=-1) > 0
    for axis in (0, 1):
        indices = np.flatnonzero(seen.any(axis=axis))
        assert len(indices) == indices[-1] - indices[0] + 1 == side


def test_generators_see_both_ends_of_their_padding_mirrored():
    """Mirrored padding: a picture that is the same everywhere is translated the same everywhere.

    Zeros at the border would draw a frame; those of the strided layers reach less far.
    """
    generator = build_generator(width=4, blocks=1)
    first = next(layer for layer in generator.layers if isinstance(layer, keras.layers.Conv2D))
    features = keras.Model(generator.inputs, first.output)(tf.fill([1, 16, 16, 3], 0.5))
    np.testing.assert_allclose(features, features[:, :1, :1] + tf.zeros_like(features), atol=1e-6)


def masked(weight=None, shift=0.0, **changes):
    """A generator with a change mask whose logits are made larger, and shifted."""
    generator = small_generator(change_mask=True, **changes)
    last = last_convolution(generator)
    kernel, bias = last.get_weights()
    if weight is not None:
        kernel[..., -1] = np.random.default_rng(0).normal(0, weight, kernel.shape[:-1])
    bias[-1] = shift
    last.set_weights([kernel, bias])
    return generator


@pytest.mark.parametrize("changes", [{}, {"extra_channels": 1}])
def test_where_the_mask_is_zero_pixels_stay_bit_for_bit(changes):
    images = pictures()
    inputs = [images, pictures(channels=1)] if changes else images
    result = masked(weight=0.6, shift=-4.0, **changes)(inputs)
    picture, change = result["picture"].numpy(), result["change"].numpy()[..., 0]
    assert change.min() == 0.0 and change.max() == 1.0
    for share in (change == 0, change == 1, (change > 0) & (change < 1)):
        assert share.mean() > 0.05
    assert picture[change == 0].tobytes() == images.numpy()[change == 0].tobytes()
    moved = np.abs(picture - images)[change > 0].max(axis=-1)
    assert (moved > 0).mean() > 0.99
    assert np.abs(picture).max() <= 1.0 + 1e-6


def test_a_full_mask_leaves_nothing_of_the_input():
    """What is drawn then depends on the input only through the network, whose last layer is 0."""
    generator = masked(shift=50.0)
    last = last_convolution(generator)
    kernel, bias = last.get_weights()
    last.set_weights([0.0 * kernel, np.array([0.3, 0.3, 0.3, 50.0])])
    result = generator(pictures())
    np.testing.assert_array_equal(result["change"], 1.0)
    np.testing.assert_allclose(result["picture"], np.tanh(0.3), atol=1e-6)


def test_training_starts_from_drawn_pictures():
    """A mask that starts half open would be closed by the cycle loss before anything is drawn."""
    change = small_generator(change_mask=True)(pictures())["change"]
    assert change.numpy().min() > 0.9


@pytest.mark.parametrize(("shift", "value"), [(-9.0, 0.0), (9.0, 1.0)])
def test_a_mask_at_its_end_can_still_come_back(shift, value):
    """What a closed mask hides still learns; otherwise the mask would stay closed."""
    generator, images = masked(shift=shift), pictures()
    with tf.GradientTape(persistent=True) as tape:
        result = generator(images)
        means = {name: tf.reduce_mean(output) for name, output in result.items()}
    np.testing.assert_array_equal(result["change"], value)
    bias = last_convolution(generator).bias.value
    assert tape.gradient(means["change"], bias)[-1] > 1e-6
    assert np.abs(tape.gradient(means["picture"], bias)[:-1]).min() > 1e-6


def test_extra_channels_have_an_effect():
    generator, images = small_generator(extra_channels=1), pictures()
    assert [tensor.name for tensor in generator.inputs] == ["images", "extra"]
    lit = pictures(channels=1)
    assert np.abs(generator([images, lit]) - generator([images, -lit])).max() > 1e-3


@pytest.mark.parametrize("build", [small_generator, lambda: build_discriminator(width=2)])
def test_each_picture_is_treated_by_itself(build):
    network, images = build(), pictures(3, 32, 32)
    alone = [network(images[row : row + 1], training=True) for row in range(3)]
    np.testing.assert_allclose(network(images, training=True), tf.concat(alone, 0), atol=1e-5)


NETWORKS = [
    small_generator,
    lambda: small_generator(change_mask=True),
    lambda: build_discriminator(width=4, halvings=1),
]


@pytest.mark.parametrize("build", NETWORKS)
def test_networks_are_plain_keras_models(build, tmp_path):
    check_round_trip(build(), pictures(), tmp_path)


def test_both_outputs_are_exported_by_name(tmp_path):
    generator = small_generator(change_mask=True)
    generator.export(str(tmp_path / "1"), verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    result, expected = serve(images=pictures()), generator(pictures())
    assert set(result) == set(expected) == {"picture", "change"}
    for name, value in expected.items():
        np.testing.assert_allclose(result[name], value, atol=1e-6)


def test_half_precision_inside_full_precision_outside():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    images = pictures()
    result = masked(weight=0.6, shift=-4.0)(images)
    assert {value.dtype for value in result.values()} == {tf.float32}
    still = result["change"].numpy()[..., 0] == 0
    assert still.any()
    assert result["picture"].numpy()[still].tobytes() == images.numpy()[still].tobytes()
    assert small_generator()(images).dtype == tf.float32
    assert build_discriminator(width=4, halvings=1)(images).dtype == tf.float32


@pytest.mark.parametrize(("side", "blocks"), [(64, 6), (128, 6), (132, 9), (256, 9)])
def test_the_published_number_of_blocks(side, blocks):
    assert blocks_for((side, 64, 3)) == blocks_for((64, side, 1)) == blocks


@pytest.mark.parametrize(
    "call",
    [
        lambda: blocks_for((30, 32, 3)),
        lambda: blocks_for((32, 34, 3)),
        lambda: build_generator((None, None, 2)),
        lambda: build_generator((30, 32, 3)),
        lambda: build_generator(width=0),
        lambda: build_generator(blocks=0),
        lambda: build_generator(extra_channels=-1),
        lambda: build_discriminator((None, None, 4)),
        lambda: build_discriminator(width=0),
        lambda: build_discriminator(halvings=0),
        lambda: build_discriminator(normalization="layer"),
        lambda: receptive_field(0),
    ],
)
def test_arguments_out_of_range_are_refused(call):
    with pytest.raises(ValueError, match="Received"):
        call()
