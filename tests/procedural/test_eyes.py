import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from kerasgen.annotations import annotation as geometry
from kerasgen.procedural import eyes as procedural
from kerasgen.procedural.eyes import EyeParameters

Drawn = tuple[EyeParameters, procedural.EyeBatch]


def bare(kind: procedural.Kind, count: int = 60, seed: int = 41, **changes: np.ndarray) -> Drawn:
    """Eyes of a kind in flat colours, so that pixels can be classified: skin and iris are red."""
    eyes = procedural.sample_eye_parameters(count, seed, kind)
    none = np.zeros(count)
    flat = {
        "iris_colour": np.tile([0.9, 0.0, 0.0], (count, 1)),
        "skin_colour": np.tile([0.9, 0.6, 0.6], (count, 1)),
        "highlight": np.zeros((count, 3)),
        "light": np.tile([0.0, -1.0, 0.0], (count, 1)),
    }
    flat |= {name: none for name in ("texture", "lashes", "brow", "shadow")}
    eyes = dataclasses.replace(eyes, **(flat | changes))
    return eyes, procedural.render_eyes(eyes)


def centroid(weight: np.ndarray) -> np.ndarray:
    """[N, H, W] to [N, 2] (x, y)."""
    ys, xs = np.mgrid[: weight.shape[1], : weight.shape[2]] + 0.5
    mass = weight.sum(axis=(1, 2))
    return np.stack([(weight * xs).sum((1, 2)) / mass, (weight * ys).sum((1, 2)) / mass], axis=1)


@pytest.mark.parametrize("draw", [procedural.rendered_eyes, procedural.camera_eyes])
def test_picture_is_a_function_of_seed_and_index(
    draw: Callable[..., procedural.EyeBatch],
) -> None:
    many, few, later = draw(100, 7), draw(10, 7), draw(3, 7, first_index=5)
    for field in dataclasses.fields(procedural.EyeBatch):
        np.testing.assert_array_equal(getattr(many, field.name)[:10], getattr(few, field.name))
        np.testing.assert_array_equal(getattr(many, field.name)[5:8], getattr(later, field.name))
    assert (many.images[0] != many.images[1]).any()
    assert (many.images[:10] != draw(10, 8).images).any()


def test_first_index_beyond_the_drawn_block() -> None:
    whole = procedural.sample_eye_parameters(1001, 3, "camera")
    part = procedural.sample_eye_parameters(1, 3, "camera", first_index=1000)
    for name, rows in vars(whole).items():
        np.testing.assert_array_equal(rows[1000:], getattr(part, name))


@pytest.mark.parametrize("kind", ["rendered", "camera"])
def test_pupil_centre_is_the_centroid_of_what_the_pupil_blackens(kind: procedural.Kind) -> None:
    # Lids wide open, so that the whole disc shows and its centroid is its centre.
    lids, bright = np.full((60, 2), 0.75), np.full((60, 3), 0.7)
    eyes, batch = bare(kind, aperture=lids, iris_colour=bright)
    assert (batch.pupil_visible == 1).all()
    without = procedural.render_eyes(dataclasses.replace(eyes, pupil_ratio=np.full(60, -1.0)))
    iris, black = without.images[..., 0].astype(float), batch.images[..., 0].astype(float)
    covered = (iris - black) / (iris - 8)
    assert np.hypot(*(centroid(covered) - batch.pupil_centre).T).max() < 0.05
    area = np.pi * batch.iris_ellipse[:, 2] * batch.iris_ellipse[:, 3] * eyes.pupil_ratio**2
    np.testing.assert_allclose(covered.sum(axis=(1, 2)), area, rtol=0.06)


@pytest.mark.parametrize("kind", ["rendered", "camera"])
def test_iris_mask_is_where_the_iris_colour_shows(kind: procedural.Kind) -> None:
    eyes, batch = bare(kind)
    blue = dataclasses.replace(eyes, iris_colour=np.tile([0.0, 0.0, 0.9], (60, 1)))
    change = np.abs(procedural.render_eyes(blue).images.astype(int) - batch.images).max(axis=3)
    # The pupil, which has no iris colour, is black in both.
    seen = (change > 60) | (batch.images.max(axis=3) < 60)
    both = (seen & batch.iris_mask).sum(axis=(1, 2))
    either = (seen | batch.iris_mask).sum(axis=(1, 2))
    assert (both / either).min() > 0.85
    assert (both / either).mean() > 0.93
    # A soft edge may lose or win half a row of pixels, on one side.
    shift = np.abs(centroid(seen.astype(float)) - centroid(batch.iris_mask.astype(float)))
    assert shift.max() < 0.5
    assert shift.mean() < 0.2


