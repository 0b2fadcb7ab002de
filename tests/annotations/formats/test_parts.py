"""Train, val and test stay apart in every format, whatever parts there are."""

import dataclasses

import pytest
import yaml
from annotated_files import coco_set, voc_set, yolo_set

from kerasgen.annotations.formats import convert_pictures, read_annotated


def parts(folder):
    return {each.path.stem: each.split for each in read_annotated(folder).pictures}


def listed(root, **lists):
    """Writes the lists of a Pascal VOC set."""
    (root / "ImageSets/Main").mkdir(parents=True)
    for name, text in lists.items():
        (root / f"ImageSets/Main/{name}.txt").write_text(text)
    return root


def test_pictures_without_a_part_are_trained_on(tmp_path):
    pictures = read_annotated(listed(voc_set(tmp_path / "set"), test="1\n"))
    for form in ("coco", "yolo", "voc", "folders"):
        made = convert_pictures(pictures, tmp_path / form, form)
        assert made.splits == {"train": 2, "test": 1}
        assert "2 pictures without a part are in train" in str(made)
    assert len(read_annotated(tmp_path / "coco/train").pictures) == 2
    for form in ("yolo", "voc"):
        assert parts(tmp_path / form) == {"0": "train", "1": "test", "2": "train"}


@pytest.mark.parametrize("form", ["yolo", "voc"])
@pytest.mark.parametrize("split", ["val", "test", "train"])
def test_a_set_of_held_out_pictures_stays_one(split, form, tmp_path):
    pictures = read_annotated(coco_set(tmp_path / "set"))
    held_out = [dataclasses.replace(each, split=split) for each in pictures.pictures]
    pictures = dataclasses.replace(pictures, pictures=tuple(held_out))
    convert_pictures(pictures, tmp_path / "out", form)
    is_no_split = form == "yolo" and split == "train"
    assert set(parts(tmp_path / "out").values()) == {None if is_no_split else split}


def test_held_out_pictures_are_not_named_for_training(tmp_path):
    root = yolo_set(tmp_path / "set")
    (root / "images/train").rename(root / "images/test")
    (root / "labels/train").rename(root / "labels/test")
    (root / "data.yaml").write_text("val: images/val\ntest: images/test\nnames: [cell, plate]\n")
    convert_pictures(read_annotated(root), tmp_path / "out", "yolo")
    data = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert (data["train"], data["val"], data["test"]) == ([], "images/val", "images/test")
    assert parts(tmp_path / "out") == {"0": "test", "1": "test", "2": "val"}


def test_a_picture_in_two_parts_is_refused(tmp_path):
    root = yolo_set(tmp_path / "set")
    text = "train: images/train\nval: images/{}\nnames: [cell, plate]\n"
    # One folder under two names is no split.
    (root / "data.yaml").write_text(text.format("train"))
    assert set(parts(root).values()) == {None}
    (root / "data.yaml").write_text(text.format("../images"))
    with pytest.raises(ValueError, match=r"'0.png' is in two parts, train and val.*data.yaml"):
        read_annotated(root)


@pytest.mark.parametrize("name", ["my photo 0", "my photo", "Zoë", "Zoe\u0308"])
def test_lists_hold_any_name(name, tmp_path):
    root = voc_set(tmp_path / "set")
    for folder, ending in (("Annotations", ".xml"), ("JPEGImages", ".png")):
        (root / folder / f"0{ending}").rename(root / folder / f"{name}{ending}")
    listed(root, test="Zoë -1\n2\n" if name[0] == "Z" else f"{name} -1\n2  1\n", train="1\n")
    assert parts(root) == {name: "test", "1": "train", "2": "test"}
    convert_pictures(read_annotated(root), tmp_path / "out", "voc")
    assert list(parts(tmp_path / "out").values()).count("test") == 2


def test_lists_that_contradict_each_other_are_refused(tmp_path):
    root = listed(voc_set(tmp_path / "set"), train="0\n1\n", val="1\n2\n")
    with pytest.raises(ValueError, match=r"'1' is in two parts, train and val.*val.txt"):
        read_annotated(root)
    (root / "ImageSets/Main/val.txt").write_text("2\nlost\n")
    assert "1 name(s) in lists without an XML file left out" in read_annotated(root).remarks[0]
