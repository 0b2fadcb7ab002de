"""The conditional GAN's example as a user starts it: drawn and own pictures, and wrong flags."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from running import run_example

from kerasgen.training.run_log import read_history

pytestmark = pytest.mark.slow

QUICK = ["--size=12", "--steps=6", "--classifier_steps=3", "--batch_size=8", "--log_every=2"]


def run(folder, *flags):
    folders = f"--workdir={folder / 'run'}", f"--export_to={folder / 'models'}"
    return run_example("train_clothing_cgan", *folders, *flags)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Three class folders of 12 pictures each, of different sizes."""
    root = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for name in ("bag", "boot", "coat"):
        (root / name).mkdir()
        for index in range(12):
            pixels = generator.integers(0, 256, (14 + index, 20, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.mark.parametrize(
    ("model", "classes", "chosen"),
    [
        ("modern", ["coat", "bag"], ["--classes=coat,bag"]),
        ("original", ["bag", "boot", "coat"], []),
    ],
)
def test_own_pictures_give_sheets_figures_and_a_model(
    model, classes, chosen, photographs, tmp_path
):
    flags = [f"--data={photographs}", "--channels=3", f"--model={model}", *chosen]
    done = run(tmp_path, *QUICK, *flags)
    assert done.returncode == 0, done.stderr
    for name in ("classes", "interpolation", "nearest", "losses"):
        with Image.open(tmp_path / "run" / f"{name}.png") as image:
            assert min(image.size) > 20
    figures = json.loads((tmp_path / "run" / "figures.json").read_text(encoding="utf-8"))
    assert {"real", "generated", "gap_points", "label_fidelity", "copying"} == set(figures)
    # 15 % of 12 pictures, two in each class.
    assert figures["real"][0]["accuracy"]["count"] == 2 * len(classes)
    served = tf.saved_model.load(str(tmp_path / f"models/clothing_cgan_{model}/1"))
    outputs = served.signatures["serving_default"](
        seed=tf.constant([1, 1], tf.int64), label=tf.constant([0, 1])
    )
    assert tf.io.decode_png(outputs["png_bytes"][0]).shape == (12, 12, 3)
    assert [name.decode() for name in outputs["class_name"].numpy()] == classes[:2]
    # The folder may have moved; what is in it must be the same.
    flags[0] = f"--data={shutil.copytree(photographs, tmp_path / 'moved')}"
    again = run(tmp_path, *QUICK, *flags)
    assert again.returncode == 0, again.stderr
    steps = [row["step"] for row in read_history(tmp_path / "run" / "train" / "history.csv")]
    assert steps == [2, 4, 6]
    # The labels would be those of other classes.
    (tmp_path / "moved" / "bag").rename(tmp_path / "moved" / "dress")
    renamed = run(tmp_path, *QUICK, *[flag.replace("bag", "dress") for flag in flags])
    assert renamed.returncode == 1 and "Traceback" not in renamed.stderr
    name = "classes" if chosen else "class_names"
    assert f"{name}=[" in renamed.stderr and "there: [" in renamed.stderr


def test_minutes_are_turned_into_steps_once(tmp_path):
    flags = ["--size=16", "--classifier_steps=3", "--batch_size=8", "--minutes=0.01"]
    first = run(tmp_path, *flags)
    assert first.returncode == 0, first.stderr
    pace = json.loads((tmp_path / "run" / "pace.json").read_text(encoding="utf-8"))
    steps = max(1, int(0.01 * pace["updates_per_minute"]))
    history = tmp_path / "run" / "train" / "history.csv"
    assert read_history(history)[-1]["step"] == steps
    second = run(tmp_path, *flags)
    assert second.returncode == 0, second.stderr
    assert "Measuring" in first.stdout and "Measuring" not in second.stdout
    assert read_history(history)[-1]["step"] == steps


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data=nowhere"], "nowhere"),
        (["--data=tfds:no_such_set"], "no_such_set"),
        (["--classes=hat,gown"], "gown"),
        (["--size=30"], "multiple"),
        (["--model=original", "--batch_size=7"], "even"),
        (["--batch_size=0"], "batch_size"),
        (["--channels=2"], "channels"),
        (["--features=nowhere"], "--features needs --data"),
    ],
)
def test_wrong_flags_end_in_one_line(flags, said, tmp_path):
    done = run(tmp_path, *flags)
    assert done.returncode != 0
    assert said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/a", "train/b", "test/a"], "There is no test picture of b"),
        (["a"], "at least two classes"),
    ],
)
def test_what_would_stop_the_figures_is_refused_at_the_start(tmp_path, folders, message):
    for folder in folders:
        (tmp_path / "data" / folder).mkdir(parents=True)
        for index in range(4):
            Image.new("RGB", (16, 16), (9 * index, 90, 90)).save(
                tmp_path / "data" / folder / f"{index}.png"
            )
    done = run(tmp_path, *QUICK, f"--data={tmp_path / 'data'}")
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "run/train").exists() and not (tmp_path / "models").exists()
