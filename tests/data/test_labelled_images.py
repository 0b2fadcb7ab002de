"""Labelled pictures at one size, and fair shares of their classes."""

import logging
import re

import numpy as np
import pytest
from PIL import Image

from kerasgen.data.labelled_images import LabelledImages, load_labelled, save_labelled
from kerasgen.data.splits import balanced_indices, stratified_split
from kerasgen.io.images import read_image


def write(path, shade, size=(6, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), shade, np.uint8)).save(path)


def folder(root, **classes):
    """Class folders with flat pictures of these shades, by which they are recognised."""
    for name, shades in classes.items():
        for shade in shades:
            write(root / name / f"{shade:03}.png", shade)
    return root


def shades(pictures):
    assert (pictures.images == pictures.images[:, :1, :1, :1]).all()
    return pictures.images[:, 0, 0, 0].tolist()


def test_class_folders_are_read_in_order_of_name(tmp_path):
    folder(tmp_path, cat=[10, 20], ant=[30, 40])
    write(tmp_path / "cat" / "deep" / "er.bmp", 50)
    (tmp_path / ".hidden").mkdir()
    sets = load_labelled(tmp_path)
    assert list(sets) == ["train"]
    train = sets["train"]
    assert train.class_names == ("ant", "cat")
    assert train.names == ("ant/030.png", "ant/040.png", "cat/010.png", "cat/020.png") + (
        "cat/deep/er.bmp",
    )
    assert train.images.shape == (5, 6, 8, 3) and train.images.dtype == np.uint8
    assert train.labels.tolist() == [0, 0, 1, 1, 1] and train.labels.dtype == np.int32
    assert shades(train) == [30, 40, 10, 20, 50]


@pytest.mark.parametrize("held_out", ["val", "validation"])
def test_split_folders_share_the_classes_of_train(tmp_path, held_out):
    folder(tmp_path / "train", a=[1, 2], b=[3, 4], c=[5, 6])
    folder(tmp_path / held_out, c=[7], a=[8])
    folder(tmp_path / "test", b=[9])
    sets = load_labelled(str(tmp_path))
    assert list(sets) == ["train", "validation", "test"]
    assert sets["validation"].labels.tolist() == [0, 2]
    assert shades(sets["validation"]) == [8, 7]
    assert sets["validation"].names == (f"{held_out}/a/008.png", f"{held_out}/c/007.png")
    assert sets["test"].labels.tolist() == [1]
    assert sets["test"].class_names == ("a", "b", "c")


def test_classes_may_be_called_as_splits_are(tmp_path):
    folder(tmp_path, train=[1, 2], plane=[3, 4])
    with pytest.warns(UserWarning, match="plane, train are read as classes"):
        assert load_labelled(tmp_path)["train"].class_names == ("plane", "train")


def test_size_channels_and_fit(tmp_path):
    folder(tmp_path, a=[100, 110], b=[120, 130])
    write(tmp_path / "b" / "wide.png", 140, size=(4, 16))
    padded = load_labelled(tmp_path, size=(8, 16), channels=1)["train"]
    assert padded.images.shape == (5, 8, 16, 1)
    wide = padded.images[4, ..., 0]
    assert wide[2:6].min() == 140 and wide[:2].max() == wide[6:].max() == 0
    for fit in ("crop", "stretch"):
        assert shades(load_labelled(tmp_path, size=8, fit=fit)["train"]) == [
            100,
            110,
            120,
            130,
            140,
        ]


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_files_are_read_as_single_pictures_are(tmp_path, fit, channels):
    noise = np.random.default_rng(0).integers(0, 256, (40, 25, 3)).astype(np.uint8)
    (tmp_path / "a").mkdir()
    for name in ("0.png", "1.jpg"):
        Image.fromarray(noise).save(tmp_path / "a" / name)
    found = load_labelled(tmp_path, size=12, channels=channels, fit=fit)["train"]
    for name, picture in zip(found.names, found.images, strict=True):
        expected = read_image(tmp_path / name, 12, channels, fit)
        assert np.abs(expected.astype(int) - picture).max() <= 1
    # Without antialiasing the noise would keep its spread, 74.
    assert found.images[:, 4:8, 4:8].std() < 45


