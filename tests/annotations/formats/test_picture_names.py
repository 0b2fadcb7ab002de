"""Names lead to the picture that is meant, below the folder, or to an error that names them."""

import dataclasses
import os
import shutil

import pytest
from annotated_files import changed, coco_set, voc_set, yolo_set
from PIL import Image

from kerasgen.annotations.formats import convert_pictures, read_annotated
from kerasgen.cli import command
from kerasgen.data import source_of
from kerasgen.io.names import unicode_name


def named(root, *names):
    """Gives the pictures of a COCO set other names."""

    def change(content):
        for entry, name in zip(content["images"], names, strict=False):
            entry["file_name"] = name

    return changed(root, change)


def moved(root, *names):
    """Moves the pictures of a COCO set below its folder, too."""
    for index, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (root / f"images/{index}.png").rename(path)
    return named(root, *names)


def written(folder):
    """The names of the pictures and labels in a YOLO set."""
    return sorted(path.name for path in (folder / "images").rglob("*") if path.is_file()), sorted(
        path.name for path in (folder / "labels").rglob("*.txt")
    )


@pytest.mark.parametrize(
    "name", ["val/0.png", "../outside.png", "images/../../outside.png", "x" * 300 + ".png", "\0"]
)
def test_a_name_that_leads_elsewhere_is_refused(name, tmp_path):
    root = coco_set(tmp_path / "set")
    shutil.copy(root / "images/0.png", tmp_path / "outside.png")
    with pytest.raises(ValueError, match=r"is missing below .*instances.json.*images.0. .id 10"):
        read_annotated(named(root, name))


@pytest.mark.parametrize("name", ["C:\\data\\0.png", "/data/old/0.png", "images\\0.png"])
def test_a_name_of_another_machine_is_found(name, tmp_path):
    found = read_annotated(named(coco_set(tmp_path / "set"), name))
    assert found.pictures[0].name == "images/0.png"


def test_one_of_several_pictures_is_not_guessed(tmp_path):
    root = moved(coco_set(tmp_path / "set"), "one/0.png")
    (root / "two").mkdir()
    shutil.copy(root / "one/0.png", root / "two/0.png")
    assert read_annotated(root).pictures[0].name == "one/0.png"
    with pytest.raises(ValueError, match=r"Several pictures are named '0.png'.*one/0.*two/0"):
        read_annotated(named(root, "0.png"))


def test_one_picture_under_two_names_is_listed_twice(tmp_path):
    root = coco_set(tmp_path / "set")
    with pytest.raises(ValueError, match="listed twice"):
        read_annotated(named(root, "0.png", "../images/./0.png"))


def test_voc_pictures_have_the_name_of_their_file(tmp_path):
    root = voc_set(tmp_path / "set")
    for path in root.glob("Annotations/*.xml"):
        path.write_text(path.read_text().replace(path.stem + ".png", "0.png"))
    assert [each.path.stem for each in read_annotated(root).pictures] == ["0", "1", "2"]
    (root / "Annotations/1.xml").rename(root / "Annotations/other.xml")
    with pytest.raises(ValueError, match=r"Two files are of one picture.*0.xml.*other.xml"):
        read_annotated(root)


def test_voc_folders_mirror_each_other(tmp_path):
    root = voc_set(tmp_path / "set")
    for folder, ending in (("Annotations", "xml"), ("JPEGImages", "png")):
        for index, below in enumerate("abb"):
            (root / folder / below).mkdir(exist_ok=True)
            name = "1" if index else "2"
            (root / folder / f"{index}.{ending}").rename(
                root / folder / below / f"{name if index < 2 else index}.{ending}"
            )
    (root / "ImageSets/Main").mkdir(parents=True)
    (root / "ImageSets/Main/test.txt").write_text("b/2\n")
    found = read_annotated(root).pictures
    below = [each.name.removeprefix("JPEGImages/") for each in found]
    assert below == ["a/2.png", "b/1.png", "b/2.png"]
    assert [each.split for each in found] == [None, None, "test"]


def test_yolo_lists_stay_in_the_folder(tmp_path):
    root = yolo_set(tmp_path / "set")
    shutil.copytree(root / "images/train", tmp_path / "train/images")
    data = root / "data.yaml"
    data.write_text("train: ../train/images\nnames: [cell, plate]\n")
    with pytest.raises(ValueError, match=r"'../train/images' is outside the folder.*data.yaml"):
        read_annotated(root)
    # Roboflow's way to name a folder beside the file.
    for kind in ("images", "labels"):
        shutil.copytree(root / kind / "val", root / "train" / kind)
        shutil.copytree(root / kind / "train", tmp_path / "train" / kind, dirs_exist_ok=True)
    assert [each.name for each in read_annotated(root).pictures] == ["train/images/2.png"]
    data.write_text(f"path: {tmp_path}\ntrain: train/images\nnames: [cell, plate]\n")
    found = read_annotated(root)
    assert (found.folder, len(found.pictures)) == (tmp_path, 2)


