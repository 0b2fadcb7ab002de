"""Batches: every picture once an epoch, and the same for every replica and starting step."""

import logging
import os

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.data.augmentation import Augmentation
from kerasgen.data.pipeline import Pictures, labelled, unpaired
from kerasgen.io.images import to_float
from kerasgen.io.sheets import save_png
from kerasgen.training.trainer import make_strategy

AUGMENTATION = Augmentation(rotation=20, shift=0.2, zoom=0.1, flip=True)


def numbered(count, side=4, channels=1):
    """Picture n is n everywhere, so that a batch shows which pictures it holds."""
    values = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(values, (count, side, side, channels)).copy()


def noise(count, channels=3):
    return np.random.default_rng(count).integers(0, 256, (count, 6, 6, channels), np.uint8)


def which(images):
    """The numbers of `numbered` pictures, back from floats."""
    return np.rint(np.asarray(images)[:, 0, 0, 0] * 127.5 + 127.5).astype(int)


def take(dataset, count):
    return [tuple(np.asarray(part) for part in batch) for batch in dataset.take(count)]


def assert_same(first, second, tolerance=0.0):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            np.testing.assert_allclose(left, right, atol=tolerance, rtol=0)


def numbered_batches(count, batch_size, seed=0):
    pictures = Pictures.from_array(numbered(count), np.arange(count))
    return labelled(pictures, batch_size, seed=seed)


def order(count, batch_size, batches, seed=0):
    dataset = numbered_batches(count, batch_size, seed).dataset()
    return np.concatenate([which(images) for images, _ in take(dataset, batches)])


def rich_batches(batch_size=4):
    pictures = Pictures.from_array(noise(10), np.arange(10))
    return labelled(pictures, batch_size, seed=7, augmentation=AUGMENTATION, latent_size=3)


# 10 / 5: epochs end with batches. 7 / 4: the second batch spans two epochs. 3 / 7: one batch spans
# three or four. 1 / 2: nothing to shuffle.
@pytest.mark.parametrize(("count", "batch_size"), [(10, 5), (7, 4), (3, 7), (1, 2)])
def test_every_picture_comes_exactly_once_an_epoch(count, batch_size):
    epochs = order(count, batch_size, 4 * count)[: 4 * count].reshape(4, count)
    for epoch in epochs:
        assert sorted(epoch) == list(range(count))


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    first, second = order(20, 5, 8).reshape(2, 20)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, order(20, 5, 4, seed=1))
    assert not np.array_equal(first, np.arange(20))
    np.testing.assert_array_equal(first, order(20, 5, 4))


def test_neighbouring_seeds_share_neither_order_nor_latents():
    pictures = Pictures.from_array(numbered(20))
    runs = [
        take(unpaired(pictures, pictures, 20, seed=seed, latent_size=2).dataset(), 1)[0]
        for seed in range(3)
    ]
    orders = {tuple(which(images)) for source, target, _ in runs for images in (source, target)}
    assert len(orders) == 6
    assert len({latent.tobytes() for *_, latent in runs}) == 3


@pytest.mark.parametrize("start", [1, 3, 8])
def test_starting_at_a_step_equals_skipping_to_it(start):
    batches = rich_batches()
    whole = take(batches.dataset().skip(start), 3)
    assert_same(take(batches.dataset(start_step=start), 3), whole)
    assert [part.shape for part in whole[0]] == [(4, 6, 6, 3), (4,), (4, 3)]


@pytest.mark.parametrize(("workers", "replicas"), [(1, 2), (2, 2), (2, 4)])
@pytest.mark.parametrize("start", [0, 5])
def test_replicas_parts_make_up_the_global_batch(workers, replicas, start):
    batches = rich_batches(batch_size=8)
    whole = take(batches.dataset(start_step=start), 3)
    local = replicas // workers
    streams = [
        take(
            batches.dataset(start, tf.distribute.InputContext(workers, worker, replicas)), 3 * local
        )
        for worker in range(workers)
    ]
    for step, expected in enumerate(whole):
        parts = [part for stream in streams for part in stream[step * local : (step + 1) * local]]
        assert all(len(part[0]) == 8 // replicas for part in parts)
        joined = tuple(map(np.concatenate, zip(*parts, strict=True)))
        # The sines of eight angles at once and of four are rounded differently.
        assert_same([joined[:1]], [expected[:1]], tolerance=1e-5)
        assert_same([joined[1:]], [expected[1:]])


def test_a_mirrored_strategy_gets_the_parts_in_the_order_of_its_replicas():
    strategy = make_strategy("mirrored")
    batches = rich_batches()
    distributed = strategy.distribute_datasets_from_function(
        lambda context: batches.dataset(2, context)
    )
    found = next(iter(distributed))
    parts = zip(*map(strategy.experimental_local_results, found), strict=True)
    joined = tuple(np.concatenate(part) for part in zip(*parts, strict=True))
    assert_same([joined], take(batches.dataset(2), 1), tolerance=1e-5)


def test_a_folder_read_when_needed_gives_the_batches_of_one_in_memory(tmp_path):
    for index, image in enumerate(noise(5)):
        save_png(tmp_path / f"nest{index % 2}" / f"{index}.png", image)

    def batches(**options):
        pictures = Pictures.from_folder(tmp_path, 6, **options)
        assert (pictures.count, pictures.image_shape) == (5, (6, 6, 3))
        return take(unpaired(pictures, pictures, 3, seed=1, latent_size=2).dataset(), 4)

    in_memory, lazy = batches(), batches(memory_limit=0)
    assert_same(in_memory, lazy)
    # The colours are those of the files, each picture once.
    shown = np.concatenate([source for source, *_ in lazy])[:5]
    files = {to_float(image).tobytes() for image in noise(5)}
    assert {image.tobytes() for image in shown} == files


def test_a_lazy_folder_has_the_requested_size_and_channels(tmp_path):
    save_png(tmp_path / "a.png", noise(1)[0])
    for limit in (0, 10_000):
        pictures = Pictures.from_folder(tmp_path, (4, 8), channels=1, memory_limit=limit)
        assert pictures.image_shape == (4, 8, 1)
        assert pictures.gather(tf.constant([0, 0], tf.int64)).shape == (2, 4, 8, 1)


def test_a_lazy_folder_reads_names_that_are_no_text(tmp_path):
    save_png(tmp_path / "plain.png", noise(1)[0])
    os.rename(tmp_path / "plain.png", os.path.join(os.fsencode(tmp_path), b"caf\xe9.png"))
    pictures = Pictures.from_folder(tmp_path, 6, memory_limit=0)
    np.testing.assert_array_equal(pictures.gather(tf.constant([0], tf.int64)), noise(1))


def test_a_damaged_file_in_a_lazy_folder_is_named(tmp_path):
    save_png(tmp_path / "good.png", noise(1)[0])
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    pictures = Pictures.from_folder(tmp_path, 6, memory_limit=0)
    with pytest.raises(tf.errors.OpError, match=r"torn\.png"):
        take(unpaired(pictures, pictures, 2, seed=0).dataset(), 2)


def test_labels_travel_with_their_pictures():
    count = 9
    pictures = Pictures.from_array(numbered(count), 100 - np.arange(count))
    for images, labels in take(labelled(pictures, 4, seed=5).dataset(), 6):
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, 100 - which(images))


