import dataclasses

import numpy as np
import pytest

from kerasgen.procedural import camera
from kerasgen.procedural.camera import CameraOptions

NEUTRAL = CameraOptions(
    blur=(0.0, 0.0),
    noise=(0.0, 0.0),
    jpeg_quality=(95.0, 95.0),
    colour_cast=(0.0, 0.0),
    light_gradient=(0.0, 0.0),
    exposure=(1.0, 1.0),
    contrast=(1.0, 1.0),
    gamma=(1.0, 1.0),
    saturation=(1.0, 1.0),
    occlusion=0.0,
)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (count, 16, 20, 3), dtype=np.uint8)


def grey(level: int, count: int = 1, size: int = 64) -> np.ndarray:
    return np.full((count, size, size, 3), level, np.uint8)


def test_picture_is_a_function_of_seed_and_index() -> None:
    images = pictures(12)
    taken = camera.apply_camera(images, CameraOptions(), seed=5)
    np.testing.assert_array_equal(taken[:4], camera.apply_camera(images[:4], CameraOptions(), 5))
    np.testing.assert_array_equal(
        taken[7:9], camera.apply_camera(images[7:9], CameraOptions(), 5, first_index=7)
    )
    assert (taken != camera.apply_camera(images, CameraOptions(), 6)).any()
    assert taken.dtype == np.uint8 and taken.shape == images.shape


def test_neutral_camera_leaves_only_jpeg() -> None:
    smooth = np.repeat(np.linspace(40, 200, 64).astype(np.uint8)[None, None, :, None], 64, axis=1)
    images = np.repeat(smooth, 3, axis=3)
    assert np.abs(camera.apply_camera(images, NEUTRAL, 0).astype(int) - images).max() <= 2


@pytest.mark.parametrize(
    ("change", "level", "expected"),
    [
        ({"exposure": (0.5, 0.5)}, 200, 100.0),
        ({"gamma": (2.0, 2.0)}, 128, 255 * (128 / 255) ** 2),
        ({"contrast": (0.5, 0.5)}, 90, 90.0),
        ({"saturation": (0.2, 0.2)}, 90, 90.0),
    ],
)
def test_tones_by_hand_worked_numbers(
    change: dict[str, tuple[float, float]], level: int, expected: float
) -> None:
    options = dataclasses.replace(NEUTRAL, **change)
    taken = camera.apply_camera(grey(level), options, 0)
    assert abs(taken.mean() - expected) < 1.0


def test_contrast_and_saturation_shrink_about_mean_and_grey() -> None:
    halves = grey(60)
    halves[:, 32:] = 140
    taken = camera.apply_camera(halves, dataclasses.replace(NEUTRAL, contrast=(0.5, 0.5)), 0)
    assert abs(taken[0, 8].mean() - 80) < 1.5 and abs(taken[0, 56].mean() - 120) < 1.5
    red = grey(0)
    red[..., 0] = 200
    taken = camera.apply_camera(red, dataclasses.replace(NEUTRAL, saturation=(0.0, 0.0)), 0)
    np.testing.assert_allclose(taken.mean(axis=(0, 1, 2)), 0.299 * 200, atol=1.5)


def test_noise_has_the_requested_spread() -> None:
    options = dataclasses.replace(NEUTRAL, noise=(5.0, 5.0))
    taken = camera.apply_camera(grey(128, 8), options, 1)
    luminance = taken @ np.array([0.299, 0.587, 0.114])
    # Shared 0.8, own 0.6 of the spread: in the luminance sqrt(.64 + .36 * .447) of it remain, and
    # JPEG's rounding comes on top.
    assert 0 < luminance.std() - 5 * np.sqrt(0.64 + 0.36 * 0.447) < 0.6
    assert abs(taken.mean() - 128) < 0.5


