"""Luminance by hand-worked numbers, and conversion between grey and colour."""

import numpy as np
import pytest

from kerasgen.io.channels import LUMA, luminance, with_channels


def test_luminance_is_the_weighted_sum_of_its_channels():
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [100, 150, 200]], np.uint8)
    expected = [0.299 * 255, 0.587 * 255, 0.114 * 255, 29.9 + 88.05 + 22.8]
    for dtype, tolerance in ((np.float32, 1e-4), (np.float64, 1e-12)):
        found = luminance(colours, dtype)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, atol=tolerance)
    assert sum(LUMA) == pytest.approx(1, abs=1e-12)


def test_luminance_of_grey_is_the_grey():
    grey = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1)
    found = luminance(grey)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, grey[..., 0])


def test_pictures_get_the_channels_that_are_wanted():
    colours = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    grey = with_channels(colours, 1)
    assert grey.shape == (5, 4, 1) and grey.dtype == np.uint8
    assert np.abs(grey[..., 0] - luminance(colours)).max() <= 0.51
    assert with_channels(colours, 3) is colours and with_channels(grey, 1) is grey
    np.testing.assert_array_equal(with_channels(grey, 3), np.repeat(grey, 3, axis=-1))
