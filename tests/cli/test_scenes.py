"""``kerasgen cut``, ``compose`` and ``verify`` as a user runs them."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from scene_files import NAMES, edited, material, moved_matrix, tree

from kerasgen import cli

SMALL = ["--size", "128", "--workers", "1", "--seed", "5"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return material(tmp_path_factory.mktemp("material"), size=128)


@pytest.fixture
def arguments(folders, tmp_path):
    """A command that works; tests append flags, the last of two counts."""
    paths = ["--foregrounds", folders[0], "--backgrounds", folders[1], "--out", tmp_path / "out"]
    return ["compose", *map(str, paths), *SMALL, "--count", "6"]


def fails(arguments, capsys):
    """Runs a command that must fail in one line on stderr; returns the line."""
    assert cli.run([str(argument) for argument in arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("kerasgen: ")
    return lines[0]


def test_scenes_sheets_and_a_report(arguments, folders, capsys, tmp_path):
    Image.new("RGB", (50, 50)).save(folders[0] / "pants" / "empty.png")
    try:
        assert cli.run([*arguments, "--yolo"]) == 0
    finally:
        (folders[0] / "pants" / "empty.png").unlink()
    out = tmp_path / "out"
    said = capsys.readouterr().out
    assert "pants: 3 of 4 pictures give a foreground (rejected: 1 x" in said
    assert "scenes 6/6" in said and "skirt: 3 of 3 pictures give a foreground\n" in said
    assert re.search(r"verified 6 pictures with \d+ objects.*: 0 failures", said)
    settings = json.loads((out / "settings.json").read_text())
    assert settings["options"]["size"] == [128, 128] and settings["class_names"] == list(NAMES)
    for name in ("sheet.png", "sheet_masks.png"):
        with Image.open(out / name) as sheet:
            assert sheet.size == (6 * 130 + 2, 132)
    with Image.open(out / "sheet.png") as plain, Image.open(out / "sheet_masks.png") as drawn:
        assert (np.asarray(plain) != np.asarray(drawn)).any()
    with (out / "rejected_foregrounds.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["path"], row["class"], row["quality"]) == ("pants/empty.png", "pants", "0.000")
    assert len(list((out / "labels").iterdir())) == 6


def test_all_of_the_folder_is_the_same_on_two_processes(arguments, capsys, tmp_path):
    assert cli.run(arguments) == 0
    before = tree(tmp_path / "out")
    assert cli.run(arguments) == 0
    assert tree(tmp_path / "out") == before
    assert cli.run([*arguments, "--out", str(tmp_path / "two"), "--workers", "2"]) == 0
    assert tree(tmp_path / "two") == before
    assert cli.run([*arguments, "--count", "7"]) == 0
    assert len(list((tmp_path / "out/images").iterdir())) == 7
    assert capsys.readouterr().err == ""


def test_options_reach_the_scenes(arguments, tmp_path):
    flags = ["--size", "90x60", "--objects", "2", "--distractors", "0", "--scale", "0.3-0.4"]
    flags += ["--rotation", "0", "--max_occlusion", "0.1", "--max_truncation", "0", "--verify", "0"]
    assert cli.run([*arguments, *flags]) == 0
    lines = (tmp_path / "out/metadata.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        assert (row["width"], row["height"], len(row["objects"])) == (90, 60, 2)
        assert all(0.2 < item["scale"] <= 0.4 for item in row["parameters"]["items"])
        assert {item["rotation"] for item in row["parameters"]["items"]} == {0}
        assert all(item["truncation"] == 0 for item in row["objects"])
        assert all(item["occlusion"] <= 0.1 for item in row["objects"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--foregrounds", "{tmp}/nowhere"], ["missing", "{tmp}/nowhere"]),
        (["--backgrounds", "{tmp}/nowhere"], ["missing", "{tmp}/nowhere"]),
        (["--foregrounds", "{tmp}/empty"], ["No picture", "{tmp}/empty"]),
        (["--backgrounds", "{tmp}/empty"], ["No picture", "{tmp}/empty"]),
        (["--foregrounds", "{tmp}/flat"], ["sub-folder per class", "{tmp}/flat"]),
        (
            ["--foregrounds", "{tmp}/useless"],
            ["No acceptable foreground in class 'hat'", "because"],
        ),
        (
            ["--foregrounds", "{tmp}/masked"],
            ["No acceptable foreground in class 'hat'", "'a.mask.png' of 60 x 40 pixels"],
        ),
        (["--count", "0"], ["count=0"]),
        (["--workers", "0"], ["workers=0"]),
        (["--size", "64x"], ["--size", "64x"]),
        (["--size", "4"], ["size"]),
        (["--objects", "2-1"], ["objects=(2, 1)"]),
        (["--objects", "many"], ["--objects", "'many'"]),
        (["--scale", "0.1-0.2-0.3"], ["--scale"]),
        (["--min_quality", "2"], ["min_quality=2.0"]),
        (["--out", "{tmp}/file"], ["cannot be written", "{tmp}/file"]),
        (["--out", "{tmp}/file/below"], ["cannot be written", "{tmp}/file/below"]),
        (["--out", "{tmp}/strange"], ["The folder is another's", "{tmp}/strange"]),
        (
            ["--out", "{tmp}/flat/out", "--backgrounds", "{tmp}/flat"],
            ["lies within `backgrounds`", "folder='{tmp}/flat/out', backgrounds='{tmp}/flat'"],
        ),
        (["--out", "{tmp}/flat", "--foregrounds", "{tmp}/flat"], ["is the folder of `foregr"]),
        (["--out", "{tmp}", "--foregrounds", "{tmp}/flat/.."], ["is the folder of `foregr"]),
        (["--out", "{tmp}", "--foregrounds", "{tmp}/flat"], ["contains `foregrounds`"]),
        (["--out", "{tmp}/link/out", "--backgrounds", "{tmp}/flat"], ["lies within `backgr"]),
    ],
)
def test_wrong_arguments_end_in_one_line(changes, words, arguments, tmp_path, capsys):
    grey = Image.new("RGB", (40, 40), (90, 90, 90))
    for name in ("flat/a.png", "useless/hat/a.png", "masked/hat/a.png", "strange/images/0.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        grey.save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "flat")
    (tmp_path / "file").write_text("here first")
    Image.new("L", (60, 40), 255).save(tmp_path / "masked/hat/a.mask.png")
    before = tree(tmp_path)
    line = fails([*arguments, *(text.format(tmp=tmp_path) for text in changes)], capsys)
    for word in words:
        assert word.format(tmp=tmp_path) in line
    assert tree(tmp_path) == before and not (tmp_path / "out").exists()


def test_a_folder_of_another_run_is_refused_before_anything_is_cut(arguments, capsys, tmp_path):
    assert cli.run(arguments) == 0
    before = tree(tmp_path / "out")
    capsys.readouterr()
    for changes, name in ((["--seed", "6"], "seed"), (["--min_quality", "0.1"], "extraction")):
        assert cli.run([*arguments, *changes]) == 1
        said = capsys.readouterr()
        assert (
            f"begun with other settings: use another one, or delete it. Received: {name}="
            in said.err
        )
        assert said.out == ""
    assert "raise it" in fails([*arguments, "--count", "5"], capsys)
    assert tree(tmp_path / "out") == before


def test_foregrounds_larger_than_the_backgrounds_are_scaled(arguments, folders, tmp_path):
    Image.new("RGB", (9, 8), (200, 30, 30)).save(tmp_path / "small.png")
    (tmp_path / "backgrounds").mkdir()
    (tmp_path / "small.png").rename(tmp_path / "backgrounds/small.png")
    assert cli.run([*arguments, "--backgrounds", str(tmp_path / "backgrounds")]) == 0
    with Image.open(tmp_path / "out/images/000000.png") as image:
        assert image.size == (128, 128)


def test_backgrounds_too_small_are_refused(arguments, capsys, tmp_path):
    (tmp_path / "backgrounds").mkdir()
    Image.new("RGB", (7, 7)).save(tmp_path / "backgrounds/small.png")
    before = tree(tmp_path)
    line = fails([*arguments, "--backgrounds", tmp_path / "backgrounds"], capsys)
    assert "None of 1 backgrounds can be used" in line and "8 pixels on a side" in line
    assert "backgrounds/small.png" in line and tree(tmp_path) == before


def test_backgrounds_that_cannot_be_used_are_named_once_and_never_drawn(
    arguments, folders, capsys, tmp_path
):
    good, mixed = folders[1], tmp_path / "mixed"
    shutil.copytree(good, mixed)
    (mixed / "0a.png").write_bytes(b"")
    Image.new("RGB", (5, 5)).save(mixed / "1a.png")
    # Its head is whole: only decoding shows the fault.
    content = (good / "2.png").read_bytes()
    (mixed / "2a.png").write_bytes(content[: len(content) // 2])
    assert cli.run([*arguments, "--backgrounds", str(mixed), "--out", str(tmp_path / "one")]) == 0
    said = capsys.readouterr().out
    assert said.count("3 of 7 backgrounds left out") == 1 and "6 pictures and" in said
    for name, reason in (("0a", "empty"), ("1a", "8 pixels on a side"), ("2a", "damaged")):
        (line,) = [line for line in said.splitlines() if f"{mixed / name}.png" in line]
        assert reason in line
    assert "rejected" not in said
    # As from a folder without them, on any number of processes.
    two = [*arguments, "--backgrounds", str(mixed), "--workers", "2"]
    assert cli.run([*two, "--out", str(tmp_path / "two")]) == 0
    assert cli.run(arguments) == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "out")


def test_scenes_and_rejected_scenes_are_counted_apart(arguments, capsys, monkeypatch, tmp_path):
    from kerasgen.compositing import folder as scenes

    compose_scene = scenes.compose_scene

    def sometimes(index, *rest):
        if index in (1, 4):
            raise ValueError("No room.")
        return compose_scene(index, *rest)

    monkeypatch.setattr(scenes, "compose_scene", sometimes)
    assert cli.run(arguments) == 0
    said = capsys.readouterr().out
    assert f"4 pictures and metadata.jsonl in {tmp_path / 'out'}" in said
    assert f"2 more were rejected: {tmp_path / 'out/rejected.jsonl'} says why" in said


def test_verify_passes_and_fails(arguments, folders, capsys, tmp_path):
    assert cli.run([*arguments, "--verify", "0"]) == 0
    out, foregrounds = tmp_path / "out", ["--foregrounds", str(folders[0])]
    assert "verified" not in capsys.readouterr().out
    assert cli.run(["verify", str(out), *foregrounds, "--most", "4"]) == 0
    assert re.search(r"verified 4 pictures .* 0 failures", capsys.readouterr().out)
    edited(out, moved_matrix(12, 0))
    assert cli.run(["verify", str(out), *foregrounds]) == 1
    said = capsys.readouterr()
    assert re.search(r"object \d: (position|mask):", said.out)
    (line,) = said.err.splitlines()
    assert "annotations are wrong, for the first: images/000000.png" in line


def test_verify_needs_the_same_foregrounds_and_a_finished_folder(
    arguments, folders, capsys, tmp_path
):
    assert cli.run([*arguments, "--verify", "0"]) == 0
    capsys.readouterr()
    other, _ = material(tmp_path / "other", size=80)
    line = fails(["verify", tmp_path / "out", "--foregrounds", other], capsys)
    assert "composed from other foregrounds" in line and str(other) in line
    for folder in (tmp_path, folders[0]):
        line = fails(["verify", folder, "--foregrounds", folders[0]], capsys)
        assert str(folder) in line
    (tmp_path / "out/metadata.jsonl").unlink()
    line = fails(["verify", tmp_path / "out", "--foregrounds", folders[0]], capsys)
    assert "Not a finished folder of scenes" in line


def test_cut_pictures_give_the_same_scenes(arguments, folders, capsys, tmp_path):
    cuts = tmp_path / "cuts"
    assert cli.run(["cut", "--foregrounds", str(folders[0]), "--out", str(cuts)]) == 0
    assert "12 pictures with masks" in capsys.readouterr().out
    assert cli.run(arguments) == 0
    assert cli.run([*arguments, "--foregrounds", str(cuts), "--out", str(tmp_path / "two")]) == 0
    assert tree(tmp_path / "two") == tree(tmp_path / "out")


def test_cut_leaves_the_folder_that_it_reads_alone(folders, capsys):
    before = tree(folders[0])
    for out in (folders[0], folders[0] / "pants", folders[0].parent):
        line = fails(["cut", "--foregrounds", folders[0], "--out", out], capsys)
        assert f"foregrounds={str(folders[0])!r}" in line and f"folder={str(out)!r}" in line
    assert tree(folders[0]) == before


def test_a_mask_of_another_size_rejects_its_picture_only(arguments, folders, capsys, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(folders[0], mixed)
    first = sorted((mixed / "pants").iterdir())[0]
    mask = first.with_name(f"{first.stem}.mask.png")
    Image.new("L", (9, 7), 255).save(mask)
    source = ["--foregrounds", str(mixed), "--out"]
    for command in (["cut"], arguments):
        out = tmp_path / command[0]
        assert cli.run([*command, *source, str(out)]) == 0
        said = capsys.readouterr().out
        begun = "pants: 2 of 3 pictures give a foreground (rejected: 1 x has a mask "
        assert f"{begun}{mask.name!r} of 9 x 7 pixels" in said
        with (out / "rejected_foregrounds.csv").open(newline="") as stream:
            (row,) = csv.DictReader(stream)
        assert row["path"] == f"pants/{first.name}" and f"{mask.name!r} of 9 x 7" in row["reason"]


def test_ctrl_c_while_cutting_ends_in_one_line(arguments, capsys, monkeypatch, tmp_path):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kerasgen.compositing.compose.read_foregrounds", stop)
    assert cli.run(arguments) == 130
    assert capsys.readouterr().err == "kerasgen: stopped. Run the same command again to go on.\n"
    assert not (tmp_path / "out").exists()
