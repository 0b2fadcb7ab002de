"""The dark disc is followed: moved as far as it was moved, lost where there is none."""

import numpy as np
import pytest

from kerasgen.evaluation.judges.iris import find_irises
from kerasgen.evaluation.judges.pupil import known_pupils, pupil_shift
from kerasgen.procedural.eyes import rendered_eyes


def disc(centre_x, centre_y, size=64, radius=6.0, shade=40):
    """A dark disc, softly edged, on mid-grey; coordinates as in annotations."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    distance = np.hypot(columns - centre_x, rows - centre_y)
    values = shade + (150 - shade) * np.clip(distance - radius + 0.5, 0, 1)
    return np.repeat(values[..., None], 3, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("centre", [(32.0, 32.0), (25.5, 34.0), (40.25, 30.75)])
def test_a_disc_is_found_where_it_is(centre):
    found = find_irises(disc(*centre)[None])
    assert found.found[0]
    np.testing.assert_allclose(found.centres[0], centre, atol=0.25)


def test_a_larger_picture_is_measured_alike():
    found = find_irises(disc(60.0, 66.0, size=128, radius=12.0)[None])
    np.testing.assert_allclose(found.centres[0], (60.0, 66.0), atol=0.5)


def test_brightness_and_contrast_do_not_move_it():
    eyes = rendered_eyes(60, 5).images
    dimmed = (eyes * 0.6 + 20).astype(np.uint8)
    shift = pupil_shift(find_irises(eyes), find_irises(dimmed))
    assert shift.median < 0.1
    assert shift.correlation_x > 0.99


@pytest.mark.parametrize("pixels", [2, 4])
def test_moved_pictures_are_seen_to_move(pixels):
    eyes = rendered_eyes(60, 6).images
    shift = pupil_shift(find_irises(eyes), find_irises(np.roll(eyes, pixels, axis=2)))
    assert shift.median == pytest.approx(pixels, abs=0.3)


def test_other_eyes_do_not_agree():
    """What chance gives: eyes paired with other eyes."""
    found = find_irises(rendered_eyes(200, 7).images)
    shuffled = known_pupils(np.roll(found.centres, 1, axis=0))
    shift = pupil_shift(found, shuffled)
    assert shift.median > 2.0
    assert abs(shift.correlation_x) < 0.3


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_nothing_is_found_in_a_flat_picture(shade):
    assert not find_irises(np.full((2, 64, 64, 3), shade, np.uint8)).found.any()


def test_other_forms_are_refused():
    with pytest.raises(ValueError, match="Received: shape="):
        find_irises(np.zeros((1, 16, 16, 3), np.uint8))