def test_the_two_domains_are_drawn_independently():
    pictures = Pictures.from_array(numbered(30))
    source, target = take(unpaired(pictures, pictures, 30, seed=2).dataset(), 1)[0]
    assert not np.array_equal(which(source), which(target))
    other = Pictures.from_array(numbered(11))
    again, _ = take(unpaired(pictures, other, 30, seed=2).dataset(), 1)[0]
    np.testing.assert_array_equal(again, source)


def test_each_domain_has_a_geometry_of_its_own():
    # The ramp's mean shows the shift; one picture, so that both domains hold the same one.
    ramp = np.tile(np.arange(0, 240, 15, dtype=np.uint8), (16, 1))[None, :, :, None]
    pictures, geometry = Pictures.from_array(ramp), Augmentation(shift=0.3)

    def means(**options):
        batches = unpaired(pictures, pictures, 8, seed=2, **options)
        return np.stack([images.mean(axis=(1, 2, 3)) for images in take(batches.dataset(), 1)[0]])

    source, target = means(augmentation=geometry)
    assert len(np.unique(source.round(5))) == 8 and not np.ptp(target)
    source, target = means(target_augmentation=geometry)
    assert len(np.unique(target.round(5))) == 8 and not np.ptp(source)
    both = means(augmentation=geometry, target_augmentation=geometry)
    assert len(np.unique(both.round(5))) == 16


def test_latents_are_standard_normal_and_never_come_twice():
    pictures = Pictures.from_array(numbered(4))
    batches = unpaired(pictures, pictures, 4, seed=3, latent_size=50)
    drawn = np.concatenate([latent for *_, latent in take(batches.dataset(), 20)])
    assert drawn.dtype == np.float32 and len(np.unique(drawn)) > 0.99 * drawn.size
    assert abs(drawn.mean()) < 0.07 and abs(drawn.std() - 1) < 0.05


def test_the_static_shape_is_known_so_that_networks_build():
    shapes = [spec.shape.as_list() for spec in rich_batches().dataset().element_spec]
    assert shapes == [[4, 6, 6, 3], [4], [4, 3]]


def test_augmented_pictures_differ_between_epochs():
    pictures = Pictures.from_array(noise(1))
    batches = unpaired(pictures, pictures, 1, seed=0, augmentation=AUGMENTATION)
    first, second = (source for source, _ in take(batches.dataset(), 2))
    assert np.abs(first - second).max() > 0.1


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros([0, 4, 4, 3], np.uint8), None),
        (np.zeros([2, 4, 4, 3], np.float32), None),
        (np.zeros([4, 4, 3], np.uint8), None),
        (np.zeros([2, 4, 4, 3], np.uint8), np.zeros(3, int)),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(images, labels):
    with pytest.raises(ValueError, match="Received"):
        Pictures.from_array(images, labels)


def test_batches_that_cannot_be_made_are_refused():
    plain, grey = Pictures.from_array(noise(4)), Pictures.from_array(noise(4, channels=1))
    with pytest.raises(ValueError, match="batch_size=0"):
        unpaired(plain, plain, 0, seed=0)
    with pytest.raises(ValueError, match="labels=None"):
        labelled(plain, 2, seed=0)
    with pytest.raises(ValueError, match=r"channels.*\(6, 6, 3\).*\(6, 6, 1\)"):
        unpaired(plain, grey, 2, seed=0)
    with pytest.raises(ValueError, match="batch_size=3, replicas=2"):
        unpaired(plain, plain, 3, seed=0).dataset(0, tf.distribute.InputContext(1, 0, 2))
    with pytest.raises(ValueError, match="missing"):
        Pictures.from_folder("/nowhere/at/all", 8)


def test_a_batch_larger_than_the_set_is_reported(caplog):
    with caplog.at_level(logging.WARNING):
        numbered_batches(4, 4)
        assert not caplog.records
        numbered_batches(4, 5)
    assert "only 4" in caplog.text and "batch of 5" in caplog.text
