"""Scenes drawn by rule: one per seed and index, varied; and the camera's with their truth."""

import re

import numpy as np
import pytest
from PIL import Image

from kerasgen.annotations import annotation as geometry
from kerasgen.procedural.scenery import camera_scenes, draw_scene, drawn_scenes
from kerasgen.procedural.scenery.painting import Canvas, Stage, View, colour
from kerasgen.procedural.smoke.overlay import add_smoke


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    return drawn_scenes(100, 3)


@pytest.fixture(scope="module")
def smoky():
    return camera_scenes(24, 2)


def reduced(picture: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BOX), float)


def test_a_picture_is_a_function_of_seed_and_index(scenes):
    assert scenes.shape == (100, 64, 64, 3) and scenes.dtype == np.uint8
    np.testing.assert_array_equal(drawn_scenes(4, 3, first_index=7), scenes[7:11])
    for other in (drawn_scenes(4, 4), drawn_scenes(4, 3, stream=9)):
        assert (other != scenes[:4]).any(axis=(1, 2, 3)).all()
    assert drawn_scenes(0, 0, 32).shape == (0, 32, 32, 3)
    one = draw_scene(np.random.default_rng(8), 48)
    assert one.shape == (48, 48, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, draw_scene(np.random.default_rng(8), 48))


def test_a_scene_is_the_same_at_every_size():
    for large, small in zip(drawn_scenes(24, 8, 128), drawn_scenes(24, 8, 32), strict=True):
        assert np.abs(reduced(large, 32) - small).mean() < 8


def test_edges_are_smooth():
    # A slanting edge between black and white, before grain, has every grey.
    stage = Stage(Canvas(32), View(0.0, 1.0, 1.0, 0.5))
    stage.face([(-3, 0, 2), (3, 0, 2), (3, 1.6, 2)], colour(1, 1, 1))
    greys = stage.canvas.finished(np.random.default_rng(0))[..., 1]
    assert len(np.unique(greys[(greys > 20) & (greys < 150)] // 16)) >= 4


def test_far_things_are_small_and_meet_at_the_horizon():
    view = View(x=0.5, height=1.5, focal=0.8, horizon=0.4, vanishing=0.6)
    near, far, endless = view.seen(np.array([[2.5, 0, 2.0], [2.5, 0, 4.0], [2.5, 0, 1e9]]))
    np.testing.assert_allclose(near, [0.6 + 0.8 * 2 / 2, 0.4 + 0.8 * 1.5 / 2])
    np.testing.assert_allclose(far - endless, (near - endless) / 2, atol=1e-6)
    np.testing.assert_allclose(endless, [0.6, 0.4], atol=1e-6)


def test_scenes_are_many(scenes):
    means = scenes.mean(axis=(1, 2))
    assert means.std(axis=0).min() > 25
    saturation = np.ptp(scenes.astype(int), axis=3).mean(axis=(1, 2))
    assert np.percentile(saturation, 10) < 25 and np.percentile(saturation, 90) > 55
    small = scenes[:, ::8, ::8].reshape(100, -1).astype(float)
    distances = np.abs(small[:, None] - small).mean(axis=2) + 1e9 * np.eye(100)
    assert distances.min() > 5
    contrast = scenes.mean(axis=3).std(axis=(1, 2))
    assert np.percentile(contrast, 5) > 10


def test_one_colour_does_not_give_smoke_away(scenes):
    smoky = np.stack([add_smoke(scene, 1, index=k).image for k, scene in enumerate(scenes)])
    clean, smoke = scenes.mean(axis=(1, 2)), smoky.mean(axis=(1, 2))
    for values in (clean.mean(axis=1), smoke.mean(axis=1)):
        assert values.std() > 15
    grey = [clean.mean(axis=1), smoke.mean(axis=1)]
    # The best threshold on brightness; 0.5 by chance.
    for threshold in np.concatenate(grey):
        right = ((grey[1] > threshold).mean() + (grey[0] <= threshold).mean()) / 2
        assert 0.2 < right < 0.8


def test_camera_pictures_are_a_function_of_seed_and_index(smoky):
    part = camera_scenes(3, 2, first_index=5)
    for name in ("images", "clean", "density"):
        np.testing.assert_array_equal(getattr(part, name), getattr(smoky, name)[5:8])
    assert smoky.images.dtype == smoky.clean.dtype == np.uint8
    assert smoky.density.shape == (24, 64, 64) and smoky.density.dtype == np.float32


def test_the_truth_about_the_smoke(smoky):
    assert 0 <= smoky.density.min() and smoky.density.max() < 1
    difference = np.abs(smoky.images.astype(int) - smoky.clean).mean(axis=3)
    assert difference[smoky.density > 0.8].mean() > 40
    # Noise differs with the light, and so do JPEG's traces.
    thin = smoky.density < 0.01
    assert 0.005 < thin.mean() and difference[thin].mean() < 12
    for k in range(24):
        assert np.corrcoef(difference[k].ravel(), smoky.density[k].ravel())[0, 1] > -0.2
    annotation = smoky.annotation(4, label=1, threshold=0.3)
    np.testing.assert_array_equal(annotation.mask, smoky.density[4] > 0.3)
    assert annotation.label == 1
    assert annotation.box == geometry.tight_box(annotation.mask)


def test_clean_camera_pictures_are_of_other_scenes(smoky):
    clean = camera_scenes(6, 2, smoky=False)
    assert not clean.density.any()
    np.testing.assert_array_equal(clean.images, clean.clean)
    for other in (smoky.clean[:6], drawn_scenes(6, 2)):
        difference = np.abs(clean.images.astype(int) - other).mean(axis=(1, 2, 3))
        assert difference.min() > 15


def test_numbers_out_of_range_are_refused():
    for wrong in ({"count": -1}, {"seed": -1}, {"size": 8}, {"first_index": -1}):
        arguments = {"count": 1, "seed": 0, "size": 32, **wrong}
        (name, value), *_ = wrong.items()
        for draw in (drawn_scenes, camera_scenes):
            with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
                draw(**arguments)
    with pytest.raises(ValueError, match=re.escape("Received: size=15")):
        draw_scene(np.random.default_rng(0), 15)
