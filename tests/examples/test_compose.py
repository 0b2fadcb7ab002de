"""The compositing example as a user starts it: drawn and own pictures, and wrong flags."""

import json
from pathlib import Path

import pytest
from PIL import Image
from running import run_example
from scene_files import NAMES, material, tree

from kerasgen.annotations.dossier import type_of_file

ROOT = Path(__file__).parents[2]


def run(folder, *flags):
    return run_example("compose_clothing", f"--workdir={folder / 'run'}", *flags)


def check_products(folder, count):
    scenes = folder / "run" / "scenes"
    assert len(list((scenes / "images").iterdir())) == count
    assert len(list((scenes / "labels").iterdir())) == count
    assert {"instances.json", "metadata.jsonl", "data.yaml"} <= {
        path.name for path in scenes.iterdir()
    }
    for name in ("sheet.png", "sheet_masks.png"):
        with Image.open(scenes / name) as sheet:
            assert min(sheet.size) > 100
    figures = json.loads((folder / "run" / "verification.json").read_text())
    assert figures["pictures"] == count and figures["failures"] == []
    return json.loads((scenes / "settings.json").read_text())


@pytest.mark.slow
def test_it_draws_its_own_garments_and_continues(tmp_path):
    flags = ["--size=128", "--workers=1"]
    done = run(tmp_path, "--count=6", *flags)
    assert done.returncode == 0, done.stderr
    assert "t-shirt: 10 of 10 pictures give a foreground" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("verified 6 pictures") and last.endswith(": 0 failures")
    assert len(check_products(tmp_path, 6)["class_names"]) == 10
    # All that it pastes is drawn, and says so.
    assert type_of_file(tmp_path / "run/scenes/images/000005.png") == "algorithmicMedia"
    again = run(tmp_path, "--count=8", *flags)
    assert again.returncode == 0, again.stderr
    assert "scenes 8/8" in again.stdout
    check_products(tmp_path, 8)
    other = run(tmp_path, "--count=8", "--size=64")
    assert other.returncode == 1
    check_one_line(other, ["begun with other settings", "run/scenes"])


def test_own_folders_are_used(tmp_path):
    foregrounds, backgrounds = material(tmp_path, size=128)
    before = tree(foregrounds)
    flags = [f"--foregrounds={foregrounds}", f"--backgrounds={backgrounds}", "--size=128"]
    done = run(tmp_path, *flags, "--count=5", "--workers=2")
    assert done.returncode == 0, done.stderr
    assert check_products(tmp_path, 5)["class_names"] == list(NAMES)
    assert tree(foregrounds) == before
    assert not list((tmp_path / "run").glob("drawn*"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--count=0"], ["--count"]),
        (["--workers=0"], ["--workers"]),
        (["left"], ["left"]),
        (["--foregrounds={folder}/nowhere"], ["{folder}/nowhere"]),
        (["--workdir={folder}/file"], ["{folder}/file"]),
    ],
)
def test_wrong_flags_end_in_one_line(flags, words, tmp_path):
    (tmp_path / "file").write_text("here first")
    done = run(tmp_path, *(flag.format(folder=tmp_path) for flag in flags))
    check_one_line(done, [word.format(folder=tmp_path) for word in words])


def check_one_line(done, words):
    assert done.returncode > 0
    assert "Traceback" not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, done.stderr