def test_many_pictures_keep_their_order_and_labels(tmp_path):
    values = np.arange(1000, dtype=np.int64)
    images = np.broadcast_to((values % 251).astype(np.uint8)[:, None, None], (1000, 5, 7))
    np.savez(tmp_path / "x.npz", images=images, labels=values % 4)
    train = load_labelled(tmp_path / "x.npz", size=4, channels=3, fit="stretch")["train"]
    assert train.images.shape == (1000, 4, 4, 3)
    np.testing.assert_array_equal(shades(train), values % 251)
    np.testing.assert_array_equal(train.labels, values % 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_saved_is_loaded(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 4, channels), np.uint8)
    labels = np.array([2, 0, 1, 2, 2], np.int32)
    saved = LabelledImages(images, labels, ("cap", "boot", "vest"), tuple("abcde"))
    save_labelled(tmp_path / "new" / "x.npz", saved)
    loaded = load_labelled(tmp_path / "new" / "x.npz")["train"]
    np.testing.assert_array_equal(loaded.images, images)
    np.testing.assert_array_equal(loaded.labels, labels)
    assert loaded.class_names == saved.class_names
    (tmp_path / "y.npz").mkdir()
    with pytest.raises(ValueError, match="y.npz"):
        save_labelled(tmp_path / "y.npz", saved)


def test_pictures_of_several_sizes_need_a_size(tmp_path):
    folder(tmp_path / "train", a=[1, 2])
    write(tmp_path / "test" / "a" / "x.png", 3, size=(9, 8))
    with pytest.raises(ValueError, match=r"\[6, 8, 3\] of 'train/a/001.png' and \[9, 8, 3\] of "):
        load_labelled(tmp_path)


def test_a_transform_sees_the_whole_picture_before_it_is_resized(tmp_path):
    folder(tmp_path, a=[10, 20], b=[30, 40])
    seen = []

    def inverted(picture):
        seen.append((picture.shape, picture.dtype))
        return 255 - picture[:4]

    train = load_labelled(tmp_path, transform=inverted)["train"]
    assert seen == [((6, 8, 3), np.uint8)] * 4
    assert train.images.shape == (4, 4, 8, 3)
    assert shades(train) == [245, 235, 225, 215]
    grey = load_labelled(tmp_path, size=3, channels=1, transform=inverted, fit="crop")["train"]
    assert grey.images.shape == (4, 3, 3, 1)
    np.savez(tmp_path / "x.npz", images=np.full((2, 5, 5), 9, np.uint8), labels=[0, 0])
    assert load_labelled(tmp_path / "x.npz", transform=inverted)["train"].images.shape[3] == 3


def test_pictures_left_out_are_counted_once(tmp_path, caplog):
    folder(tmp_path / "train", a=[10, 20, 30], b=[40, 50])
    folder(tmp_path / "test", a=[60, 70])
    (tmp_path / "train" / "a" / "broken.png").write_bytes(b"no picture")

    def choosy(picture):
        if picture[0, 0, 0] in (20, 60):
            raise ValueError("no foreground")
        return picture

    sets = load_labelled(tmp_path, transform=choosy)
    assert shades(sets["train"]) == [10, 30, 40, 50]
    assert shades(sets["test"]) == [70]
    assert sets["train"].names[1] == "train/a/030.png"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    message = record.getMessage()
    assert message.startswith("3 pictures left out: 2 by the transform, 1 unreadable. First: train")
    assert "no foreground" in message


def test_a_class_of_which_nothing_is_left_is_named(tmp_path):
    folder(tmp_path, a=[10, 20], b=[30])

    def refusing(picture):
        if picture[0, 0, 0] == 30:
            raise ValueError("no foreground")
        return picture

    with pytest.raises(ValueError, match=r"No picture of class 'b' .*: no foreground Received: "):
        load_labelled(tmp_path, transform=refusing)


def test_other_errors_of_a_transform_are_not_hidden(tmp_path):
    folder(tmp_path, a=[10, 20])
    with pytest.raises(ZeroDivisionError):
        load_labelled(tmp_path, transform=lambda picture: 1 / 0)
    wrong = [lambda p: p / 255, lambda p: p[..., 0], lambda p: p[:0], lambda p: None]
    for transform in wrong:
        with pytest.raises(ValueError, match=r"must return \[h, w, 3\] uint8.*'a/010.png'"):
            load_labelled(tmp_path, transform=transform)


def test_a_picture_too_thin_to_pad_is_left_out(tmp_path, caplog):
    folder(tmp_path, a=[10, 20])
    write(tmp_path / "a" / "thin.png", 30, size=(1, 200))
    assert load_labelled(tmp_path, size=8)["train"].images.shape[0] == 2
    assert "200 x 1 is too thin to pad" in caplog.text
    assert load_labelled(tmp_path, size=8, fit="crop")["train"].images.shape[0] == 3


def test_rare_classes_are_named(tmp_path, caplog):
    folder(tmp_path, a=[10, 20], single=[30], other=[40])
    load_labelled(tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "There is only one training picture of class other, single"
    ]


