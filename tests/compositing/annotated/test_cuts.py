"""Annotated objects become foregrounds, and their categories survive in scenes."""

import json

import numpy as np
import pytest
from annotated_files import CATEGORIES, changed, coco_set, drawn, voc_set, yolo_set
from PIL import Image
from scene_files import tree

from kerasgen.annotations.output import Shard
from kerasgen.cli import command
from kerasgen.compositing import SceneOptions, save_cuts
from kerasgen.compositing.annotated import mask_in_box
from kerasgen.compositing.compose import compose
from kerasgen.compositing.mask_cache import merge_cuts


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def test_masks_in_boxes_are_those_that_were_drawn():
    for picture, objects in drawn():
        boxes = [box for box in map(box_of, objects)]
        for (_, mask), box in zip(objects, boxes, strict=True):
            found = mask_in_box(picture, box, [other for other in boxes if other != box])
            assert found.quality > 0.9 and iou(found.mask, mask) > 0.9


def box_of(item):
    rows, columns = np.flatnonzero(item[1].any(1)), np.flatnonzero(item[1].any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


@pytest.mark.parametrize(
    ("box", "others", "reason"),
    [
        ((60.0, 20.0, 100.0, 60.0), [], ""),
        ((30.0, 30.0, 50.0, 50.0), [], ""),
        ((22.0, 26.0, 59.0, 55.0), [(20.0, 20.0, 60.0, 60.0)], "lies in other boxes"),
        ((40.0, 40.0, 44.0, 60.0), [], "side below 8"),
    ],
)
def test_wrong_boxes_are_rejected(box, others, reason):
    """Empty ground, the inside of a cell, another box over it, a sliver."""
    picture, _ = next(drawn())
    found = mask_in_box(picture, box, others)
    assert found.quality < 0.75 and reason in found.fault and found.fault


def test_two_boxes_that_overlap_share_the_pixels():
    picture = np.full((80, 120, 3), 210, np.uint8)
    y, x = np.mgrid[:80, :120]
    for centre in (42, 74):
        picture[(x - centre) ** 2 + (y - 40) ** 2 < 18**2] = (150, 90, 110)
    left, right = (24.0, 22.0, 60.0, 58.0), (56.0, 22.0, 92.0, 58.0)
    one, other = mask_in_box(picture, left, [right]), mask_in_box(picture, right, [left])
    assert min(one.quality, other.quality) > 0.75
    assert not (one.mask & other.mask).any()


@pytest.mark.parametrize("made", [coco_set, yolo_set, voc_set, lambda root: coco_set(root, "rle")])
def test_each_object_is_cut_out(made, tmp_path):
    root = made(tmp_path / "set")
    cuts = save_cuts(root, tmp_path / "cuts")
    assert (cuts.class_names, cuts.labels, cuts.rejected) == (
        ("cell", "plate"),
        (0,) * 3 + (1,) * 3,
        (),
    )
    for index, (picture, objects) in enumerate(drawn()):
        for number, (name, mask) in enumerate(objects):
            path = tmp_path / f"cuts/{name}/{index}-{number:03}.png"
            alpha = np.asarray(Image.open(path.with_suffix(".mask.png"))) > 127
            assert abs(alpha.sum() / mask.sum() - 1) < 0.08
            shown = np.asarray(Image.open(path))[alpha].mean(0)
            assert np.allclose(shown, picture[mask].mean(0), atol=6)
    before = tree(tmp_path / "cuts")
    save_cuts(root, tmp_path / "cuts")
    assert tree(tmp_path / "cuts") == before


def test_shards_of_cuts_are_one_run(tmp_path):
    root = coco_set(tmp_path / "set")
    save_cuts(root, tmp_path / "whole")
    shards = [tmp_path / f"shard{number}" for number in range(2)]
    for number, folder in enumerate(shards):
        save_cuts(root, folder, shard=Shard(number, 2))
    merge_cuts(tmp_path / "merged", shards)
    assert tree(tmp_path / "merged") == tree(tmp_path / "whole")


def test_rejected_objects_have_a_reason(tmp_path):
    root = coco_set(tmp_path / "set")
    path = root / "instances.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"] = [60, 5, 30, 30]
    path.write_text(json.dumps(content))
    cuts = save_cuts(root, tmp_path / "cuts")
    assert [each.path for each in cuts.rejected] == ["cell/0-000.png"]
    assert "cell/0-000.png,cell,0" in (tmp_path / "cuts/rejected_foregrounds.csv").read_text()


