"""What is written in each format is what was read, as the format's own readers see it."""

import contextlib
import io
import json
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from annotated_files import CATEGORIES, changed, coco_set, drawn, voc_set, yolo_set
from PIL import Image
from pycocotools.coco import COCO
from scene_files import tree

from kerasgen.annotations.annotation import mask_from_run_lengths
from kerasgen.annotations.formats import convert_pictures, read_annotated
from kerasgen.annotations.formats.coco_reader import encoded_polygons
from kerasgen.annotations.formats.outlines import polygon_of, polygons_of
from kerasgen.cli import command
from kerasgen.data import parts_by_source


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def converted(source, out, format, **options):
    return convert_pictures(read_annotated(source), out, format, **options).folder


def objects_of(folder):
    """Category, box and mask of each object, by the picture's name."""
    return {
        picture.path.stem: [(each.category, each.box, each.mask) for each in picture.objects]
        for picture in read_annotated(folder).pictures
    }


def same(one, other, least=None):
    one, other = objects_of(one), objects_of(other)
    assert one.keys() == other.keys() and any(one.values())
    for name, objects in one.items():
        assert [each[0] for each in objects] == [each[0] for each in other[name]]
        for (_, box, mask), (_, there, mask_there) in zip(objects, other[name], strict=True):
            assert np.abs(np.subtract(box, there)).max() <= 1
            assert least is None or iou(mask, mask_there) >= least


@pytest.mark.parametrize("holes", [False, True])
def test_polygons_filled_give_the_mask(holes):
    y, x = np.mgrid[:60, :90]
    mask = (x - 30) ** 2 + (y - 30) ** 2 < 400
    mask |= (abs(x - 70) < 9) & (abs(y - 20) < 7)
    mask[5, 80:83] = True
    if holes:
        mask &= (x - 30) ** 2 + (y - 28) ** 2 > 60
        mask &= (x - 72) ** 2 + (y - 20) ** 2 > 4
    assert len(polygons_of(mask)) == 3
    for polygons in (polygons_of(mask), [polygon_of(mask)]):
        assert (mask_from_run_lengths(encoded_polygons(polygons, (90, 60))) == mask).all()


@pytest.mark.parametrize("form", ["rle", "polygons"])
def test_coco_as_pycocotools_reads_it(form, tmp_path):
    root = coco_set(tmp_path / "set", "rle")
    out = converted(root, tmp_path / "out", "coco", masks=form)
    same(root, out, 0.99)
    with contextlib.redirect_stdout(io.StringIO()):
        read = COCO(str(out / "instances.json"))
    assert read.loadCats(read.getCatIds()) == CATEGORIES
    for image, (picture, objects) in zip(read.loadImgs(read.getImgIds()), drawn(), strict=True):
        assert (np.asarray(Image.open(out / "images" / image["file_name"])) == picture).all()
        entries = read.loadAnns(read.getAnnIds(image["id"]))
        for entry, (name, mask) in zip(entries, objects, strict=True):
            assert read.loadCats(entry["category_id"])[0]["name"] == name
            assert (read.annToMask(entry) == mask).all() and entry["area"] == mask.sum()


def test_a_chain_of_formats_keeps_boxes(tmp_path):
    root = coco_set(tmp_path / "set", "rle")
    yolo = converted(root, tmp_path / "yolo", "yolo")
    voc = converted(yolo, tmp_path / "voc", "voc")
    coco = converted(voc, tmp_path / "coco", "coco")
    for each in (yolo, voc, coco):
        same(root, each)


def test_yolo_segments_keep_masks(tmp_path):
    root = coco_set(tmp_path / "set", "rle")
    out = converted(root, tmp_path / "yolo", "yolo", masks="polygons")
    same(root, out, 0.99)
    back = converted(out, tmp_path / "back", "coco")
    same(root, back, 0.99)


def test_yolo_and_voc_as_yaml_and_elementtree_read_them(tmp_path):
    root = coco_set(tmp_path / "set", "rle")
    pictures = read_annotated(root)
    result = convert_pictures(pictures, tmp_path / "yolo", "yolo")
    assert "6 masks were left out" in str(result)
    data = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    names = {0: "cell", 1: "plate", 2: "unseen"}
    assert data == {"train": "images", "val": "images", "names": names}
    line = (tmp_path / "yolo/labels/0.txt").read_text().splitlines()[0]
    assert line == f"0 {40.5 / 160:.6f} {40.5 / 120:.6f} {37 / 160:.6f} {29 / 120:.6f}"
    convert_pictures(pictures, tmp_path / "voc", "voc")
    box = ElementTree.parse(tmp_path / "voc/Annotations/0.xml").find("object/bndbox")
    assert [int(each.text) for each in box] == [23, 27, 59, 55]
    assert (tmp_path / "voc/ImageSets/Main/trainval.txt").read_text() == "0\n1\n2\n"


