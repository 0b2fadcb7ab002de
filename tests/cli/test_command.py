"""Exit status and message of a command with wrong arguments, stopped, or out of memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.cli import examples
from kerasgen.cli.arguments import expanded
from kerasgen.io import list_images
from kerasgen.io.interruption import Stopped, Unfinished
from kerasgen.procedural.smoke import folder


@pytest.mark.parametrize("command", ["compare", "compose", "eyes", "smoke", "synthesize"])
def test_a_negative_seed_is_refused_by_the_name_of_its_flag(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.run([command, "--seed", "-1"])
    assert stopped.value.code == 2
    assert "--seed: must be a whole number from 0 on, not '-1'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["compare", "--synthetic", "a"], ["prove", "--rea", "a"]])
def test_a_wrong_flag_is_not_taken_for_the_start_of_another(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.run([*arguments, "--out", "b"])
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and "required" in said and "invalid choice" not in said


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (Stopped("SIGINT: stopped."), 130, "SIGINT: stopped."),
        (Unfinished("A worker process was ended."), 1, "A worker process was ended."),
        (MemoryError("5 TiB"), 1, "out of memory: lower --size or the number of pictures"),
    ],
)
def test_every_end_is_one_line_and_a_status(tmp_path, monkeypatch, capsys, error, status, message):
    def ended(*arguments, **options):
        raise error

    monkeypatch.setattr(folder, "lay_smoke", ended)
    (tmp_path / "clean").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "clean/a.png")
    sources = ["--sources", str(tmp_path / "clean")]
    assert cli.run(["smoke", *sources, "--out", str(tmp_path / "out")]) == status
    assert capsys.readouterr().err == f"kerasgen: {message}\n"


def kerasgen_in_a_process(*arguments, module="kerasgen", **environment):
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
    )


def pictures(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (32, 32), (90, 120, len(os.fsencode(name)))).save(folder / name, "PNG")
    return folder


def test_python_m_kerasgen_is_the_command():
    done = kerasgen_in_a_process("--version")
    assert done.returncode == 0 and done.stdout.startswith(b"kerasgen 0.")


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path):
    folder = pictures(tmp_path / "\u5199\u771f", "a.png")
    done = kerasgen_in_a_process("sheet", folder, folder / "s.png", PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    assert b"1 of 1 pictures in " in done.stdout and b"\\u5199\\u771f" in done.stdout


def test_the_home_folder_is_expanded_in_every_path(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    pictures(tmp_path / "in", "a.png", "b.png")
    assert cli.run(["sheet", "~/in", "~/sheet.png"]) == 0
    assert cli.run(["smoke", "--sources=~/in", "--out=~/smoky", "--workers=1"]) == 0
    assert (tmp_path / "sheet.png").is_file() and (tmp_path / "smoky/metadata.jsonl").is_file()
    compare = ["compare", "~/in", "~/smoky", "--out", "~/report", "--features"]
    assert cli.run([*compare, "savedmodel:~/model"]) == 1
    assert f"path={str(tmp_path / 'model')!r}" in capsys.readouterr().err
    assert expanded("tfds:mnist@~/data") == f"tfds:mnist@{tmp_path}/data"
    assert expanded("gain<0") == "gain<0" and expanded("a/~b") == "a/~b"


def test_a_sheet_does_not_show_itself(tmp_path, capsys):
    folder = pictures(tmp_path, "a.png", "b.png")
    for _ in range(2):
        assert cli.run(["sheet", str(folder), str(folder / "sheet.png")]) == 0
        assert capsys.readouterr().out.startswith("2 of 2 pictures")


@pytest.mark.parametrize("command", ["compare . . --out c", "synthesize fashion --out c"])
def test_another_backend_is_refused(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert cli.run(command.split()) == 1
    assert capsys.readouterr().err.endswith("Received: KERAS_BACKEND='jax'\n")


def test_the_sheets_of_a_folder_are_no_pictures_of_it(tmp_path):
    folder = pictures(tmp_path / "in", "a.png")
    assert cli.run(["smoke", "--sources", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/sheet.png").is_file()
    assert [path.name for path in list_images(tmp_path / "out")] == ["000000.png"]


def test_every_command_ends_with_names_that_are_not_utf8(tmp_path, capsys):
    names = [os.fsdecode(b"caf\xe9%d.png" % i) for i in range(12)]
    folder = os.fsdecode(b"in\xe9")
    rows, columns = np.mgrid[:64, :64]
    disc = (rows - 30) ** 2 + (columns - 33) ** 2 < 196
    (tmp_path / folder / "cup").mkdir(parents=True)
    for seed, name in enumerate(names):
        pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3))
        cut = np.dstack([pixels, 255 * disc]).astype(np.uint8)
        Image.fromarray(cut).save(tmp_path / folder / "cup" / name)
    source, out = str(tmp_path / folder), tmp_path / "out"
    commands = [
        f"smoke --sources {source} --out {out}/smoke",
        f"cut --foregrounds {source} --out {out}/cut",
        f"compose --foregrounds {source} --backgrounds {source} --out {out}/scenes --count 4 "
        "--size 64 --workers 1",
        f"verify {out}/scenes --foregrounds {source}",
        f"compare {source} {out}/smoke --out {out}/report --quick --size 32",
        f"sheet {source} {out}/sheet.png",
    ]
    for command in commands:
        assert cli.run(command.split()) == 0, (command, capsys.readouterr().err)
    text = (out / "smoke/metadata.jsonl").read_text(encoding="utf-8")
    assert all(f"caf\\\\xe9{i}.png" in text for i in range(12))
    assert "caf\\\\xe9" in (out / "scenes/metadata.jsonl").read_text(encoding="utf-8")
    assert {path.name for path in (out / "cut/cup").iterdir()} == set(names)


def test_parts_that_are_all_read_are_said(tmp_path, monkeypatch):
    for part in ("Train", "test"):
        pictures(tmp_path / part, *(f"{i}.png" for i in range(4)))
    said = []
    monkeypatch.setattr(examples.logging, "warning", lambda *text: said.append(text[0] % text[1:]))
    cli.load_domain(str(tmp_path), 16)
    assert [f"{tmp_path} has the parts Train, test, and all are read" in text for text in said][0]