@pytest.mark.parametrize("what", ["mask", "picture"])
def test_cuts_of_other_annotations_are_not_kept(what, tmp_path):
    root = coco_set(tmp_path / "set", "rle")
    save_cuts(root, tmp_path / "cuts")
    if what == "mask":
        changed(root, lambda content: content["annotations"][0].pop("segmentation"))
    else:
        Image.new("RGB", (160, 120)).save(root / "images/0.png")
    with pytest.raises(ValueError, match="begun with other settings"):
        save_cuts(root, tmp_path / "cuts")


def test_categories_that_compose_takes_for_parts_are_refused(tmp_path):
    def change(content):
        for entry, name in zip(content["categories"], ("train", "test"), strict=False):
            entry["name"] = name

    root = changed(coco_set(tmp_path / "set", "rle"), change)
    with pytest.raises(ValueError, match="read as parts"):
        save_cuts(root, tmp_path / "cuts")


def test_cuts_are_not_mixed_with_other_files(tmp_path):
    root = coco_set(tmp_path / "set", "rle")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        save_cuts(root, tmp_path / "own")


def test_nothing_is_said_of_scenes_without_a_cut_out(tmp_path, capsys):
    def change(content):
        for entry in content["annotations"]:
            entry["bbox"] = [60, 5, 30, 30]

    root = changed(coco_set(tmp_path / "set"), change)
    words = ["--foregrounds", str(root), "--out", str(tmp_path / "cuts"), "--workers", "1"]
    assert command.run(["cut", *words]) == 0
    out = capsys.readouterr().out
    assert "0 pictures with masks" in out and "next:" not in out


@pytest.mark.parametrize(
    "name",
    [
        "bottle/can",
        ".hid",
        "..",
        "a\nb\u200b",
        " cup ",
        "x.mask",
        "settings.json",
        "instances.json",
    ],
)
def test_any_name_of_a_category_survives(name, tmp_path):
    root = changed(
        coco_set(tmp_path / "set", "rle"), lambda c: c["categories"][0].update(name=name)
    )
    (tmp_path / "grounds").mkdir()
    Image.fromarray(np.full((96, 96, 3), 120, np.uint8)).save(tmp_path / "grounds/0.png")
    save_cuts(root, tmp_path / "cuts")
    options = SceneOptions(size=96, distractors=(0, 0))
    folders = tmp_path / "cuts", tmp_path / "grounds", tmp_path / "out"
    scenes = compose(*folders, count=4, options=options)
    assert scenes.verification.failures == ()
    content = json.loads((tmp_path / "out/instances.json").read_text())
    assert content["categories"][0]["name"] == name


def test_categories_survive_in_scenes(tmp_path, capsys):
    root = coco_set(tmp_path / "set")
    (tmp_path / "grounds").mkdir()
    Image.fromarray(np.full((96, 96, 3), 120, np.uint8)).save(tmp_path / "grounds/0.png")
    words = ["--backgrounds", str(tmp_path / "grounds"), "--out", str(tmp_path / "scenes")]
    assert command.run(["compose", "--foregrounds", str(root), *words]) == 1
    assert "cut first: kerasgen cut --foregrounds" in capsys.readouterr().err
    assert not (tmp_path / "scenes").exists()
    save_cuts(root, tmp_path / "cuts")
    small = ["--count", "4", "--size", "96", "--workers", "1", "--distractors", "0"]
    assert command.run(["compose", "--foregrounds", str(tmp_path / "cuts"), *words, *small]) == 0
    content = json.loads((tmp_path / "scenes/instances.json").read_text())
    # The one without a cut-out keeps its id for later.
    assert content["categories"] == CATEGORIES
    lines = (tmp_path / "scenes/metadata.jsonl").read_text().splitlines()
    rows = map(json.loads, lines)
    labels = [(3, 7)[each["label"]] for row in rows for each in row["objects"] if each["box"]]
    assert labels and [each["category_id"] for each in content["annotations"]] == labels
