"""Training sets of a proof: what is in them, and what must never be."""

from dataclasses import replace

import numpy as np
import pytest

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.utility.training_sets import (
    Arm,
    TrainingPools,
    nested_order,
    training_set,
    without_copies,
)

CLASSES = ("a", "b", "c")


def pictures(counts, first):
    """Pictures whose first pixels are a number of their own."""
    labels = np.repeat(np.arange(3, dtype=np.int32), counts)
    images = np.zeros((len(labels), 4, 4, 1), np.uint8)
    numbers = first + np.arange(len(labels))
    images[:, 0, 0, 0], images[:, 0, 1, 0] = numbers // 256, numbers % 256
    return LabelledImages(images, labels, CLASSES, tuple(map(str, numbers)))


def numbers_of(images):
    return images[:, 0, 0, 0].astype(int) * 256 + images[:, 0, 1, 0]


REAL = pictures((60, 30, 30), 0)
SYNTHETIC = pictures((100, 100, 100), 1000)
# Recordings of three pictures each, all of one class.
POOLS = TrainingPools(REAL, [number // 3 for number in range(120)], SYNTHETIC)


def test_every_beginning_has_all_classes_in_their_shares():
    order = nested_order(POOLS.groups, REAL.labels, 3)
    assert sorted(order.tolist()) == list(range(120))
    for amount in (12, 24, 60):
        shares = np.bincount(REAL.labels[order[:amount]], minlength=3) / amount
        np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=3.01 / amount)
    # Three of a recording stand together.
    groups = np.array(POOLS.groups)[order].reshape(-1, 3)
    assert (groups == groups[:, :1]).all()
    assert not np.array_equal(order, nested_order(POOLS.groups, REAL.labels, 4))


def test_larger_amounts_hold_the_smaller_ones():
    small, large = (training_set(Arm("real"), amount, 0, POOLS) for amount in (30, 90))
    both = [
        set(numbers_of(each.pictures.images)) | set(numbers_of(each.held_out.images))
        for each in (small, large)
    ]
    assert len(both[0]) == 30 and both[0] < both[1]


@pytest.mark.parametrize(
    "arm",
    [
        Arm("real"),
        Arm("balanced", balanced=True),
        Arm("mixed", times=2),
        Arm("alone", real=False),
        Arm("control", times=1, added="more real"),
        Arm("noise", times=1, added="noise"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_source_is_both_trained_on_and_held_out(arm, seed):
    found = training_set(arm, 30, seed, POOLS)
    held = {number // 3 for number in numbers_of(found.held_out.images)}
    trained = {number // 3 for number in numbers_of(found.pictures.images) if number < 1000}
    assert held and (arm.added == "noise" or not held & trained)
    # All arms are chosen by the same pictures.
    same = training_set(Arm("real"), 30, seed, POOLS).held_out
    np.testing.assert_array_equal(found.held_out.images, same.images)


def test_where_others_are_given_to_choose_by_all_real_pictures_are_trained_on():
    others = REAL.at(np.arange(90, 120))
    pools = replace(POOLS, real=REAL.at(np.arange(90)), groups=POOLS.groups[:90], validation=others)
    for seed in (0, 1):
        found = training_set(Arm("mixed", times=2), 30, seed, pools)
        assert len(found.pictures.images) == 90 == 3 * pools.trained_on(30)
        assert found.held_out is others
        assert not set(numbers_of(found.pictures.images)) & set(numbers_of(others.images))


def test_what_is_added():
    own = numbers_of(training_set(Arm("real"), 30, 0, POOLS).pictures.images)
    mixed = training_set(Arm("mixed", times=2), 30, 0, POOLS)
    added_numbers = numbers_of(mixed.pictures.images)[len(own) :]
    assert (
        len(added_numbers) == 2 * len(own)
        and (added_numbers >= 1000).all()
        and len(set(added_numbers)) == len(added_numbers)
    )
    np.testing.assert_array_equal(
        mixed.pictures.labels[len(own) :], SYNTHETIC.labels[added_numbers - 1000]
    )
    assert np.ptp(np.bincount(mixed.pictures.labels[len(own) :])) <= 1
    alone = training_set(Arm("alone", real=False), 30, 0, POOLS)
    assert set(numbers_of(alone.pictures.images)) == set(range(1000, 1300))
    more = training_set(Arm("control", times=2, added="more real"), 30, 0, POOLS)
    others = numbers_of(more.pictures.images)[len(own) :]
    assert len(others) == 2 * len(own) and (others < 120).all() and not set(others) & set(own)
    np.testing.assert_array_equal(more.pictures.labels[len(own) :], REAL.labels[others])
    noise = training_set(Arm("noise", times=2, added="noise"), 30, 0, POOLS)
    assert (
        noise.pictures.images[len(own) :].std() > 60
        and len(set(noise.pictures.labels[len(own) :])) == 3
    )


def test_a_gate_adds_only_confirmed_pictures():
    confirmed = np.zeros(300, bool)
    confirmed[[3, 150, 299]] = True
    arm = Arm("confirmed", times=1, added="confirmed")
    found = training_set(arm, 30, 0, POOLS, confirmed)
    assert set(numbers_of(found.pictures.images)[-3:]) == {1003, 1150, 1299}
    assert (numbers_of(found.pictures.images)[:-3] < 1000).all()


def test_rare_classes_are_shown_as_often_in_a_balanced_set():
    found = training_set(Arm("balanced", balanced=True), 60, 0, POOLS)
    assert np.ptp(np.bincount(found.pictures.labels)) == 0
    plain = training_set(Arm("real"), 60, 0, POOLS)
    assert set(numbers_of(found.pictures.images)) == set(numbers_of(plain.pictures.images))


@pytest.mark.parametrize(("added", "message"), [("synthetic", "synthetic"), ("more real", "other")])
def test_too_few_pictures_are_refused(added, message):
    with pytest.raises(ValueError, match=rf"too few {message}.*needed: 4\d\d"):
        training_set(Arm("mixed", times=20, added=added), 30, 0, POOLS)


def test_copies_of_test_pictures_are_left_out():
    train, test = pictures((4, 3, 3), 0), pictures((4, 4, 4), 500)
    images = train.images.copy()
    images[[2, 7]] = test.images[[5, 9]]
    planted = LabelledImages(images, train.labels, train.class_names, train.names)
    assert without_copies(planted, test).names == ("0", "1", "3", "4", "5", "6", "8", "9")
