"""Folders of pictures that get smoke: its mask is true, and nothing that was known is lost."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.manifest import read_manifest
from kerasgen.io.images import read_image
from kerasgen.io.interruption import Unfinished
from kerasgen.procedural.smoke.folder import lay_smoke
from kerasgen.procedural.smoke.overlay import add_smoke, smoke_mask


@pytest.fixture
def clean(tmp_path):
    generator = np.random.default_rng(0)
    for number, (height, width) in enumerate(((40, 56), (48, 32), (40, 40))):
        image = generator.integers(0, 256, (height, width, 3), np.uint8)
        (tmp_path / "clean").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "clean" / f"{number}.png")
    return tmp_path / "clean"


def tree(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_mask_is_where_the_smoke_is(clean, tmp_path, workers):
    out = tmp_path / "out"
    filled = lay_smoke(clean, out, times=2, threshold=0.2, seed=4, workers=workers)
    assert (filled.folder, filled.pictures, filled.rejected) == (out, 6, 0)
    assert filled.sheet == out / "sheet.png" and filled.sheet.is_file()
    rows = list(filled.rows())
    assert [row.sources[0].path for row in rows] == ["0.png"] * 2 + ["1.png"] * 2 + ["2.png"] * 2
    for row in rows:
        before = read_image(clean / row.sources[0].path)
        smoky = add_smoke(before, 4, index=row.index)
        after = read_image(tmp_path / "out" / row.file_name)
        np.testing.assert_array_equal(after, smoky.image)
        (smoke,) = row.objects
        np.testing.assert_array_equal(smoke.visible, smoke_mask(smoky.density, 0.2))
        assert row.parameters["smoke"] == smoky.parameters
    instances = json.loads((tmp_path / "out/instances.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in instances["categories"]] == ["smoke"]


def test_smoke_over_smoke_keeps_the_first_ones_mask_and_both_sources(clean, tmp_path):
    lay_smoke(clean, tmp_path / "one", seed=1)
    lay_smoke(tmp_path / "one", tmp_path / "two", seed=2)
    pairs = zip(*(read_manifest(tmp_path / name) for name in ("one", "two")), strict=True)
    for before, after in pairs:
        first, second = after.objects
        np.testing.assert_array_equal(first.visible, before.objects[0].visible)
        assert first.label == second.label == 0
        assert [source.path for source in after.sources] == [
            before.file_name,
            before.sources[0].path,
        ]
        assert after.parameters["source"]["parameters"]["smoke"] == before.parameters["smoke"]


def test_a_class_of_the_sources_is_kept(clean, tmp_path):
    for number, name in enumerate(("indoors", "outdoors", "outdoors")):
        (clean / name).mkdir(exist_ok=True)
        (clean / f"{number}.png").rename(clean / name / f"{number}.png")
    lay_smoke(clean, tmp_path / "out")
    rows = read_manifest(tmp_path / "out")
    classes = [row.parameters["class_name"] for row in rows]
    assert classes == ["indoors", "outdoors", "outdoors"]
    assert {placed.label for row in rows for placed in row.objects} == {2}


def test_a_stopped_run_goes_on_to_the_same_bytes(clean, tmp_path):
    def signalled(done, of):
        if done == 4:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Unfinished, match="SIGINT.* of 9 pictures are missing"):
        lay_smoke(clean, tmp_path / "broken", times=3, report=signalled)
    lay_smoke(clean, tmp_path / "broken", times=3)
    lay_smoke(clean, tmp_path / "whole", times=3, workers=2)
    assert tree(tmp_path / "broken") == tree(tmp_path / "whole")


@pytest.mark.parametrize("command", [["smoke"], ["synthesize", "eyes"]])
@pytest.mark.parametrize(
    ("output", "relation"),
    [
        ("clean", "is the folder of"),
        ("clean/new", "lies within"),
        ("new/../clean/new", "lies within"),
        (".", "contains"),
    ],
)
def test_nothing_is_written_among_the_sources(clean, tmp_path, capsys, command, output, relation):
    before = tree(tmp_path)
    out = tmp_path / output
    assert cli.run([*command, "--sources", str(clean), "--out", str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"folder to write {relation} `sources`" in line and "use a folder beside it" in line
    assert f"folder={str(out.resolve())!r}, sources={str(clean)!r}" in line
    assert tree(tmp_path) == before


def test_a_name_that_begins_alike_is_another_folder(clean, tmp_path):
    out = tmp_path / "clean-smoky"
    assert cli.run(["smoke", "--sources", str(clean), "--out", str(out), "--workers", "1"]) == 0


@pytest.mark.parametrize("times", [1, 7, 8])
def test_the_sheet_is_about_as_wide_as_high_and_shows_pairs_in_order(clean, tmp_path, times):
    for path in clean.iterdir():
        level = 60 * int(path.stem)
        Image.new("RGB", (100, 100), (level, level, level)).save(path)
    out = tmp_path / "out"
    flags = ["--times", str(times), "--workers", "1"]
    assert cli.run(["smoke", "--sources", str(clean), "--out", str(out), *flags]) == 0
    height, width = read_image(out / "sheet.png").shape[:2]
    assert width <= height < 1.7 * width
    # Down the first strip, then on at the top of the next one.
    sheet, strip = read_image(out / "sheet.png"), 2 * (2 * 100 + 2 * 4)
    head = height - (height // 204 * 204) - 4
    found = [
        int(sheet[top + 100, left + 100, 0])
        for left in range(0, width, strip)
        for top in range(head, height - 204, 204)
    ]
    expected = [60 * (index // times) for index in range(3 * times)]
    assert found[: len(expected)] == expected and set(found[len(expected) :]) <= {255}


def test_the_command_draws_a_sheet_and_names_what_it_left_out(clean, tmp_path, capsys):
    (clean / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 40)).save(clean / "narrow.png")
    out = tmp_path / "out"
    arguments = ["smoke", "--sources", str(clean), "--out", str(out), "--workers", "1"]
    assert cli.run([*arguments, "--yolo"]) == 0
    said = capsys.readouterr().out
    assert "3 pictures and metadata.jsonl" in said and "2 more were rejected" in said
    lines = (out / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    reasons = [json.loads(line)["reason"] for line in lines]
    assert "broken.png" in reasons[0] and "at least 16" in reasons[1]
    assert (out / "labels/000000.txt").is_file() and (out / "sheet.png").is_file()
    assert (out / picture_name(0)).is_file()
    assert cli.run([*arguments, "--threshold", "1"]) == 1
    assert "`threshold`" in capsys.readouterr().err
