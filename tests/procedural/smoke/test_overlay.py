"""Smoke by physics: exact blending and masks, one picture per seed and index, honest failures."""

import dataclasses
import json
import re

import cv2
import numpy as np
import pytest

from kerasgen.annotations import annotation as geometry
from kerasgen.procedural.smoke import volumes
from kerasgen.procedural.smoke.overlay import (
    SmokeOptions,
    SmokyPicture,
    add_smoke,
    smoke_mask,
    smoky_copies,
)

PLUME = SmokeOptions(plume=1.0, cloud=0.0, haze=0.0, veil=0.0)
HAZE = SmokeOptions(plume=0.0, cloud=0.0, haze=1.0)


def scene(height=64, width=64, seed=0):
    """A picture with large and small detail of many colours."""
    cells = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    large = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = np.random.default_rng(seed).integers(-9, 10, (height, width, 3))
    return np.clip(large + fine, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def smokes() -> list[SmokyPicture]:
    return [add_smoke(scene(), 5, index=k) for k in range(40)]


def test_the_picture_is_the_blend_of_what_is_returned(smokes):
    clean = scene().astype(np.float32)
    for smoky in smokes:
        density, airlight = smoky.density[..., None], smoky.airlight
        np.testing.assert_array_equal(smoky.image, np.rint(clean + density * (airlight - clean)))
        exact = scene() * (1 - density.astype(float)) + density.astype(float) * airlight
        assert np.abs(smoky.image - exact).max() < 0.501


def test_shapes_types_and_ranges(smokes):
    for smoky in smokes:
        assert smoky.image.shape == (64, 64, 3) and smoky.image.dtype == np.uint8
        assert smoky.density.shape == (64, 64) and smoky.density.dtype == np.float32
        assert smoky.airlight.shape == (64, 64, 3) and smoky.airlight.dtype == np.float32
        assert 0 <= smoky.density.min() and smoky.density.max() < 1
        assert 0 <= smoky.airlight.min() and smoky.airlight.max() <= 255


def test_clear_air_leaves_the_picture_alone():
    clear = 0
    for k in range(10):
        smoky = add_smoke(scene(), 1, PLUME, k)
        is_clear = smoky.density == 0
        np.testing.assert_array_equal(smoky.image[is_clear], scene()[is_clear])
        clear += is_clear.mean() / 10
    assert 0.1 < clear < 0.9


def test_a_picture_is_a_function_of_seed_and_index():
    clean = scene(40, 56)
    before = clean.copy()
    clean.flags.writeable = False
    one = add_smoke(clean, 3, index=2)
    add_smoke(clean, 4)
    again = add_smoke(clean[:, :, :], 3, index=2)
    for name in ("image", "density", "airlight"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert one.parameters == again.parameters
    np.testing.assert_array_equal(clean, before)
    for other in (add_smoke(clean, 3, index=3), add_smoke(clean, 2, index=2)):
        assert np.abs(one.density - other.density).mean() > 0.01


def test_copies_are_pictures_of_one_series():
    clean = np.stack([scene(20, 32, k) for k in range(4)])
    copies = smoky_copies(clean, 6, PLUME, first_index=3)
    assert copies.images.dtype == np.uint8 and copies.density.dtype == np.float32
    for k in range(4):
        one = add_smoke(clean[k], 6, PLUME, 3 + k)
        np.testing.assert_array_equal(copies.images[k], one.image)
        np.testing.assert_array_equal(copies.density[k], one.density)
        assert copies.parameters[k] == one.parameters
    assert smoky_copies(clean[:0], 0).images.shape == (0, 20, 32, 3)
    with pytest.raises(
        ValueError, match=r"\[N, H, W, 3\] uint8. Received: images of shape=\(20, 32"
    ):
        smoky_copies(clean[0], 0)


@pytest.mark.parametrize("size", [(32, 32), (128, 128), (320, 320)])
def test_the_smoke_is_the_same_at_every_size(size):
    options = SmokeOptions(least_change=0.0)
    for k in range(6):
        small = add_smoke(scene(64, 64), 7, options, k)
        other = add_smoke(scene(*size), 7, options, k)
        assert small.parameters["kind"] == other.parameters["kind"]
        reduced = cv2.resize(other.density, (64, 64), interpolation=cv2.INTER_AREA)
        assert np.abs(reduced - small.density).mean() < 0.04


@pytest.mark.parametrize("size", [(16, 16), (17, 90), (150, 40), (24, 1500)])
def test_any_proportions(size):
    smoky = add_smoke(scene(*size), 0)
    assert smoky.image.shape == (*size, 3) and smoky.density.shape == size
    assert smoky.parameters["mean_change"] >= 0.1


def test_smoke_changes_enough_or_is_drawn_anew():
    changes = [
        add_smoke(scene(), 0, SmokeOptions(least_change=least), k).parameters["mean_change"]
        for least in (0.0, 0.15)
        for k in range(15)
    ]
    assert min(changes[:15]) < 0.1 < 0.15 <= min(changes[15:])
    smoky = add_smoke(scene(), 0, index=3)
    change = np.abs(smoky.image.astype(float) - scene()).mean() / 255
    np.testing.assert_allclose(smoky.parameters["mean_change"], change, rtol=1e-9)


def test_what_cannot_be_changed_enough_is_refused():
    white = np.full((32, 32, 3), 255, np.uint8)
    options = SmokeOptions(grey=0.0, black=0.0, least_change=0.6, attempts=3)
    with pytest.raises(ValueError, match=r"(?s)lower `least_change`.*attempts=3.*seed=8, index=1"):
        add_smoke(white, 8, options, 1)


def test_kinds_and_tones_are_as_requested():
    grey = np.full((48, 48, 3), 100, np.uint8)
    means = []
    for tone in ("white", "grey", "black"):
        shares = {"white": 0.0, "grey": 0.0, "black": 0.0, tone: 0.3}
        options = dataclasses.replace(PLUME, **shares, least_change=0.0)
        smokes = [add_smoke(grey, 0, options, k) for k in range(12)]
        assert {s.parameters["tone"] for s in smokes} == {tone}
        assert {s.parameters["kind"] for s in smokes} == {"plume"}
        means.append(np.mean([np.average(s.airlight[..., 1], weights=s.density) for s in smokes]))
    assert means[0] > means[1] + 20 > means[2] + 60


def test_haze_is_everywhere_and_even():
    thick = SmokeOptions(plume=0.0, cloud=0.0, haze=1.0, white=0.0, grey=0.0, black=1.0)
    for options in (HAZE, thick):
        for k in range(8):
            smoky = add_smoke(scene(), 2, options, k)
            assert smoky.density.min() > 0
            # Plumes and clouds have steps of 0.1 and more between neighbours.
            assert np.abs(np.diff(smoky.density, axis=1)).max() < 0.06
            assert smoky.parameters["tone"] != "black"


def test_shares_of_kinds():
    options = SmokeOptions(plume=3.0 / 8, cloud=1.0 / 8, haze=0.0, least_change=0.0)
    drawn = [add_smoke(scene(16, 16), 1, options, k).parameters["kind"] for k in range(200)]
    assert set(drawn) == {"plume", "cloud"}
    assert abs(drawn.count("plume") / 200 - 0.75) < 0.1


def test_parameters_are_json(smokes):
    for smoky in smokes:
        assert json.loads(json.dumps(smoky.parameters)) == smoky.parameters
    kinds = {smoky.parameters["kind"] for smoky in smokes}
    tones = {smoky.parameters["tone"] for smoky in smokes}
    assert kinds >= {"plume", "cloud"} and tones == {"white", "grey", "black"}


def test_the_mask_travels_with_the_picture():
    smoky = add_smoke(scene(), 1, PLUME, 4)
    annotation = smoky.annotation(label=2, threshold=0.25)
    assert annotation.label == 2
    np.testing.assert_array_equal(annotation.mask, smoky.density > 0.25)
    assert annotation.box == geometry.tight_box(smoky.density > 0.25)
    moved = annotation.transformed(geometry.flip_horizontal(64), (64, 64))
    np.testing.assert_array_equal(moved.mask, annotation.mask[:, ::-1])
    areas = [smoke_mask(smoky.density, at).mean() for at in (0.0, 0.1, 0.5)]
    assert 1 > areas[0] > areas[1] > areas[2] > 0
    changed = (smoky.image != scene()).any(axis=2)
    assert not (changed & ~smoke_mask(smoky.density, 0.0)).any()


def test_light_falls_off_as_in_an_even_medium():
    density = np.full((20, 20, volumes.SLICES), 0.1, np.float32)
    straight = volumes.light_through(density, np.array([0.0, -1.0, 0.0]))
    rows = np.arange(20) + 0.15 * 20  # smoke goes on above the picture
    expected = np.broadcast_to(np.exp(-0.1 * rows)[:, None, None], density.shape)
    np.testing.assert_allclose(straight, expected, rtol=1e-4)
    # A slanting ray is longer: by 1 over the cosine, as long as it is inside.
    slanting = volumes.light_through(density, np.array([0.6, -0.8, 0.0]))
    np.testing.assert_allclose(slanting[:, 5, 5], np.exp(-0.1 * rows / 0.8), rtol=0.06)
    clear = volumes.light_through(0 * density, np.array([0.6, -0.6, 0.5]))
    np.testing.assert_array_equal(clear, np.ones_like(clear))


@pytest.mark.parametrize("side", [-1, 1])
def test_shadows_fall_away_from_the_light(side):
    density = np.zeros((32, 32, volumes.SLICES), np.float32)
    density[8:12, 14:18] = 3.0
    through = volumes.light_through(density, np.array([side * 0.7, -0.7, 0.0]))[24, :, 5]
    # 12 to 16 rows further down the shadow has moved by as much, away from the light.
    assert abs(np.average(np.arange(32), weights=1 - through) - (15.5 - side * 14)) < 1.5
    before = volumes.light_through(density, np.array([0.0, -0.7, 0.7]))
    assert before[10, 16, -1] > before[10, 16, 0]


def test_what_is_seen_of_a_volume():
    rng = np.random.default_rng(0)
    depth = rng.random((3, 4, volumes.SLICES), np.float32)
    opacity, light = volumes.seen(depth, np.full_like(depth, 0.7))
    np.testing.assert_allclose(opacity, 1 - np.exp(-depth.sum(axis=2)), rtol=1e-5)
    np.testing.assert_allclose(light, 0.7, rtol=1e-5)
    # The nearest slice, the last, hides the others.
    depth[..., -1] = 30.0
    through = rng.random(depth.shape, np.float32)
    opacity, light = volumes.seen(depth, through)
    np.testing.assert_allclose(light, through[..., -1], rtol=1e-4)
    assert not volumes.seen(0 * depth, through)[0].any()


def test_turbulence_is_centred_and_moves_the_generator_alike_at_every_size():
    large = volumes.pixel_grid(96, 96)
    following = []
    for grid in (large, volumes.pixel_grid(24, 24)):
        rng = np.random.default_rng(0)
        means = [volumes.turbulence(rng, grid, 0.2, 0.6, None).mean() for _ in range(6)]
        following.append(rng.random())
        assert abs(np.mean(means)) < 0.15
    assert following[0] == following[1]
    first = volumes.turbulence(np.random.default_rng(1), large, 0.1, 1e-9, None)
    assert abs(first.mean()) < 0.1 and abs(first.std() - 0.96) < 0.1


def test_plumes_widen_on_their_way_and_come_from_their_sources():
    grid = volumes.pixel_grid(64, 64)
    for seed in range(12):
        draws: volumes.Draws = {}
        shape = volumes.plumes(np.random.default_rng(seed), grid, draws)
        inside = shape.core.max(axis=2) > 0
        for source in draws["sources"]:
            row = int((source["y"] + 0.5) * 64)
            column = int((source["x"] + 0.5) * 64)
            if 2 <= row < 62 and 2 <= column < 62:
                assert inside[row - 2 : row + 3, column - 2 : column + 3].any()
        rows = np.arange(64)[:, None] * inside
        assert inside.any() and rows.max() <= 64 * (max(s["y"] for s in draws["sources"]) + 0.75)
        assert shape.width is not None and shape.width[inside].max() > 1.5 * shape.width.min()


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (scene().astype(np.float32), "dtype=float32"),
        (scene()[..., 0], "shape=(64, 64)"),
        (np.zeros((64, 64, 4), np.uint8), "shape=(64, 64, 4)"),
        (scene()[:15], "at least 16. Received: image of shape=(15, 64, 3)"),
    ],
)
def test_pictures_of_another_kind_are_refused(image, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        add_smoke(image, 0)


def test_numbers_out_of_range_are_refused():
    for wrong, text in (({"seed": -1}, "seed=-1"), ({"seed": 0, "index": -2}, "index=-2")):
        with pytest.raises(ValueError, match=f"Received: .*{text}"):
            add_smoke(scene(), **wrong)
    for threshold in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"threshold={threshold}"):
            smoke_mask(np.zeros((4, 4), np.float32), threshold)
    for density in (np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4), np.float32)):
        with pytest.raises(ValueError, match=r"must be \[H, W\] float"):
            smoke_mask(density)


@pytest.mark.parametrize(
    "wrong",
    [
        {"plume": -0.1},
        {"haze": 1.1},
        {"veil": 2.0},
        {"optical_depth": (20.0, 3.0)},
        {"optical_depth": (0.0, 3.0)},
        {"softness": (0.0, 1.0)},
        {"ambient": (0.5, float("nan"))},
        {"grain": (1.0,)},
        {"least_change": 1.0},
        {"attempts": 0},
    ],
)
def test_options_out_of_range_are_refused(wrong):
    (name, value), *_ = wrong.items()
    with pytest.raises(ValueError, match=re.escape(f"Received: {name}={value}")):
        SmokeOptions(**wrong)


@pytest.mark.parametrize("names", [("plume", "cloud", "haze"), ("white", "grey", "black")])
def test_one_share_at_least_is_needed(names):
    with pytest.raises(ValueError, match="must have a share"):
        SmokeOptions(**dict.fromkeys(names, 0.0))
