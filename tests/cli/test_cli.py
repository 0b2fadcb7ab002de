"""The ``kerasgen`` command, and what the example scripts share."""

import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from manifest_files import tree
from PIL import Image

import kerasgen
from kerasgen import cli
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.manifest import read_manifest
from kerasgen.procedural import eyes_folder


def fails(arguments, capsys):
    """Runs a command that must fail in one line on stderr; returns the line."""
    assert cli.run(arguments) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("kerasgen: ")
    return lines[0]


def test_eyes_are_drawn_with_their_annotations(tmp_path, capsys):
    out = tmp_path / "eyes"
    assert cli.run(["eyes", "--out", str(out), "--count", "3", "--size", "32", "--seed", "5"]) == 0
    assert "3 pictures" in capsys.readouterr().out
    for index, row in enumerate(read_manifest(out)):
        assert (row.width, row.height, row.seed, row.index) == (32, 32, 5, index)
        assert row.parameters["kind"] == "rendered"


def test_the_same_seed_draws_the_same_eyes(tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, seed in zip(folders, ("1", "1", "2"), strict=True):
        options = ["--count", "1", "--size", "32", "--look", "camera", "--seed", seed]
        assert cli.run(["eyes", "--out", str(folder), *options]) == 0
    first, again, other = ((folder / picture_name(0)).read_bytes() for folder in folders)
    assert first == again != other


def test_eyes_go_on_and_add_but_nothing_is_written_over(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(eyes_folder, "_BLOCK", 16)
    out, whole = tmp_path / "out", tmp_path / "whole"
    arguments = ["eyes", "--size", "16", "--out"]
    assert cli.run([*arguments, str(whole), "--count", "40"]) == 0
    printed = capsys.readouterr().out
    assert "pictures 40/40" in printed and "40 pictures and metadata.jsonl" in printed
    for count in ("20", "20", "40"):
        assert cli.run([*arguments, str(out), "--count", count]) == 0
    (out / picture_name(3)).unlink()
    assert cli.run([*arguments, str(out), "--count", "40"]) == 0
    assert tree(out) == tree(whole)
    assert "raise it. Received: count=39" in fails([*arguments, str(out), "--count", "39"], capsys)
    for changes, name in ((["--seed", "1"], "seed"), (["--look", "camera"], "kind")):
        line = fails([*arguments, str(out), "--count", "40", *changes], capsys)
        assert "begun with other settings" in line and f"Received: {name}=" in line
    line = fails(["eyes", "--size", "32", "--out", str(out), "--count", "40"], capsys)
    assert "size=32, there: 16" in line and tree(out) == tree(whole)


@pytest.mark.parametrize("name", ["metadata.jsonl", "images/000000.png", "settings.json"])
def test_eyes_leave_a_folder_of_something_else_alone(name, tmp_path, capsys):
    content = b'{"kind": "scenes", "file_name": "1.png"}\n'
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    before = tree(tmp_path)
    line = fails(["eyes", "--out", str(tmp_path), "--count", "1"], capsys)
    assert str(tmp_path) in line and tree(tmp_path) == before


def test_a_sheet_shows_the_pictures_of_a_folder(tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "new" / "sheet.png"
    (folder / "below").mkdir(parents=True)
    for name in ("a.png", "b.png", "below/c.png"):
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(folder / name)
    options = ["--size", "16", "--columns", "2", "--most", "2"]
    assert cli.run(["sheet", str(folder), str(out), *options]) == 0
    assert "2 of 3 pictures" in capsys.readouterr().out
    with Image.open(out) as sheet:
        assert sheet.size == (2 * 16 + 6, 16 + 4)


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.strip() == f"kerasgen {kerasgen.__version__}"


def test_a_missing_folder_ends_in_one_line(tmp_path, capsys):
    line = fails(["sheet", str(tmp_path / "nothing"), str(tmp_path / "out.png")], capsys)
    assert str(tmp_path / "nothing") in line


def test_a_folder_that_cannot_be_written_ends_in_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("here first")
    line = fails(["eyes", "--out", str(tmp_path / "file"), "--count", "1"], capsys)
    assert str(tmp_path / "file") in line
    (tmp_path / "taken" / "metadata.jsonl").mkdir(parents=True)
    line = fails(["eyes", "--out", str(tmp_path / "taken"), "--count", "1"], capsys)
    assert "metadata.jsonl" in line
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["metadata.jsonl"]


def test_a_size_too_small_for_an_eye_ends_in_one_line(tmp_path, capsys):
    assert "size" in fails(["eyes", "--out", str(tmp_path), "--size", "2"], capsys)


@pytest.mark.parametrize("arguments", [[], ["eyes"], ["eyes", "--out", "x", "--count", "0"]])
def test_wrong_usage_exits_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(arguments)
    assert end.value.code == 2
    assert "usage: kerasgen" in capsys.readouterr().err


def test_the_command_starts_without_tensorflow():
    code = (
        "import runpy, sys\n"
        "sys.argv = ['kerasgen', '--help']\n"
        "try:\n"
        "    runpy.run_module('kerasgen.cli', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    heavy = {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
        "    sys.exit(f'{end.code} {sorted(heavy)}' if end.code or heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("eyes", "sheet", "--version"))


def test_a_new_run_stores_its_settings(tmp_path):
    settings = {"seed": 1, "model": "dcgan", "real": None, "size": (2, 3)}
    cli.keep_settings(tmp_path / "run", settings)
    kept = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert kept == {**settings, "size": [2, 3]}
    cli.keep_settings(tmp_path / "run", settings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 2}, r"seed=2, there: 1 \(differing: seed\)"),
        ({"model": "original", "seed": 3}, r"differing: model, seed"),
        ({"more": 1}, r"more=1, there: None"),
    ],
)
def test_other_settings_in_an_old_folder_are_refused(changed, message, tmp_path):
    settings = {"seed": 1, "model": "dcgan"}
    cli.keep_settings(tmp_path, settings)
    with pytest.raises(ValueError, match=message) as error:
        cli.keep_settings(tmp_path, {**settings, **changed})
    assert str(tmp_path) in str(error.value)
    assert json.loads((tmp_path / "settings.json").read_text()) == settings


def test_settings_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("here first")
    with pytest.raises(ValueError, match=r"Received: path=.*settings\.json"):
        cli.keep_settings(tmp_path / "file", {"seed": 1})


@pytest.mark.parametrize("content", ["{", "[1]", b"\xff\xfe"])
def test_damaged_settings_are_named(content, tmp_path):
    path = tmp_path / "settings.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"settings\.json"):
        cli.keep_settings(tmp_path, {"seed": 1})


def test_float16_on_several_replicas_is_refused():
    with pytest.raises(ValueError, match="mixed_bfloat16.*strategy='mirrored'"):
        cli.set_precision("mixed_float16", "mirrored")
    assert keras.mixed_precision.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("name", "strategy"), [("mixed_float16", "default"), ("mixed_bfloat16", "mirrored")]
)
def test_other_precisions_are_set(name, strategy):
    cli.set_precision(name, strategy)
    assert keras.mixed_precision.dtype_policy().name == name


