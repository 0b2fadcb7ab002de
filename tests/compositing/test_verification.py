"""Right annotations pass; every planted fault is found."""

import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from scene_files import NAMES, edited, material, moved_matrix, remasked, reseen

from kerasgen.annotations.annotation import flip_horizontal, mask_from_run_lengths, translation
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.folder import compose_folder
from kerasgen.compositing.foreground_folders import read_foregrounds
from kerasgen.compositing.options import SceneOptions
from kerasgen.compositing.verification import verify_folder

COUNT = 12


@pytest.fixture(scope="module")
def foregrounds(tmp_path_factory):
    return read_foregrounds(material(tmp_path_factory.mktemp("material"), size=128)[0])[0]


@pytest.fixture(scope="module")
def composed(foregrounds, tmp_path_factory):
    """Scenes with some objects behind others."""
    root = tmp_path_factory.mktemp("composed")
    random = np.random.default_rng(0)
    grounds = [
        cv2.GaussianBlur(random.integers(0, 256, (140, 150, 3), np.uint8), (0, 0), 2)
        for _ in range(3)
    ]
    options = SceneOptions(
        size=128, objects=(2, 3), distractors=(1, 2), scale=(0.4, 0.7), max_occlusion=0.6
    )
    scenery = Backgrounds(grounds)
    compose_folder(foregrounds, scenery, root / "out", COUNT, class_names=NAMES, options=options)
    return root / "out"


@pytest.fixture
def copy(composed, tmp_path):
    return shutil.copytree(composed, tmp_path / "copy")


def failing(folder, foregrounds):
    """The pictures whose first object fails, and the kinds of reasons."""
    failures = verify_folder(folder, foregrounds).failures
    ours = [failure for failure in failures if failure.number == 0]
    kinds = {failure.reason.split(":")[0] for failure in ours}
    return len({failure.file_name for failure in ours}), kinds


def test_right_annotations_pass(composed, foregrounds):
    seen = []
    result = verify_folder(composed, foregrounds, report=lambda *numbers: seen.append(numbers))
    assert result.failures == ()
    assert (result.pictures, seen[-1]) == (COUNT, (COUNT, COUNT))
    assert 2 * COUNT <= result.objects <= 3 * COUNT
    assert result.compared > 0.6 * result.objects
    assert verify_folder(composed, foregrounds, most=5).pictures == 5


def swapped_label(row, item):
    item["label"] = (item["label"] + 1) % len(NAMES)
    return True


def moved_mask(row, item):
    remasked(item, lambda mask: np.pad(mask, ((10, 0), (0, 0)))[: len(mask)])
    return True


def moved_all(row, item):
    """Masks and matrix agree with each other, and only the pixels show that both are wrong."""
    moved_matrix(10, 0)(row, item)
    remasked(item, lambda mask: np.pad(mask, ((0, 0), (10, 0)))[:, : mask.shape[1]])
    return True


def mirrored(foregrounds):
    def change(row, item):
        source = next(other for other in foregrounds if other.path == item["source"])
        corner, back = translation(*source.offset), translation(*(-x for x in source.offset))
        mirror = corner @ flip_horizontal(source.extent[0]) @ back
        item["matrix"] = (np.array(item["matrix"]) @ mirror).tolist()
        return True

    return change


def exchanged_source(foregrounds):
    """Another foreground, of another class, box onto box: what a mixed-up list would give."""

    def change(row, item):
        old = next(other for other in foregrounds if other.path == item["source"])
        new = next(other for other in foregrounds if other.label == (old.label + 1) % len(NAMES))
        grown = np.diag([*np.divide(old.extent, new.extent), 1])
        back = translation(*(-x for x in new.offset))
        matrix = np.array(item["matrix"]) @ translation(*old.offset) @ grown @ back
        item.update(label=new.label, source=new.path, matrix=matrix.tolist())
        row["sources"].append({"role": "foreground", "path": new.path, "sha256": new.sha256})
        return True

    return change


def wrong_box(row, item):
    item["box"][2] += 1
    return True


def wrong_truncation(row, item):
    item["truncation"] = min(1.0, item["truncation"] + 0.1)
    return True


def shrunk_mask(row, item):
    whole, visible = (mask_from_run_lengths(item[name]) for name in ("whole", "visible"))
    kept = cv2.erode(visible.astype(np.uint8), np.ones((3, 3)), iterations=10) > 0
    if not kept.any():
        return False
    reseen(item, kept, whole)
    return True


def seen_through_a_distractor(row, item):
    whole, visible = (mask_from_run_lengths(item[name]) for name in ("whole", "visible"))
    front = [mask_from_run_lengths(other["whole"]) for other in row["objects"][1:]]
    free = whole & ~np.any(front, axis=0)
    if (free & ~visible).sum() < 0.4 * free.sum():
        return False
    reseen(item, free, whole)
    return True


