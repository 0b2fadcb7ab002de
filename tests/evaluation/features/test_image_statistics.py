"""Image statistics of pictures where they are known, and the baseline of two sets."""

import cv2
import numpy as np
import pytest

from kerasgen.evaluation.features.image_statistics import (
    STATISTICS,
    appearance,
    distribution_difference,
    grey_histograms,
    histogram_difference,
)


def plain(*colour, count=1, side=32):
    return np.full((count, side, side, 3), colour, np.uint8)


def of(images):
    return {name: float(values[0]) for name, values in appearance(images).items()}


def natural(side=64, seed=0, slope=-2.0):
    """A picture whose power falls with a known power of the frequency."""
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    frequencies[0, 0] = 1.0
    noise = np.fft.fft2(np.random.default_rng(seed).normal(size=(side, side)))
    grey = np.fft.ifft2(noise * frequencies ** (slope / 2)).real
    grey = 128 + 40 * (grey - grey.mean()) / grey.std()
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[None, ..., None], 3, axis=-1)


def test_every_statistic_is_there_once_a_picture():
    found = appearance(np.concatenate([natural(), natural(seed=1)]))
    assert set(found) == set(STATISTICS)
    assert all(values.shape == (2,) and np.isfinite(values).all() for values in found.values())


def test_light_and_colour_of_plain_pictures():
    grey, red, black, white = (
        of(plain(*colour)) for colour in ((51,) * 3, (200, 50, 50), (1, 2, 0), (255, 250, 250))
    )
    assert grey["brightness"] == pytest.approx(0.2) and grey["saturation"] == grey["contrast"] == 0
    assert red["saturation"] == pytest.approx(0.75)
    assert red["brightness"] == pytest.approx((0.299 * 200 + 0.701 * 50) / 255, rel=1e-4)
    assert black["clipped_dark"] == 1 and black["clipped_bright"] == grey["clipped_dark"] == 0
    assert white["clipped_bright"] == 1 and white["clipped_dark"] == 0


def test_contrast_is_a_deviation():
    halves = plain(0, 0, 0)
    halves[:, :, 16:] = 255
    assert of(halves)["contrast"] == pytest.approx(0.5)


@pytest.mark.parametrize("level", [2.0, 6.0])
def test_noise_is_measured_beside_straight_edges(level):
    generator = np.random.default_rng(0)
    picture = plain(100, 100, 100, side=128).astype(np.float64)
    picture[:, :, 50:] += 90
    noisy = picture + level * generator.normal(size=(1, 128, 128, 1))
    assert of(picture.astype(np.uint8))["noise"] < 0.5
    assert of(np.rint(noisy).astype(np.uint8))["noise"] == pytest.approx(level, rel=0.15)


def test_blur_takes_sharpness_and_steepens_the_spectrum():
    sharp = natural(side=128)
    blurred = np.stack([cv2.GaussianBlur(sharp[0], (0, 0), 1.5)])
    before, after = of(sharp), of(blurred)
    assert after["sharpness"] < 0.3 * before["sharpness"]
    assert after["spectrum_slope"] < before["spectrum_slope"] - 1


@pytest.mark.parametrize("slope", [-1.0, -2.0, -3.0])
def test_the_slope_of_a_spectrum_is_found(slope):
    found = [of(natural(128, seed, slope))["spectrum_slope"] for seed in range(4)]
    assert np.mean(found) == pytest.approx(slope, abs=0.25)


@pytest.mark.parametrize("step", [2, 4])
def test_a_grid_stands_out(step):
    clean = np.concatenate([natural(64, seed) for seed in range(12)])
    gridded = clean.astype(np.int64)
    gridded[:, ::step, ::step] += 3 * step**2
    before, after = (
        appearance(np.clip(each, 0, 255).astype(np.uint8))["grid"] for each in (clean, gridded)
    )
    assert abs(before.mean()) < 0.15 and (after > before + 0.2).all()


def test_histograms_are_shares():
    picture = plain(10, 10, 10)
    picture[:, :8] = 200
    (found,) = grey_histograms(picture)
    assert found[10] == 0.75 and found[200] == 0.25 and found.sum() == 1


def test_the_distance_of_pooled_histograms_is_how_far_light_is_moved():
    dark, light = (grey_histograms(plain(level, level, level, count=6)) for level in (40, 55))
    found = histogram_difference(dark, light)
    assert found.distance.value == pytest.approx(15) and found.p <= 0.01


def test_distances_of_samples_by_hand():
    found = distribution_difference(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0]))
    assert found.distance.value == pytest.approx(5) and found.distance.count == 3
    uneven = distribution_difference(np.array([0.0, 4.0]), np.array([0.0, 0.0, 0.0, 4.0]))
    # A quarter of the share has to move by four.
    assert uneven.distance.value == pytest.approx(1.0)


def test_the_baseline_is_what_chance_gives():
    generator = np.random.default_rng(0)
    shown = [
        distribution_difference(*generator.normal(size=(2, 60)), resamples=199, seed=index).p
        <= 0.05
        for index in range(100)
    ]
    assert 0.0 < np.mean(shown) <= 0.12
    found = distribution_difference(generator.normal(size=80), generator.normal(1, 1, 50))
    assert found.p < 0.01 and found.distance.low > found.baseline
    wider = distribution_difference(generator.normal(size=80), generator.normal(0, 3, 80))
    assert wider.p < 0.01


def test_rare_events_and_heavy_tails_are_no_difference():
    """Resampled from one set alone they would be: what is rare is mostly in the other."""
    generator = np.random.default_rng(2)
    rare, heavy, missed = [], [], 0
    for seed in range(100):
        options = {"resamples": 99, "seed": seed}
        flags = (generator.random((2, 60)) < 0.02).astype(float)
        tails = generator.exponential(size=(2, 60)) ** 3
        rare.append(distribution_difference(*flags, **options).p <= 0.05)
        found = distribution_difference(*tails, **options)
        heavy.append(found.p <= 0.05)
        missed += not found.distance.low <= found.distance.value <= found.distance.high
    assert np.mean(rare) <= 0.12 and np.mean(heavy) <= 0.12 and not missed


def test_frames_of_one_recording_are_one_witness():
    """Recordings differ in light: taken for independent, their frames would prove a difference."""
    generator = np.random.default_rng(1)
    names = tuple(np.repeat(np.arange(8), 20).tolist() for _ in range(2))
    apart, together = [], []
    for seed in range(30):
        real, synthetic = (
            generator.normal(size=8).repeat(20) + 0.1 * generator.normal(size=160) for _ in range(2)
        )
        options = {"resamples": 99, "seed": seed}
        apart.append(distribution_difference(real, synthetic, **options).p <= 0.05)
        together.append(distribution_difference(real, synthetic, names, **options).p <= 0.05)
    assert np.mean(apart) > 0.9 and np.mean(together) < 0.25


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 32, 32, 3)),
        np.zeros((2, 32, 32, 4), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
    ],
)
def test_what_are_no_pictures_is_refused(images):
    with pytest.raises(ValueError, match="Received: shape="):
        appearance(images)
    with pytest.raises(ValueError, match="at least 16 pixels"):
        appearance(np.zeros((2, 32, 15, 3), np.uint8))
    with pytest.raises(ValueError, match="finite"):
        distribution_difference(np.array([1.0, np.nan]), np.ones(3))
