"""Names of pictures: in sub-folders from 10,000 on, and all readers find them there."""

import json

import pytest
import yaml
from manifest_files import COUNT, REJECTED, fill, lines, opened, tree
from pycocotools.coco import COCO

from kerasgen.annotations import folder_layout
from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.dossier import write_card
from kerasgen.annotations.fill_folder import FilledFolder
from kerasgen.annotations.folder_layout import label_name, picture_name
from kerasgen.annotations.manifest import read_manifest
from kerasgen.io.folders import list_images


@pytest.fixture
def few(monkeypatch):
    """Folders of four pictures."""
    monkeypatch.setattr(folder_layout, "PER_FOLDER", 4)


def test_names_are_those_of_today_up_to_ten_thousand():
    names = {
        0: "images/000000.png",
        9_999: "images/009999.png",
        10_000: "images/0001/010000.png",
        1_234_567: "images/0123/1234567.png",
    }
    assert {index: picture_name(index) for index in names} == names
    # Where YOLO looks for the labels of a picture.
    assert label_name(3) == "labels/000003.txt"
    assert label_name(10_000) == "labels/0001/010000.txt"


def test_a_folder_with_sub_folders_grows_and_is_read(few, tmp_path):
    fill(tmp_path / "out", range(3)).finish(3, yolo=True)
    fill(tmp_path / "out", range(3, COUNT)).finish(COUNT)
    fill(tmp_path / "once", range(COUNT)).finish(COUNT, yolo=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")
    out = tmp_path / "out"
    kept = [picture_name(index) for index in range(COUNT) if index not in REJECTED]
    assert {name.rpartition("/")[0] for name in kept} == {"images", "images/0001", "images/0002"}
    assert AnnotatedFolder(out).names == [row.file_name for row in read_manifest(out)] == kept
    found = {path.relative_to(out).as_posix() for path in list_images(out)}
    assert found == set(kept)
    coco = COCO(str(out / "instances.json"))
    assert [entry["file_name"] for entry in coco.dataset["images"]] == kept
    labels = {path.relative_to(out).as_posix() for path in (out / "labels").rglob("*.txt")}
    assert labels == {name.replace("images", "labels").replace("png", "txt") for name in kept}
    assert FilledFolder(out, len(kept), 2).with_sheet().sheet.is_file()


def test_the_card_and_croissant_name_the_sub_folders(few, tmp_path):
    patterns = {}
    for count in (4, COUNT):
        root = tmp_path / str(count)
        fill(root, range(count)).finish(count)
        settings = json.loads((root / "settings.json").read_text())
        (root / "settings.json").write_text(json.dumps({**settings, "kind": "scenes"}))
        write_card(root)
        front = yaml.safe_load((root / "README.md").read_text().split("---")[1])
        card = front["configs"][0]["data_files"][0]["path"]
        files = json.loads((root / "croissant.json").read_text())["distribution"][1]["includes"]
        assert sorted(["metadata.jsonl", *files]) == sorted(card)
        patterns[count] = files
    assert patterns == {4: ["images/*.png"], COUNT: ["images/*.png", "images/*/*.png"]}


def test_a_picture_in_the_wrong_folder_has_no_row(few, tmp_path):
    folder = fill(tmp_path, range(7))
    for stray in ("images/000005.png", "images/0001/000001.png"):
        (tmp_path / stray).write_bytes((tmp_path / picture_name(6)).read_bytes())
        with pytest.raises(ValueError, match=f"'{stray}' has no row"):
            folder.finish(7)
        (tmp_path / stray).unlink()
    folder.finish(7)
    (tmp_path / picture_name(6)).unlink()
    assert list(opened(tmp_path).missing(7)) == [6]
    assert len(lines(tmp_path / "metadata.jsonl")) == 6