def seen_through_an_object(row, item):
    whole, visible = (mask_from_run_lengths(item[name]) for name in ("whole", "visible"))
    front = np.any([mask_from_run_lengths(other["whole"]) for other in row["objects"][1:]], axis=0)
    if not (whole & front).any():
        return False
    reseen(item, visible | (whole & front), whole)
    return True


@pytest.mark.parametrize(
    ("fault", "kind", "share"),
    [
        (swapped_label, "label", 1),
        (moved_matrix(12, 0), "position", 1),
        (moved_matrix(0, -3), "position", 0.8),
        (mirrored, "position", 0.7),
        (exchanged_source, "position", 1),
        (exchanged_source, "class", 0.3),
        (moved_mask, "mask", 1),
        (moved_all, "position", 0.7),
        (wrong_box, "box", 1),
        (wrong_truncation, "truncation", 1),
        (shrunk_mask, "mask", 0.3),
        (seen_through_a_distractor, "mask", 0.5),
        (seen_through_an_object, "mask", 1),
    ],
)
def test_planted_faults_are_found(fault, kind, share, copy, foregrounds):
    if fault in (mirrored, exchanged_source):
        fault = fault(foregrounds)
    planted = edited(copy, fault)
    found, kinds = failing(copy, foregrounds)
    assert planted > 0 and kind in kinds
    assert share * planted <= found <= planted


def test_faults_of_the_coco_file_are_found(copy, foregrounds):
    path = copy / "instances.json"
    content = json.loads(path.read_text())
    first, second, third, fourth, *_ = content["annotations"]
    first["bbox"][0] += 1
    second["category_id"] = second["category_id"] % len(NAMES) + 1
    third["segmentation"] = fourth["segmentation"]
    content["annotations"].pop()
    path.write_text(json.dumps(content))
    failures = verify_folder(copy, foregrounds).failures
    reasons = [failure.reason for failure in failures]
    for number, what in ((first["id"], "box"), (second["id"], "class"), (third["id"], "mask")):
        assert f"instances.json: annotation {number} has another {what}" in reasons
    assert any("objects, not" in reason for reason in reasons)
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"pycocotools cannot read it.*instances\.json"):
        verify_folder(copy, foregrounds)


def test_other_pictures_and_sources_are_found(copy, foregrounds):
    (copy / "images/000001.png").write_bytes(b"no picture")
    Image.new("RGB", (10, 12)).save(copy / "images/000002.png")
    with Image.open(copy / "images/000003.png") as image:
        noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
        Image.fromarray(noise).save(copy / "images/000003.png")
        assert image.size == (128, 128)
    failures = verify_folder(copy, foregrounds).failures
    broken = {failure.file_name: failure for failure in failures if failure.number is None}
    assert set(broken) == {"images/000001.png", "images/000002.png"}
    assert "10 x 12 pixels, not 128 x 128" in broken["images/000002.png"].reason
    assert {failure.file_name for failure in failures} == {*broken, "images/000003.png"}
    assert "images/000003.png, object 1: position: its source is not" in "\n".join(
        map(str, failures)
    )
    fewer = [item for item in foregrounds if item.label]
    reasons = {failure.reason for failure in verify_folder(copy, fewer).failures}
    assert any("is none of the foregrounds" in reason for reason in reasons)


def test_a_changed_bit_of_a_file_is_found(copy, foregrounds):
    path = copy / "images/000003.png"
    content = bytearray(path.read_bytes())
    # In the checksum of the pixels, which decoding does not read.
    content[-13] ^= 1
    path.write_bytes(content)
    (failure,) = verify_folder(copy, foregrounds).failures
    assert failure.file_name == "images/000003.png"
    assert "damaged: delete it, and run `kerasgen compose` again" in failure.reason


def test_an_unfinished_folder_is_named(copy, foregrounds, tmp_path):
    (copy / "metadata.jsonl").unlink()
    with pytest.raises(ValueError, match=r"finish the folder first.*metadata\.jsonl"):
        verify_folder(copy, foregrounds)
    with pytest.raises(ValueError, match=r"settings\.json"):
        verify_folder(tmp_path / "nothing", foregrounds)


def test_a_damaged_row_is_a_failure_like_others(copy, foregrounds):
    path = copy / "metadata.jsonl"
    lines = path.read_bytes().splitlines()
    lines[2] = lines[2][:40]
    lines[4] = b'{"index": "x"}'
    row = json.loads(lines[6])
    row["objects"][0]["occlusion"] = "half"
    lines[6] = json.dumps(row).encode()
    path.write_bytes(b"\n".join(lines) + b"\n\n")
    result = verify_folder(copy, foregrounds)
    assert result.pictures == COUNT
    shown = list(map(str, result.failures))
    assert [line.split(":")[0] for line in shown] == [
        "metadata.jsonl, line 3",
        "metadata.jsonl, line 5",
        "images/000006.png, object 0",
    ]
    assert "Cannot be read as JSON" in shown[0] and "no index" in shown[1]
    assert "occlusion: is 'half'" in shown[2]
