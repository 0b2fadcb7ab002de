"""One small exported model of each kind, for all tests that use them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerasgen.deployment import savedmodel
from kerasgen.deployment.export import (
    export_classifier,
    export_generator,
    export_refiner,
    export_translator,
)
from kerasgen.io.preprocessing import Preprocessing

NAMES = ["dark", "light"]
SIDE = 16


def tiny_generator():
    """Label 0 is dark, 1 light; the latent moves that by a little and now and then by a lot."""
    latent, label = keras.Input((2,), name="latent"), keras.Input((), dtype="int32", name="label")
    level = layers.Embedding(2, 1, weights=[np.array([[-0.5], [0.5]])])(label)
    moved = 0.4 * latent[:, :1]
    grain = layers.Reshape((SIDE, SIDE, 1))(layers.Dense(SIDE * SIDE)(latent))
    picture = layers.Reshape((1, 1, 1))(layers.Add()([level, moved]))
    return keras.Model([latent, label], ops.tanh(picture + 0.05 * grain))


def by_brightness():
    """Dark below the middle, light above it."""
    images = keras.Input((SIDE, SIDE, 1))
    mean = layers.GlobalAveragePooling2D()(images)
    return keras.Model(images, ops.concatenate([-mean, mean], axis=-1))


def brighter():
    """Adds the style's first number to all pixels."""
    images, style = keras.Input((SIDE, SIDE, 3), name="images"), keras.Input((2,), name="style")
    picture = images + layers.Reshape((1, 1, 1))(style[:, :1])
    return keras.Model([images, style], ops.clip(picture, -1.0, 1.0))


def greyer():
    """Changes what is light, and says so."""
    images = keras.Input((None, None, 3), name="images")
    change = ops.cast(images[..., :1] > 0, "float32")
    return keras.Model(images, {"picture": images * (1 - change), "change": change})


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    probes = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    styles = np.random.default_rng(1).uniform(-0.5, 0.5, (1000, 2)).astype(np.float32)
    size = {"preprocessing": Preprocessing(SIDE, SIDE), "card": {}, "probes": probes}
    named = {"class_names": NAMES, "card": {}}
    with pytest.MonkeyPatch.context() as patch:
        # The check of an export has tests of its own.
        patch.setattr(savedmodel, "_check", lambda *arguments: None)
        keras.utils.set_random_seed(0)
        return {
            "generator": export_generator(tiny_generator(), folder, "lights", **named),
            "refiner": export_refiner(brighter(), folder, "brighter", styles=styles, **size),
            "translator": export_translator(greyer(), folder, "greyer", **size),
            "classifier": export_classifier(
                by_brightness(),
                folder,
                "judge",
                preprocessing=Preprocessing(SIDE, SIDE, 1),
                probes=probes[..., :1],
                **named,
            ),
        }
