"""Edges, light and shadow of pasted objects, by closed forms."""

import cv2
import numpy as np
import pytest

from kerasgen.compositing import blending
from kerasgen.compositing.blending import BLENDINGS, Shadow


def square(size=40, low=12, high=28):
    alpha = np.zeros((size, size), np.uint8)
    alpha[low:high, low:high] = 255
    return alpha


def plain(colour, size=40):
    return np.full((size, size, 3), colour, np.uint8)


def test_edges():
    alpha = square()
    alpha[12, 12:28] = 120
    alpha[27, 12:28] = 130
    hard = blending.edge(alpha, "hard")
    assert (
        set(np.unique(hard)) == {0, 255} and not hard[12].any() and (hard[27, 12:28] == 255).all()
    )
    assert blending.edge(alpha, "soft") is alpha
    for name in ("feathered", "poisson"):
        soft = blending.edge(square(), name)
        # Symmetric about the old edge, and gone two pixels away from it.
        np.testing.assert_allclose(soft[20, 6:12].astype(int) + soft[20, 12:18][::-1], 255, atol=1)
        assert not soft[:10].any() and (soft[14:26, 14:26] == 255).all() and 64 < soft[20, 11] < 128


def test_mixing_is_linear_in_between_and_exact_at_the_ends():
    random = np.random.default_rng(0)
    region, colours = random.integers(0, 256, (2, 16, 256, 3), np.uint8)
    alpha = np.broadcast_to(np.arange(256, dtype=np.uint8), (16, 256)).copy()
    before = region.copy()
    blending.mix(region, colours, alpha)
    share = alpha[..., None] / 255
    np.testing.assert_allclose(region, colours * share + before * (1 - share), atol=0.51)
    np.testing.assert_array_equal(region[:, 0], before[:, 0])
    np.testing.assert_array_equal(region[:, 255], colours[:, 255])


def test_mixing_changes_the_scene_itself():
    scene = plain(10)
    blending.mix(scene[5:25, 5:25], plain(90, 20), np.full((20, 20), 255, np.uint8))
    assert (scene[5:25, 5:25] == 90).all() and (scene == 90).sum() == 20 * 20 * 3


def test_matching_goes_part_of_the_way():
    alpha = square()
    colours, region = plain((100, 100, 100)), plain((140, 120, 100))
    assert blending.matched(colours, alpha, region, 0.0) is colours
    # Brightness differs by 20, red by 20 more and blue by 20 less, half of which counts.
    np.testing.assert_array_equal(
        blending.matched(colours, alpha, region, 1.0), plain((130, 120, 110))
    )
    np.testing.assert_array_equal(
        blending.matched(colours, alpha, region, 0.5), plain((115, 110, 105))
    )
    # What lies off the object does not count, on neither side.
    colours[alpha == 0], region[alpha == 0] = 255, 0
    assert (blending.matched(colours, alpha, region, 1.0)[alpha > 0] == (130, 120, 110)).all()
    far = blending.matched(plain(20), alpha, plain(250), 1.0)
    assert (far == 20 + 64).all()


def test_matching_moves_contrast_too():
    alpha = np.full((40, 40), 255, np.uint8)
    rows = np.mgrid[:40, :40][0][..., None] % 2
    colours = (100 + 20 * rows.repeat(3, 2)).astype(np.uint8)  # spread 10
    region = (70 + 80 * rows.repeat(3, 2)).astype(np.uint8)  # spread 40, the same mean
    moved = blending.matched(colours, alpha, region, 1.0)
    # A ratio of 41 / 11 is held to 2, and half of that counts: 10 becomes 15.
    np.testing.assert_allclose(moved.std(), 15, atol=0.5)
    np.testing.assert_allclose(moved.mean(), 110, atol=0.5)


def test_shadow_ends_at_its_reach():
    alpha, shadow = square(80, 30, 50), Shadow(0, 0, 9, 0.5)
    region = plain(200, 80)
    blending.shade(region, alpha, (slice(None), slice(None)), shadow)
    changed = region[..., 0] != 200
    assert not changed[:21].any() and not changed[59:].any() and changed[24:56, 24:56].all()
    assert abs(int(region[40, 40, 0]) - 100) < 8
    assert (np.diff(region[40, 40:, 0].astype(int)) >= 0).all()
    # The part in the frame is what the whole would be there.
    part = plain(200, 80)[:, :35]
    blending.shade(part, alpha, (slice(None), slice(0, 35)), shadow)
    np.testing.assert_array_equal(part, region[:, :35])


def test_poisson_gives_the_light_of_the_region_and_keeps_the_object():
    random = np.random.default_rng(0)
    texture = random.integers(-30, 30, (60, 60, 1))
    colours = np.clip((90, 90, 220) + texture, 0, 255).astype(np.uint8)
    region = np.broadcast_to(np.linspace(10, 190, 60)[None, :, None], (60, 60, 3)).astype(np.uint8)
    alpha = square(60, 12, 48)
    lit, fault = blending.harmonised(colours, alpha, region.copy())
    assert not fault
    change = lit.astype(int)[12:48, 12:48] - colours[12:48, 12:48]
    assert abs(change).max() <= 40
    # Darker on the left, lighter on the right, as the region is; smoothly, so texture stays.
    columns = change[..., :2].mean(axis=(0, 2))
    assert columns[:6].mean() < -10 and columns[-6:].mean() > 25
    assert abs(np.diff(change, axis=0)).max() <= 4
    np.testing.assert_array_equal(blending.harmonised(colours, alpha, region.copy())[0], lit)


def test_poisson_gives_way_where_the_object_would_vanish():
    colours, region, alpha = plain(120), plain(90), square()
    kept, fault = blending.harmonised(colours, alpha, region)
    assert kept is colours and fault == "contrast would fall from 30 to 1 levels"
    _, fault = blending.harmonised(plain(250), alpha, region)
    assert not fault  # 160 levels of difference lose 40
    kept, fault = blending.harmonised(colours, np.zeros_like(alpha), region)
    assert kept is colours and fault == "too small"


@pytest.mark.parametrize("part", [np.s_[:, 20:], np.s_[20:, :], np.s_[:24, :24], np.s_[18:22, :]])
def test_poisson_at_the_edge_of_the_frame(part):
    """The object reaches the border of the region, or fills it."""
    colours, region, alpha = plain(200), plain(60), square()
    lit, fault = blending.harmonised(
        np.ascontiguousarray(colours[part]), np.ascontiguousarray(alpha[part]), region[part].copy()
    )
    assert not fault and lit.shape == colours[part].shape
    assert (200 - 41 <= lit).all() and (lit <= 200).all()


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("width", [30, 31])
def test_poisson_keeps_the_texture_of_what_leaves_the_frame(side, width):
    """Were the copy shifted by a pixel, the stripes would be added to themselves, shifted."""
    random = np.random.default_rng(0)
    colours = np.clip(random.normal(130, 25, (40, 40, 3)), 60, 200).astype(np.uint8)
    alpha = np.zeros((40, 40), np.uint8)
    alpha[5:35, 40 - width :] = 255
    colours, alpha = np.rot90(colours, side).copy(), np.rot90(alpha, side).copy()
    lit, fault = blending.harmonised(colours, alpha, plain(110, 40))
    change = lit.astype(int) - colours
    inside = cv2.erode(alpha, np.ones((7, 7), np.uint8)) > 0
    assert not fault
    assert abs(change - cv2.blur(change.astype(np.float32), (3, 3)))[inside].max() <= 3


def test_names():
    assert BLENDINGS == ("hard", "soft", "feathered", "poisson")
