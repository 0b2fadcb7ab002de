"""A folder with everything that the pages name: pictures drawn by rule, small models."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from markdown_files import ROOT

from kerasgen.deployment import savedmodel
from kerasgen.deployment.export import export_classifier
from kerasgen.io import Preprocessing, save_png
from kerasgen.procedural import camera_eyes, rendered_eyes
from kerasgen.procedural.garments import drawn_backgrounds, drawn_garments
from kerasgen.procedural.scenery import camera_scenes

CLASSES = ("dress", "shirt", "shoes")
"""Classes of the zoo's clothing, too."""

SIDE = 32


def save_all(folder, images):
    for index, image in enumerate(images):
        save_png(folder / f"{index:03}.png", image)


def save_classes(folder, count, seed, transparent=False):
    """Class folders with ``count`` pictures each."""
    drawn = drawn_garments(len(CLASSES) * count, seed, SIDE if not transparent else 96)
    images = drawn.foregrounds if transparent else drawn.images
    for label, name in enumerate(CLASSES):
        save_all(folder / name, images[label :: len(CLASSES)])


def save_features(folder):
    """Four numbers a picture, as ``--features savedmodel:DIR`` needs them."""
    module = tf.Module()

    def mean(pictures):
        quarters = tf.image.resize(pictures, (2, 2), antialias=True)
        return {"features": tf.reduce_mean(quarters, -1) / 255.0}

    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
    module.mean = tf.function(mean, input_signature=signature)
    tf.saved_model.save(module, str(folder), {"serving_default": module.mean})


def save_classifier(folder):
    """A gate that knows the classes."""
    images = keras.Input((28, 28, 1), name="images")
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    network = keras.Model(images, keras.layers.Dense(len(CLASSES))(pooled))
    export_classifier(
        network,
        folder,
        "my_classifier",
        class_names=CLASSES,
        preprocessing=Preprocessing(28, 28, 1, "stretch"),
        card={},
        probes=np.zeros((2, 28, 28, 1), np.uint8),
    )


@pytest.fixture(scope="session")
def unchecked_exports():
    """The check of an export, a process of its own, has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(savedmodel, "_check", lambda *others: None)
        yield


@pytest.fixture(scope="session")
def material(tmp_path_factory, unchecked_exports):
    """The folders that a reader of the pages has."""
    root = tmp_path_factory.mktemp("material")
    for number, name in enumerate(("photos", "more_photos", "real", "synthetic", "holdout")):
        save_classes(root / name, 8, number)
    save_classes(root / "foregrounds", 2, 9, transparent=True)
    save_all(root / "backgrounds", drawn_backgrounds(3, 0, 128))
    save_all(root / "renders", rendered_eyes(30, 0, SIDE).images)
    save_all(root / "photographs", camera_eyes(30, 1, SIDE).images)
    for seed, (name, smoky) in enumerate(
        {"clean": 0, "smoky": 1, "my_camera": 0, "smoke_test/clean": 0, "smoke_test/smoky": 1}.items()
    ):
        save_all(root / name, camera_scenes(30, seed, SIDE, smoky=bool(smoky)).images)
    save_features(root / "features" / "1")
    save_classifier(root / "saved_models")
    for model in (ROOT / "saved_models").iterdir():
        if model.is_dir() and not (root / "saved_models" / model.name).exists():
            (root / "saved_models" / model.name).symlink_to(model)
    return root
