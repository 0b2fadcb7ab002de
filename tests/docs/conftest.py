"""A folder with everything that the pages name: pictures drawn by rule, small models."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from annotated_files import coco_set
from certificates import write_identity
from keras import layers
from markdown_files import ROOT

from kerasgen.compositing.compose import compose
from kerasgen.deployment import (
    export_classifier,
    export_generator,
    export_refiner,
    export_translator,
    savedmodel,
)
from kerasgen.io import Preprocessing, save_png
from kerasgen.procedural import camera_eyes, rendered_eyes
from kerasgen.procedural.garments import drawn_backgrounds, drawn_garments
from kerasgen.procedural.scenery import camera_scenes

CLASSES = ("dress", "shirt", "shoes")
"""Classes of the zoo's clothing, too."""

SCENES = ("clean", "smoky", "my_camera", "smoke_test/clean", "smoke_test/smoky")

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


def save_models(folder):
    """Untrained models under the names that the examples give theirs, and a gate."""
    side, card = (
        Preprocessing(SIDE, SIDE),
        {"card": {}, "probes": np.zeros((2, SIDE, SIDE, 3), "u1")},
    )
    images = keras.Input((SIDE, SIDE, 3), name="images")
    darker = keras.Model(images, images * 0.9)
    export_refiner(darker, folder, "eye_refiner_dcgan", preprocessing=side, **card)
    export_translator(darker, folder, "smoke_cut_forward", preprocessing=side, **card)
    latent, label = keras.Input((2,), name="latent"), keras.Input((), dtype="int32", name="label")
    level = layers.Embedding(len(CLASSES), 2)(label) + latent
    pixels = layers.Dense(28 * 28, "tanh")(level)
    generator = keras.Model([latent, label], layers.Reshape((28, 28, 1))(pixels))
    named = {"class_names": CLASSES, "preprocessing": Preprocessing(28, 28, 1, "stretch")}
    export_generator(generator, folder, "clothing_cgan_modern", card={}, **named)
    grey = keras.Input((28, 28, 1), name="images")
    gate = keras.Model(grey, layers.Dense(len(CLASSES))(layers.GlobalAveragePooling2D()(grey)))
    probes = np.zeros((2, 28, 28, 1), np.uint8)
    export_classifier(gate, folder, "my_classifier", card={}, probes=probes, **named)


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
    for number, name in enumerate(("photos", "more_photos", "holdout", "real", "synthetic")):
        save_classes(root / name, 16 if name in ("real", "synthetic") else 8, number)
    save_classes(root / "foregrounds", 2, 9, transparent=True)
    save_all(root / "backgrounds", drawn_backgrounds(3, 0, 128))
    save_all(root / "renders", rendered_eyes(30, 0, SIDE).images)
    save_all(root / "photographs", camera_eyes(30, 1, SIDE).images)
    for seed, name in enumerate(SCENES):
        scenes = camera_scenes(30, seed, SIDE, smoky=name.endswith("smoky"))
        save_all(root / name, scenes.images)
    compose(root / "foregrounds", root / "backgrounds", root / "scenes", count=3)
    coco_set(root / "annotated")
    save_features(root / "features" / "1")
    write_identity("Es256", root / "chain.pem", root / "signer.key")
    save_models(root / "saved_models")
    # As examples call them with --name.
    for name, model in (("photos", "clothing_cgan_modern"), ("mine", "eye_refiner_dcgan")):
        (root / "saved_models" / name).symlink_to(root / "saved_models" / model)
    for model in (ROOT / "saved_models").iterdir():
        if model.is_dir() and not (root / "saved_models" / model.name).exists():
            (root / "saved_models" / model.name).symlink_to(model)
    return root
