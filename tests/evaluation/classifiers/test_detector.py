"""Detectors on pictures whose truth is known: what is learned, what is claimed, what holds."""

from dataclasses import replace

import numpy as np
import pytest

from kerasgen.evaluation.classifiers.detector import (
    DETECTOR_CONFIG,
    DetectionData,
    fit_detector,
    measure_detection,
)
from kerasgen.evaluation.features.extractors import pixel_features
from kerasgen.procedural.camera import through_jpeg
from kerasgen.training.trainer import Trainer, TrainerOptions

SIZE = 16
CONFIG = replace(
    DETECTOR_CONFIG, steps=120, validate_every=40, patience=3, batch_size=16, learning_rate=3e-3
)


def noise(count, seed):
    return np.random.default_rng(seed).integers(60, 140, (count, SIZE, SIZE, 3), np.uint8)


def with_bar(images):
    """What is to be found: a light bar."""
    changed = images.copy()
    changed[:, 4:8] += 60
    return changed


def with_fingerprint(images, strength):
    """What a generator may leave: a grid."""
    signs = 2 * (np.indices((SIZE, SIZE)).sum(axis=0) % 2) - 1
    return (images + strength * signs[..., None]).astype(np.uint8)


def fit(folder, data, **options):
    trainer = Trainer(folder, options=TrainerOptions(log_every=40, save_every=40))
    return fit_detector(trainer, data, CONFIG, **options)


def real(seed=9):
    return DetectionData.of(noise(60, seed), with_bar(noise(60, seed + 1)))


@pytest.mark.parametrize("features", [None, pixel_features(8)], ids=["scratch", "features"])
def test_what_is_there_is_found_on_other_pictures(features, tmp_path):
    clean = noise(60, 0)
    data = DetectionData.of(clean, with_bar(clean), (range(60), range(60)))
    found = fit(tmp_path, data, features=features)
    figures = measure_detection(found.score, real())
    assert figures["area_under_roc"]["value"] > 0.97
    assert figures["accuracy"]["value"] > 0.9
    assert found.claimed["area_under_roc"]["count"] == 12
    again = fit(tmp_path, data, features=features)
    np.testing.assert_array_equal(again.score(real().images), found.score(real().images))


def test_a_mark_of_the_making_is_claimed_and_does_not_hold(tmp_path):
    clean = noise(60, 0)
    marked = clean.copy()
    marked[:, :, :2] //= 4
    found = fit(tmp_path, DetectionData.of(clean, marked, (range(60), range(60))))
    figures = measure_detection(found.score, real())
    assert found.claimed["area_under_roc"]["value"] > 0.97
    assert figures["accuracy"]["value"] < 0.7


def test_figures_by_hand():
    data = DetectionData.of(noise(4, 0), noise(2, 1))
    scores = np.array([-2.0, -1.0, 0.5, -3.0, 1.0, -1.5])
    figures = measure_detection(lambda images: scores, data)
    assert figures["accuracy_without"]["value"] == 0.75
    assert figures["accuracy_with"]["value"] == 0.5
    assert figures["accuracy"]["value"] == 0.625 and figures["accuracy"]["count"] == 2
    assert figures["area_under_roc"]["value"] == pytest.approx((4 + 2) / 8)


def test_pictures_of_one_scene_count_less():
    random = np.random.default_rng(0)
    scenes = np.repeat(np.arange(10), 20)
    right = np.repeat(random.random(10) < 0.7, 20)
    present = np.tile([True, False], 100)
    images = noise(200, 2)

    def score(pictures):
        return np.where(right == present, 1.0, -1.0)

    widths = []
    for sources in (range(200), scenes.tolist()):
        figures = measure_detection(score, DetectionData(images, present, list(sources)))
        widths.append(figures["accuracy_with"]["high"] - figures["accuracy_with"]["low"])
    assert widths[1] > 2 * widths[0]


def test_all_right_is_not_certain():
    data = DetectionData.of(noise(60, 0), noise(60, 1))
    figures = measure_detection(lambda images: np.where(data.present, 1.0, -1.0), data)
    for name in ("area_under_roc", "accuracy", "accuracy_with", "accuracy_without"):
        assert figures[name]["value"] == figures[name]["high"] == 1.0
        assert 0.9 < figures[name]["low"] < 0.98, name


def test_jpeg_takes_what_is_fine():
    images = np.full((3, SIZE, SIZE, 3), 90, np.uint8)
    images[1:] = with_bar(images[1:])
    marked = with_fingerprint(images, 2)
    np.testing.assert_array_equal(through_jpeg(marked, 50), through_jpeg(images, 50))
    assert np.abs(through_jpeg(marked, 95).astype(int) - through_jpeg(images, 95)).mean() > 1
    with pytest.raises(ValueError, match="quality=0"):
        through_jpeg(images, 0)
    with pytest.raises(ValueError, match="uint8"):
        through_jpeg(images.astype(float), 90)