def test_a_folder_one_too_high_is_suspected(tmp_path, caplog):
    folder(tmp_path / "pictures", a=[10, 20], b=[30, 40])
    assert load_labelled(tmp_path)["train"].class_names == ("pictures",)
    assert "only one class, 'pictures'" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"size": (4, 4, 4)}, {"size": 4.5}, {"channels": 4}, {"fit": "squeeze"}],
)
def test_arguments_are_checked_before_anything_is_read(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=re.escape(f"{name}={value!r}")):
        load_labelled("nowhere", **wrong)


def test_every_class_is_on_both_sides():
    labels = np.array([0] * 100 + [1] * 7 + [2] * 2 + [3])[
        np.random.default_rng(0).permutation(110)
    ]
    train, held_out = stratified_split(labels, 0.2, 7)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(110))
    assert np.bincount(labels[held_out], minlength=4).tolist() == [20, 1, 1, 0]
    assert (np.diff(train) > 0).all() and (np.diff(held_out) > 0).all()
    again = stratified_split(labels, 0.2, 7)
    np.testing.assert_array_equal(again[1], held_out)
    assert stratified_split(labels, 0.2, 8)[1].tolist() != held_out.tolist()
    # A large share leaves one to train on.
    assert np.bincount(labels[stratified_split(labels, 0.99, 0)[0]]).tolist() == [1, 1, 1, 1]


def test_held_out_pictures_are_drawn_evenly():
    labels = np.zeros(10, int)
    counts = np.zeros(10)
    for seed in range(300):
        counts[stratified_split(labels, 0.3, seed)[1]] += 1
    # 90 expected, standard deviation 8.
    assert counts.min() > 55 and counts.max() < 125


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="Received: share="):
        stratified_split(np.array([0, 0, 1]), share, 0)


@pytest.mark.parametrize(
    "helper", [lambda labels, seed: stratified_split(labels, 0.5, seed), balanced_indices]
)
def test_labels_that_are_none_are_refused(helper):
    for labels in (np.zeros(3), np.zeros((3, 1), int), np.zeros(0, int)):
        with pytest.raises(ValueError, match=r"`labels` must be \[N\] integers"):
            helper(labels, 0)
    with pytest.raises(ValueError, match="seed=-1"):
        helper(np.zeros(3, int), -1)


def test_nothing_to_hold_out_is_refused():
    with pytest.raises(ValueError, match="Received: 3 labels"):
        stratified_split(np.arange(3), 0.5, 0)


@pytest.mark.parametrize("seed", range(8))
def test_classes_come_equally_often(seed):
    labels = np.array([5] * 15 + [2] * 4 + [9])
    indices = balanced_indices(labels, seed)
    assert indices.dtype == np.int64
    assert np.bincount(labels[indices])[[2, 5, 9]].tolist() == [15, 15, 15]
    repeats = np.bincount(indices, minlength=20)
    assert (repeats[:15] == 1).all() and repeats[19] == 15
    assert sorted(repeats[15:19]) == [3, 4, 4, 4]
    np.testing.assert_array_equal(balanced_indices(labels, seed), indices)
    assert balanced_indices(labels, seed + 1).tolist() != indices.tolist()
    # Not one class after the other.
    assert (np.diff(labels[indices]) != 0).sum() > 15


def test_pictures_at_indices_keep_what_belongs_to_them():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    labels = np.array([0, 1, 2, 1, 0], np.int32)
    some = LabelledImages(images, labels, ("a", "b", "c"), tuple("vwxyz"))
    some = some.at(np.array([3, 0]))
    assert some.images[:, 0, 0, 0].tolist() == [3, 0]
    assert some.labels.tolist() == [1, 0] and some.names == ("y", "v")
    assert some.class_names == ("a", "b", "c")


def test_classes_of_other_names_are_refused_with_a_hint(tmp_path):
    sets = load_labelled(folder(tmp_path, Hat=[1, 2], skirt=[3, 4]))["train"]
    with pytest.raises(ValueError) as caught:
        sets.with_classes(("hat", "pants"), called="--synthetic folder")
    assert str(caught.value) == (
        "Classes must be called alike in all sets. Only upper and lower case differ of Hat. "
        "Received: Hat, skirt, not among hat, pants, in --synthetic folder"
    )
    with pytest.raises(ValueError, match="sets. Received: skirt, not among Hat$"):
        sets.with_classes(("Hat",))


def test_pictures_of_several_sizes_ask_for_a_size_in_words_of_both(tmp_path):
    folder(tmp_path, a=[10, 20])
    write(tmp_path / "a" / "wide.png", 30, size=(6, 90))
    with pytest.raises(ValueError, match=r"set a size \(--size\) and channels \(--channels\)"):
        load_labelled(tmp_path)
