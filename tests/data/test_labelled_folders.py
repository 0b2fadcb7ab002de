"""Class folders as people and tools name them."""

import logging
import os

import numpy as np
import pytest
from PIL import Image

from kerasgen.annotations import AnnotatedFolder
from kerasgen.compositing.foreground_folders import class_folders
from kerasgen.data import load_labelled

NFC, NFD = "caf\u00e9", "cafe\u0301"


def fill(root, *names):
    for number, name in enumerate(names):
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            Image.new("RGB", (8, 8), (9 * number, 90, 90)).save(stream, "PNG")
    return root


def parts(*names):
    return [f"{part}/{label}/{i}.png" for part in names for label in "ab" for i in range(2)]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Train", "Test"), {"train", "test"}),
        (("Training", "Testing"), {"train", "test"}),
        (("train", "valid", "test"), {"train", "validation", "test"}),
        (("TRAIN", "Validation"), {"train", "validation"}),
    ],
)
def test_parts_are_found_whatever_their_name(tmp_path, names, splits):
    found = load_labelled(fill(tmp_path, *parts(*names)))
    assert set(found) == splits
    assert {each.class_names for each in found.values()} == {("a", "b")}
    assert AnnotatedFolder(tmp_path).class_names == ("a", "b")
    with pytest.raises(ValueError, match="sub-folders are parts .*use the folder of one part"):
        class_folders(tmp_path)


def test_two_folders_of_one_part_are_refused(tmp_path):
    fill(tmp_path, *parts("train", "val", "Valid"))
    with pytest.raises(ValueError, match="Two folders are the validation part"):
        load_labelled(tmp_path)


@pytest.mark.parametrize("read", [load_labelled, AnnotatedFolder, class_folders])
def test_folders_that_may_be_parts_become_classes_and_it_is_said(tmp_path, read):
    fill(tmp_path, *parts("Trainset", "Testset"))
    with pytest.warns(UserWarning, match="Testset, Trainset are read as classes.*folders a, b"):
        read(tmp_path)


def test_arrays_have_the_same_names_of_parts(tmp_path):
    images, labels = np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 0, 1])
    arrays = {f"x_{name}": images for name in ("Train", "valid")}
    np.savez(tmp_path / "a.npz", **arrays, y_Train=labels, y_valid=labels)
    assert set(load_labelled(tmp_path / "a.npz")) == {"train", "validation"}


def test_both_forms_of_an_accent_are_one_class(tmp_path):
    real = load_labelled(fill(tmp_path / "real", f"{NFC}/0.png", f"{NFC}/1.png", "a/0.png"))
    made = load_labelled(fill(tmp_path / "made", f"{NFD}/0.png", "a/0.png", f"{NFC}/1.png"))
    assert real["train"].class_names == made["train"].class_names == ("a", NFC)
    assert np.bincount(made["train"].labels).tolist() == [1, 2]
    assert AnnotatedFolder(tmp_path / "made").class_names == ("a", NFC)
    assert class_folders(tmp_path / "made") == ["a", NFC]


def test_a_name_that_is_not_utf8_is_told_apart(tmp_path):
    fill(tmp_path, b"a/caf\xe9.png", b"a/caf\xe8.png", b"\xe9/1.png")
    train = load_labelled(tmp_path)["train"]
    assert train.names == ("\\xe9/1.png", "a/caf\\xe8.png", "a/caf\\xe9.png")
    assert train.class_names == ("\\xe9", "a")
    folder = AnnotatedFolder(tmp_path)
    assert set(folder.names) == set(train.names)
    for name in folder.names:
        assert folder.read(name).shape == (8, 8, 3)
        assert folder.source(name).path == name


def test_files_that_are_not_read_are_said(tmp_path, caplog):
    fill(tmp_path, "a/0.png", "b/0.png", "a/1.gif", "b/1.jfif", "b/2.jfif")
    with caplog.at_level(logging.WARNING):
        load_labelled(tmp_path)
    (line,) = [record.getMessage() for record in caplog.records if "read:" in record.getMessage()]
    assert line == f"{tmp_path}: 3 files of other kinds were not read: .gif, .jfif"
    with pytest.warns(UserWarning, match="3 files of other kinds were not read: .gif, .jfif"):
        AnnotatedFolder(tmp_path)


def test_a_class_that_the_settings_do_not_name_is_named(tmp_path):
    fill(tmp_path, "0.png")
    row = '{"file_name": "0.png", "parameters": {"class_name": "cup"}}\n'
    (tmp_path / "metadata.jsonl").write_text(row)
    (tmp_path / "settings.json").write_text('{"class_names": ["hat"]}')
    with pytest.raises(ValueError, match="classes that settings.json does not have: cup"):
        load_labelled(tmp_path)