def test_blur_spreads_as_its_sigma_and_moves_nothing() -> None:
    spot = grey(0)
    spot[0, 30:33, 40:43] = 250
    options = dataclasses.replace(NEUTRAL, blur=(2.0, 2.0))
    taken = camera.apply_camera(spot, options, 0)[0, ..., 1].astype(float)
    taken[taken < 3] = 0
    ys, xs = np.mgrid[:64, :64] + 0.5
    mass = taken.sum()
    centre = (taken * xs).sum() / mass, (taken * ys).sum() / mass
    np.testing.assert_allclose(centre, (41.5, 31.5), atol=0.05)
    spread = (taken * (xs - centre[0]) ** 2).sum() / mass
    assert abs(spread - (4 + 2 / 3)) < 0.6


def test_gradient_and_cast_are_relative() -> None:
    taken = camera.apply_camera(
        grey(100, 6), dataclasses.replace(NEUTRAL, light_gradient=(0.3, 0.3)), 0
    ).astype(float)
    np.testing.assert_allclose(taken.mean(axis=(1, 2, 3)), 100, atol=1.5)
    assert (taken.max(axis=(1, 2, 3)) > 125).all() and (taken.min(axis=(1, 2, 3)) < 75).all()
    taken = camera.apply_camera(
        grey(100, 40), dataclasses.replace(NEUTRAL, colour_cast=(0.2, 0.2)), 0
    )
    means = taken.mean(axis=(1, 2))
    assert 78 < means.min() < 86 and 114 < means.max() < 122


def test_occlusion_reaches_in_from_a_border_but_spares_the_centre() -> None:
    options = dataclasses.replace(NEUTRAL, occlusion=1.0)
    change = np.abs(camera.apply_camera(grey(128, 40), options, 0).astype(int) - 128).max(axis=3)
    assert change[:, 20:44, 20:44].max() <= 4
    assert (change.max(axis=(1, 2)) > 20).mean() > 0.8
    assert camera.apply_camera(grey(128, 40), NEUTRAL, 0).std() == 0


def test_match_colour_gives_mean_and_spread_of_one_reference() -> None:
    generator = np.random.default_rng(0)
    references = np.stack(
        [
            np.clip(generator.normal(mean, spread, (20, 16, 3)), 0, 255).astype(np.uint8)
            for mean, spread in ((90, 12), (120, 20), (150, 8))
        ]
    )
    matched = camera.match_colour(pictures(30), references, seed=2)
    means, spreads = matched.mean(axis=(1, 2)), matched.std(axis=(1, 2))
    wanted = np.concatenate([references.mean(axis=(1, 2)), references.std(axis=(1, 2))], axis=1)
    distance = np.abs(np.concatenate([means, spreads], axis=1)[:, None] - wanted).max(axis=2)
    assert distance.min(axis=1).max() < 0.3
    assert set(distance.argmin(axis=1)) == {0, 1, 2}
    np.testing.assert_array_equal(matched[:3], camera.match_colour(pictures(30)[:3], references, 2))


def test_cheap_realism_is_match_colour_and_noise() -> None:
    references = grey(120, 1)
    references[0, ::2] = 121
    images = grey(30, 3)
    images[:, ::2] = 34
    cheap = camera.cheap_realism(images, references, seed=1).astype(float)
    assert abs(cheap.mean() - 120.5) < 0.2
    assert abs(cheap.std() - 4) < 0.1
    still = camera.cheap_realism(images, references, seed=1, blur=0.0, noise=0.0)
    np.testing.assert_array_equal(still, camera.match_colour(images, references, seed=1))
    np.testing.assert_array_equal(cheap[:1], camera.cheap_realism(images[:1], references, 1))


def test_rejects_what_is_no_picture_and_no_range() -> None:
    with pytest.raises(ValueError, match="Received: images of shape="):
        camera.apply_camera(np.zeros((2, 4, 4, 1), np.uint8), CameraOptions(), 0)
    with pytest.raises(ValueError, match="Received: references of length 0"):
        camera.match_colour(pictures(1), pictures(0), 0)
    with pytest.raises(ValueError, match="Received: images of shape="):
        camera.cheap_realism(pictures(1).astype(float), pictures(1), 0)
    with pytest.raises(ValueError, match="Received: blur="):
        CameraOptions(blur=(2.0, 1.0))
    with pytest.raises(ValueError, match="Received: occlusion="):
        CameraOptions(occlusion=1.5)
