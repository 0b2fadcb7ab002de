"""Whether a translation arrives and what it keeps: known veils, moves and unrelated pictures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgen.deployment.export import export_translator
from kerasgen.evaluation.features.extractors import pixel_features
from kerasgen.evaluation.judges.translator import (
    TranslationSets,
    load_translator,
    mask_kept,
    measure_arrival,
    share_unchanged,
    structure_kept,
    translating_function,
)
from kerasgen.io.preprocessing import Preprocessing


def pictures(count, seed, size=(24, 32)):
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), np.uint8)


def veiled(images, density, airlight):
    """Airlight blending with a density that grows from left to right."""
    ramp = density * np.linspace(0, 1, images.shape[2])[None, None, :, None]
    return np.rint(images * (1 - ramp) + airlight * ramp).astype(np.uint8)


@pytest.mark.parametrize("airlight", [20, 128, 250])
def test_a_smooth_veil_keeps_the_structure(airlight):
    images = pictures(5, 0)
    kept = structure_kept(images, veiled(images, 0.8, airlight))
    assert kept.value > 0.95 and kept.count == 5


def test_what_is_moved_or_exchanged_is_not_kept():
    images = pictures(6, 0)
    assert structure_kept(images, images).value == pytest.approx(1)
    assert abs(structure_kept(images, np.roll(images, 1, axis=2)).value) < 0.1
    assert abs(structure_kept(images, pictures(6, 1)).value) < 0.1
    assert structure_kept(images, 255 - images).value == pytest.approx(-1)
    half = images.copy()
    half[:, :, :16] = pictures(6, 2)[:, :, :16]
    assert 0.3 < structure_kept(images, half).value < 0.7


def test_squares_without_structure_do_not_count():
    images = pictures(3, 0)
    images[:, :, :20] = 90
    painted = images.copy()
    painted[:, :, :10] = pictures(3, 3)[:, :, :10]
    assert structure_kept(images, painted).value == pytest.approx(1)
    # A wall of smoke: nothing of it correlates.
    assert abs(structure_kept(images, np.full_like(images, 200)).value) < 1e-6
    with pytest.raises(ValueError, match="N above 1"):
        structure_kept(np.full_like(images, 90), images)
    with pytest.raises(ValueError, match="one shape"):
        structure_kept(images, images[:2])


def test_pixels_that_stay():
    images = pictures(2, 0)
    after = images.copy()
    after[:, :6] = np.where(images[:, :6] < 100, images[:, :6] + 3, images[:, :6] - 3)
    after[:, 6:12] = np.where(images[:, 6:12] < 100, images[:, 6:12] + 2, images[:, 6:12] - 2)
    assert share_unchanged(images, after).value == pytest.approx(0.75)


def test_distances_know_their_order():
    random = np.random.default_rng(0)

    def tinted(count, level):
        noise = random.integers(-20, 21, (count, 16, 16, 3))
        return (level + noise).astype(np.uint8)

    sets = TranslationSets(tinted(20, 60), tinted(20, 200), tinted(20, 60), tinted(20, 200))
    arms = {"near": tinted(20, 190), "far": tinted(20, 100)}
    (name, found), (other, nearer) = measure_arrival(arms, sets, pixel_features(8)).items()
    assert name == "kid[pixels-8]" and other == "nearer[pixels-8]"
    values = {arm: row["value"] for arm, row in found.items()}
    assert values["real_baseline"] < values["near"] < values["far"] < values["source"]
    assert all(row["low"] <= row["value"] <= row["high"] for row in found.values())
    assert set(nearer) == {f"than {each}" for each in found} - {
        f"than {next(iter(arms))}",
        "than real_baseline",
    }
    for each, row in nearer.items():
        difference = values[each.removeprefix("than ")] - values[next(iter(arms))]
        assert row["value"] == pytest.approx(difference)


@pytest.mark.parametrize("mask", [True, False])
def test_a_generator_as_a_function(mask):
    images = keras.Input((None, None, 3), name="images")
    darker = keras.layers.Rescaling(0.5, -0.5)(images)
    change = keras.layers.Rescaling(0.5, 0.5)(images)[..., :1]
    outputs = {"picture": darker, "change": change} if mask else darker
    translate = translating_function(keras.Model(images, outputs), batch_size=2)
    inputs = pictures(5, 0)
    found = translate(inputs)
    np.testing.assert_allclose(found.pictures, inputs / 2, atol=0.6)
    assert found.pictures.dtype == np.uint8
    if mask:
        np.testing.assert_allclose(found.change, inputs[..., :1] / 255, atol=1e-5)
    else:
        assert found.change is None


@pytest.mark.parametrize("mask", [True, False], ids=["with_mask", "picture_only"])
def test_an_exported_translator_says_what_the_network_says(tmp_path, mask):
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3), name="images")
    picture = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(images)
    change = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(images)
    network = keras.Model(images, {"picture": picture, "change": change} if mask else picture)
    path = export_translator(
        network,
        tmp_path,
        "smoke",
        preprocessing=Preprocessing(16, 24),
        card={},
        probes=pictures(2, 1, (16, 24)),
    )
    found = load_translator(path, batch_size=2)(pictures(3, 0))
    wanted = translating_function(network)(pictures(3, 0))
    assert found.pictures.shape == (3, 24, 32, 3) and found.pictures.dtype == np.uint8
    assert np.abs(found.pictures.astype(int) - wanted.pictures).max() <= 1
    assert (found.change is None) == (not mask)
    if mask:
        np.testing.assert_allclose(found.change, wanted.change, atol=1e-5)


def test_what_is_no_translator_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no saved_model.pb.*nowhere"):
        load_translator(tmp_path / "nowhere")
    other = tf.Module()
    other.double = tf.function(lambda x: 2 * x, [tf.TensorSpec([None])])
    tf.saved_model.save(other, str(tmp_path / "other"), signatures={"double": other.double})
    with pytest.raises(ValueError, match=r"only \['double'\].*other"):
        load_translator(tmp_path / "other")


def test_a_mask_is_kept_where_the_change_is():
    images = pictures(6, 0)
    mask = np.zeros(images.shape[:3], bool)
    mask[:, 4:12, 10:20] = True
    smoky = np.where(mask[..., None], images // 2 + 100, images).astype(np.uint8)
    kept = mask_kept(images, smoky, mask)
    assert kept.value > 0.98 and kept.count == 6
    assert mask_kept(images, smoky, ~mask).value == pytest.approx(1 - kept.value)
    # What changes everywhere alike, or elsewhere, has lost the mask.
    assert mask_kept(images, images, mask).value == 0.5
    assert mask_kept(images, np.roll(smoky, 12, axis=1), np.roll(mask, 12, axis=1)).value < 0.7
    assert mask_kept(images, smoky, np.roll(mask, 12, axis=1)).value < 0.5


def test_pictures_without_an_edge_of_the_mask_do_not_count():
    images = pictures(5, 0)
    mask = np.zeros(images.shape[:3], bool)
    mask[0] = True
    mask[1:3, :5] = True
    smoky = np.where(mask[..., None], 255 - images, images).astype(np.uint8)
    assert mask_kept(images, smoky, mask).count == 2
    with pytest.raises(ValueError, match="Every mask is full or empty"):
        mask_kept(images, smoky, np.ones_like(mask))
    with pytest.raises(ValueError, match="one shape"):
        mask_kept(images, smoky, mask[:, 1:])
