"""Masks estimated from drawn pictures whose truth is known, and their quality."""

import cv2
import numpy as np
import pytest

from kerasgen.compositing import segmentation
from kerasgen.compositing.segmentation import Measures


def shirt(height=80, width=64):
    """A T-shirt's outline as ``[H, W]`` bool."""
    points = np.array(
        [[0.38, 0.15], [0.62, 0.15], [0.9, 0.35], [0.8, 0.48], [0.7, 0.42], [0.7, 0.88]]
    )
    points = np.concatenate([points, ([1, 0] - points * [1, -1])[::-1]])
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * [width, height]).astype(np.int32)], 1)
    return mask.astype(bool)


def photograph(mask, inside=(150, 40, 40), outside=(170, 165, 150), noise=8.0, seed=0):
    """Both colours with noise and uneven light, blurred a little as a lens does."""
    random = np.random.default_rng(seed)
    image = np.where(mask[..., None], np.array(inside, float), np.array(outside, float))
    image *= np.linspace(0.9, 1.1, mask.shape[1])[None, :, None]
    image = cv2.GaussianBlur(image, (0, 0), 0.7) + random.normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_finds_a_garment_on_a_floor():
    mask = shirt()
    found = segmentation.estimate(photograph(mask))
    assert overlap(found.mask, mask) > 0.95 and found.quality > 0.75


def test_finds_both_of_a_pair_and_no_specks():
    rows, columns = np.mgrid[:64, :80]
    shoes = ((rows - 32) / 24) ** 2 + ((columns - 24) / 9) ** 2 < 1
    shoes |= shoes[:, ::-1]
    image = photograph(shoes)
    image[4:6, 60:62] = (150, 40, 40)  # a crumb
    found = segmentation.estimate(image)
    assert overlap(found.mask, shoes) > 0.93 and not found.mask[:7].any()


def test_cleans_threads_and_small_holes_away():
    rows, columns = np.mgrid[:80, :80]
    body = (abs(rows - 50) < 22) & (abs(columns - 40) < 25)
    ragged = body.copy()
    ragged[2:30, 40] = True  # the hook of a hanger
    ragged[48:51, 38:42] = False  # a print in the colour of the floor
    ragged[36:46, 50:60] = False  # a gap under a sleeve
    cleaned = segmentation._cleaned(ragged)
    assert not cleaned[:28].any() and cleaned[48:51, 38:42].all()
    assert not cleaned[37:45, 51:59].any()


def test_the_same_whatever_ran_before_and_with_any_number_of_threads():
    image = photograph(shirt(), noise=30, inside=(150, 120, 120))
    threads = cv2.getNumThreads()
    results = []
    try:
        for count, seed in ((1, 3), (4, 99)):
            cv2.setNumThreads(count)
            cv2.setRNGSeed(seed)
            results.append(segmentation.estimate(image))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(results[0].mask, results[1].mask)
    assert results[0][1:] == results[1][1:]
    # Nothing to find: the clusters of the frame's colours are a matter of chance.
    random = np.random.default_rng(0)
    clouds = cv2.GaussianBlur(random.normal(50, 300, (60, 60, 3)).astype(np.float32), (0, 0), 4)
    cv2.setRNGSeed(1)
    first = segmentation._unlike_frame(clouds)
    for seed in range(2, 6):
        cv2.setRNGSeed(seed)
        np.testing.assert_array_equal(segmentation._unlike_frame(clouds), first)


def test_objects_may_touch_the_frame():
    """Their colour in the frame is rare, and does not count as the floor's."""
    mask = np.zeros((80, 80), bool)
    mask[30:, 36:42] = True
    colours = np.where(mask[..., None], [30.0, 60, 40], [80.0, 0, 0]).astype(np.float32)
    colours += np.random.default_rng(0).normal(0, 1, colours.shape).astype(np.float32)
    unlike = segmentation._unlike_frame(colours)
    assert unlike[mask].mean() > 0.9 and unlike[~mask].mean() < 0.2


def test_a_corner_of_the_background_is_no_hole():
    mask = np.ones((80, 80), bool)
    mask[:7, :7] = False
    assert not segmentation._cleaned(mask)[:6, :6].any()


def test_quality_separates_right_from_wrong_masks():
    """Ever more like the floor: the masks go wrong, and their quality shows which."""
    mask = shirt(64, 48)
    floor, coat = np.array([170, 165, 150]), np.array([150, 40, 40])
    qualities, truths = [], []
    for number, share in enumerate(np.linspace(0.0, 1.0, 14)):
        colour = floor + (coat - floor) * (1 - share)
        found = segmentation.estimate(photograph(mask, colour, floor, 14.0, number))
        qualities.append(found.quality)
        truths.append(overlap(found.mask, mask))
    qualities, truths = np.array(qualities), np.array(truths)
    right = truths > 0.9
    assert 2 <= (~right).sum() <= 8, "some must be right and some wrong, or nothing is tested"
    assert qualities[~right].max() < 0.5
    assert (qualities >= 0.75).sum() >= 6


