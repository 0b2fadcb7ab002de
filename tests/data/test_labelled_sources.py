"""Every kind of source of labelled pictures, and the messages about wrong ones."""

import gzip
import re
import struct
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from kerasgen.data import labelled_folders
from kerasgen.data.labelled_images import load_labelled

RAMP = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def idx_bytes(values):
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def write_idx(folder, images=RAMP, labels=LABELS, stem="train", pack=gzip.compress, joint="-"):
    ending = ".gz" if pack is gzip.compress else ""
    for kind, dimensions, values in (("images", 3, images), ("labels", 1, labels)):
        name = f"{stem}-{kind}{joint}idx{dimensions}-ubyte{ending}"
        (folder / name).write_bytes(pack(idx_bytes(values)))
    return folder


def picture(path, shade=9):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (shade,) * 3).save(path)


def refused(source, text):
    with pytest.raises(ValueError, match=text) as caught:
        load_labelled(source)
    assert "Received: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
@pytest.mark.parametrize("joint", ["-", "."])
def test_idx_files_are_read(tmp_path, pack, joint):
    write_idx(tmp_path, pack=pack, joint=joint)
    write_idx(tmp_path, RAMP[:2] + 100, LABELS[1:3], stem="t10k", pack=pack, joint=joint)
    sets = load_labelled(tmp_path)
    assert list(sets) == ["train", "test"]
    np.testing.assert_array_equal(sets["train"].images, RAMP[..., None])
    np.testing.assert_array_equal(sets["test"].images, RAMP[:2, ..., None] + 100)
    assert sets["train"].labels.tolist() == LABELS.tolist()
    assert sets["test"].labels.tolist() == [1, 2]
    assert sets["test"].class_names == ("0", "1", "2")
    ending = ".gz" if pack is gzip.compress else ""
    assert sets["test"].names[1] == f"t10k-images{joint}idx3-ubyte{ending}#1"


def test_classes_of_idx_files_are_named_beside_them(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "labels.txt").write_text("a shirt\r\n T-shirt/top \n\nhat\n", encoding="utf-8")
    assert load_labelled(tmp_path)["train"].class_names == ("a shirt", "T-shirt/top", "hat")
    (tmp_path / "labels.txt").write_text("a\nb\na\n", encoding="utf-8")
    refused(tmp_path, "named twice.*labels.txt")
    (tmp_path / "labels.txt").write_text("a\nb\n", encoding="utf-8")
    refused(tmp_path, "Labels must be from 0 to 1")
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\xff")
    refused(tmp_path, "Cannot be read.*labels.txt")


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda raw: gzip.compress(raw)[:-9], "Cut off or damaged"),
        (lambda raw: gzip.compress(raw)[:20] + b"xxxxx" + gzip.compress(raw)[25:], "Cut off or"),
        (lambda raw: gzip.compress(raw[:-1]), "promises 120 values, there are 119"),
        (lambda raw: gzip.compress(raw[:9]), "the header ends early"),
        (lambda raw: raw[:40], r"the header promises \(6, 4, 5\)"),
        (lambda raw: gzip.compress(raw + b"0"), "more than the"),
        (lambda raw: gzip.compress(raw[:4] + b"\xff" * 12 + raw[16:]), "the header promises"),
        (lambda raw: gzip.compress(b"\0\0\x0d\3" + raw[4:]), "starts with 00000d03, not 00000803"),
        (lambda raw: b"<html>", "starts with 3c68746d, not 00000803"),
        (lambda raw: b"", "starts with , not 00000803"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path, damage, text):
    write_idx(tmp_path)
    name = "train-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes(damage(idx_bytes(RAMP)))
    message = refused(tmp_path, text)
    assert str(tmp_path / name) in message


def test_idx_pairs_must_be_whole(tmp_path):
    write_idx(tmp_path, stem="t10k")
    refused(tmp_path, r"train-images-idx3-ubyte\[\.gz\] is missing\.")
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    refused(tmp_path, r"t10k-labels-idx1-ubyte\[\.gz\] is missing beside t10k-images-idx3-ubyte.gz")


def test_idx_counts_must_agree(tmp_path):
    write_idx(tmp_path, labels=LABELS[:5])
    refused(tmp_path, r"one integer label for each of 6 pictures.*shape=\(5,\)")


