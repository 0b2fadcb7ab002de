"""Every signature through the loader of TensorFlow Serving: TF_LoadSessionFromSavedModel."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from model_runs import LIBRARIES, assert_all_equal, every_run, probe_inputs, run_of, signatures_of


def in_the_c_api(tmp_path, models):
    """Answers to [(folder, [(inputs by tensor, output tensors)])], in one list."""
    jobs, answers = tmp_path / "jobs.pickle", tmp_path / "answers.pickle"
    jobs.write_bytes(pickle.dumps({"libraries": str(LIBRARIES), "models": models}))
    script = Path(__file__).with_name("c_api_process.py")
    # -I: nothing of this process's paths, so that no TensorFlow can be imported by chance.
    command = [sys.executable, "-I", str(script), str(jobs), str(answers)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith(tf.__version__)
    return pickle.loads(answers.read_bytes())


def test_every_signature_is_equal_to_python_and_to_the_probe(models, tmp_path):
    jobs, expected = every_run(models)
    assert_all_equal(in_the_c_api(tmp_path, jobs), expected)


def test_a_bad_file_is_an_error_and_no_death(models, tmp_path):
    folder = models["classifier"]
    signature = signatures_of(folder)["serving_default"]
    good = probe_inputs(folder, "serving_default", ["image_bytes"])["image_bytes"][0]
    runs = []
    for data in (b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\xff" * 40):
        for files in ([good, data], [good]):
            runs.append(run_of(signature, {"image_bytes": np.array([*files, None], object)[:-1]}))
    answers = in_the_c_api(tmp_path, [(str(folder), runs)])
    for bad, (names, _) in zip(answers[::2], answers[1::2], strict=True):
        assert isinstance(bad, str) and bad
        assert names.tolist() in ([b"dark"], [b"light"])
