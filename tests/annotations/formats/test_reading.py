"""COCO, YOLO and Pascal VOC give the same objects; damage, and what is left out, is named."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
from annotated_files import CATEGORIES, SIZE, box_of, changed, coco_set, drawn, voc_set, yolo_set

from kerasgen.annotations.formats import annotation_format, read_annotated, unused_annotations


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def check(found, least=None):
    """The objects are those that were drawn; `least` is the smallest overlap of masks."""
    assert [(each.width, each.height) for each in found.pictures] == [SIZE] * 3
    for picture, (_, objects) in zip(found.pictures, drawn(), strict=True):
        assert [each.category for each in picture.objects] == [name for name, _ in objects]
        for placed, (_, mask) in zip(picture.objects, objects, strict=True):
            assert np.allclose(placed.box, box_of(mask), atol=1 if least else 0.01)
            assert (placed.mask is None) == (least is None)
            assert least is None or iou(placed.mask, mask) >= least


@pytest.mark.parametrize(
    ("form", "least"), [("box", None), ("rle", 1), ("counts", 1), ("polygon", 0.9)]
)
def test_coco_in_each_form_of_masks(form, least, tmp_path):
    found = read_annotated(coco_set(tmp_path / "set", form))
    check(found, least)
    listed = [vars(each) for each in found.categories]
    assert (found.format, listed, found.remarks) == ("COCO", CATEGORIES, ())


def test_yolo_boxes_and_polygons(tmp_path):
    found = read_annotated(yolo_set(tmp_path / "boxes"))
    check(found)
    assert [each.split for each in found.pictures] == ["train", "train", "val"]
    check(read_annotated(yolo_set(tmp_path / "polygons", "polygon")), 0.9)


def test_voc_boxes(tmp_path):
    found = read_annotated(voc_set(tmp_path / "set"))
    check(found)
    assert [(each.id, each.name) for each in found.categories] == [(1, "cell"), (2, "plate")]


def moved(root, to):
    (root / "instances.json").rename(root / to)


@pytest.mark.parametrize("images", ["images", ".", "val2017"])
@pytest.mark.parametrize("to", ["instances.json", "any.json", "annotations/instances_val2017.json"])
def test_coco_files_are_found_wherever_they_lie(images, to, tmp_path):
    root = coco_set(tmp_path / "set", images=images)
    (root / "annotations").mkdir()
    moved(root, to)
    check(read_annotated(root))
    check(read_annotated(root / to))


def test_coco_beside_the_folder_and_absolute_names(tmp_path):
    root = coco_set(tmp_path / "set", images="photos")

    def absolute(content):
        for entry in content["images"]:
            entry["file_name"] = str(root / "photos" / entry["file_name"])

    check(read_annotated(root / "photos"))
    check(read_annotated(changed(root, absolute)))
    # An instances.json of other pictures is none of this folder.
    (root / "others").mkdir()
    assert annotation_format(root / "others") is None


def test_what_is_left_out_is_said(tmp_path):
    root = coco_set(tmp_path / "set", "rle")

    def change(content):
        content["annotations"][1]["iscrowd"] = 1
        content["annotations"][2]["bbox"] = [200, 10, 5, 5]

    found = read_annotated(changed(root, change))
    assert [len(each.objects) for each in found.pictures] == [1, 1, 2]
    assert ["1 crowd annotation(s)", "annotations[2] (id 2)"] == [
        found.remarks[0].partition(" left out")[0], found.remarks[1].rpartition(", ")[2],
    ]  # fmt: skip
    yolo_set(root / "nested")
    assert annotation_format(root) == "COCO"
    (root / "data.yaml").write_text("names: [cell]\n")
    assert "YOLO were not read" in read_annotated(root).remarks[-1]
    (root / "nested/labels/train/lost.txt").write_text("0 .5 .5 .1 .1\n")
    assert "lost.txt" in read_annotated(root / "nested").remarks[0]


def test_files_that_may_be_annotations_are_named(tmp_path):
    for name in ("cup/a.png", "cup/a.json", "settings.json", "README.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert unused_annotations(tmp_path).endswith("were not read: cup/a.json")
    assert annotation_format(tmp_path) is None


DAMAGE = {
    "no such category_id, 8. .*annotations.3. .id 3": lambda c: c["annotations"][3].update(
        category_id=8
    ),
    "no such image_id": lambda c: c["annotations"][0].update(image_id=99),
    "`bbox` must be a list of 4 numbers.*annotations.0.": lambda c: c["annotations"][0].update(
        bbox=[1, 2, 3]
    ),
    "neither `bbox` nor": lambda c: c["annotations"][0].pop("bbox"),
    "three points or more": lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4]]),
    "must fill": lambda c: c["annotations"][0].update(
        segmentation={"size": [120, 160], "counts": [5, 5]}
    ),
    r"is \[height, width\] \[160, 120\]": lambda c: c["annotations"][0].update(
        segmentation={"size": [160, 120], "counts": [19200]}
    ),
    "'lost.png' is missing.*images.1. .id 11": lambda c: c["images"][1].update(
        file_name="lost.png"
    ),
    "listed twice": lambda c: c["images"][1].update(file_name="0.png"),
    "is 160 x 120 pixels, as EXIF": lambda c: c["images"][2].update(width=120, height=160),
    "this id or name": lambda c: c["categories"][1].update(id=3),
    "has no `file_name`": lambda c: c["images"][0].pop("file_name"),
    "`id` must be an integer or text": lambda c: c["images"][0].update(id=[1]),
    "`image_id` must be an integer or text": lambda c: c["annotations"][0].update(image_id={}),
    "`category_id` must be an integer or text": lambda c: c["annotations"][0].update(
        category_id=[3]
    ),
    "`id` must be an integer or text. .*categories.0.": lambda c: c["categories"][0].update(id={}),
    "no Unicode.*categories.0.": lambda c: c["categories"][0].update(name="\ud800"),
    "annotations are of 81 x 120": lambda c: c["images"][0].update(width="81"),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_damaged_coco_names_file_and_entry(message, tmp_path):
    root = changed(coco_set(tmp_path / "set"), DAMAGE[message])
    with pytest.raises(ValueError, match=message) as error:
        read_annotated(root)
    assert "instances.json" in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("5 .5 .5 .1 .1", "No class has the number 5"),
        ("0 .5 .5 .1", "must be a class with a box"),
        ("0 50 50 10 10", "shares of the picture"),
        ("cell .5 .5 .1 .1", "holds no numbers"),
    ],
)
def test_damaged_yolo_names_file_and_line(line, message, tmp_path):
    root = yolo_set(tmp_path / "set")
    (root / "labels/train/1.txt").write_text(f"0 .5 .5 .1 .1\n{line}\n")
    with pytest.raises(ValueError, match=rf"{message}.*train/1.txt', line=2"):
        read_annotated(root)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<name>cell</name>", "", "needs a `name`.*object 0"),
        ("<xmax>59</xmax>", "<xmax>x</xmax>", "no numbers"),
        ("</annotation>", "", "as XML"),
        ("<width>160", "<width>99", "annotations are of 99 x 120"),
        ("0.png", "lost/none.png", ""),
    ],
)
def test_damaged_voc_names_the_file(old, new, message, tmp_path):
    root = voc_set(tmp_path / "set")
    path = root / "Annotations/0.xml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if not message:
        # The picture of the same name is taken.
        assert read_annotated(root).pictures[0].path.name == "0.png"
        return
    with pytest.raises(ValueError, match=message) as error:
        read_annotated(root)
    assert "0.xml" in str(error.value)


def test_a_mask_gives_an_empty_box(tmp_path):
    def change(content):
        content["annotations"][0]["bbox"] = [0, 0, 0, 0]
        content["annotations"][1]["iscrowd"] = "0"
        content["images"][0]["width"] = "160"

    root = coco_set(tmp_path / "set", "rle")
    check(read_annotated(changed(root, change)), 1)


def test_corners_far_outside_are_cut_off(tmp_path):
    """Pycocotools ends the process at such a number."""
    far = [20, 20, 1e9, 20, 1e9, 1e9, 20, 1e9]
    root = changed(
        coco_set(tmp_path / "set"), lambda c: c["annotations"][0].update(segmentation=[far])
    )
    mask = read_annotated(root).pictures[0].objects[0].mask
    assert mask[20:, 20:].all() and mask.sum() == 100 * 140


def test_deeply_nested_json_is_refused(tmp_path):
    root = coco_set(tmp_path / "set")
    (root / "instances.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"as JSON.*instances.json"):
        read_annotated(root)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.json", "[]"),
        ("deep.json", "[" * 100_000),
        ("two.yml", "a: 1\n---\nb: 2\n"),
        ("template.yaml", "{{ name }}: {% if %}\n"),
        ("date.yaml", "made: 2024-13-45\n"),
    ],
)
def test_files_of_other_kinds_are_no_annotations(name, text, tmp_path):
    (tmp_path / "cup").mkdir()
    (tmp_path / name).write_text(text)
    assert annotation_format(tmp_path) is None
    # By these names they are meant as annotations.
    (tmp_path / name).rename(tmp_path / f"{'instances' if 'json' in name else 'data'}{name[-5:]}")
    with pytest.raises(ValueError, match=r"JSON|YAML") if "yml" not in name else nullcontext():
        annotation_format(tmp_path)


def numbered(root, names):
    """Writes a YOLO set with `classes.txt`."""
    yolo_set(root)
    (root / "data.yaml").unlink()
    (root / "classes.txt").write_bytes(names)
    return root


@pytest.mark.parametrize("names", [b"\xef\xbb\xbfcell\r\nplate\r\n\r\n", b"cell\nplate"])
def test_yolo_classes_in_lines(names, tmp_path):
    check(read_annotated(numbered(tmp_path / "set", names)))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (b"cell\n\nplate\n", "is there twice, or empty"),
        (b"cell\nplate\ncell\n", "is there twice, or empty"),
        (b"cell\nZo\xeb\n", "Save it as UTF-8"),
        (b"", "must be a list"),
    ],
)
def test_damaged_yolo_classes_name_the_file(names, message, tmp_path):
    root = numbered(tmp_path / "set", names)
    with pytest.raises(ValueError, match=f"{message}.*classes.txt"):
        read_annotated(root)


def test_labels_that_are_no_text_name_the_file(tmp_path):
    root = yolo_set(tmp_path / "set")
    (root / "labels/train/1.txt").write_bytes(b"\xeb .5 .5 .1 .1")
    with pytest.raises(ValueError, match=r"UTF-8.*labels/train/1.txt"):
        read_annotated(root)


def test_two_coco_files_need_a_choice(tmp_path):
    root = coco_set(tmp_path / "set")
    content = json.loads((root / "instances.json").read_text())
    moved(root, "one.json")
    (root / "two.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"one.json, two.json: give the path of one"):
        read_annotated(root)
    check(read_annotated(root / "two.json"))
