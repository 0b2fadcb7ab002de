"""Differences between two sets of pictures that nobody means."""

import numpy as np
import pytest
from PIL import Image

from kerasgen.data.domain_checks import domain_remarks, small_picture_remarks


def coloured(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), np.uint8)


def grey(count):
    return np.repeat(coloured(count)[..., :1], 3, axis=-1)


def test_sets_that_are_alike_are_not_remarked_on():
    assert domain_remarks(coloured(20), coloured(30, 1)) == []
    assert domain_remarks(grey(20), grey(30)) == []
    mostly = np.concatenate([coloured(15), grey(5)])
    assert domain_remarks(mostly, coloured(30, 1)) == []


@pytest.mark.parametrize("swapped", [False, True])
def test_a_grey_set_beside_a_coloured_one_is(swapped):
    dated = grey(20)
    dated[:, 0, :2] = (255, 0, 0)
    sets = [dated, coloured(20)]
    (remark,) = domain_remarks(*sets[:: -1 if swapped else 1])
    shares = ("0%", "100%") if swapped else ("100%", "0%")
    assert remark.startswith(f"{shares[0]} of the source pictures and {shares[1]} of the target")


def test_few_beside_many_are():
    assert domain_remarks(coloured(9), coloured(81)) == []
    (remark,) = domain_remarks(coloured(90), coloured(9))
    assert "90 source and 9 target" in remark


def test_pictures_that_are_enlarged_are_counted_and_the_first_is_named(tmp_path):
    paths = []
    for number, size in enumerate([(64, 64), (80, 40), (20, 300), (65, 100)]):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", size).save(paths[-1])
    (remark,) = small_picture_remarks(paths, 64)
    assert remark.startswith("2 of 4 pictures are smaller than 64 x 64")
    assert "1.png is 80 x 40" in remark
    assert small_picture_remarks(paths, 20) == []
