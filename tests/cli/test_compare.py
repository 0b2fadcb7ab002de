"""``kerasgen compare``, run by a user and by a script."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasgen import cli
from kerasgen.cli.judging import compare as command
from kerasgen.evaluation.comparison import compare, options, real_fake_classifier
from kerasgen.evaluation.features.extractors import FeatureExtractor, pixel_features
from kerasgen.training.checkpoints import NonFiniteState
from kerasgen.training.trainer import Interrupted


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
    trained = [] if {"--network", "--quick"} & set(more) else ["--network", "none"]
    return cli.run([*arguments, "--size", "32", *trained, *more])


def report(out):
    """The numbers and the page."""
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return numbers, (out / "index.html").read_text(encoding="utf-8")


def test_a_difference_is_reported_and_fails_a_script(folders, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folders, "darker", out, "--fail-if", "kernel_distance>0.01") == 3
    printed = capsys.readouterr().out
    assert "A linear classifier can distinguish" in printed and "Condition met" in printed
    assert str(out / "index.html") in printed
    numbers = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert numbers["features"]["pixels-16"]["kernel_distance"]["synthetic"]["low"] > 0
    assert numbers["sets"]["real"] == 48


@pytest.mark.parametrize("channels", ["1", "3"])
def test_no_difference_is_no_failure(folders, tmp_path, capsys, channels):
    condition = ["--fail-if", "two_sample_area > 0.9"]
    status = run(folders, "like", tmp_path, *condition, "--channels", channels)
    assert status == 0
    assert "Condition met" not in capsys.readouterr().out


def test_features_are_cached(folders, tmp_path):
    assert run(folders, "like", tmp_path) == 0
    cached = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()}
    assert cached and run(folders, "like", tmp_path, "--seed", "1") == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()}
    assert cached.items() <= after.items()


@pytest.mark.parametrize("sources", ["folder", "name"])
def test_recordings_are_one_source_if_requested(folders, tmp_path, sources, capsys):
    assert run(folders, "like", tmp_path, "--sources", sources) == 0
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    # Half of twelve recordings of four frames.
    assert numbers["sets"]["reference"] == 24


def test_too_few_recordings_are_reported_and_not_tested(folders, tmp_path, capsys):
    few = tmp_path / "few"
    for recording in range(2):
        (few / f"r{recording}").mkdir(parents=True)
        for frame in range(6):
            image = Image.fromarray(np.full((32, 32, 3), 40 * frame + recording, np.uint8))
            image.save(few / f"r{recording}" / f"{frame}.png")
    arguments = ["compare", str(few), str(folders / "like"), "--out", str(tmp_path / "out")]
    more = ["--size", "32", "--sources", "folder", "--network", "none"]
    assert cli.run([*arguments, *more]) == 0
    assert "too few sources" in capsys.readouterr().out
    text = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert "not tested" in text and "the two-sample test needs 5" in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--fail-if", "beauty>3"], "kernel_distance"),
        (["--fail-if", "kernel_distance>1e"], "no number"),
        (["--features", "vgg19"], "must be among pixels"),
        (["--features", "savedmodel:nowhere"], "no saved_model.pb"),
        (["--size", "15"], "at least 16 pixels"),
        (["--network", "vgg19"], "must be among small, resnet50:FILE"),
        (["--network", "vgg16:nowhere.h5"], "no such weights file"),
        (["--network", f"mobilenet_v2:{__file__}"], "weights"),
        (["--quick", "--network", "small"], "--quick trains no network"),
        (["--quick", "--fail-if", "network_area>0.7"], "needs a network"),
    ],
)
def test_wrong_arguments_end_in_one_line(folders, tmp_path, more, said, capsys):
    assert run(folders, "like", tmp_path / "out", *more) == 1
    # Nothing was measured before.
    assert not (tmp_path / "out/features").exists()
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


@pytest.mark.slow
def test_a_network_is_trained_by_default(folders, tmp_path, monkeypatch, capsys):
    names = []

    def by_name(text):
        names.append(text)
        return real_fake_classifier.Network(
            config=replace(
                real_fake_classifier.CONFIG, steps=1, batch_size=4, validate_every=1, patience=1
            )
        )

    monkeypatch.setattr(options, "network_by_name", by_name)
    arguments = ["compare", str(folders / "real"), str(folders / "like"), "--out", str(tmp_path)]
    condition = ["--fail-if", "network_area<1.1", "--fail-if", "network_area>1.1"]
    assert cli.run([*arguments, "--size", "32", *condition]) == 3
    assert names == ["small"]
    assert "Condition met: network_area<1.1\n" in capsys.readouterr().out
    numbers, page = report(tmp_path)
    assert numbers["network"]["pixels"] == "32x32" and "Feature maps: convolution 2" in page


def test_the_first_folder_is_the_class(folders, tmp_path):
    assert run(folders, "like", tmp_path, "--labels") == 0
    numbers, page = report(tmp_path)
    found = numbers["classes"]["by_class"]
    assert sorted(found) == sorted(f"r{recording}" for recording in range(12))
    assert all(each == {"real": 4, "synthetic": 4, "too_few": True} for each in found.values())
    assert page.count("too few</td>") == 12


def flat(folders, target, more=()):
    """The real pictures without their folders."""
    target.mkdir()
    for number, path in enumerate(sorted((folders / "real").rglob("*.jpg"))):
        shutil.copy(path, target / f"{number}.jpg")
    for name in more:
        (target / name).mkdir()
        shutil.copy(path, target / name / "a.jpg")
    return target


def test_labels_in_one_set_only_are_refused(folders, tmp_path, capsys):
    loose = flat(folders, tmp_path / "loose")
    mixed = flat(folders, tmp_path / "mixed", ["r0"])
    for real, synthetic, said in (
        (folders / "real", loose, "the synthetic set has none of r0, r1, r10, r11, r2"),
        (loose, folders / "like", "the real set has none of r0, r1, r10, r11, r2"),
        (loose, loose, "neither set has folders"),
        (folders / "real", mixed, f"48 that have none in {str(mixed)!r}, the first is '0.jpg'"),
    ):
        arguments = ["compare", str(real), str(synthetic), "--out", str(tmp_path / "out")]
        assert cli.run([*arguments, "--labels", "--network", "none"]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert said in line
    assert not (tmp_path / "out").exists()


def test_a_quick_comparison_draws_some_pictures_and_says_so(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_LIMIT_IF_QUICK", 20)
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert run(folders, "darker", tmp_path / name, "--quick", "--seed", str(seed)) == 0
        numbers, page = report(tmp_path / name)
        assert numbers["sets"]["real"] == numbers["sets"]["synthetic"] == 20
        assert numbers["network"] is None and list(numbers["features"]) == ["pixels-16"]
        assert "At most 20 pictures" in numbers["remarks"][0] and numbers["remarks"][0] in page
        drawn.append(re.findall(r'data-name="([^"]*)"', page))
        # A draw from all, not the first.
        assert len({name.split("/")[0] for name in drawn[-1]}) > 6
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("more", [[], ["--quick"]])
def test_corrupt_files_are_left_out_and_named(folders, tmp_path, monkeypatch, more, capsys):
    monkeypatch.setattr(command, "_LIMIT_IF_QUICK", 49)
    spoilt = tmp_path / "spoilt"
    shutil.copytree(folders / "like", spoilt)
    cut = spoilt / "r3" / "cam3_1.png"
    cut.write_bytes(cut.read_bytes()[:90])
    (spoilt / "r5" / "notes.png").write_text("no picture")
    (spoilt / "r5" / "more.png").write_bytes(b"")
    arguments = ["compare", str(folders / "real"), str(spoilt), "--out", str(tmp_path / "out")]
    assert cli.run([*arguments, "--size", "32", "--network", "none", *more]) == 0
    said = capsys.readouterr().err
    numbers, page = report(tmp_path / "out")
    names = {"r3/cam3_1.png", "r5/notes.png", "r5/more.png"}
    left_out = 50 - 1 - numbers["sets"]["synthetic"] if more else 3
    assert left_out >= 2
    remark = numbers["remarks"][-1]
    assert (
        remark.startswith(f"{left_out} files of the synthetic set cannot be read")
        and remark in page
    )
    assert sum(name in remark for name in names) == left_out
    # For the reader at the terminal whole paths; on the page none.
    assert said.count("kerasgen: ") >= 1 and str(cut) in said and str(tmp_path) not in page


@pytest.mark.parametrize(
    ("kind", "status"), [(Interrupted, 130), (NonFiniteState, 1), (KeyboardInterrupt, 130)]
)
def test_what_ends_the_training_of_a_network_is_one_line(
    folders, tmp_path, capsys, monkeypatch, kind, status
):
    def ended(*arguments, **options):
        raise kind("it stopped at step 3")

    monkeypatch.setattr(compare, "compare", ended)
    assert run(folders, "like", tmp_path) == status
    said = capsys.readouterr().err
    assert re.fullmatch("kerasgen: (it )?stopped.*\n", said)


def test_features_of_other_pictures_are_refused_before_any_distance(
    folders, tmp_path, capsys, monkeypatch
):
    def picky(images):
        raise ValueError("These features are of other pictures.")

    def by_name(text):
        return FeatureExtractor("picky", picky) if text == "picky" else pixel_features()

    monkeypatch.setattr(options, "features_by_name", by_name)
    more = ["--features", "pixels", "--features", "picky"]
    assert run(folders, "like", tmp_path / "out", *more) == 1
    assert "of other pictures" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("rule", "said"), [("folder", "lie in one folder"), ("name", "the same up to the last number")]
)
def test_a_single_source_suggests_another_rule(folders, tmp_path, capsys, rule, said):
    flat(folders, tmp_path / "flat")
    arguments = ["compare", str(tmp_path / "flat"), str(folders / "like"), "--sources", rule]
    assert cli.run([*arguments, "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "All 48 pictures of the real set" in line and said in line
    assert "use another rule for sources" in line


def written(folders, root, classes=("a", "b")):
    """A folder as ``synthesize`` fills it, sheets beside the pictures included."""
    (root / "images").mkdir(parents=True)
    rows = []
    for number, path in enumerate(sorted((folders / "like").rglob("*.png"))):
        name = f"images/{number:06}.png"
        shutil.copy(path, root / name)
        parameters = {"class_name": classes[number % len(classes)]} if classes else {}
        rows.append(json.dumps({"file_name": name, "parameters": parameters}))
    (root / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    for name in ("sheet.png", "sheet_masks.png", "images/stranger.png"):
        Image.new("RGB", (90, 90)).save(root / name)
    return root


def test_metadata_lists_the_pictures_and_their_classes(folders, tmp_path, capsys):
    synthetic, real = written(folders, tmp_path / "synthetic"), tmp_path / "real"
    shutil.copytree(folders / "real" / "r0", real / "a")
    for number in range(1, 5):
        shutil.copytree(folders / "real" / f"r{number}", real / "b" / f"r{number}")
    arguments = ["compare", str(real), str(synthetic), "--out", str(tmp_path / "out")]
    assert cli.run([*arguments, "--size", "32", "--network", "none", "--labels"]) == 0
    numbers, page = report(tmp_path / "out")
    assert numbers["sets"]["synthetic"] == 48 and "sheet" not in page
    counts = {name: each["synthetic"] for name, each in numbers["classes"]["by_class"].items()}
    assert counts == {"a": 24, "b": 24}
    assert capsys.readouterr().err == ""


def test_metadata_of_missing_pictures_or_without_classes_is_refused(folders, tmp_path, capsys):
    synthetic = written(folders, tmp_path / "synthetic")
    (synthetic / "images/000003.png").unlink()
    some = written(folders, tmp_path / "some", classes=("a", None))
    for folder, said in (
        (synthetic, "1 of 48 pictures that metadata.jsonl names are missing, the first is"),
        (some, "24 that have none"),
    ):
        arguments = ["compare", str(folders / "real"), str(folder), "--labels"]
        assert cli.run([*arguments, "--out", str(tmp_path / "out")]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line and str(folder) in line


def test_masks_beside_their_pictures_are_no_pictures(folders, tmp_path):
    masked = tmp_path / "masked"
    shutil.copytree(folders / "like", masked)
    for path in sorted(masked.rglob("*.png")):
        Image.new("L", (32, 32), 255).save(path.with_suffix(".mask.png"))
    arguments = ["compare", str(folders / "real"), str(masked), "--out", str(tmp_path / "out")]
    assert cli.run([*arguments, "--size", "32", "--network", "none"]) == 0
    assert report(tmp_path / "out")[0]["sets"]["synthetic"] == 48


def test_files_of_other_kinds_are_reported_once(folders, tmp_path, capsys):
    shutil.copytree(folders / "like", tmp_path / "like")
    for name in ("r0/a.heic", "r1/b.mp4", "r1/Thumbs.db"):
        (tmp_path / "like" / name).touch()
    arguments = ["compare", str(folders / "real"), str(tmp_path / "like")]
    assert cli.run([*arguments, "--size", "32", "--quick", "--out", str(tmp_path / "out")]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("like: 2 files of other kinds were not read: .heic, .mp4")
