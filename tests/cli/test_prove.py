"""``kerasgen prove``, run by a user and by a script."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.cli.prove import CONDITIONS
from kerasgen.evaluation.utility.prove import EQUIVALENT, GAIN

CLASSES = ("above", "below")


def save(folder, count, seed, *, stem="", classes=CLASSES):
    """Class folders of small pictures, lit above or below."""
    generator = np.random.default_rng(seed)
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            rows = (np.arange(16)[:, None] < 8) == (label == 0)
            pixels = generator.integers(0, 120, (16, 16)) + 60 * rows
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{stem}{number}.png")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for seed, (name, count) in enumerate((("real", 24), ("synthetic", 24), ("test", 20))):
        save(root / name, count, seed, stem="cam0_" if name == "real" else "")
    # Two of the real pictures are test pictures, too.
    for name in CLASSES:
        (root / "real" / name / "cam9_0.png").write_bytes(
            (root / "test" / name / "3.png").read_bytes()
        )
    return root


def run(folders, out, *more, test="test", synthetic="synthetic"):
    arguments = ["--real", str(folders / "real"), "--synthetic", str(folders / synthetic)]
    if test:
        arguments += ["--test", str(folders / test)]
    small = ["--seeds", "1", "--times", "1", "--width", "4", "--batch_size", "16", "--channels"]
    return cli.run(["prove", *arguments, "--out", str(out), *small, "1", *more])


@pytest.mark.slow
def test_a_proof_is_written_and_goes_on(folders, tmp_path, capsys):
    amounts = ["--amounts", "12,48", "--steps", "20"]
    assert run(folders, tmp_path, *amounts) == 0
    printed, said = capsys.readouterr()
    assert (
        "Adding synthetic pictures to 48 real ones" in printed
        and str(tmp_path / "index.html") in printed
    )
    assert "classifiers 13/13" in printed
    assert "kerasgen: 2 real pictures were left out" in said
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert numbers["sets"] == {
        "real": 48, "synthetic": 48, "test": 40, "validation": 0, "classes": 2, "size": "16x16",
        "test_sources": 40,
    }  # fmt: skip
    assert run(folders, tmp_path, *amounts, "--fail-if", "gain<0.99") == 3
    printed = capsys.readouterr().out
    assert "Condition met: gain<0.99" in printed and "classifiers" not in printed
    # So short a training learns nothing of more real pictures: nothing is proved, good or bad.
    assert printed.startswith("This proof is inconclusive")
    assert run(folders, tmp_path, *amounts, "--fail-if", "gain>0.99") == 1
    assert "a control failed" in capsys.readouterr().err


def test_arms_are_chosen_on_the_validation_set(folders, tmp_path, capsys):
    save(tmp_path / "others", 9, 7)
    # One is a test picture, too, and one a real training picture.
    for name, kind in (("0", "test"), ("1", "real")):
        copied = (
            folders / kind / "above" / ("3.png" if kind == "test" else "cam0_3.png")
        ).read_bytes()
        (tmp_path / "others/above" / f"{name}.png").write_bytes(copied)
    more = ["--validation", str(tmp_path / "others"), "--amounts", "47", "--steps", "2"]
    assert run(folders, tmp_path / "out", *more) == 0
    sets = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))["sets"]
    assert (sets["real"], sets["validation"], sets["test"]) == (47, 17, 40)
    said = capsys.readouterr().err
    assert "identical to real" not in said
    assert "1 validation pictures were left out: they are also among the test" in said
    assert "1 real pictures were left out: they are also among the validation" in said
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "17 other real pictures to select" in page and "--validation" not in page
    # One amount is no learning curve.
    assert "Equivalent number of real images</h2>" not in page


@pytest.mark.slow
def test_heads_on_frozen_features_are_another_proof(folders, tmp_path, capsys):
    amounts = ["--amounts", "12,48", "--steps", "20"]
    assert run(folders, tmp_path, *amounts, "--features", "pixels") == 0
    printed = capsys.readouterr().out
    # Three variants of each training picture, one of each test picture.
    assert "features 328/328" in printed and "classifiers 13/13" in printed
    page = " ".join((tmp_path / "index.html").read_text(encoding="utf-8").split())
    assert "a linear head on frozen features of pixels-16, 20 updates" in page
    assert run(folders, tmp_path, *amounts) == 0
    assert "classifiers 13/13" in capsys.readouterr().out


@pytest.mark.slow
def test_real_pictures_among_the_synthetic_are_reported(folders, tmp_path, capsys):
    amounts = ["--amounts", "46", "--steps", "2"]
    assert run(folders, tmp_path, *amounts, synthetic="real") == 0
    assert "48 synthetic pictures are identical to real" in capsys.readouterr().err


def test_the_conditions_are_the_measures_of_a_proof():
    assert CONDITIONS == (*GAIN, *EQUIVALENT)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--amounts", "ten"], "--amounts takes numbers"),
        (["--amounts", "12,400"], "There are 48 real pictures"),
        (["--times", "0"], "`times` must be above 0"),
        (["--fail-if", "beauty>1"], "gain_low"),
        (["--fail-if", "equivalent_real<9", "--amounts", "48"], "at least two amounts"),
        (["--minutes", "0.0001"], "need about"),
        (
            ["--amounts", "12,48", "--times", "2", "--fail-if", "gain<0"],
            "needs more synthetic pictures",
        ),
        (["--minutes", "5", "--features", "pixels"], "`minutes` is for networks from scratch"),
        (["--features", "eyes"], "Features must be among"),
        (["--sources", "name"], "include none of below"),
    ],
)
def test_wrong_arguments_end_in_one_line(folders, tmp_path, more, said, capsys):
    assert run(folders, tmp_path / "out", *more) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("kerasgen: ") and said in lines[-1]
    assert not (tmp_path / "out/index.html").exists()


def test_a_missing_test_set_and_strange_classes_are_refused(folders, tmp_path, capsys):
    assert run(folders, tmp_path / "out", test=None) == 1
    assert "pass --test" in capsys.readouterr().err
    save(folders / "strange", 2, 9, classes=("above", "sideways"))
    assert run(folders, tmp_path / "out", synthetic="strange") == 1
    assert "sideways, not among above, below" in capsys.readouterr().err
    assert run(folders, tmp_path / "out", synthetic="nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
