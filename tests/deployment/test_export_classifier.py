"""Exported classifiers: files and floats give the same, and class names must fit."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgen.classifier import build_classifier
from kerasgen.deployment import savedmodel
from kerasgen.deployment.export import export_classifier
from kerasgen.deployment.served_model import ServedModel
from kerasgen.io.files import read_json
from kerasgen.io.images import to_float
from kerasgen.io.preprocessing import Preprocessing
from kerasgen.io.saved_model import saved_model_sha256

pytestmark = pytest.mark.slow

NAMES = ("clean", "smoky", "other")


def pictures(count, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def export_to(folder, classifier, names=NAMES, **options):
    return export_classifier(
        classifier,
        folder,
        "judge",
        class_names=names,
        preprocessing=Preprocessing(16, 16),
        card={"seed": 1},
        probes=pictures(3),
        **options,
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    keras.utils.set_random_seed(0)
    classifier = build_classifier((16, 16, 3), 3, widths=(4,), units=8)
    path = export_to(tmp_path_factory.mktemp("models"), classifier)
    return classifier, path, tf.saved_model.load(str(path))


def test_floats_and_files_agree_with_the_trained_network(exported):
    classifier, path, loaded = exported
    images = pictures(6, seed=4)
    logits = classifier(to_float(images), training=False).numpy().astype(np.float64)
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    files = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        files.append(stream.getvalue())
    outputs = (
        loaded.signatures["classify"](images=tf.constant(to_float(images))),
        loaded.signatures["serving_default"](image_bytes=tf.constant(files)),
    )
    for output in outputs:
        np.testing.assert_allclose(output["probabilities"], wanted, atol=1e-5)
        best = [NAMES[index].encode() for index in wanted.argmax(axis=1)]
        assert output["class_name"].numpy().tolist() == best
    assert '"class_names"' in (path / "model_card.json").read_text()


def test_the_card_and_the_model_say_how_files_become_pictures(exported):
    _, path, _ = exported
    form = Preprocessing(16, 16)
    assert ServedModel(path).form == form
    assert Preprocessing.from_card(read_json(path / "model_card.json")["preprocessing"]) == form


def test_each_weight_is_written_once_and_the_same_weights_give_the_same_bytes(
    exported, tmp_path, monkeypatch
):
    classifier, path, _ = exported
    monkeypatch.setattr(savedmodel, "_check", lambda *arguments: None)
    again = export_to(tmp_path, classifier)
    assert saved_model_sha256(again) == saved_model_sha256(path)
    size = sum(4 * weight.shape.num_elements() for weight in classifier.weights)
    data = (path / "variables" / "variables.data-00000-of-00001").stat().st_size
    # Beside the weights, the file holds the names of the objects.
    assert data < size + 12_000
    other = keras.models.clone_model(classifier)
    other.set_weights([each + 0.01 for each in classifier.get_weights()])
    assert saved_model_sha256(export_to(tmp_path, other)) != saved_model_sha256(path)


def test_figures_are_measured_on_the_model_that_is_kept(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(savedmodel, "_check", lambda *arguments: None)
    stream = io.BytesIO()
    Image.fromarray(pictures(1)[0]).save(stream, "PNG")

    def measure(served):
        return {
            "figures": {"first": served.serve([stream.getvalue()])["probabilities"][0].tolist()}
        }

    path = export_to(tmp_path, exported[0], measure=measure)
    wanted = exported[0](to_float(pictures(1)), training=False)
    found = read_json(path / "model_card.json")["figures"]["first"]
    np.testing.assert_allclose(found, keras.ops.softmax(wanted)[0], atol=1e-5)


def test_a_form_that_the_network_does_not_take_is_refused(exported, tmp_path):
    for form in (Preprocessing(16, 20), Preprocessing(16, 16, 1)):
        with pytest.raises(ValueError, match="the network's shape"):
            export_classifier(
                exported[0],
                tmp_path,
                "judge",
                class_names=NAMES,
                preprocessing=form,
                card={},
                probes=pictures(1),
            )


def test_files_of_other_sizes_are_brought_to_the_classifiers(exported):
    _, _, loaded = exported
    stream = io.BytesIO()
    Image.fromarray(pictures(1, 50)[0]).save(stream, "JPEG")
    output = loaded.signatures["serving_default"](image_bytes=tf.constant([stream.getvalue()]))
    assert output["probabilities"].shape == (1, 3)


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "a"), ("a", "b", ""), "abc"])
def test_names_that_do_not_fit(names, exported, tmp_path):
    with pytest.raises(ValueError, match="3 distinct names"):
        export_to(tmp_path, exported[0], names)
    assert not list(tmp_path.iterdir())


def test_other_networks_are_refused(tmp_path):
    images = keras.Input((None, None, 3))
    network = keras.Model(images, keras.layers.Conv2D(3, 1)(images))
    with pytest.raises(ValueError, match="known sides"):
        export_to(tmp_path, network)


def test_a_threshold_decides_between_two_classes(tmp_path):
    keras.utils.set_random_seed(0)
    classifier = build_classifier((16, 16, 3), 2, widths=(4,), units=8)
    images = to_float(pictures(20, seed=4))
    logits = classifier(images, training=False).numpy()
    margins = np.sort(logits[:, 1] - logits[:, 0])
    threshold = float(margins[14:16].mean())
    options = {"class_names": ("clean", "smoky"), "card": {}, "probes": pictures(3)}
    options["preprocessing"] = Preprocessing(16, 16)
    path = export_classifier(classifier, tmp_path, "judge", threshold=threshold, **options)
    loaded = tf.saved_model.load(str(path))
    names = loaded.signatures["classify"](images=tf.constant(images))["class_name"].numpy()
    wanted = np.where(logits[:, 1] - logits[:, 0] > threshold, b"smoky", b"clean")
    assert names.tolist() == wanted.tolist() and (names == b"smoky").sum() == 5
    assert json.loads((path / "model_card.json").read_text())["threshold_log_odds"] == threshold
    with pytest.raises(ValueError, match="finite, for two classes"):
        export_classifier(classifier, tmp_path, "judge", threshold=float("nan"), **options)
