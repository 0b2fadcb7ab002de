"""Pictures to features: the same numbers however they are batched, and clear refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgen.evaluation.features.extractors import (
    FeatureExtractor,
    keras_features,
    pixel_features,
    saved_model_features,
)


def pictures(count=7, channels=3, size=16):
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (count, size, size, channels), np.uint8)


class Means(tf.Module):
    """Channel means and, under another name, their squares."""

    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, name="images")])
    def serve(self, images):
        means = tf.reduce_mean(images, [1, 2])
        return {"features": self.scale * means, "squares": means**2}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "channel_means" / "3"
    module = Means()
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
    return path


def test_a_saved_model_gives_its_features_under_its_own_name(saved):
    extractor = saved_model_features(saved)
    images = pictures()
    assert extractor.name == "channel_means"
    expected = 2.0 * images.astype(np.float64).mean(axis=(1, 2))
    np.testing.assert_allclose(extractor(images), expected, rtol=1e-5)


def test_a_saved_model_without_a_version_folder_is_named_after_itself(saved, tmp_path):
    folder = tmp_path / "plain"
    folder.symlink_to(saved, target_is_directory=True)
    assert saved_model_features(folder).name == "plain"


def test_another_output_can_be_chosen(saved):
    images = pictures()
    expected = images.astype(np.float64).mean(axis=(1, 2)) ** 2
    np.testing.assert_allclose(saved_model_features(saved, "squares")(images), expected, rtol=1e-5)


def test_grey_pictures_get_three_channels(saved):
    grey = pictures(channels=1)
    extractor = saved_model_features(saved)
    np.testing.assert_array_equal(extractor(grey), extractor(np.repeat(grey, 3, axis=-1)))


def keras_extractor():
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(2, 3, strides=4)(images)
    return keras_features(keras.Model(images, x), "convolution")


@pytest.mark.parametrize("kind", ["pixels", "saved", "keras"])
def test_the_batch_size_does_not_change_the_features(kind, saved):
    make = {
        "pixels": lambda: pixel_features(8),
        "saved": lambda: saved_model_features(saved),
        "keras": keras_extractor,
    }
    extractor, images = make[kind](), pictures()
    whole = extractor(images, batch_size=64)
    assert whole.shape[0] == 7 and whole.ndim == 2 and whole.dtype == np.float32
    for batch_size in (1, 3, 7):
        np.testing.assert_allclose(extractor(images, batch_size=batch_size), whole, rtol=1e-5)


def test_pixel_features_are_means_of_blocks_by_hand():
    image = np.zeros((1, 4, 4, 1), np.uint8)
    image[0, :2, :2] = 255
    image[0, 2:, 2:] = 51
    features = pixel_features(4)(image)
    np.testing.assert_allclose(features, image.reshape(1, -1) / 255.0, atol=1e-6)
    assert pixel_features(4).name == "pixels-4"


def test_pixel_features_of_flat_pictures_stay_flat_when_shrunk():
    levels = np.array([0, 51, 255], np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (3, 32, 32, 3)).copy()
    features = pixel_features(4)(images)
    assert features.shape == (3, 48)
    np.testing.assert_allclose(features, np.repeat(levels[:, None] / 255.0, 48, 1), atol=1e-6)


def test_shrinking_averages_instead_of_picking_pixels():
    stripes = np.zeros((1, 32, 32, 1), np.uint8)
    stripes[:, :, ::8] = 255
    inner = pixel_features(4)(stripes).reshape(4, 4)[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 1 / 8, atol=0.02)


def test_features_that_are_not_finite_are_named():
    def run(images):
        return np.where(images[:, :1, :1, 0] == 7, np.nan, 1.0)

    images = np.zeros((9, 4, 4, 3), np.uint8)
    extractor = FeatureExtractor("broken", run)
    assert extractor(images, 2).shape == (9, 1)
    images[[4, 6], 0, 0, 0] = 7
    with pytest.raises(ValueError, match="'broken' must be finite.* 2 of 9 .*first is 4"):
        extractor(images, 2)


def test_a_folder_without_a_saved_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no saved_model\.pb.*Received: path=.*nothing"):
        saved_model_features(tmp_path / "nothing")


def test_the_folder_above_the_version_is_refused(saved):
    with pytest.raises(ValueError, match="pass the version folder"):
        saved_model_features(saved.parent)


def test_an_output_that_is_not_there_is_refused_with_those_that_are(saved):
    with pytest.raises(ValueError, match=r"\['features', 'squares'\].*output='logits'"):
        saved_model_features(saved, "logits")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_pictures_of_another_form_are_refused(images):
    extractor = FeatureExtractor("never called", lambda images: 1 / 0)
    with pytest.raises(ValueError, match="Received: shape="):
        extractor(images)