def test_iris_ellipse_has_the_moments_of_the_iris() -> None:
    _, batch = bare("camera", aperture=np.tile([0.95, 0.95], (60, 1)))
    for mask, (x, y, a, b, angle) in zip(batch.iris_mask, batch.iris_ellipse, strict=True):
        rows, columns = np.nonzero(mask)
        offsets = np.stack([columns + 0.5 - x, rows + 0.5 - y])
        assert np.abs(offsets.mean(axis=1)).max() < 0.15
        axis = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        along, across = 2 * (axis @ offsets).std(axis=1)
        np.testing.assert_allclose((along, across), (a, b), atol=0.25)
        assert a >= b


@pytest.mark.parametrize("roll", [-0.6, 0.0, 0.6])
@pytest.mark.parametrize("gaze", [(0.3, 0.8), (-0.3, -0.8)])
def test_iris_ellipse_turns_with_gaze_and_head(gaze: tuple[float, float], roll: float) -> None:
    wide, turned = np.full((60, 2), 0.95), np.tile(gaze, (60, 1))
    _, batch = bare("rendered", aperture=wide, gaze=turned, roll=np.full(60, roll))
    for mask, (x, y, _, _, angle) in zip(batch.iris_mask, batch.iris_ellipse, strict=True):
        rows, columns = np.nonzero(mask)
        dx, dy = columns + 0.5 - x, rows + 0.5 - y
        seen = 0.5 * np.arctan2(2 * (dx * dy).mean(), (dx**2).mean() - (dy**2).mean())
        assert abs(np.sin(seen - angle)) < 0.15


def test_gaze_moves_the_pupil_as_the_sphere_says() -> None:
    eyes = procedural.sample_eye_parameters(3, 0)
    eyes = dataclasses.replace(
        eyes,
        gaze=np.array([[0.0, 0.0], [0.0, 0.4], [0.2, 0.0]]),
        offset=np.zeros((3, 2)),
        scale=np.full(3, 0.25),
        roll=np.zeros(3),
    )
    centres = procedural.render_eyes(eyes, 64).pupil_centre
    # 16 pixels are half the eye's width; the iris circles at 0.7 of that.
    np.testing.assert_allclose(centres[0], (32, 32 - 0.07 * 16))
    np.testing.assert_allclose(centres[1] - centres[0], (0.7 * 16 * np.sin(0.4), 0), atol=1e-9)
    np.testing.assert_allclose(centres[2] - centres[0], (0, -0.7 * 16 * np.sin(0.2)), atol=1e-9)


def test_lid_landmarks_lie_where_skin_ends() -> None:
    eyes, batch = bare("camera", softness=np.full(60, 0.5))
    dark = dataclasses.replace(eyes, skin_colour=np.zeros((60, 3)))
    skin = np.abs(procedural.render_eyes(dark).images.astype(int) - batch.images).max(axis=3)
    skin = skin / np.maximum(skin.max(axis=(1, 2), keepdims=True), 1)
    middle = batch.pupil_centre
    for name in ("upper_2", "upper_3", "upper_4", "lower_2", "lower_3", "lower_4"):
        points = batch.lid_landmarks[:, procedural.LANDMARKS.index(name)]
        away = points - middle
        away = away / np.hypot(*away.T)[:, None]
        # Two pixels outside there is skin, two pixels inside there is none.
        for sign, expected in ((2.0, 1), (-2.0, 0)):
            columns, rows = np.floor(points + sign * away).astype(int).T
            share = (skin[np.arange(60), rows, columns] > 0.4) == expected
            assert share.mean() > 0.95


