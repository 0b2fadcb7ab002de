"""Drawn garments: exact masks, honest labels, one picture per seed and index."""

import dataclasses
import re

import numpy as np
import pytest
from PIL import Image

from kerasgen.procedural.garments import GARMENTS, GarmentBatch, drawn_backgrounds, drawn_garments


@pytest.fixture(scope="module")
def batch() -> GarmentBatch:
    return drawn_garments(200, 5)


def runs(row: np.ndarray) -> int:
    """How many stretches of garment a row of the mask crosses."""
    return int((np.diff((row > 127).astype(int), prepend=0) == 1).sum())


def rows_at(batch: GarmentBatch, name: str, share: float) -> list[np.ndarray]:
    """Rows of the masks of one kind, `share` of the garment's height below its top."""
    masks = batch.alpha[batch.labels == GARMENTS.index(name)]
    spans = [np.flatnonzero((mask > 127).any(axis=1)) for mask in masks]
    return [mask[span[int(share * len(span))]] for mask, span in zip(masks, spans, strict=True)]


def test_a_picture_is_a_function_of_seed_and_index(batch):
    few, other = drawn_garments(13, 5), drawn_garments(13, 6)
    for field in dataclasses.fields(GarmentBatch):
        np.testing.assert_array_equal(getattr(batch, field.name)[:13], getattr(few, field.name))
    assert (few.images != other.images).any(axis=(1, 2, 3)).all()
    again = drawn_garments(13, 5, labels=few.labels)
    np.testing.assert_array_equal(again.images, few.images)
    changed = few.labels.copy()
    changed[4] = (changed[4] + 1) % 10
    differs = (drawn_garments(13, 5, labels=changed).images != few.images).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.flatnonzero(differs), [4])


def test_shapes_and_types(batch):
    assert batch.images.shape == (200, 64, 64, 3) and batch.images.dtype == np.uint8
    assert batch.foregrounds.shape == (200, 64, 64, 4) and batch.foregrounds.dtype == np.uint8
    assert batch.alpha.shape == (200, 64, 64) and batch.alpha.dtype == np.uint8
    assert batch.labels.shape == (200,) and batch.labels.dtype == np.int32
    none = drawn_garments(0, 0, 28)
    assert none.images.shape == (0, 28, 28, 3) and none.labels.dtype == np.int32


def test_every_ten_labels_in_a_row_are_all_kinds_in_another_order(batch):
    blocks = batch.labels.reshape(-1, 10)
    np.testing.assert_array_equal(np.sort(blocks, axis=1), np.tile(np.arange(10), (20, 1)))
    assert len(np.unique(blocks, axis=0)) == 20


def test_the_picture_is_the_foreground_over_something(batch):
    share = batch.alpha[..., None] / 255.0
    covered = batch.foregrounds[..., :3] * share
    # What is not covered may be anything from black to white.
    assert (batch.images >= covered - 0.51).all()
    assert (batch.images <= covered + 255 * (1 - share) + 0.51).all()
    inside = batch.alpha == 255
    np.testing.assert_array_equal(batch.images[inside], batch.foregrounds[..., :3][inside])


def test_the_mask_is_where_the_garment_is(batch):
    # Foregrounds are cloth all over: where the picture is something else, the mask must be empty.
    difference = np.abs(batch.images.astype(int) - batch.foregrounds[..., :3]).max(axis=3)
    assert np.median(difference[batch.alpha == 0]) > 60
    assert difference[batch.alpha == 255].max() == 0


def test_masks_are_whole_soft_and_of_a_fair_size(batch):
    alpha = batch.alpha
    edges = [alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]]
    assert max(edge.max() for edge in edges) == 0
    cover = (alpha / 255).mean(axis=(1, 2))
    assert 0.05 < cover.min() and cover.max() < 0.85
    soft = ((alpha > 0) & (alpha < 255)).mean(axis=(1, 2))
    assert 0.01 < soft.min() and soft.max() < 0.25


