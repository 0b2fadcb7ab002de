"""``kerasgen compare``, as a user and as a script."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Twelve recordings of smooth pictures, four frames each, and a darker set."""
    root = tmp_path_factory.mktemp("sets")
    for seed, (name, level) in enumerate((("real", 120), ("like", 120), ("darker", 70))):
        generator = np.random.default_rng(seed)
        for recording in range(12):
            (root / name / f"r{recording}").mkdir(parents=True)
            for frame in range(4):
                coarse = generator.normal(level, 25, (4, 4, 3)).repeat(8, 0).repeat(8, 1)
                image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8))
                kind = "jpg" if name == "real" else "png"
                image.save(root / name / f"r{recording}" / f"cam{recording}_{frame}.{kind}")
    return root


def run(folders, synthetic, out, *more):
    arguments = ["compare", str(folders / "real"), str(folders / synthetic), "--out", str(out)]
    return cli.run([*arguments, "--size", "32", *more])


def test_a_difference_is_said_and_fails_a_script(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folders, "darker", out, "--fail-if", "kernel_distance>0.01") == 3
    printed = capsys.readouterr().out
    assert "can be told from the real ones" in printed and "It holds" in printed
    assert str(out / "index.html") in printed
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert numbers["features"]["pixels-16"]["kernel_distance"]["synthetic"]["low"] > 0
    assert numbers["sets"]["real"] == 48


@pytest.mark.parametrize("channels", ["1", "3"])
def test_no_difference_is_no_failure(folders, tmp_path, capsys, channels):
    condition = ["--fail-if", "two_sample_area > 0.9"]
    status = run(folders, "like", tmp_path, *condition, "--channels", channels)
    assert status == 0
    assert "It holds" not in capsys.readouterr().out


def test_features_are_kept_for_the_next_time(folders, tmp_path):
    assert run(folders, "like", tmp_path) == 0
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()}
    assert kept and run(folders, "like", tmp_path, "--seed", "1") == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()}
    assert kept.items() <= after.items()


@pytest.mark.parametrize("sources", ["folder", "name"])
def test_recordings_are_one_witness_if_asked_for(folders, tmp_path, sources, capsys):
    assert run(folders, "like", tmp_path, "--sources", sources) == 0
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    # Half of twelve recordings of four frames.
    assert numbers["sets"]["reference"] == 24


def test_too_few_recordings_are_said_and_not_tested(folders, tmp_path, capsys):
    few = tmp_path / "few"
    for recording in range(2):
        (few / f"r{recording}").mkdir(parents=True)
        for frame in range(6):
            image = Image.fromarray(np.full((32, 32, 3), 40 * frame + recording, np.uint8))
            image.save(few / f"r{recording}" / f"{frame}.png")
    arguments = ["compare", str(few), str(folders / "like"), "--out", str(tmp_path / "out")]
    assert cli.run([*arguments, "--size", "32", "--sources", "folder"]) == 0
    assert "too few sources" in capsys.readouterr().out
    text = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "not tested" in text and "There is no two-sample test." in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--fail-if", "beauty>3"], "kernel_distance"),
        (["--fail-if", "kernel_distance>1e"], "no number"),
        (["--features", "vgg19"], "must be among pixels"),
        (["--features", "savedmodel:nowhere"], "no saved_model.pb"),
        (["--size", "8"], "at least 16 pixels"),
    ],
)
def test_wrong_arguments_end_in_one_line(folders, tmp_path, more, said, capsys):
    assert run(folders, "like", tmp_path / "out", *more) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("kerasgen: ") and said in lines[-1]
    assert not (tmp_path / "out/index.html").exists()


def test_a_single_picture_or_no_folder_is_refused(folders, tmp_path, capsys):
    (tmp_path / "one").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "one/a.png")
    for folder, said in ((tmp_path / "one", "48 real and 1 synthetic"), (tmp_path / "no", "no")):
        arguments = ["compare", str(folders / "real"), str(folder), "--out", str(tmp_path / "out")]
        assert cli.run(arguments) == 1
        assert said in capsys.readouterr().err
