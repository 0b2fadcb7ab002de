"""The first second of a command: help, missing inputs, TensorFlow without its messages."""

import argparse
import os
import resource
import subprocess
import sys

import pytest

from kerasgen.cli import command, start

MISSING = {
    "cut": ["--foregrounds", "nowhere", "--out", "out"],
    "compose": ["--foregrounds", "nowhere", "--backgrounds", "nowhere", "--out", "out"],
    "verify": ["nowhere", "--foregrounds", "nowhere"],
    "smoke": ["--sources", "nowhere", "--out", "out"],
    "synthesize": ["nowhere", "--out", "out"],
    "merge": ["out", "nowhere"],
    "pack": ["nowhere", "out", "--format", "tfrecord"],
    "client": ["http://127.0.0.1:1", "model", "nowhere", "--out", "out"],
    "compare": ["nowhere", "nowhere", "--out", "out"],
    "prove": ["--real", "nowhere", "--synthetic", "nowhere", "--out", "out"],
    "dossier": ["nowhere"],
    "sheet": ["nowhere", "out.png"],
    "zoo": ["check", "nowhere"],
    "serve-kit": ["nowhere"],
    "export": ["nowhere", "--to", "onnx"],
    "convert": ["nowhere", "out", "--format", "coco"],
    "beam": ["compare", "nowhere", "nowhere", "--out", "out"],
}
MORE = [
    ["synthesize", "fashion", "--count", "1", "--gate", "nowhere", "--out", "out"],
    ["synthesize", "eyes", "--sources", "nowhere", "--out", "out"],
    ["beam", "synthesize", "nowhere", "--out", "out"],
    ["beam", "smoke", "--sources", "nowhere", "--out", "out"],
    ["compare", "nowhere:here", "nowhere", "--out", "out"],
    ["zoo", "show", "nowhere"],
    ["zoo", "build", "nowhere"],
]
CODE = """
import sys
from kerasgen.cli import run
status = run(sys.argv[1:])
heavy = {"tensorflow", "keras", "matplotlib"} & {*sys.modules}
sys.exit(f"loaded: {heavy}" if heavy else status)
"""


def cpu_seconds(words, status, folder):
    """The processor time of a command, and what it wrote to the error stream."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, text=True, cwd=folder
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == status, done.stderr
    used = [getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime")]
    return sum(used), done.stderr


def test_every_command_that_reads_is_here():
    (commands,) = [
        action
        for action in command._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    # It draws its pictures.
    assert set(commands.choices) - {"eyes"} == set(MISSING)


@pytest.mark.parametrize("words", [[name, *rest] for name, rest in MISSING.items()] + MORE)
def test_a_missing_input_is_named_before_anything_heavy_is_loaded(words, tmp_path):
    seconds, errors = cpu_seconds(words, 1, tmp_path)
    assert "nowhere" in errors.splitlines()[-1] and "Traceback" not in errors
    # Less on an idle machine: the caches of a busy one are cold.
    assert seconds < 1.5
    assert not list(tmp_path.iterdir())


def test_help_comes_at_once(tmp_path):
    seconds, _ = cpu_seconds(["--version"], 0, tmp_path)
    assert seconds < 0.75


def test_tensorflow_is_loaded_without_its_messages(tmp_path):
    code = "from kerasgen.cli.start import load_tensorflow\nload_tensorflow()\n"
    code += "import tensorflow as tf\ntf.constant([1.0]) + 1\nprint(tf.__version__)"
    environment = {key: each for key, each in os.environ.items() if not key.startswith("TF_CPP")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0 and done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_tensorflow_is_loaded_without_an_error_stream(closed, tmp_path):
    code = "from kerasgen.cli.start import load_tensorflow; load_tensorflow()"
    done = subprocess.run(f"{sys.executable} -c '{code}' {closed}", shell=True, cwd=tmp_path)
    assert done.returncode == 0


def test_without_a_place_for_temporary_files_messages_are_shown(capfd, monkeypatch):
    def full(*arguments, **options):
        raise OSError("No usable temporary directory")

    monkeypatch.setattr(start.tempfile, "TemporaryFile", full)
    with start._held_back_errors():
        os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def test_if_it_cannot_be_loaded_its_messages_are_shown(capfd):
    with pytest.raises(ImportError), start._held_back_errors():
        os.write(2, b"libcudart is broken\n")
        raise ImportError("no TensorFlow")
    assert capfd.readouterr().err == "libcudart is broken\n"
    with start._held_back_errors():
        os.write(2, b"about nothing\n")
    assert capfd.readouterr().err == ""