def test_npz_files_are_read(tmp_path):
    path = tmp_path / "small.npz"
    colour = np.repeat(RAMP[..., None], 3, axis=3)
    stored = {"x_train": colour, "y_train": LABELS[:, None].astype(np.int64)}
    stored |= {"x_val": colour[:2] + 1, "y_val": [2, 2], "x_test": colour[:1], "y_test": [1]}
    np.savez_compressed(path, **stored, class_names=["ant", "bee", "cat"])
    sets = load_labelled(path)
    assert list(sets) == ["train", "validation", "test"]
    np.testing.assert_array_equal(sets["validation"].images, colour[:2] + 1)
    assert sets["train"].labels.tolist() == LABELS.tolist()
    assert sets["train"].class_names == ("ant", "bee", "cat")
    assert sets["validation"].names == ("x_val#0", "x_val#1")
    np.savez(path, images=RAMP, labels=LABELS)
    train = load_labelled(path)["train"]
    np.testing.assert_array_equal(train.images[..., 0], RAMP)
    assert train.class_names == ("0", "1", "2") and train.names[5] == "images#5"


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"images": RAMP / 255.0, "labels": LABELS}, r"np.rint\(255 \* images\).*dtype=float64"),
        ({"images": RAMP[0], "labels": LABELS}, r"\[N, H, W\] or .*shape=\(4, 5\)"),
        ({"images": RAMP[:, None], "labels": LABELS}, r"shape=\(6, 1, 4, 5\)"),
        ({"images": RAMP[:0], "labels": LABELS[:0]}, r"shape=\(0, 4, 5\)"),
        ({"images": RAMP}, "`labels` is missing"),
        ({"x_test": RAMP, "y_test": LABELS}, "needs x_train and y_train.*with x_test, y_test"),
        ({"images": RAMP, "labels": LABELS / 1.0}, "one integer label .*dtype=float64"),
        ({"images": RAMP, "labels": np.eye(6, dtype=int)}, r"one integer label .*shape=\(6, 6\)"),
        ({"images": RAMP, "labels": LABELS - 1.0}, "one integer label"),
        ({"images": RAMP, "labels": LABELS.astype(int) - 1}, "labels from -1 to 1 for images"),
        (
            {"images": RAMP, "labels": LABELS, "class_names": ["a", "b"]},
            "from 0 to 1, .*from 0 to 2",
        ),
        ({"images": RAMP, "labels": LABELS, "class_names": [1, 2, 3]}, "must be a list of text"),
        (
            {"images": RAMP, "labels": LABELS.astype(int) * 10_000},
            "20001 classes are more than 10000",
        ),
        ({"images": np.array([RAMP, 1], object), "labels": [0, 1]}, "`images` cannot be read"),
        (
            {"images": RAMP, "labels": LABELS, "class_names": np.array(["a"], object)},
            "`class_names` cannot be read",
        ),
        (
            {"images": RAMP, "labels": LABELS, "x_train": RAMP, "y_train": LABELS},
            "Two arrays are train pictures",
        ),
    ],
)
def test_npz_files_that_make_no_sense_are_refused(tmp_path, arrays, text):
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)
    assert str(path) in refused(path, text)


def test_labels_that_train_does_not_know_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x_train=RAMP, y_train=LABELS, x_test=RAMP, y_test=LABELS + 1)
    refused(path, "from 0 to 2, the classes of the training pictures.*from 1 to 3 for x_test")


def test_classes_without_a_picture_are_reported(tmp_path, caplog):
    np.savez(tmp_path / "x.npz", images=RAMP, labels=LABELS * 2)
    load_labelled(tmp_path / "x.npz")
    assert "There is no training picture of class 1, 3" in caplog.text


