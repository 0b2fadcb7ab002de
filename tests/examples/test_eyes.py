"""The examples as a user starts them: to the end, with wrong flags, and stopped on the way."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import running
import tensorflow as tf
from PIL import Image
from running import WITHIN, options

from kerasgen.procedural.eyes import camera_eyes, rendered_eyes
from kerasgen.training.run_log import read_history

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIZE, STEPS = 32, 40


def command(folder, *flags):
    folders = f"--workdir={folder / 'run'}", f"--export_to={folder / 'models'}"
    size = f"--image_size={SIZE}", "--batch_size=2"
    return running.command("train_eye_refiner", *folders, *size, *flags)


def run(folder, *flags):
    return subprocess.run(command(folder, *flags), timeout=WITHIN, **options())


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    """Folders of pictures: 40 renders, 40 photographs of two days."""
    root = tmp_path_factory.mktemp("eyes")
    renders, photographs = rendered_eyes(40, 0, SIZE).images, camera_eyes(40, 1, SIZE).images
    for index in range(40):
        for name, images in (("rendered", renders), (f"real/day{index % 2}", photographs)):
            path = root / name / f"{index:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[index]).save(path)
    return root


def long_flags(eyes):
    folders = [f"--rendered={eyes / 'rendered'}", f"--real={eyes / 'real'}"]
    every = ["--log_every=1", "--save_every=7"]
    return [*folders, *every, f"--prefit={STEPS}", f"--steps={STEPS}", "--licence=mine"]


@pytest.fixture(scope="module")
def whole(eyes, tmp_path_factory):
    """An uninterrupted run, whose weights the others must reach."""
    folder = tmp_path_factory.mktemp("whole")
    done = run(folder, *long_flags(eyes))
    assert done.returncode == 0, done.stderr
    return folder, done


def weights(folder, index=-1):
    """Every variable of a checkpoint of the second stage, by name; by default of the last."""
    checkpoints = folder / "run" / "refine" / "checkpoints"
    state = tf.train.get_checkpoint_state(str(checkpoints))
    reader = tf.train.load_checkpoint(state.all_model_checkpoint_paths[index])
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    # The number of saves is not learned.
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def check_same_weights(first, second):
    assert first.keys() == second.keys() and len(first) > 20
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    assert int(first["position/.ATTRIBUTES/VARIABLE_VALUE"]) == STEPS


def start_until(folder, flags, phase, step):
    """Starts the example and returns it once it has reported this step of this phase."""
    process = subprocess.Popen(command(folder, *flags), **options())
    history, patience = folder / "run" / phase / "history.csv", time.monotonic() + WITHIN
    while time.monotonic() < patience and process.poll() is None:
        rows = read_history(history)
        if rows and rows[-1]["step"] >= step:
            return process
        time.sleep(0.002)
    process.kill()
    raise AssertionError(f"{phase} did not come to step {step}: {process.communicate()[1]}")


def check_products(folder):
    """What every finished run leaves: pictures, figures, and a model with its card."""
    for name in ("refined.png", "losses.png"):
        with Image.open(folder / "run" / name) as image:
            assert min(image.size) > 100 and np.ptp(np.asarray(image.convert("L"))) > 100
    figures = json.loads((folder / "run" / "figures.json").read_text(encoding="utf-8"))
    assert {
        "kid[pixels-16]",
        "refined_share_of_rendered",
        "real_or_refined_balanced_accuracy",
        "pupil_shift",
    } <= set(figures)
    (model,) = (path for path in (folder / "models").iterdir() if path.name != "serving_kit")
    assert [path.name for path in model.iterdir()] == ["1"]
    assert (model / "1" / "saved_model.pb").is_file()
    card = json.loads((model / "1" / "model_card.json").read_text(encoding="utf-8"))
    assert card["figures"] == figures and card["tensorflow"] == tf.__version__
    return figures, card


def test_it_draws_its_own_eyes_and_runs_to_the_end(tmp_path):
    flags = ["--prefit=4", "--steps=4", "--log_every=2", "--save_every=2"]
    done = run(tmp_path, *flags)
    assert done.returncode == 0, done.stderr
    figures, card = check_products(tmp_path)
    # The truth about drawn eyes is known.
    assert figures["detector_error_on_renders"]["median"] < 1.0
    assert "pupil_error_after_refining" in figures
    assert card["prefit_steps"] == card["refine_steps"] == 4
    assert "drawn by rule" in card["data"]
    for phase in ("prefit", "refine"):
        rows = read_history(tmp_path / "run" / phase / "history.csv")
        assert [row["step"] for row in rows] == [2, 4]
    assert str(tmp_path / "run" / "refined.png") in done.stdout


def test_folders_of_pictures_are_split_by_their_tail(whole):
    folder, done = whole
    figures, card = check_products(folder)
    assert "pupil_error_after_refining" not in figures
    assert card["licence_of_data"] == "mine" and card["data"] == "your pictures"
    counts = card["pictures"]
    for name in ("rendered", "real"):
        held_out = counts[f"test_{name}"]
        assert counts[name] + held_out == 40 and 4 <= held_out <= 12
        assert f"(pictures: {held_out}) are for testing" in done.stdout


def test_a_killed_run_reaches_the_same_weights(eyes, whole, tmp_path):
    moments = random.Random(2024)
    for phase in ("prefit", "refine"):
        step, pause = moments.randint(1, STEPS // 2), moments.uniform(0, 0.03)
        process = start_until(tmp_path, long_flags(eyes), phase, step)
        time.sleep(pause)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        last = read_history(tmp_path / "run" / phase / "history.csv")[-1]["step"]
        assert last < STEPS, "killed too late to prove anything"
    done = run(tmp_path, *long_flags(eyes))
    assert done.returncode == 0, done.stderr
    check_same_weights(weights(whole[0]), weights(tmp_path))
    check_products(tmp_path)


def test_a_terminated_run_can_be_continued(eyes, whole, tmp_path):
    step = random.Random(2025).randint(1, STEPS // 2)
    process = start_until(tmp_path, long_flags(eyes), "refine", step)
    process.terminate()
    _, errors = process.communicate(timeout=WITHIN)
    assert process.returncode not in (0, -signal.SIGTERM)
    (line,) = (line for line in errors.splitlines() if line.startswith("SIGTERM"))
    assert "Run the same command again" in line and str(tmp_path / "run") in line
    assert "Traceback" not in errors
    checkpoints = tmp_path / "run" / "refine" / "checkpoints"
    stopped = int(tf.train.latest_checkpoint(str(checkpoints)).rpartition("-")[2])
    assert step <= stopped < STEPS and f"after step {stopped};" in line
    done = run(tmp_path, *long_flags(eyes))
    assert done.returncode == 0, done.stderr
    assert f"prefit: {STEPS} of {STEPS} steps are done already" in done.stdout
    rows = read_history(tmp_path / "run" / "refine" / "history.csv")
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    check_same_weights(weights(whole[0]), weights(tmp_path))


def test_the_comparison_of_weights_notices_an_earlier_state(whole):
    last, before = weights(whole[0]), weights(whole[0], -2)
    position = "position/.ATTRIBUTES/VARIABLE_VALUE"
    assert before[position] < STEPS
    with pytest.raises(AssertionError):
        check_same_weights(last, {**before, position: last[position]})


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--batch_size=0"], ["--batch_size"]),
        (["--model=unknown"], ["--model"]),
        (["left", "over"], ["left over"]),
        (["--rendered={folder}/nowhere", "--real={folder}"], ["{folder}/nowhere"]),
        (["--rendered={folder}"], ["--rendered", "--real"]),
        (["--workdir={folder}/file/run"], ["cannot be written", "{folder}/file/run"]),
    ],
)
def test_wrong_flags_end_in_one_line(flags, words, tmp_path):
    (tmp_path / "file").write_text("here first")
    done = run(tmp_path, *(flag.format(folder=tmp_path) for flag in flags))
    check_one_line(done, [word.format(folder=tmp_path) for word in words])
    # Otherwise the corrected command would be refused as another run.
    assert not (tmp_path / "run" / "settings.json").exists()


@pytest.mark.parametrize("few", ["rendered", "real"])
def test_too_few_pictures_to_measure_end_before_the_training(eyes, tmp_path, few):
    for name, count in (("rendered", 30), ("real", 30)):
        paths = sorted((eyes / name).rglob("*.png"))[: 5 if name == few else count]
        (tmp_path / name).mkdir()
        for path in paths:
            shutil.copy(path, tmp_path / name)
    done = run(tmp_path, *long_flags(tmp_path))
    check_one_line(done, ["At least 4 real pictures", f"test_{few}=1"])
    assert not (tmp_path / "run" / "prefit").exists()


def test_another_seed_in_an_old_folder_ends_in_one_line(whole, eyes):
    folder, _ = whole
    check_one_line(run(folder, *long_flags(eyes), "--seed=1"), ["seed=1", str(folder / "run")])


def check_one_line(done, words):
    assert done.returncode not in (0, None) and done.returncode > 0
    assert "Traceback" not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, done.stderr


def test_features_that_cannot_be_computed_stop_it_before_the_training(tmp_path):
    def serve(pictures):
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(pictures)[1], 8)]):
            return {"features": tf.reduce_mean(pictures, [1, 2])}

    model = tf.Module()
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32, "pictures")]
    model.serve = tf.function(serve, input_signature=signature)
    tf.saved_model.save(model, str(tmp_path / "features"), {"serving_default": model.serve})
    done = run(tmp_path, "--prefit=2", "--steps=2", f"--features={tmp_path / 'features'}")
    assert done.returncode == 1 and "assert" in done.stderr
    assert not (tmp_path / "run" / "prefit").exists()
