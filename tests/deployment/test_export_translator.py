"""Exported translators: files and floats in, pictures and change maps out, of any size."""

import io
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgen.deployment import ServedModel, check_export
from kerasgen.deployment.export import export_translator
from kerasgen.io.images import to_float, to_uint8
from kerasgen.io.preprocessing import Preprocessing

pytestmark = pytest.mark.slow


def tiny_translator(mask=True):
    """Each output depends on the location and colour of every pixel; for any size."""
    keras.utils.set_random_seed(1)
    images = keras.Input((None, None, 3), name="images")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(images)
    picture = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    change = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    outputs = {"picture": picture, "change": change} if mask else picture
    return keras.Model(images, outputs)


def pictures(count, height=16, width=24, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def export_to(folder, translator):
    return export_translator(
        translator,
        folder,
        "smoke",
        preprocessing=Preprocessing(16, 24),
        card={},
        probes=pictures(3),
    )


@pytest.fixture(scope="module", params=[True, False], ids=["with_mask", "picture_only"])
def exported(request, tmp_path_factory):
    translator = tiny_translator(request.param)
    path = export_to(tmp_path_factory.mktemp("models"), translator)
    return translator, path, tf.saved_model.load(str(path))


def expected(translator, images):
    outputs = translator(to_float(images), training=False)
    return outputs if isinstance(outputs, dict) else {"picture": outputs}


@pytest.mark.parametrize("size", [(16, 24), (36, 20)])
def test_floats_of_any_size(exported, size):
    translator, _, loaded = exported
    images = pictures(2, *size, seed=5)
    wanted = expected(translator, images)
    found = loaded.signatures["translate"](images=tf.constant(to_float(images)))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert value.shape[1:3] == size
        np.testing.assert_allclose(found[name], value, atol=1e-5)


def test_files_of_any_size_and_format(exported):
    translator, _, loaded = exported
    sizes = [("PNG", 16, 24), ("JPEG", 40, 90), ("BMP", 8, 8)]
    files = []
    for number, (form, height, width) in enumerate(sizes):
        stream = io.BytesIO()
        Image.fromarray(pictures(1, height, width, seed=number)[0]).save(stream, form)
        files.append(stream.getvalue())
    found = loaded.signatures["serving_default"](image_bytes=tf.constant(files))
    wanted = expected(translator, pictures(1, seed=0))
    assert set(found) == {*wanted, "png_bytes"}
    for name, value in wanted.items():
        assert found[name].shape[:3] == (3, 16, 24)
        np.testing.assert_allclose(found[name][0], value[0], atol=1e-5)
    for file, picture in zip(found["png_bytes"].numpy(), found["picture"], strict=True):
        np.testing.assert_array_equal(tf.io.decode_png(file), to_uint8(picture))


def test_other_networks_are_refused(tmp_path):
    images = keras.Input((8, 8, 3), name="images")
    extra = keras.Input((8, 8, 1), name="extra")
    two = keras.Model([images, extra], keras.layers.Concatenate()([images, extra]))
    with pytest.raises(ValueError, match="must take `images`.*extra"):
        export_to(tmp_path, two)
    assert not list(tmp_path.iterdir())


def test_a_folder_named_like_a_pattern_gives_the_same(tmp_path):
    folder = tmp_path / "models [1] {a} \\x"
    check_export(folder)
    translator = tiny_translator()
    path = export_to(folder, translator)
    assert path == folder / "smoke" / "1" and not list(folder.glob("*/.*"))
    served = ServedModel(path)
    images = list(pictures(2))
    wanted = expected(translator, np.stack(images))["picture"]
    np.testing.assert_allclose(served.change(images, [0, 0])["picture"], wanted, atol=1e-5)
    again = ServedModel(path.rename(tmp_path / "moved"))
    assert again.sha256 == served.sha256


def test_an_export_that_cannot_be_checked_is_refused_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    with pytest.raises(ValueError, match="reloaded in a new Python process.*No such file"):
        check_export(tmp_path)
