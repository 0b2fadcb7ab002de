"""Exported classifiers: files and floats give the same, and class names must fit."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgen.classifier import build_classifier
from kerasgen.deployment.export import export_classifier
from kerasgen.io.images import to_float

pytestmark = pytest.mark.slow

NAMES = ("clean", "smoky", "other")


def pictures(count, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def export_to(folder, classifier, names=NAMES):
    return export_classifier(
        classifier, folder, "judge", class_names=names, card={"seed": 1}, probes=pictures(3)
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
    path = export_classifier(classifier, tmp_path, "judge", threshold=threshold, **options)
    loaded = tf.saved_model.load(str(path))
    names = loaded.signatures["classify"](images=tf.constant(images))["class_name"].numpy()
    wanted = np.where(logits[:, 1] - logits[:, 0] > threshold, b"smoky", b"clean")
    assert names.tolist() == wanted.tolist() and (names == b"smoky").sum() == 5
    assert json.loads((path / "model_card.json").read_text())["threshold_log_odds"] == threshold
    with pytest.raises(ValueError, match="finite, for two classes"):
        export_classifier(classifier, tmp_path, "judge", threshold=float("nan"), **options)
