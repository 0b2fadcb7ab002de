"""Feature maps: the layers meant, before and after their activation, on one scale."""

import keras
import matplotlib
import numpy as np
import pytest
from keras import layers

from kerasgen.classifier import build_classifier, split_head
from kerasgen.evaluation.features.activation_maps import (
    LayerMaps,
    feature_maps,
    map_layers,
    map_sheet,
)
from kerasgen.io.images import to_float

TILE = 88


def pictures(count=2, side=16, channels=3, seed=0):
    shape = (count, side, side, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def colour(name, share):
    return np.rint(255 * np.array(matplotlib.colormaps[name](share)[:3])).astype(int)


def tile(sheet, row, column, below=0):
    """The middle of a tile; of the second part, if ``below`` is the height of the first and gap."""
    return sheet[below + 2 + row * 90 + TILE // 2, 2 + column * 90 + TILE // 2].astype(int)


def test_of_vgg16_the_usual_layers_are_chosen_and_taken_apart():
    network = split_head(build_classifier((32, 32, 3), 2, backbone="vgg16"))[0]
    names = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3"]
    assert map_layers(network) == names
    images = pictures(side=32)
    maps = feature_maps(network, images)
    assert [(each.layer, each.size) for each in maps] == list(
        zip(names, ["32x32x64", "16x16x128", "8x8x256", "4x4x512"], strict=True)
    )
    own = keras.Model(network.input, [network.get_layer(name).output for name in names])
    for each, wanted in zip(maps, own(to_float(images)), strict=True):
        np.testing.assert_allclose(each.after, wanted, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(each.after, np.maximum(each.before, 0), rtol=1e-5, atol=1e-6)
        assert each.before.min() < 0


def test_before_the_activation_is_the_convolution_by_hand():
    images = keras.Input((4, 4, 1))
    layer = layers.Conv2D(2, 1, activation="relu", name="one_by_one")
    network = keras.Model(images, layers.GlobalAveragePooling2D()(layer(images)))
    layer.set_weights([np.array([[[[2.0, -1.0]]]]), np.array([0.5, 0.25])])
    seen = pictures(side=4, channels=1)
    (maps,) = feature_maps(network, seen)
    x = seen.astype(np.float64) / 127.5 - 1
    np.testing.assert_allclose(maps.before, x * [2.0, -1.0] + [0.5, 0.25], atol=1e-5)
    np.testing.assert_allclose(maps.after, np.maximum(maps.before, 0), atol=1e-6)


def test_an_activation_may_be_a_layer_of_its_own_or_missing():
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="apart")(images)
    x = layers.ReLU(name="last")(layers.BatchNormalization()(x))
    x = layers.Conv2D(4, 3, padding="same", name="bottleneck")(x)
    x = layers.Conv2D(4, 3, padding="same", name="forked")(x)
    network = keras.Model(images, layers.Add()([layers.ReLU()(x), layers.Activation("tanh")(x)]))
    seen = pictures(side=8)
    apart, bottleneck, forked = feature_maps(network, seen, ["apart", "bottleneck", "forked"])
    wanted = keras.Model(images, network.get_layer("last").output)(to_float(seen))
    np.testing.assert_allclose(apart.after, wanted, rtol=1e-5)
    assert apart.before.min() < 0
    # Of what follows, neither is the activation of the one, and two are of the other.
    assert bottleneck.after is None and forked.after is None


def test_layers_have_the_same_names_whatever_was_built_before():
    for _ in range(2):
        network = build_classifier((16, 16, 3), 2, widths=(2, 3), units=4)
        assert [each.layer for each in feature_maps(network, pictures())] == [
            "convolution 2",
            "convolution 4",
        ]


def test_pictures_are_brought_to_the_network():
    network = build_classifier((16, 16, 3), 2, widths=(2,), units=4)
    flat = [np.full((2, 40, 24, 1), 99, np.uint8), np.full((2, 16, 16, 3), 99, np.uint8)]
    (one,), (other,) = (feature_maps(network, each) for each in flat)
    np.testing.assert_allclose(one.before, other.before, atol=1e-6)


def test_wrong_names_are_refused_and_no_convolution_is_no_map():
    network = build_classifier((16, 16, 3), 2, widths=(2,), units=4)
    with pytest.raises(ValueError, match=r"only conv2d.*Received: names=\['logits'\]"):
        feature_maps(network, pictures(), ["logits"])
    images = keras.Input((16, 16, 3))
    assert feature_maps(keras.Model(images, layers.Flatten()(images)), pictures()) == []


def test_the_channels_vary_most_over_both_pictures_whichever_is_first():
    generator = np.random.default_rng(0)
    scales = np.array([1.0, 9.0, 3.0, 0.1])
    maps = generator.normal(size=(2, 5, 5, 4)) * scales
    # Flat in each picture, but not the same: it varies, too.
    maps[..., 3] = np.array([-6.0, 6.0])[:, None, None]
    for order in (maps, maps[::-1]):
        assert LayerMaps("x", order, None).most_varied(3).tolist() == [1, 3, 2]
        assert LayerMaps("x", -order[..., ::-1], order).most_varied(3).tolist() == [1, 3, 2]


def test_both_maps_of_a_channel_have_one_scale():
    levels = np.zeros((2, 1, 1, 2), np.float32)
    levels[:, 0, 0] = [[4.0, -1.0], [2.0, 0.0]]
    maps = LayerMaps("x", levels.repeat(3, 1).repeat(3, 2), None)
    sheet = map_sheet(maps, pictures(), [0, 1])
    assert np.abs(tile(sheet, 0, 1) - colour("RdBu_r", 1.0)).max() <= 2
    assert np.abs(tile(sheet, 1, 1) - colour("RdBu_r", 0.75)).max() <= 2
    assert np.abs(tile(sheet, 0, 2) - colour("RdBu_r", 0.0)).max() <= 2
    assert np.abs(tile(sheet, 1, 2) - colour("RdBu_r", 0.5)).max() <= 2


def test_after_the_activation_black_is_the_least_of_both():
    before = np.zeros((2, 3, 3, 1), np.float32)
    after = before.copy()
    after[0], after[1] = 5.0, 1.0
    sheet = map_sheet(LayerMaps("x", before, after), pictures(), [0])
    below = 2 * 90 + 2 + 6
    assert len(sheet) == 2 * below - 6
    assert np.abs(tile(sheet, 0, 1) - colour("RdBu_r", 0.5)).max() <= 2
    assert np.abs(tile(sheet, 0, 1, below) - colour("inferno", 1.0)).max() <= 2
    assert np.abs(tile(sheet, 1, 1, below) - colour("inferno", 0.0)).max() <= 2


def test_flat_maps_and_large_ones_are_drawn():
    flat = np.full((2, 200, 200, 1), 3.0, np.float32)
    sheet = map_sheet(LayerMaps("x", 0 * flat, flat), pictures(channels=1), [0])
    assert sheet.shape == (4 * 90 + 2 * 2 + 6, 2 * 90 + 2, 3) and sheet.dtype == np.uint8
    np.testing.assert_allclose(tile(sheet, 0, 1), colour("RdBu_r", 0.5), atol=2)
    np.testing.assert_allclose(tile(sheet, 0, 1, 2 * 90 + 8), colour("inferno", 0.0), atol=2)
