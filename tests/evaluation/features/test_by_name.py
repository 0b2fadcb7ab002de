"""Feature spaces by name, and features kept on disk."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgen.autoencoder import build_autoencoder, encoder_of
from kerasgen.classifier import build_classifier, split_head
from kerasgen.evaluation.features import by_name
from kerasgen.evaluation.features.by_name import application, features_by_name
from kerasgen.evaluation.features.extractors import (
    FeatureExtractor,
    cached_features,
    keras_features,
)
from kerasgen.io.images import to_float


def pictures(count=5, channels=3, side=16):
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spaces")
    keras.utils.set_random_seed(0)
    classifier = build_classifier((16, 16, 3), 3, widths=(4,), units=6)
    autoencoder = build_autoencoder((16, 16, 3), widths=(4, 4), code_channels=2)
    classifier.save(folder / "mine.keras")
    autoencoder.save(folder / "ours.keras")
    return folder, classifier, autoencoder


def test_a_trained_classifier_and_autoencoder_are_spaces(files):
    folder, classifier, autoencoder = files
    images = pictures()
    space = features_by_name(f"classifier:{folder / 'mine.keras'}")
    assert space.name == "classifier-mine-16x16"
    wanted = split_head(classifier)[0](to_float(images)).numpy()
    np.testing.assert_allclose(space(images), wanted, rtol=1e-5, atol=1e-6)
    code = features_by_name(f"autoencoder:{folder / 'ours.keras'}")
    wanted = encoder_of(autoencoder)(to_float(images)).numpy().reshape(5, -1)
    np.testing.assert_allclose(code(images), wanted, rtol=1e-5, atol=1e-6)


def test_other_sizes_and_grey_pictures_are_brought_to_the_networks(files):
    space = features_by_name(f"classifier:{files[0] / 'mine.keras'}")
    flat = np.full((2, 40, 24, 1), 77, np.uint8)
    same = np.full((2, 16, 16, 3), 77, np.uint8)
    np.testing.assert_allclose(space(flat), space(same), rtol=1e-6)
    with pytest.raises(ValueError, match="3 channel"):
        space(pictures(channels=4))


def test_an_application_takes_the_weights_of_a_file(tmp_path):
    keras.utils.set_random_seed(0)
    bare = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(224, 224, 3), pooling="avg"
    )
    bare.save_weights(tmp_path / "bare.weights.h5")
    space = features_by_name(f"mobilenet_v2:{tmp_path / 'bare.weights.h5'}")
    assert space.name == "mobilenet_v2-224x224"
    images = pictures(2, side=224)
    prepared = keras.applications.mobilenet_v2.preprocess_input(images.astype(np.float32))
    np.testing.assert_allclose(space(images), bare(prepared), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "side"), [("vgg16", 224), ("inception_v3", 299)])
def test_applications_see_pictures_of_the_size_they_were_trained_on(name, side, monkeypatch):
    requested = []

    def build(shape, classes, **options):
        requested.append((shape, options))
        return build_classifier((16, 16, 3), 2, widths=(4,), units=6)

    monkeypatch.setattr(by_name, "build_classifier", build)
    application(name, None)
    features_by_name(name)
    features_by_name(f"{name}:mine.h5")
    assert [shape for shape, _ in requested] == [(side, side, 3)] * 3
    passed = [options for _, options in requested]
    assert {each["backbone"] for each in passed} == {name}
    assert [each["weights"] for each in passed] == [None, "imagenet", "mine.h5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vgg19", "must be among pixels, savedmodel"),
        ("savedmodel", "savedmodel:PATH"),
        ("classifier:nowhere.keras", "not a .keras file.*nowhere"),
        ("savedmodel:nowhere", "no saved_model.pb"),
        ("resnet50:nowhere.h5", "no such file"),
    ],
)
def test_what_is_no_space_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        features_by_name(text)


class Counted:
    """Channel means, and how often they were computed."""

    def __init__(self, version="1"):
        self.calls = 0
        self.extractor = FeatureExtractor("means", self.run, version)

    def run(self, images):
        self.calls += 1
        return images.mean(axis=(1, 2), dtype=np.float32)


def test_features_are_computed_once(tmp_path):
    counted = Counted()
    cached = cached_features(counted.extractor, tmp_path)
    images = pictures(150)
    first, again = cached(images), cached_features(counted.extractor, tmp_path)(images)
    np.testing.assert_array_equal(first, counted.extractor(images))
    np.testing.assert_array_equal(first, again)
    # Three batches, once into the cache and once beside it.
    assert counted.calls == 6 and cached.name == "means"


def test_other_pictures_weights_and_forms_are_not_mixed_up(tmp_path):
    images = pictures(4)
    cached_features(Counted().extractor, tmp_path)(images)
    for counted, shown in (
        (Counted(), images + 1),
        (Counted("2"), images),
        (Counted(), images.reshape(4, 8, 32, 3)),
    ):
        np.testing.assert_array_equal(
            cached_features(counted.extractor, tmp_path)(shown), Counted().run(shown)
        )
        assert counted.calls == 1


def test_a_broken_file_is_made_anew(tmp_path):
    images = pictures(4)
    cached = cached_features(Counted().extractor, tmp_path)
    wanted = cached(images)
    (path,) = tmp_path.iterdir()
    for content in (b"", path.read_bytes()[:-3]):
        path.write_bytes(content)
        np.testing.assert_array_equal(cached(images), wanted)
        assert np.load(path).shape == (4, 3)


def test_versions_follow_the_weights(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 4)])
    before = keras_features(model, "x").version
    assert keras_features(model, "x").version == before
    model.layers[0].bias.assign([0.0, 1e-6])
    assert keras_features(model, "x").version != before


def test_a_saved_models_version_is_that_of_its_files(tmp_path):
    class Scaled(tf.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = tf.Variable(scale)

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], name="images")])
        def serve(self, images):
            return {"features": self.scale * tf.reduce_mean(images, [1, 2])}

    versions = []
    for name, scale in (("a", 1.0), ("b", 2.0)):
        module = Scaled(scale)
        path = str(tmp_path / name / "1")
        tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
        versions.append(features_by_name(f"savedmodel:{path}").version)
    assert versions[0] != versions[1]
