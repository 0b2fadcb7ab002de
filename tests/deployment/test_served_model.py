"""Exported models through their signatures: floats give the same as the served bytes."""

import io
import json

import keras
import numpy as np
import pytest
from PIL import Image
from served_pictures import decoded

from kerasgen.deployment import savedmodel
from kerasgen.deployment.export import export_classifier, export_refiner, export_translator
from kerasgen.deployment.served_model import ServedModel
from kerasgen.deployment.synthesis import synthesize
from kerasgen.io.images import to_float
from kerasgen.io.preprocessing import Preprocessing

SIDE = 16
STYLES = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 2)).astype(np.float32)


def convolved(images):
    """Depends on every pixel of each neighbourhood."""
    keras.utils.set_random_seed(2)
    return keras.layers.Conv2D(images.shape[-1], 3, padding="same", activation="tanh")(images)


def translator(shape):
    images = keras.Input(shape, name="images")
    return keras.Model(
        images, {"picture": convolved(images), "change": images[..., :1] * 0.5 + 0.5}
    )


def refiner(*others):
    """A refiner that adds its style's first number and a tenth of its noise's first plane."""
    images = keras.Input((SIDE, SIDE, 3), name="images")
    picture, inputs = convolved(images), [images]
    if "style" in others:
        inputs.append(keras.Input((2,), name="style"))
        picture = picture + keras.layers.Reshape((1, 1, 1))(inputs[-1][:, :1])
    if "noise" in others:
        inputs.append(keras.Input((SIDE, SIDE, 2), name="noise"))
        picture = picture + 0.1 * inputs[-1][..., :1]
    return keras.Model(inputs if others else images, picture)


def classifier(channels):
    images = keras.Input((SIDE, SIDE, channels))
    mean = keras.layers.GlobalAveragePooling2D()(images)[:, :1]
    return keras.Model(images, keras.ops.concatenate([-mean, mean], axis=-1))


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Exports without the check, which has tests of its own."""
    monkeypatch.setattr(savedmodel, "_check", lambda *arguments: None)

    def run(function, network, channels=3, **options):
        probes = np.zeros((1, SIDE, SIDE, channels), np.uint8)
        return function(network, tmp_path, "net", card={}, probes=probes, **options)

    return run


def pictures(channels, *sizes):
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, channels), np.uint8) for size in sizes]


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sides", [(SIDE, SIDE), (None, None)])
def test_a_translator_gives_the_picture_that_it_serves(export, channels, sides):
    path = export(
        export_translator,
        translator((*sides, channels)),
        channels,
        preprocessing=Preprocessing(SIDE, SIDE, channels, "stretch"),
    )
    model = ServedModel(path)
    assert (model.kind, model.draws) == ("translator", False)
    assert model.form == Preprocessing(SIDE, SIDE, channels, "stretch")
    images = pictures(channels, (SIDE, SIDE), (40, 24), (9, 50))
    served = model.serve([png(image) for image in images])
    outputs = model.change(images, [0, 1, 2])
    assert outputs.keys() == {"picture", "change"}
    # The graph and Pillow may round a pixel to neighbouring levels.
    np.testing.assert_allclose(outputs["picture"], decoded(served["png_bytes"]), atol=0.02)
    change = (decoded(served["change_bytes"]) + 1.0) / 2.0
    np.testing.assert_allclose(outputs["change"], change, atol=0.02)


def test_a_refiner_draws_style_and_noise_from_each_seed(export):
    network = refiner("style", "noise")
    path = export(export_refiner, network, preprocessing=Preprocessing(SIDE, SIDE), styles=STYLES)
    model = ServedModel(path)
    assert model.draws and model.draws_style
    seeds = [*range(40), 2**63 - 1]
    (image,) = pictures(3, (SIDE, SIDE))
    outputs = model.change([image] * len(seeds), seeds)
    np.testing.assert_array_equal(outputs["style"], STYLES[np.array(seeds) % len(STYLES)])
    noise = np.stack(
        [np.random.default_rng(seed).standard_normal((SIDE, SIDE, 2), np.float32) for seed in seeds]
    )
    repeated = np.repeat(to_float(image[None]), len(seeds), axis=0)
    expected = network([repeated, outputs["style"], noise], training=False)
    np.testing.assert_allclose(outputs["picture"], expected, atol=1e-5)
    # Nothing of a picture depends on the others.
    alone = model.change([image], [7])
    np.testing.assert_allclose(alone["picture"][0], outputs["picture"][7], atol=1e-6)


def test_a_refiner_without_random_inputs_needs_no_styles(export):
    model = ServedModel(export(export_refiner, refiner(), preprocessing=Preprocessing(SIDE, SIDE)))
    assert not model.draws and not model.draws_style
    images = pictures(3, (SIDE, SIDE)) * 2
    outputs = model.change(images, [0, 1])
    assert outputs.keys() == {"picture"}
    np.testing.assert_array_equal(outputs["picture"][0], outputs["picture"][1])


def test_a_refiner_with_noise_alone(export):
    model = ServedModel(
        export(export_refiner, refiner("noise"), preprocessing=Preprocessing(SIDE, SIDE))
    )
    assert model.draws and not model.draws_style
    outputs = model.change(pictures(3, (SIDE, SIDE)) * 3, [0, 1, 0])["picture"]
    np.testing.assert_array_equal(outputs[0], outputs[2])
    assert np.abs(outputs[0] - outputs[1]).max() > 0.01


def test_a_refiner_whose_styles_cannot_be_read_is_refused(export, monkeypatch):
    from kerasgen.deployment.endpoints import refiner as endpoints

    kept = endpoints.refiner_endpoints

    def without_styles(*arguments):
        return {name: each for name, each in kept(*arguments).items() if name != "styles"}

    monkeypatch.setattr("kerasgen.deployment.export.refiner_endpoints", without_styles)
    path = export(
        export_refiner, refiner("style"), preprocessing=Preprocessing(SIDE, SIDE), styles=STYLES
    )
    with pytest.raises(ValueError, match=r"`styles`.*export it again. Received: .*net/1'"):
        ServedModel(path)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_classifier_takes_grey_and_colour_of_any_size(export, channels):
    path = export(
        export_classifier,
        classifier(channels),
        channels,
        preprocessing=Preprocessing(SIDE, SIDE, channels),
        class_names=["dark", "light"],
    )
    model = ServedModel(path)
    levels = [(30, 1), (220, 1), (30, 3), (220, 3)]
    images = [np.full((20 + level, 24, planes), level, np.uint8) for level, planes in levels]
    assert model.classify(images) == ["dark", "light", "dark", "light"]


@pytest.mark.parametrize(
    ("card", "number"),
    [
        ({"pictures": {"train": 3068, "test": 372}}, 3068),
        ({"pictures": {"rendered": 900, "real": 700, "test_real": 50}}, 700),
        ({"pictures": {"source": 20, "target": 30, "test_target": 9}}, 50),
        ({"pictures": {"train": "many"}}, None),
        ({"steps": 5}, None),
    ],
)
def test_the_card_says_how_many_pictures_a_model_was_trained_on(export, tmp_path, card, number):
    path = export(export_refiner, refiner(), preprocessing=Preprocessing(SIDE, SIDE))
    (path / "model_card.json").write_text(json.dumps(card), encoding="utf-8")
    model = ServedModel(path)
    assert model.trained_on == number
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/one.png").write_bytes(png(pictures(3, (9, 9))[0]))
    synthesize(model, tmp_path / "made", sources=tmp_path / "sources")
    settings = json.loads((tmp_path / "made/settings.json").read_text(encoding="utf-8"))
    assert settings["generator_saw"] == number