def test_json_is_written_at_once_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "figures.json"
    cli.write_json(path, {"old": "ä"})

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ValueError, match=r"No space left.*figures\.json"):
        cli.write_json(path, {"new": 2})
    assert json.loads(path.read_text(encoding="utf-8")) == {"old": "ä"}
    assert [file.name for file in path.parent.iterdir()] == ["figures.json"]


def test_json_has_null_for_what_is_no_number(tmp_path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    path = tmp_path / "figures.json"
    numbers = {"median": float("nan"), "deep": [{"high": float("inf")}, 1.5, (2, "NaN")]}
    cli.write_json(path, numbers)
    read = json.loads(path.read_text(), parse_constant=refuse)
    assert read == {"median": None, "deep": [{"high": None}, 1.5, [2, "NaN"]]}


@pytest.mark.parametrize(
    ("stop", "status", "line"),
    [
        ("raise KeyboardInterrupt", 130, "Stopped. Run the same command again to go on."),
        ("sys.exit('SIGTERM: stopped after step 3')", 130, "SIGTERM: stopped after step 3"),
        ("raise ValueError('no data')", 1, "no data"),
        ("sys.exit(4)", 4, None),
    ],
)
def test_an_example_that_is_stopped_ends_in_one_line(stop, status, line):
    code = f"import sys\nfrom kerasgen import cli\ndef main():\n    {stop}\ncli.run_example(main)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == status and "Traceback" not in done.stderr
    lines = [each for each in done.stderr.splitlines() if "KERASGEN_TRACEBACK" not in each]
    assert lines == ([line] if line else [])


def test_ctrl_c_while_an_example_imports_ends_in_one_line():
    code = "from kerasgen import cli\ncli.quiet_start()\nraise KeyboardInterrupt"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    # Python ends itself by the signal, which shells show as 130.
    assert done.returncode == -signal.SIGINT
    assert done.stderr == "Stopped. Run the same command again to go on.\n"