def test_a_garment_is_the_same_at_every_size():
    large, small = drawn_garments(30, 8, 128), drawn_garments(30, 8, 32)
    np.testing.assert_array_equal(large.labels, small.labels)
    box = Image.Resampling.BOX
    for k in range(30):
        reduced = [
            np.asarray(Image.fromarray(picture).resize((32, 32), box), float)
            for picture in (large.alpha[k], large.images[k])
        ]
        assert np.abs(reduced[0] - small.alpha[k]).mean() < 10
        assert np.abs(reduced[1] - small.images[k]).mean() < 12


@pytest.mark.parametrize(
    ("name", "share", "expected"),
    [("pants", 0.9, 2), ("shorts", 0.9, 2), ("skirt", 0.9, 1), ("dress", 0.85, 1)],
)
def test_legs_are_two_and_skirts_are_one(name, share, expected):
    batch = drawn_garments(60, 3, labels=np.full(60, GARMENTS.index(name)))
    counts = [runs(row) for row in rows_at(batch, name, share)]
    assert np.mean(np.array(counts) == expected) > 0.9


def test_sleeve_lengths_tell_a_t_shirt_from_a_longsleeve():
    labels = np.repeat([GARMENTS.index(name) for name in ("t-shirt", "longsleeve")], 60)
    batch = drawn_garments(120, 3, labels=labels)

    def widest(name, share):
        return np.mean([(row > 127).sum() for row in rows_at(batch, name, share)])

    assert widest("t-shirt", 0.75) < 0.75 * widest("t-shirt", 0.3)
    assert widest("longsleeve", 0.75) > widest("longsleeve", 0.3)


def test_the_nearest_mask_names_the_kind():
    known, queries = drawn_garments(600, 1, 28), drawn_garments(200, 2, 28)
    rows, columns = (b.alpha.reshape(len(b.alpha), -1).astype(np.float32) for b in (queries, known))
    distances = (columns**2).sum(axis=1) - 2 * rows @ columns.T
    accuracy = (known.labels[distances.argmin(axis=1)] == queries.labels).mean()
    # 0.1 by chance; well below 1, as longsleeves, shirts and outwear are alike.
    assert 0.55 < accuracy < 0.95


def test_cloth_stands_out_in_grey(batch):
    grey = batch.images @ [0.299, 0.587, 0.114]
    share = batch.alpha / 255
    cloth = (grey * share).sum((1, 2)) / share.sum((1, 2))
    around = (grey * (1 - share)).sum((1, 2)) / (1 - share).sum((1, 2))
    assert np.percentile(np.abs(cloth - around), 5) > 20


def test_backgrounds_are_a_function_of_seed_and_index():
    many, few = drawn_backgrounds(12, 4, 64), drawn_backgrounds(5, 4, 64)
    assert many.shape == (12, 64, 64, 3) and many.dtype == np.uint8
    np.testing.assert_array_equal(many[:5], few)
    assert (drawn_backgrounds(5, 5, 64) != few).any(axis=(1, 2, 3)).all()
    assert drawn_backgrounds(0, 0).shape == (0, 256, 256, 3)


def test_backgrounds_are_many_and_the_same_at_every_size():
    large, small = drawn_backgrounds(40, 9, 128), drawn_backgrounds(40, 9, 32)
    for one, other in zip(large, small, strict=True):
        reduced = np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BOX), float)
        assert np.abs(reduced - other).mean() < 12
    means = large.mean(axis=(1, 2))
    assert means.std(axis=0).min() > 25
    contrast = large.std(axis=(1, 2)).mean(axis=1)
    assert contrast.min() > 1 and contrast.max() > 3 * contrast.min()


def test_numbers_out_of_range_are_refused():
    for wrong in ({"count": -1}, {"seed": -1}, {"size": 8}):
        arguments = {"count": 1, "seed": 0, "size": 32, **wrong}
        for draw in (drawn_garments, drawn_backgrounds):
            (name, value), *_ = wrong.items()
            with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
                draw(**arguments)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([1], "labels of shape=(1,)"),
        ([0.0, 1.0], "dtype=float64"),
        ([0, 10], "labels from 0 to 10"),
        ([-1, 3], "labels from -1 to 3"),
    ],
)
def test_labels_that_name_no_kind_are_refused(labels, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        drawn_garments(2, 0, 32, labels=labels)
