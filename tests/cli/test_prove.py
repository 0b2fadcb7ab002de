"""``kerasgen prove``, run by a user and by a script."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.cli.judging.prove import CONDITIONS
from kerasgen.evaluation.utility import learners
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
    return cli.run(
        ["prove", *arguments, "--out", str(out), *small, "1", "--augmentations", "flip", *more]
    )


@pytest.fixture
def fast(monkeypatch):
    """Classifiers that compare two pixels with their means in each class."""

    def train(pictures, config, seed):
        two = pictures.images[:, ::15, 0, 0].astype(float)
        return np.stack([two[pictures.labels == label].mean(axis=0) for label in range(2)])

    def predict(means, images):
        apart = np.linalg.norm(images[:, None, ::15, 0, 0] - means, axis=2)
        return apart.argmin(axis=1).astype(np.int32)

    monkeypatch.setattr(learners, "train_on_images", train)
    monkeypatch.setattr(learners, "predict", predict)


@pytest.mark.slow
def test_a_proof_is_written_and_goes_on(folders, tmp_path, capsys):
    amounts = ["--amounts", "12,48", "--steps", "20", "--augmentations", "none"]
    assert run(folders, tmp_path, *amounts) == 0
    printed, said = capsys.readouterr()
    assert "This is too few to tell" in printed and str(tmp_path / "index.html") in printed
    assert "1 classifier of each kind, 5 are enough (seeds)" in printed
    assert "classifiers 9/9" in printed
    assert "kerasgen: 2 real pictures were left out" in said
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert numbers["sets"] == {
        "real": 48, "synthetic": 48, "test": 40, "validation": 0, "classes": 2, "size": "16x16",
        "test_sources": 40, "generator_saw": None,
    }  # fmt: skip
    assert run(folders, tmp_path, *amounts) == 0
    assert "classifiers" not in capsys.readouterr().out.splitlines()[0]


def test_conditions_are_checked_on_what_was_decided(folders, tmp_path, capsys, fast):
    amounts = ["--amounts", "12,48", "--seeds", "5"]
    assert run(folders, tmp_path, *amounts, "--fail-if", "gain<0.99") == 3
    printed = capsys.readouterr().out
    assert "Condition met: gain<0.99" in printed and "classifiers 70/70" in printed
    assert "Adding synthetic pictures to 48 real ones" in printed
    # Two pixels are learned of a few pictures: nothing is proved, good or bad.
    assert "This proof is inconclusive" in printed
    assert run(folders, tmp_path, *amounts, "--fail-if", "gain>0.99") == 1
    assert "a control failed" in capsys.readouterr().err


def test_conditions_on_what_cannot_decide_are_refused_at_once(folders, tmp_path, capsys):
    assert run(folders, tmp_path, "--amounts", "48", "--fail-if", "gain_low<0") == 1
    assert "1 classifier of each kind, 5 are enough" in capsys.readouterr().err
    assert not (tmp_path / "predictions").exists()


def test_copies_of_training_pictures_and_what_the_generator_saw_are_told(
    folders, tmp_path, capsys, fast
):
    for path in (folders / "real").rglob("*.png"):
        copied = tmp_path / "copied" / path.parent.name / path.name
        copied.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.asarray(Image.open(path))
        Image.fromarray(np.clip(pixels, 0, 254) + np.uint8(1)).save(copied)
    more = ["--amounts", "12,46", "--seeds", "5", "--generator_saw", str(folders / "real")]
    assert run(folders, tmp_path / "out", *more, synthetic=tmp_path / "copied") == 0
    printed, said = capsys.readouterr()
    summary = next(line for line in printed.splitlines() if "Adding" in line)
    # Two of the 50 were test pictures.
    assert summary.startswith("48 of 48 synthetic pictures are copies or near copies of real")
    assert "2 synthetic pictures were left out: they are copies or near copies of test" in said
    assert summary.count("The generator was trained on 50 real pictures: a gain over") == 2
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert '<p class="summary" id="summary">48 of 48 synthetic' in page
    assert "a gain over 12 includes what it learned" in page


def test_a_test_set_of_training_pictures_is_refused(folders, tmp_path, capsys):
    assert run(folders, tmp_path, test="real") == 1
    assert "All 50 real pictures are test pictures, too" in capsys.readouterr().err


def test_arms_are_chosen_on_the_validation_set(folders, tmp_path, capsys, fast):
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
    assert "copies of real" not in said
    assert "1 validation pictures were left out: they are also among the test" in said
    assert "1 real pictures were left out: they are also among the validation" in said
    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "17 other real pictures to select" in page and "(validation)" not in page
    # One amount is no learning curve.
    assert "Equivalent number of real images</h2>" not in page


@pytest.mark.slow
def test_heads_on_frozen_features_are_another_proof(folders, tmp_path, capsys):
    amounts = ["--amounts", "12,48", "--steps", "20"]
    assert run(folders, tmp_path, *amounts, "--features", "pixels") == 0
    printed = capsys.readouterr().out
    # Three variants of each training picture, one of each test picture.
    assert "features 328/328" in printed and "classifiers 14/14" in printed
    page = " ".join((tmp_path / "index.html").read_text(encoding="utf-8").split())
    assert "a linear head on frozen features of pixels-16, 20 updates" in page
    assert run(folders, tmp_path, *amounts) == 0
    assert "classifiers 14/14" in capsys.readouterr().out


def test_real_pictures_among_the_synthetic_are_reported(folders, tmp_path, capsys, fast):
    amounts = ["--amounts", "46", "--steps", "2"]
    assert run(folders, tmp_path, *amounts, synthetic="real") == 0
    assert "48 of 48 synthetic pictures are copies" in capsys.readouterr().err


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
        (["--augmentations", "flop"], "`augmentations` must be among none, flip, shift, trivial"),
        (["--minutes", "0.0001"], "need about"),
        (
            ["--amounts", "12,48", "--times", "2", "--fail-if", "gain<0", "--seeds", "5"],
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
    assert "pass `test`" in capsys.readouterr().err
    save(folders / "strange", 2, 9, classes=("above", "sideways"))
    assert run(folders, tmp_path / "out", synthetic="strange") == 1
    assert "sideways, not among above, below" in capsys.readouterr().err
    assert run(folders, tmp_path / "out", synthetic="nowhere") == 1
    assert "nowhere" in capsys.readouterr().err