@pytest.mark.parametrize(
    "measures, quality, words",
    [
        (Measures(0.4, 0.0, 1.0, 0.0, 1.0), 1.0, ""),
        (Measures(0.97, 0.0, 1.0, 0.0, 1.0), 0.0, "covers 97% of the picture"),
        (Measures(0.01, 0.0, 1.0, 0.0, 1.0), 0.0, "covers 1% of the picture"),
        (Measures(0.4, 0.2, 1.0, 0.0, 1.0), 0.5, "touches 20% of the picture's border"),
        (Measures(0.4, 0.0, 0.85, 0.0, 1.0), 0.5, "agree to 85%"),
        (Measures(0.4, 0.0, 1.0, 0.275, 1.0), 0.5, "have 28% of their colours in common"),
        (Measures(0.4, 0.0, 1.0, 0.0, 0.885), 0.5, "ragged, 88% remain"),
        (Measures(0.4, 0.2, 0.85, 0.0, 1.0), 0.25, ""),
    ],
)
def test_quality_by_hand_worked_numbers(measures, quality, words):
    found, fault = segmentation.judge(measures)
    assert found == pytest.approx(quality) and words in fault


def test_the_reason_fits_the_picture():
    mask = shirt(64, 48)
    twins = segmentation.estimate(photograph(mask, (120, 120, 120), (121, 120, 120), 12.0))
    assert twins.quality < 0.5
    plain = segmentation.estimate(np.full((40, 40, 3), 90, np.uint8))
    assert plain.quality == 0 and not plain.mask.any() and "covers 0%" in plain.fault
    wide = np.zeros((64, 48), bool)
    wide[:40] = True
    cut_off = segmentation.estimate(photograph(wide))
    assert cut_off.quality < 0.75


def test_shared_colours_and_smoothness_have_closed_forms():
    mask = np.zeros((60, 60), bool)
    mask[20:40, 20:40] = True
    colours = np.where(mask[..., None], [20.0, 50, 50], [80.0, -50, -50]).astype(np.float32)
    assert segmentation.measure(colours, mask, [mask]).shared == 0
    same = np.full((60, 60, 3), 50, np.float32)
    assert segmentation.measure(same, mask, [mask]).shared == pytest.approx(1)
    colours[20:30, 20:40] = (80, -50, -50)  # half of the object
    measures = segmentation.measure(colours, mask, [mask, mask[::-1], ~mask])
    assert measures.shared == pytest.approx(0.5)
    assert measures.agreement == pytest.approx((1 + 1 + 0) / 3)
    assert measures.area == pytest.approx(1 / 9) and measures.border == 0
    combed = mask.copy()
    combed[20:40:3] = False
    assert segmentation.measure(same, combed, [mask]).smoothness < 0.7


def test_large_pictures_are_segmented_small():
    mask = shirt(640, 480)
    found = segmentation.estimate(photograph(mask))
    assert found.mask.shape == (640, 480) and overlap(found.mask, mask) > 0.95
    assert segmentation.working_size((4000, 100)) == (256, 6)
    assert segmentation.working_size((100, 90)) == (100, 90)


def test_feathered_edge_lies_half_a_pixel_inside():
    mask = np.zeros((40, 40), bool)
    mask[:, 20:] = True
    profile = segmentation.feathered(mask)[20].astype(float) / 255
    assert (profile[:17] == 0).all() and (profile[24:] == 1).all()
    # Where the profile, linear between pixel centres, crosses one half.
    last = np.flatnonzero(profile < 0.5)[-1]
    crossing = last + 0.5 + (0.5 - profile[last]) / (profile[last + 1] - profile[last])
    assert crossing == pytest.approx(20.5, abs=0.1)
    assert segmentation.feathered(np.ones((30, 30), bool)).min() == 255


@pytest.mark.parametrize("is_mixed", [True, False])
def test_the_objects_colours_continue_beyond_its_edge(is_mixed):
    alpha = np.zeros((40, 40), np.uint8)
    alpha[10:30, 10:30] = 255
    alpha[10:30, 9] = alpha[10:30, 30] = 128
    image = np.full((40, 40, 3), (0, 0, 255), np.uint8)
    image[10:30, 10:30] = (200, 100, 0)
    image[10:30, 9] = image[10:30, 30] = (100, 50, 128) if is_mixed else (180, 120, 0)
    spread = segmentation.spread_colours(image, alpha, is_mixed=is_mixed)
    solid = alpha == 255
    np.testing.assert_array_equal(spread[solid], image[solid])
    assert abs(spread[alpha == 0].astype(int) - (200, 100, 0)).max() <= (1 if is_mixed else 20)
    # Half of what a mixed pixel shows is not its own.
    assert spread[20, 9].tolist() == ([175, 87, 32] if is_mixed else [180, 120, 0])


def test_shrinking_weights_colours_by_alpha():
    alpha = np.zeros((40, 20), np.uint8)
    alpha[9:30, 4:15] = 255
    image = np.where(alpha[..., None] > 0, (200, 100, 0), (0, 0, 255)).astype(np.uint8)
    small, soft = segmentation.shrunk(image, alpha, 16)
    assert soft.shape == (16, 8) and small.shape == (16, 8, 3)
    assert soft.sum() / 255 == pytest.approx(21 * 11 * 0.4 * 0.4, rel=0.02)
    assert (small[soft > 0] == (200, 100, 0)).all()
    assert segmentation.shrunk(image, alpha, 40)[0] is image
