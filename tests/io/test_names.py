"""Names of files and folders."""

import os

import pytest

from kerasgen.io.names import (
    class_name_of,
    file_name_of,
    path_of,
    plain_path,
    split_of,
    unicode_name,
)


@pytest.mark.parametrize(
    ("names", "split"),
    [
        ("train Train TRAINING", "train"),
        ("val valid Validation VAL", "validation"),
        ("test Testing", "test"),
        ("trains eval tests cat", None),
    ],
)
def test_splits_have_a_few_names(names, split):
    assert {split_of(name) for name in names.split()} == {split}


def test_names_that_are_not_utf8_are_escaped_and_found_again(tmp_path):
    raw = [b"caf\xe9.png", b"caf\xe8.png", "caf\u00e9.png".encode()]
    for name in raw:
        open(os.path.join(os.fsencode(tmp_path), name), "wb").close()
    texts = [unicode_name(os.fsdecode(name)) for name in raw]
    assert texts == ["caf\\xe9.png", "caf\\xe8.png", "caf\u00e9.png"]
    assert [os.fsencode(path_of(tmp_path, text).name) for text in texts] == raw


def test_a_name_in_the_other_form_of_accents_is_found(tmp_path):
    for there, wanted in (("cafe\u0301", "caf\u00e9"), ("n\u00e9", "ne\u0301")):
        (tmp_path / there).touch()
        assert path_of(tmp_path, wanted).name == there
    assert path_of(tmp_path, "none").name == "none"


def test_ascii_is_never_decoded(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "secret.png").touch()
    name = "\\x2e\\x2e/secret.png"
    assert not path_of(tmp_path / "folder", name).exists()


@pytest.mark.parametrize(
    "name", ["/etc/0.png", "../0.png", "a/../../0.png", "", None, 3, "a\0.png"]
)
def test_a_row_names_a_picture_below_its_folder(name):
    with pytest.raises(ValueError, match="file_name.*Received: .*line=7"):
        file_name_of({"file_name": name}, "line=7")
    assert file_name_of({"file_name": "a/..b/0.png"}, "") == "a/..b/0.png"


def test_composed_and_decomposed_letters_are_one_class():
    assert class_name_of("cafe\u0301") == class_name_of("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize("name", ["a [1]", "a*", "a?", "{a,b}", "a\\x", "\udce9"])
def test_what_tensorflow_misreads_becomes_a_plain_path_to_the_same_folder(tmp_path, name):
    link = plain_path(tmp_path / name)
    assert not set("[]*?{}\\\udce9") & set(link) and plain_path(tmp_path / name) == link
    (tmp_path / name / "file").touch()
    assert os.listdir(link) == ["file"]
    assert plain_path(tmp_path) == str(tmp_path)
