"""The classifier family over keras.applications: pixels, weights, frozen statistics, two parts."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas
from keras import layers

from kerasgen.classifier import (
    BACKBONES,
    ClassifierStep,
    backbones,
    build_classifier,
    load_weights,
    split_head,
)
from kerasgen.data.pipeline import Pictures, labelled
from kerasgen.evaluation.features.extractors import keras_features
from kerasgen.io.images import to_float
from kerasgen.training.step import Player

APPLICATIONS = {
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet50, ".weights.h5"),
    "mobilenet_v2": (keras.applications.MobileNetV2, keras.applications.mobilenet_v2, ".keras"),
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16, ".h5"),
    "inception_v3": (keras.applications.InceptionV3, keras.applications.inception_v3, ".h5"),
}
SIZES = {
    "resnet50": 23_587_712,
    "mobilenet_v2": 2_257_984,
    "vgg16": 14_714_688,
    "inception_v3": 21_802_784,
}
WIDTH = {"resnet50": 2048, "mobilenet_v2": 1280, "vgg16": 512, "inception_v3": 2048}
SIDE = {"resnet50": 32, "mobilenet_v2": 32, "vgg16": 32, "inception_v3": 75}
"""The smallest pictures of each."""


def pictures(channels=3, count=2, side=32):
    shape = (count, side, side, channels)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def shape(name, channels=3):
    return (SIDE[name], SIDE[name], channels)


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    """Name -> the bare network, as if it had learned, and its file, of another kind for each."""

    @functools.cache
    def make(name):
        build, _, suffix = APPLICATIONS[name]
        bare = build(include_top=False, weights=None, input_shape=shape(name), pooling="avg")
        generator = np.random.default_rng(0)
        # So that scale, shift and statistics differ from 1 and 0, and none is negative.
        bare.set_weights(
            [
                w + 0.2 * generator.random(w.shape, np.float32) if w.ndim == 1 else w
                for w in bare.get_weights()
            ]
        )
        path = tmp_path_factory.mktemp(name) / f"bare{suffix}"
        (bare.save_weights if suffix == ".weights.h5" else bare.save)(path)
        return bare, path

    return make


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_pixels_reach_the_backbone_as_it_wants_them(name, channels):
    classifier = build_classifier(shape(name, channels), 2, backbone=name)
    prepared = keras.Model(classifier.input, classifier.get_layer("prepared").output)
    images = pictures(channels, side=SIDE[name])
    colours = np.repeat(images, 3 // channels, axis=-1).astype(np.float32)
    expected = APPLICATIONS[name][1].preprocess_input(colours)
    # One rounding of a number up to 255 in float32.
    np.testing.assert_allclose(prepared(to_float(images)), expected, atol=2e-5, rtol=0)
    assert classifier.count_params() == SIZES[name] + 2 * WIDTH[name] + 2


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_features_are_those_of_the_application_with_the_weights_of_the_file(name, application):
    bare, path = application(name)
    images = pictures(side=SIDE[name])
    expected = bare(APPLICATIONS[name][1].preprocess_input(images.astype(np.float32)))
    assert np.std(expected) > 0.01
    features, _ = split_head(build_classifier(shape(name), 2, backbone=name, weights=path))
    np.testing.assert_allclose(features(to_float(images)), expected, rtol=1e-4, atol=1e-4)


def test_a_classifier_comes_whole_from_its_file_and_gives_its_backbone(application, tmp_path):
    """Without code of ours, and with what is frozen still frozen."""
    path = application("mobilenet_v2")[1]
    options = {"backbone": "mobilenet_v2", "weights": path}
    classifier = build_classifier((32, 32, 1), 3, **options)
    classifier.save(tmp_path / "classifier.keras")
    images = to_float(pictures(channels=1))
    loaded = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_array_equal(loaded(images), classifier(images))
    assert len(loaded.trainable_weights) == len(classifier.trainable_weights) == 52 + 2
    again = build_classifier(
        (32, 32, 1), 5, **{**options, "weights": tmp_path / "classifier.keras"}
    )
    pairs = zip(
        split_head(again)[0].get_weights(), split_head(loaded)[0].get_weights(), strict=True
    )
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_fine_tuning_leaves_batch_normalization_alone(application):
    path = application("mobilenet_v2")[1]
    classifier = build_classifier((32, 32, 3), 2, backbone="mobilenet_v2", weights=path)
    step = ClassifierStep(classifier, Player(classifier, keras.optimizers.SGD(0.01)))
    before = {weight.path: weight.numpy() for weight in classifier.weights}
    step(to_float(pictures()), tf.constant([0, 1]))
    moved = {
        weight.path
        for weight in classifier.weights
        if np.any(before[weight.path] != weight.numpy())
    }
    frozen = {
        weight.path
        for layer in classifier.layers
        if isinstance(layer, layers.BatchNormalization)
        for weight in layer.weights
    }
    assert len(frozen) == 4 * 52 and not moved & frozen
    assert {"Conv_1/kernel", "logits/kernel", "logits/bias"} <= moved


def tiny(include_top, weights, input_tensor, input_shape, pooling):
    """An application in small, with what makes trouble: batch normalization."""
    assert not include_top and weights is None and pooling == "avg"
    x = layers.Conv2D(4, 3, strides=4, use_bias=False)(input_tensor)
    x = layers.BatchNormalization(momentum=0.5)(x)
    return keras.Model(
        keras.utils.get_source_inputs(input_tensor), layers.GlobalAveragePooling2D()(x)
    )


@pytest.mark.parametrize("loaded", [True, False])
def test_one_replica_equals_two_with_batch_normalization(loaded, monkeypatch, tmp_path):
    """Frozen if weights are loaded; else learned from the batches of all replicas."""
    monkeypatch.setitem(backbones._APPLICATIONS, "mobilenet_v2", tiny)
    options = {"backbone": "mobilenet_v2", "dropout": 0.0}
    path = tmp_path / "tiny.weights.h5"
    split_head(build_classifier((32, 32, 3), 2, **options))[0].save_weights(path)
    options["weights"] = path if loaded else None
    networks = []

    def make():
        networks.append(build_classifier((32, 32, 3), 2, **options))
        return ClassifierStep(networks[-1], Player(networks[-1], keras.optimizers.SGD(0.1)))

    batches = labelled(Pictures.from_array(pictures(count=6), np.arange(6) % 2), 4, seed=0)
    check_replicas(make, batches, tmp_path, tolerance=1e-5)
    (normalization,) = (
        layer for layer in networks[0].layers if isinstance(layer, layers.BatchNormalization)
    )
    assert np.any(normalization.moving_mean.numpy() != 0.0) != loaded


# The head


@pytest.mark.parametrize("name", ["small", "mobilenet_v2"])
def test_the_head_on_features_is_the_whole_on_pictures(name):
    classifier = build_classifier((32, 32, 3), 4, backbone=name)
    features, head = split_head(classifier)
    known = keras_features(features, "backbone")(pictures(count=5), batch_size=2)
    expected = classifier(to_float(pictures(count=5)))
    np.testing.assert_allclose(head(known), expected, rtol=1e-4, atol=1e-5)


def test_training_the_head_trains_the_classifier_and_nothing_below():
    classifier = build_classifier((8, 8, 1), 3, widths=(2,), units=4)
    features, head = split_head(classifier)
    below = features.get_weights()
    step = ClassifierStep(head, Player(head, keras.optimizers.SGD(0.5)))
    images, before = pictures(channels=1, side=8), classifier.get_weights()[-2]
    step(tf.random.normal([6, 4]), tf.constant([0, 1, 2, 0, 1, 2]))
    assert all(
        np.array_equal(old, new) for old, new in zip(below, features.get_weights(), strict=True)
    )
    assert np.any(classifier.get_weights()[-2] != before)
    expected = classifier(to_float(images))
    np.testing.assert_allclose(head(features(to_float(images))), expected, atol=1e-6)
    # A second pair is as good as the first, and dropout belongs to the head.
    again = split_head(classifier)[1]
    np.testing.assert_array_equal(again(tf.ones([1, 4])), head(tf.ones([1, 4])))
    noisy = [again(tf.ones([1, 4]), training=True).numpy() for _ in range(5)]
    assert any(np.any(one != noisy[0]) for one in noisy)


def test_only_classifiers_of_this_family_have_a_head():
    other = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="logits")])
    with pytest.raises(ValueError, match=r"build_classifier.*Received: .*\['head_dropout'\]"):
        split_head(other)


# Weights that cannot be had


@pytest.mark.parametrize("name", APPLICATIONS)
def test_without_a_network_the_error_names_the_file_option(name, monkeypatch):
    def fail(name, origin, **_):
        raise Exception(
            f"URL fetch failure on {origin}: None -- [Errno -3] Name resolution\nfailed"
        )

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    with pytest.raises(ValueError) as caught:
        build_classifier((80, 75, 3), 2, backbone=name, weights="imagenet")
    text = str(caught.value)
    assert "\n" not in text and "https://" in text and "no_top" in text.replace("notop", "no_top")
    assert text.endswith("weights='FILE.h5'. Received: weights='imagenet'")


def test_what_imagenet_downloads_is_used(monkeypatch, application, tmp_path):
    """At a size that MobileNetV2 would warn of."""
    bare, _ = application("mobilenet_v2")
    bare.save(tmp_path / "download.h5")
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda *_, **__: tmp_path / "download.h5"
    )
    options = {"backbone": "mobilenet_v2", "weights": "imagenet"}
    features, _ = split_head(build_classifier((40, 32, 3), 2, **options))
    pairs = zip(features.get_weights(), bare.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert not any(
        layer.trainable for layer in features.layers if isinstance(layer, layers.BatchNormalization)
    )


@pytest.mark.parametrize("backbone", ["small", "vgg16"])
def test_weights_of_another_network_are_refused(backbone, application):
    path = application("mobilenet_v2")[1]
    with pytest.raises(ValueError, match=rf"{backbone}.*Received: weights='{path}'") as caught:
        build_classifier((32, 32, 3), 2, backbone=backbone, weights=path)
    assert "\n" not in str(caught.value)


def test_files_that_hold_no_weights_are_refused(tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"not a zip file")
    (tmp_path / "broken.weights.h5").write_bytes(b"not HDF5")
    (tmp_path / "model.pt").touch()
    (tmp_path / "saved_model").mkdir()
    messages = {
        "broken.keras": "not a file of weights",
        "broken.weights.h5": "not a file of weights",
        "model.pt": "must be a .keras or .h5 file",
        "missing.h5": "no such file",
        "saved_model": "a SavedModel cannot be trained",
    }
    network = build_classifier((8, 8, 1), 2, widths=(2,), units=2)
    for name, text in messages.items():
        with pytest.raises(ValueError, match=f"{text}.*Received: weights='{tmp_path / name}'"):
            load_weights(network, tmp_path / name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_shape": (31, 32, 3)}, "at least 32 pixels.*image_shape="),
        ({"image_shape": (75, 74, 3), "backbone": "inception_v3"}, "at least 75 pixels.*74"),
        ({"image_shape": (32, 32, 2)}, "image_shape="),
        ({"image_shape": (None, None, 3)}, "image_shape="),
        ({"widths": (4,)}, "small network only.*widths="),
        ({"units": 4}, "small network only.*units="),
        ({"num_classes": 1}, "num_classes=1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    arguments = {"image_shape": (32, 32, 3), "num_classes": 2, "backbone": "vgg16", **options}
    with pytest.raises(ValueError, match=message):
        build_classifier(**arguments)


def test_every_backbone_is_named():
    assert BACKBONES == ("small", *APPLICATIONS)