def test_yolo_lists_name_pictures_in_either_form_of_accents(tmp_path):
    root = yolo_set(tmp_path / "set")
    for kind, ending in (("images", "png"), ("labels", "txt")):
        (root / f"{kind}/train/0.{ending}").rename(root / f"{kind}/train/Zo\u00eb.{ending}")
    (root / "list.txt").write_text("./images/train/Zoe\u0308.png\n")
    (root / "data.yaml").write_text("test: list.txt\nnames: [cell, plate]\n")
    (picture,) = read_annotated(root).pictures
    assert (picture.path.stem, picture.split, len(picture.objects)) == ("Zo\u00eb", "test", 2)


@pytest.mark.parametrize("made", [coco_set, yolo_set])
def test_names_are_relative_to_the_folder(made, tmp_path):
    root = made(tmp_path / "set")
    if made is coco_set:
        moved(root, "seqA/1.png", "seqB/1.png", "seqB/2.png")
    else:
        for index, part in enumerate(("train", "train", "val")):
            for kind, ending in (("images", "png"), ("labels", "txt")):
                (root / f"seq{'AB'[index // 1 % 2]}/{kind}").mkdir(parents=True, exist_ok=True)
                (root / f"{kind}/{part}/{index}.{ending}").rename(
                    root / f"seq{'AB'[index % 2]}/{kind}/{max(1, index)}.{ending}"
                )
        (root / "data.yaml").write_text(
            "train: ../seqA/images\nval: ../seqB/images\nnames: [cell, plate]\n"
        )
    found = read_annotated(root)
    assert {source_of(each.name, "folder")[:4] for each in found.pictures} == {"seqA", "seqB"}
    convert_pictures(found, tmp_path / "out", "yolo")
    pictures, labels = written(tmp_path / "out")
    assert [name[:-4] for name in pictures] == [name[:-4] for name in labels]
    assert len(pictures) == 3 and all(name.startswith("seq") for name in pictures)


def test_names_that_would_not_be_read_are_changed(tmp_path):
    names = ".hidden.png", "0_mask.png", "sub/a\nb.mask.png"
    root = moved(coco_set(tmp_path / "set"), *names)
    for form in ("yolo", "coco", "voc"):
        made = convert_pictures(read_annotated(root), tmp_path / form, form)
        assert len(read_annotated(made.folder).pictures) == 3
    assert written(tmp_path / "yolo")[0] == ["0-mask.png", "_hidden.png", "a_b-mask.png"]


def test_an_ending_that_is_not_read_is_refused(tmp_path):
    root = coco_set(tmp_path / "set")
    with Image.open(root / "images/0.png") as picture:
        picture.save(root / "images/0.gif")
    pictures = read_annotated(named(root, "0.gif"))
    with pytest.raises(ValueError, match=r"must end in one of .png .*0.gif"):
        convert_pictures(pictures, tmp_path / "out", "yolo")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["coco", "voc", "yolo"])
def test_names_that_are_not_unicode(form, tmp_path):
    root = coco_set(tmp_path / "set")
    path = root / "images" / os.fsdecode(b"caf\xe9.png")
    (root / "images/0.png").rename(path)
    found = read_annotated(named(root, unicode_name(path.name)))
    made = convert_pictures(found, tmp_path / "out", form)
    assert len(read_annotated(made.folder).pictures) == 3


@pytest.mark.parametrize("what", ["category", "picture"])
def test_too_long_names_are_refused_before_work(what, tmp_path):
    pictures = read_annotated(coco_set(tmp_path / "set"))
    if what == "category":
        longer = [dataclasses.replace(each, name=each.name * 80) for each in pictures.categories]
        pictures = dataclasses.replace(pictures, categories=tuple(longer))
    else:
        named_long = dataclasses.replace(pictures.pictures[0], name="a" * 230 + ".png")
        pictures = dataclasses.replace(pictures, pictures=(named_long, *pictures.pictures[1:]))
    with pytest.raises(ValueError, match="too long for a file"):
        convert_pictures(pictures, tmp_path / "out", "folders")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("made", [coco_set, yolo_set, voc_set])
def test_pictures_that_are_not_read_are_counted(made, tmp_path):
    root = made(tmp_path / "set")
    for name in ("more/0.png", "more/1.png", "SegmentationObject/0.png"):
        (root / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 20)).save(root / name)
    remark = read_annotated(root).remarks[-1]
    assert remark.startswith("2 picture(s) without annotations were not read, the first: ")
    assert remark.endswith("more/0.png")


@pytest.mark.parametrize("given", ["", "instances.json", "images"])
@pytest.mark.parametrize("words", [["convert", "--format", "coco"], ["cut", "--workers", "1"]])
def test_nothing_is_written_among_the_pictures(words, given, tmp_path, capsys):
    root = coco_set(tmp_path / "set")
    source, out = str(root / given), str(root / "out")
    folders = [source, out] if words[0] == "convert" else ["--foregrounds", source, "--out", out]
    assert command.run([*words, *folders]) == 1
    assert "lies within" in capsys.readouterr().err
    assert not (root / "out").exists()


def test_pictures_that_exif_turns_are_counted(tmp_path):
    root = coco_set(tmp_path / "set")
    exif = Image.Exif()
    exif[274] = 3
    with Image.open(root / "images/0.png") as picture:
        picture.save(root / "images/0.png", exif=exif)
    (remark,) = read_annotated(root).remarks
    assert remark.startswith("1 picture(s) are turned by EXIF, ") and remark.endswith("0.png")
