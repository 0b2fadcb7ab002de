"""Exported translators: files and floats in, pictures and change maps out, of any size."""

import io
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from served_pictures import ROUNDED, decoded

from kerasgen.cyclegan import build_generator
from kerasgen.deployment import ServedModel, check_export
from kerasgen.deployment.endpoints.translator import taken_sides
from kerasgen.deployment.export import export_translator
from kerasgen.io.images import to_float
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
    names = {"picture": "png_bytes", "change": "change_bytes"}
    assert set(found) == {names[name] for name in wanted}
    for name, value in wanted.items():
        pictures_found = decoded(found[names[name]])
        assert pictures_found.shape[:3] == (3, 16, 24)
        shown = value[0] if name == "picture" else 2.0 * value[0] - 1.0
        np.testing.assert_allclose(pictures_found[0], shown, atol=ROUNDED)


@pytest.mark.parametrize(("sides", "fits"), [((8, 12), True), ((4, 8), False), ((10, 12), False)])
def test_sides_that_the_network_does_not_take_are_refused(sides, fits, tmp_path):
    network = build_generator(width=4, blocks=1, change_mask=True)
    assert taken_sides(network) == (4, 8)
    options = {"preprocessing": Preprocessing(16, 16), "card": {}, "probes": pictures(3, 16, 16)}
    path = export_translator(network, tmp_path, "smoke", **options)
    translate = tf.saved_model.load(str(path)).signatures["translate"]
    if fits:
        assert translate(images=tf.zeros([2, *sides, 3]))["picture"].shape == (2, *sides, 3)
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most 4194304 pixels"):
            translate(images=tf.zeros([20, 512, 512, 3]))
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="multiples of 4 and at least 8"):
            translate(images=tf.zeros([2, *sides, 3]))


def test_a_network_of_a_fixed_size_has_no_sides_to_find():
    assert taken_sides(build_generator((16, 16, 3), width=4, blocks=1)) == (1, 1)


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