@pytest.mark.parametrize("made", [coco_set, yolo_set, voc_set])
def test_class_folders_hold_a_crop_of_each_box(made, tmp_path):
    out = converted(made(tmp_path / "set"), tmp_path / "out", "folders")
    found = sorted(out.rglob("*.png"))
    assert {path.parent.name for path in found} == {"cell", "plate"} and len(found) == 6
    with Image.open(next(path for path in found if path.name == "0-000.png")) as crop:
        assert crop.size == (37, 29)


def test_splits_are_by_source_and_in_each_format(tmp_path):
    root = coco_set(tmp_path / "set")
    words = ["--split", "0.34,0.33,0.33"]
    for form in ("coco", "yolo", "voc", "folders"):
        out = tmp_path / form
        assert command.run(["convert", str(root), str(out), "--format", form, *words]) == 0
    data = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    for part in ("train", "val", "test"):
        assert data[part] == f"images/{part}"
        (picture,) = (tmp_path / "yolo/images" / part).iterdir()
        assert (tmp_path / "voc/ImageSets/Main" / f"{part}.txt").read_text() == f"{picture.stem}\n"
        listed = json.loads((tmp_path / "coco" / part / "instances.json").read_text())
        assert [each["file_name"] for each in listed["images"]] == [picture.name]
        assert (tmp_path / "coco" / part / "images" / picture.name).is_file()
        assert len(list((tmp_path / "folders" / part).rglob("*.png"))) == 2
    splits = {each.path.stem: each.split for each in read_annotated(tmp_path / "yolo").pictures}
    voc = read_annotated(tmp_path / "voc").pictures
    assert splits == {each.path.stem: each.split for each in voc}
    same(root, tmp_path / "yolo")


def test_sources_stay_together():
    sources = [index // 4 for index in range(400)]
    parts = parts_by_source(sources, (0.8, 0.1, 0.1))
    assert all(len(set(parts[index : index + 4])) == 1 for index in range(0, 400, 4))
    counts = [parts.count(name) for name in ("train", "val", "test")]
    assert np.abs(np.subtract(counts, (320, 40, 40))).max() <= 4
    for wrong in ((0.8, 0.1), (1.0,), (0.5, 0.6, -0.1)):
        with pytest.raises(ValueError, match="of sum 1"):
            parts_by_source(sources, wrong)


def test_a_stopped_conversion_goes_on(tmp_path):
    root = coco_set(tmp_path / "set")

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    pictures = read_annotated(root)
    with pytest.raises(KeyboardInterrupt):
        convert_pictures(pictures, tmp_path / "out", "coco", report=stop)
    assert not (tmp_path / "out/instances.json").exists()
    convert_pictures(pictures, tmp_path / "out", "coco")
    convert_pictures(pictures, tmp_path / "whole", "coco")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    other = changed(root, lambda content: content["annotations"].pop())
    with pytest.raises(ValueError, match="begun with other settings"):
        convert_pictures(read_annotated(other), tmp_path / "out", "coco")
    with pytest.raises(ValueError, match="holds other files"):
        convert_pictures(pictures, tmp_path / "set", "coco")


def test_new_numbers_of_categories_are_said(tmp_path):
    pictures = read_annotated(yolo_set(tmp_path / "set"))
    assert "new numbers" not in str(convert_pictures(pictures, tmp_path / "same", "yolo"))
    data = tmp_path / "set/data.yaml"
    data.write_text(data.read_text().replace("[cell, plate]", "{0: cell, 1: plate, 7: none}"))
    pictures = read_annotated(tmp_path / "set")
    assert "new numbers, from 0" in str(convert_pictures(pictures, tmp_path / "out", "yolo"))


def test_a_category_that_xml_cannot_hold_is_refused(tmp_path):
    root = changed(coco_set(tmp_path / "set"), lambda c: c["categories"][0].update(name="ce\x0bll"))
    pictures = read_annotated(root)
    with pytest.raises(ValueError, match="XML has no such characters"):
        convert_pictures(pictures, tmp_path / "out", "voc")
    assert not (tmp_path / "out").exists()


def test_pictures_of_one_name_are_told_apart(tmp_path):
    root = coco_set(tmp_path / "set")
    (root / "images/0").mkdir()
    (root / "images/1.png").rename(root / "images/0/0.png")
    changed(root, lambda content: content["images"][1].update(file_name="0/0.png"))
    out = converted(root, tmp_path / "out", "yolo")
    assert {path.name for path in (out / "labels").iterdir()} == {"0.txt", "0-0.txt", "2.txt"}