def test_a_damaged_npz_file_is_named(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(b"no zip")
    refused(path, r"No \.npz file, or a damaged one.*x\.npz")


@pytest.mark.parametrize("source", ["nowhere", "nowhere.npz"])
def test_a_missing_source_is_refused(tmp_path, source):
    refused(str(tmp_path / source), f"no such folder or file.*{source}")


def test_an_empty_class_is_named(tmp_path):
    picture(tmp_path / "a" / "0.png")
    (tmp_path / "empty").mkdir()
    refused(tmp_path, "empty'")


def test_a_folder_without_class_folders_is_refused(tmp_path):
    picture(tmp_path / "0.png")
    refused(tmp_path, "no class folder")


def test_a_class_that_train_does_not_have_is_named(tmp_path):
    for name in ("train/a/0", "train/b/0", "test/b/0", "test/c/0"):
        picture(tmp_path / f"{name}.png")
    refused(tmp_path, r"No class of train/: c\..*test'")


@pytest.mark.parametrize("names", [("train/0", "test/0"), ("test/a/0", "val/a/0")])
def test_splits_without_class_folders_below_train_are_refused(tmp_path, names):
    for name in names:
        picture(tmp_path / f"{name}.png")
    refused(tmp_path, "make train/<class>/")


def test_val_and_validation_are_one_too_many(tmp_path):
    for name in ("train", "val", "validation"):
        picture(tmp_path / name / "a" / "0.png")
    refused(tmp_path, "Two folders are the validation part")


def test_what_is_not_read_is_reported(tmp_path, caplog):
    for name in ("train/a/0", "train/a/1", "train/stray", "extra/a/0"):
        picture(tmp_path / f"{name}.png")
    load_labelled(tmp_path)
    assert "Not read, as no split: extra" in caplog.text
    assert "Not read: 1 pictures of no class, in " in caplog.text


def test_too_many_class_folders_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(labelled_folders, "MOST_CLASSES", 3)
    for k in range(4):
        picture(tmp_path / str(k) / "0.png")
    refused(tmp_path, "4 classes are more than 3")


class TinyClothes(tfds.core.GeneratorBasedBuilder):
    """Two classes, pictures of two sizes."""

    # In a package, tfds looks for this file with a library that it does not require
    # (tensorflow/datasets#11212).
    __module__ = "tiny_clothes"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        names = tfds.features.ClassLabel(names=["hat", "shoe"])
        image = tfds.features.Image(shape=(None, None, 3))
        features = tfds.features.FeaturesDict({"image": image, "label": names, "id": np.int64})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(6, 0), "test": self._generate_examples(3, 100)}

    def _generate_examples(self, count, first):
        for k in range(count):
            image = np.full((4 + k % 2, 4, 3), first + 10 * k, np.uint8)
            yield k, {"image": image, "label": k % 2, "id": k}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tfds")
    TinyClothes(data_dir=data_dir).download_and_prepare()
    return data_dir


def test_a_prepared_tfds_is_read(prepared):
    sets = load_labelled(f"tfds:tiny_clothes@{prepared}", size=4, fit="crop")
    assert list(sets) == ["train", "test"]
    train = sets["train"]
    assert train.images.shape == (6, 4, 4, 3) and train.images.dtype == np.uint8
    assert train.class_names == ("hat", "shoe")
    assert train.names == tuple(f"train#{k}" for k in range(6))
    # tfds writes in an order of its own.
    shades = train.images[:, 0, 0, 0].tolist()
    assert sorted(shades) == [0, 10, 20, 30, 40, 50]
    assert train.labels.tolist() == [shade // 10 % 2 for shade in shades]
    assert sorted(sets["test"].images[:, 0, 0, 0].tolist()) == [100, 110, 120]
    again = load_labelled(f"tfds:tiny_clothes@{prepared}", size=4, fit="crop")
    np.testing.assert_array_equal(again["train"].images, train.images)


def test_a_tfds_that_is_not_prepared_fails_at_once(tmp_path):
    start = time.monotonic()
    message = refused(f"tfds:mnist@{tmp_path}", "not prepared here")
    command = (
        f"python -c \"import tensorflow_datasets as t; t.load('mnist', data_dir='{tmp_path}')\""
    )
    assert command in message
    assert not any(tmp_path.iterdir())
    unknown = refused(f"tfds:no_such_clothes@{tmp_path}", "Dataset no_such_clothes not found")
    assert len(unknown) < 300
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("source", ["tfds:", "tfds:huggingface:mnist", "tfds:two words"])
def test_a_tfds_without_a_plain_name_is_refused(source):
    refused(source, re.escape(f"Write 'tfds:NAME' or 'tfds:NAME@FOLDER'. Received: {source=}"))


@pytest.mark.parametrize(
    ("features", "text"),
    [
        ({"image": tfds.features.Image()}, r"one ClassLabel, there are \['image'\] and \[\]"),
        (
            {
                "x": tfds.features.Image(dtype=np.uint16),
                "y": tfds.features.ClassLabel(num_classes=2),
            },
            "must be uint8 .*dtype=.*uint16",
        ),
        (
            {
                "x": tfds.features.Image(shape=(8, 8, 4)),
                "y": tfds.features.ClassLabel(num_classes=2),
            },
            r"1 or 3 channels.*shape=\(8, 8, 4\)",
        ),
    ],
)
def test_tfds_features_that_cannot_be_used_are_refused(features, text, monkeypatch):
    info = type("Info", (), {"features": tfds.features.FeaturesDict(features)})
    monkeypatch.setattr(tfds, "load", lambda name, **options: ({}, info))
    refused("tfds:anything", text)
