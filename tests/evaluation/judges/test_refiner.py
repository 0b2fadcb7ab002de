"""What is said of a refiner, checked on refiners whose effect is known."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest

from kerasgen.evaluation.comparison.real_fake_classifier import NARROW
from kerasgen.evaluation.features.extractors import pixel_features
from kerasgen.evaluation.judges import refiner
from kerasgen.evaluation.judges.refiner import (
    EyeSets,
    measure_geometry,
    measure_realism,
    nearest_real,
    prefit_error,
    refining_function,
)
from kerasgen.evaluation.metrics import Estimate
from kerasgen.procedural.eyes import camera_eyes, rendered_eyes
from kerasgen.training.colour_moments import STYLE_SIZE


def identity(images, seed):
    return images.copy()


def four_to_the_right(images, seed):
    return np.roll(images, 4, axis=2)


def camera_like(images, seed):
    return camera_eyes(len(images), 900 + seed).images


@pytest.fixture(scope="module")
def sets():
    unseen = rendered_eyes(16, 2)
    return EyeSets(
        rendered_eyes(32, 0).images,
        camera_eyes(60, 1).images,
        unseen.images,
        camera_eyes(60, 3).images,
        unseen.pupil_centre,
    )


@pytest.fixture(autouse=True)
def quick_classifier(monkeypatch):
    config = replace(NARROW, steps=20, validate_every=10)
    quick = functools.partial(refiner.held_out_accuracy, config=config)
    monkeypatch.setattr(refiner, "held_out_accuracy", quick)


def distances(figures):
    return {name: figure["value"] for name, figure in figures["kid[pixels-16]"].items()}


def test_a_refiner_that_changes_nothing_is_as_far_as_the_renders(sets):
    figures = measure_realism(identity, sets, pixel_features())
    values = distances(figures)
    assert set(values) == {
        "refined",
        "refined_unseen",
        "rendered",
        "cheap_baseline",
        "real_baseline",
    }
    assert values["refined"] == pytest.approx(values["rendered"], rel=1e-9)
    assert figures["refined_share_of_rendered"] == pytest.approx(1.0, rel=1e-9)
    assert values["real_baseline"] < 0.1 * values["rendered"]
    accuracy = figures["real_or_refined_balanced_accuracy"]
    # 4 styles of a render are not 4 test pictures.
    assert accuracy["count"] == 16


def test_styles_of_a_render_are_one_source_of_the_classifier(sets, monkeypatch):
    """None of a render that is trained on says when to stop."""
    shown = {}

    def noting(train, test, *, sources, seed):
        shown["rendered"], shown["sources"] = train[1], sources
        return Estimate(0.5, 0.4, 0.6, 16)

    monkeypatch.setattr(refiner, "held_out_accuracy", noting)
    measure_realism(identity, sets, pixel_features(), repeats=3)
    real, rendered = shown["sources"]
    assert len(set(real)) == len(real) == 60 and not set(real) & set(rendered)
    by_source = {}
    for source, image in zip(rendered, shown["rendered"], strict=True):
        by_source.setdefault(source, set()).add(image.tobytes())
    assert len(by_source) == 32 and all(len(same) == 1 for same in by_source.values())


@pytest.mark.slow
def test_more_styles_of_the_same_render_are_not_more_evidence(sets):
    one, four = (
        measure_realism(identity, sets, pixel_features(), repeats=repeats)["kid[pixels-16]"]
        for repeats in (1, 4)
    )
    for name in ("refined", "refined_unseen"):
        assert four[name] == pytest.approx(one[name], rel=1e-9)


def test_camera_like_pictures_are_far_nearer_than_renders(sets):
    figures = measure_realism(camera_like, sets, pixel_features(), repeats=2)
    values = distances(figures)
    assert values["refined"] < 0.2 * values["rendered"]
    assert values["refined_unseen"] < 0.2 * values["rendered"]
    assert figures["refined_share_of_rendered"] < 0.2
    interval = figures["kid[pixels-16]"]["refined"]
    assert interval["low"] < interval["value"] < interval["high"]


def test_seen_and_unseen_renders_are_kept_apart(sets):
    def only_unseen(images, seed):
        assert len(images) == 48
        real = camera_like(images, seed)
        return np.concatenate([images[:32], real[32:]])

    values = distances(measure_realism(only_unseen, sets, pixel_features(), repeats=2))
    assert values["refined_unseen"] < 0.2 * values["rendered"]
    assert values["refined"] > 0.2 * values["rendered"]


def test_a_refiner_that_changes_nothing_moves_no_pupil(sets):
    figures = measure_geometry(identity, sets, repeats=2)
    shift = figures["pupil_shift"]
    assert shift["median"] == shift["percentile_95"] == shift["share_beyond"] == 0.0
    assert shift["used"] > 80 and shift["lost"] == 0
    assert shift["used"] + shift["not_found"] == 2 * 48
    assert figures["detector_error_on_renders"]["median"] < 0.5
    after, before = figures["pupil_error_after_refining"], figures["detector_error_on_renders"]
    assert after["median"] == pytest.approx(before["median"])
    assert after["used"] == 2 * before["used"]


def test_a_refiner_that_shifts_pictures_is_caught(sets):
    figures = measure_geometry(four_to_the_right, sets, repeats=1)
    assert figures["pupil_shift"]["median"] == pytest.approx(4.0, abs=0.1)
    assert figures["pupil_shift"]["share_beyond"] > 0.95
    assert figures["pupil_error_after_refining"]["median"] == pytest.approx(4.0, abs=0.3)
    assert figures["detector_error_on_renders"]["median"] < 0.5


def test_without_the_truth_only_the_shift_is_told(sets):
    parts = (sets.rendered[:4], sets.real[:4], sets.test_rendered[:4], sets.test_real[:4])
    figures = measure_geometry(identity, EyeSets(*parts), repeats=1)
    assert set(figures) == {"iris_shift", "pupil_shift"}


def test_pupils_that_were_wiped_out_are_counted_as_lost(sets):
    def flat(images, seed):
        return np.full_like(images, 128)

    shift = measure_geometry(flat, sets, repeats=1)["pupil_shift"]
    assert shift["used"] == 0 and np.isnan(shift["median"])
    assert shift["lost"] > 40


def test_the_nearest_real_picture_is_found(sets):
    picked = sets.real[[7, 3, 7]]
    noisy = np.clip(picked.astype(int) + 3, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(nearest_real(noisy, sets.real, pixel_features()), picked)


def brighter():
    """Adds a fifth of the whole range, whatever the input."""
    images = keras.Input((8, 8, 3))
    return keras.Model(images, keras.layers.Rescaling(1.0, offset=0.4)(images))


def painter():
    """Paints the whole picture in the mean colour of the style."""
    images, style = keras.Input((8, 8, 3)), keras.Input((STYLE_SIZE,), name="style")
    colour = keras.layers.Reshape((1, 1, 3))(style[:, :3])
    return keras.Model([images, style], keras.layers.Add()([0.0 * images, colour]))


def test_prefit_error_by_hand():
    images = np.full((4, 8, 8, 3), 100, np.uint8)
    error = prefit_error(brighter(), images)
    assert error.value == error.low == error.high == pytest.approx(0.2)
    assert error.count == 4


def test_prefit_error_takes_each_pictures_own_style():
    levels = np.array([0, 90, 255], np.uint8)[:, None, None, None]
    flat = np.broadcast_to(levels, (3, 8, 8, 3)).copy()
    assert prefit_error(painter(), flat).value == 0.0
    halves = flat.copy()
    halves[:, :4] //= 2
    assert prefit_error(painter(), halves).value > 0.05


def some_pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


def test_a_refiner_becomes_a_function_of_pictures():
    images = some_pictures()
    refine = refining_function(brighter(), images, batch_size=2)
    expected = np.minimum(images.astype(int) + 51, 255)
    np.testing.assert_array_equal(refine(images, 0), expected)


def test_styles_come_from_the_references_by_seed_and_not_by_batch():
    images, levels = some_pictures(), np.arange(10, 250, 10, dtype=np.uint8)
    references = np.broadcast_to(levels[:, None, None, None], (len(levels), 8, 8, 3)).copy()
    whole = refining_function(painter(), references)(images, 1)
    assert set(whole.ravel()) <= set(levels)
    parts = refining_function(painter(), references, batch_size=2)(images, 1)
    np.testing.assert_array_equal(parts, whole)
    assert not np.array_equal(refining_function(painter(), references)(images, 2), whole)