@pytest.mark.parametrize("kind", ["rendered", "camera"])
def test_pupils_are_visible_and_landmarks_in_order(kind: procedural.Kind) -> None:
    draw = procedural.rendered_eyes if kind == "rendered" else procedural.camera_eyes
    batch = draw(400, 12)
    assert (batch.pupil_visible > 0.5).mean() >= 0.97
    left, right = batch.lid_landmarks[:, 0], batch.lid_landmarks[:, 6]
    assert (left[:, 0] < right[:, 0]).all()
    assert (batch.lid_landmarks[:, 3, 1] < batch.lid_landmarks[:, 9, 1]).all()
    assert ((batch.pupil_centre > 0) & (batch.pupil_centre < 64)).all()


def test_camera_moves_no_truth_and_changes_the_style() -> None:
    clean = procedural.render_eyes(procedural.sample_eye_parameters(50, 9, "camera"))
    taken = procedural.camera_eyes(50, 9)
    for field in dataclasses.fields(procedural.EyeBatch):
        if field.name != "images":
            np.testing.assert_array_equal(getattr(clean, field.name), getattr(taken, field.name))

    # Shifting a clean picture against its camera picture by a pixel only makes them less alike.
    def likeness(shift: tuple[int, int]) -> float:
        pairs = (clean.images.mean(axis=3), taken.images.mean(axis=3))
        one, other = (stack - stack.mean(axis=(1, 2), keepdims=True) for stack in pairs)
        moved = np.roll(one, shift, axis=(1, 2))[:, 4:-4, 4:-4].ravel()
        return float(np.corrcoef(moved, other[:, 4:-4, 4:-4].ravel())[0, 1])

    assert all(likeness((0, 0)) > likeness(s) for s in ((1, 0), (-1, 0), (0, 1), (0, -1)))
    rendered = procedural.rendered_eyes(50, 9).images
    rough = [
        np.abs(np.diff(pictures[:, :8].astype(float), axis=2)).mean()
        for pictures in (rendered, taken.images)
    ]
    assert rough[1] > 2 * rough[0]
    assert rendered.mean() > taken.images.mean() + 20


def test_annotation_moves_with_the_picture() -> None:
    white = {name: np.full((5, 3), 2.5) for name in ("iris_colour", "skin_colour")}
    lids, sclera = np.full((5, 2), 0.75), np.full(5, 2.5)
    batch = bare("rendered", 5, aperture=lids, sclera_shade=sclera, **white)[1]
    centre = (32.0, 32.0)
    matrix = geometry.translation(2.5, -1.5) @ geometry.rotation(20, centre)
    inverse = np.linalg.inv(matrix)
    for i in range(5):
        annotation = batch.annotation(i)
        assert annotation.keypoints["pupil"] == tuple(batch.pupil_centre[i])
        assert set(annotation.keypoints) == {"pupil", *procedural.LANDMARKS}
        assert annotation.box == geometry.tight_box(batch.iris_mask[i])
        moved = annotation.transformed(matrix, (64, 64))
        picture = Image.fromarray(batch.images[i]).transform(
            (64, 64),
            Image.Transform.AFFINE,
            inverse.ravel()[:6],
            Image.Resampling.BICUBIC,
            fillcolor="white",
        )
        red = np.asarray(picture)[None, ..., 0].astype(float)
        seen = centroid(np.clip((110 - red) / 100, 0, 1))[0]
        assert np.hypot(*(seen - moved.keypoints["pupil"])) < 0.25


def test_size_scales_truth_and_picture() -> None:
    eyes = procedural.sample_eye_parameters(4, 2)
    small, large = procedural.render_eyes(eyes, 32), procedural.render_eyes(eyes, 128)
    np.testing.assert_allclose(4 * small.pupil_centre, large.pupil_centre)
    np.testing.assert_allclose(4 * small.iris_ellipse[:, :4], large.iris_ellipse[:, :4])
    reduced = [np.asarray(Image.fromarray(p).resize((32, 32))) for p in large.images]
    assert np.abs(np.stack(reduced).astype(float) - small.images).mean() < 6


def test_rejects_numbers_out_of_range() -> None:
    with pytest.raises(ValueError, match="Received: kind="):
        procedural.sample_eye_parameters(1, 0, "painted")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Received: count=-1"):
        procedural.rendered_eyes(-1, 0)
    with pytest.raises(ValueError, match="Received: size=8"):
        procedural.camera_eyes(1, 0, size=8)
    assert procedural.camera_eyes(0, 0).images.shape == (0, 64, 64, 3)
