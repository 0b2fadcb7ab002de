"""The smoke job's two examples as a user starts them: one after the other, and wrong flags."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from running import run_example

from kerasgen.io import read_folder
from kerasgen.io.images import to_float
from kerasgen.training.run_log import read_history

pytestmark = pytest.mark.slow

QUICK = ["--size=16", "--steps=4", "--log_every=2", "--save_every=2"]
TRANSLATE = [*QUICK, "--width=4", "--blocks=1", "--halvings=1"]


def run(example, folder, *flags):
    folders = f"--workdir={folder / example}", f"--export_to={folder / 'models'}"
    return run_example(f"train_smoke_{example}", *folders, *flags)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Clean and smoky pictures of many sizes, some grey, all larger than the requested size."""
    root = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for name, count in (("clean", 30), ("smoky", 28)):
        (root / name).mkdir()
        for index in range(count):
            pixels = generator.integers(0, 256, (20 + 4 * index, 40, 3), np.uint8)
            image = Image.fromarray(pixels // 2 + (100 if name == "smoky" else 0))
            (image.convert("L") if index == 3 else image).save(root / name / f"{index}.png")
    return root


@pytest.mark.parametrize(
    ("method", "flags"),
    [("cyclegan", []), ("cut", ["--start=overlay"])],
)
def test_own_pictures_train_translators_and_those_a_detector(method, flags, photographs, tmp_path):
    domains = [f"--source={photographs / 'clean'}", f"--target={photographs / 'smoky'}"]
    flags = [*TRANSLATE, *domains, f"--method={method}", *flags]
    done = run("cyclegan", tmp_path, *flags)
    assert done.returncode == 0, done.stderr
    for name in ("translated", "losses"):
        with Image.open(tmp_path / "cyclegan" / f"{name}.png") as image:
            assert min(image.size) > 20
    figures = json.loads((tmp_path / "cyclegan/figures.json").read_text(encoding="utf-8"))
    assert {"translated", "overlay", "source", "real_baseline"} == set(figures["kid[pixels-16]"])
    assert set(figures["structure_kept"]) == {"translated", "overlay"}
    assert ("mask_kept" in figures) == ("--start=overlay" in flags)
    exported = {path.name for path in (tmp_path / "models").iterdir()} - {"serving_kit"}
    both = {f"smoke_{method}_{direction}" for direction in ("forward", "backward")}
    assert exported == (both if method == "cyclegan" else {f"smoke_{method}_forward"})
    again = run("cyclegan", tmp_path, *flags)
    assert again.returncode == 0, again.stderr
    steps = [row["step"] for row in read_history(tmp_path / "cyclegan/train/history.csv")]
    assert steps == [2, 4]

    model = tmp_path / f"models/smoke_{method}_forward/1"
    detector = [f"--clean={photographs / 'clean'}", f"--test={photographs}", f"--smoke={model}"]
    if method == "cyclegan":
        detector += [f"--clear={tmp_path / 'models/smoke_cyclegan_backward/1'}", "--jpeg=80"]
    if method == "cut":
        detector += [f"--calibrate={photographs / 'clean'}", "--false_alarms=0.2"]
    judged = run("classifier", tmp_path, *QUICK, *detector, "--batch_size=4")
    assert judged.returncode == 0, judged.stderr
    figures = json.loads((tmp_path / "classifier/figures.json").read_text(encoding="utf-8"))
    assert figures["real"]["area_under_roc"]["count"] == 28
    assert figures["real"]["accuracy_without"]["count"] == 30
    # Six of 30 sources are held out, and of each one clean picture and both smoky ones.
    assert figures["claimed"]["accuracy_with"]["count"] == 12
    served = tf.saved_model.load(str(tmp_path / "models/smoke_classifier/1"))
    outputs = served.signatures["classify"](images=tf.zeros([2, 16, 16, 3]))
    assert set(outputs["class_name"].numpy().tolist()) <= {b"clean", b"smoky"}
    if method == "cut":
        check_calibration(figures, served, photographs / "clean", tmp_path / "models")
    for name in ("training", "mistakes"):
        assert (tmp_path / "classifier" / f"{name}.png").is_file()


def check_calibration(figures, served, clean, models):
    """Of 30 pictures, the 25th score: five are above it, in figures and in the exported model."""
    found = figures["threshold"]
    assert (found["count"], found["false_alarms"]) == (30, pytest.approx(6 / 31))
    assert figures["real, calibrated"]["accuracy_without"]["value"] == pytest.approx(25 / 30)
    card = json.loads((models / "smoke_classifier/1/model_card.json").read_text(encoding="utf-8"))
    assert card["threshold_log_odds"] == found["log_odds"]
    images = to_float(read_folder(clean, 16).images)
    outputs = served.signatures["classify"](images=tf.constant(images))
    # The picture that is the threshold may fall on either side by rounding.
    assert abs(np.count_nonzero(outputs["class_name"].numpy() == b"smoky") - 5) <= 1


def test_differences_that_are_not_smoke_are_reported(tmp_path):
    generator = np.random.default_rng(0)
    for name, count, mode in (("clean", 30, "RGB"), ("smoky", 320, "L")):
        (tmp_path / name).mkdir()
        for index in range(count):
            pixels = generator.integers(0, 256, (12 if index == 5 else 24, 24, 3), np.uint8)
            Image.fromarray(pixels).convert(mode).save(tmp_path / name / f"{index:03}.png")
    domains = [f"--source={tmp_path / 'clean'}", f"--target={tmp_path / 'smoky'}"]
    done = run("cyclegan", tmp_path, *TRANSLATE, *domains, "--method=cut")
    assert done.returncode == 0, done.stderr
    for said in (
        "1 of 30 pictures are smaller than 16 x 16",
        "005.png is 24 x 12",
        "26 source and 272 target",
        "0% of the source pictures and 100% of the target",
    ):
        assert said in done.stderr


@pytest.mark.parametrize(
    ("example", "flags", "said"),
    [
        ("cyclegan", ["--source=nowhere"], "both --source and --target"),
        ("cyclegan", ["--source=nowhere", "--target=elsewhere"], "nowhere"),
        ("cyclegan", ["--source={}/clean", "--target={}/clean/"], "two folders"),
        ("cyclegan", ["--source={}/empty", "--target={}/clean"], "empty"),
        ("cyclegan", ["--source={}/clean", "--target={}/few"], "At least 4 pictures"),
        ("cyclegan", ["--size=30"], "multiple"),
        ("cyclegan", ["--method=pix2pix"], "method"),
        ("classifier", ["--clean=nowhere"], "nowhere"),
        ("classifier", ["--test={}"], "smoky"),
        ("classifier", ["--smoke={}/clean"], "no saved_model.pb"),
        ("classifier", ["--features=nowhere"], "nowhere"),
        ("classifier", ["--jpeg=0"], "jpeg"),
        ("classifier", ["--calibrate={}/clean"], "19 clean pictures or more are needed"),
    ],
)
def test_wrong_flags_end_in_one_line(example, flags, said, tmp_path):
    for name in ("clean", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "few").mkdir()
    for name in ("clean/a", "clean/b", "few/a", "few/b"):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{name}.png")
    done = run(example, tmp_path, *(flag.replace("{}", str(tmp_path)) for flag in flags))
    assert done.returncode != 0
    assert said in done.stderr and "Traceback" not in done.stderr
