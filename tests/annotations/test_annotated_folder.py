"""Folders of pictures to make others of: whose class is what, and when it is another folder."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.annotations.annotated_folder import AnnotatedFolder
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.records import ManifestRow
from kerasgen.annotations.synthetic_folder import SyntheticFolder
from kerasgen.procedural.smoke.folder import lay_smoke


def fill(root, *names):
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 24), (20 * number, 90, 90)).save(root / name)
    return root


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("cat/1.png", "dog/in/2.png", "3.png"), ("cat", "dog", None)),
        (("train/cat/1.png", "validation/dog/in/2.png"), ("cat", "dog")),
        (("test/cat/1.png", "train/cat/1.png", "val/3.png"), ("cat", "cat", None)),
        (("3.png", "train/1.png"), (None, None)),
        (("Training/cat/1.png", "TEST/cat/1.png", "valid/dog/3.png"), ("cat", "cat", "dog")),
    ],
)
def test_splits_are_no_classes(tmp_path, names, classes):
    folder = AnnotatedFolder(fill(tmp_path, *names))
    classes_found = {name: folder.facts(name).class_name for name in folder.names}
    assert classes_found == dict(zip(names, classes, strict=True))
    assert folder.class_names == tuple(sorted({name for name in classes if name is not None}))


def test_smoke_over_a_split_data_set_knows_the_classes(tmp_path):
    fill(tmp_path / "in", "train/cat/1.png", "test/dog/2.png")
    out = ["--out", str(tmp_path / "out"), "--workers", "1"]
    assert cli.run(["smoke", "--sources", str(tmp_path / "in"), *out]) == 0
    rows = (tmp_path / "out/metadata.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["parameters"]["class_name"] for row in rows] == ["dog", "cat"]


def test_other_pictures_of_the_same_names_are_other_sources(tmp_path):
    fill(tmp_path / "in", "1.png", "2.png")
    out = tmp_path / "out"
    before = AnnotatedFolder(tmp_path / "in")
    lay_smoke(tmp_path / "in", out)
    assert AnnotatedFolder(tmp_path / "in").sha256 == before.sha256
    lay_smoke(tmp_path / "in", out)
    Image.new("RGB", (24, 24), (1, 2, 3)).save(tmp_path / "in/2.png")
    with pytest.raises(ValueError, match="begun with other settings.*Received: sources="):
        lay_smoke(tmp_path / "in", out)
    # A copy elsewhere is the same.
    Image.new("RGB", (24, 24), (20, 90, 90)).save(tmp_path / "in/2.png")
    moved = (tmp_path / "in").rename(tmp_path / "moved")
    assert AnnotatedFolder(moved).sha256 == before.sha256
    # A file that cannot be read is no reason to stop: its row says so.
    (moved / "2.png").unlink()
    (moved / "2.png").symlink_to(tmp_path / "nowhere")
    assert (
        len(AnnotatedFolder(moved).sha256) == 64 and AnnotatedFolder(moved).sha256 != before.sha256
    )


def test_other_rows_of_the_same_pictures_are_other_sources(tmp_path):
    folder = SyntheticFolder(tmp_path, settings={}, class_names=["hat"])
    row = ManifestRow(picture_name(0), 24, 24, 0, 0, (), {"tilt": 1}, ())
    folder.write(row, np.zeros((24, 24, 3), np.uint8))
    folder.finish(1)
    before = AnnotatedFolder(tmp_path).sha256
    path = tmp_path / "metadata.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"tilt": 1', '"tilt": 2'))
    assert AnnotatedFolder(tmp_path).sha256 != before


def rows_of(root, *rows):
    fill(root, *{row["file_name"] for row in rows})
    lines = [json.dumps(row) for row in rows]
    (root / "metadata.jsonl").write_text("\n\n".join(lines) + "\n\n")
    return root


@pytest.mark.parametrize(
    "more",
    [
        {"objects": {"bbox": [[1, 2, 9, 9]], "categories": [0]}},
        {"objects": [{"bbox": [1, 2, 9, 9]}]},
        {"annotation": "a cup", "parameters": ["x", 1]},
        {"parameters": {"annotation": "a cup", "class_name": 7}},
        {"text": "a cup", "label": 3},
    ],
)
def test_rows_of_other_tools_are_carried_along(tmp_path, more):
    rows_of(tmp_path / "in", *({"file_name": f"{i}.png", **more} for i in range(3)))
    filled = lay_smoke(tmp_path / "in", tmp_path / "out")
    assert [row.parameters["source"] for row in filled.rows()] == [more] * 3


@pytest.mark.parametrize(
    "more",
    [
        {"objects": [{"label": 0}], "sources": []},
        {"parameters": {"annotation": {"keypoints": [1, 2]}}},
        {"parameters": {"annotation": {"mask": "x"}}},
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, more):
    rows_of(tmp_path, {"file_name": "1.png"}, {"file_name": "2.png", **more})
    folder = AnnotatedFolder(tmp_path)
    with pytest.raises(ValueError, match=r"metadata.jsonl', line=3"):
        folder.facts("2.png")
    # Before anything is drawn.
    out = tmp_path.with_name(f"{tmp_path.name}-out")
    with pytest.raises(ValueError, match=r"metadata.jsonl', line=3"):
        lay_smoke(tmp_path, out)
    assert not out.exists()


def test_two_rows_of_one_picture_are_refused(tmp_path):
    rows_of(tmp_path, *({"file_name": "1.png", "text": text} for text in "ab"))
    with pytest.raises(ValueError, match=r"Two rows are of one picture, '1.png'.*line=1.*line=3"):
        AnnotatedFolder(tmp_path)
