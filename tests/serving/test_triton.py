"""The models served by a real Triton Inference Server.

It comes with ``nvidia-pytriton``, which needs NumPy 1 and so an environment of its own. The
variable KERASGEN_TRITON names the Python of that environment.
"""

import os
import pickle
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from model_runs import LIBRARIES, assert_all_equal, every_run, run_of, signatures_of
from serving_files import picture

PYTHON = os.environ.get("KERASGEN_TRITON")
REQUESTS = 1000
KINDS = ("PNG", "JPEG", "WEBP", "BMP")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PYTHON is None,
        reason="KERASGEN_TRITON does not name a Python with nvidia-pytriton: Triton did not run",
    ),
]


def in_triton(tmp_path, models):
    """Answers to [(folder, [(inputs by tensor, output tensors)])], in one list."""
    jobs, answers = tmp_path / "jobs.pickle", tmp_path / "answers.pickle"
    jobs.write_bytes(pickle.dumps({"libraries": str(LIBRARIES), "models": models}))
    place = "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"
    found = subprocess.run([PYTHON, "-c", place], capture_output=True, text=True, check=True)
    script = Path(__file__).with_name("triton_process.py")
    # The paths of Triton's sockets lie below the home folder, and may not be long.
    with tempfile.TemporaryDirectory() as home:
        environment = {
            # It starts the first Python of the path, too.
            "PATH": os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]]),
            "HOME": home,
            # Its backend must load the library of the Python whose modules it imports.
            "LD_LIBRARY_PATH": found.stdout.strip(),
        }
        command = [PYTHON, str(script), str(jobs), str(answers)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return pickle.loads(answers.read_bytes())


def damaged(number):
    """A file of one of four kinds, cut off, with other bytes, or nothing but these."""
    random = np.random.default_rng(number)
    data = bytearray(picture(number % 8, KINDS[number % 4]))
    if number % 3 == 0:
        return bytes(data[: random.integers(len(data))])
    if number % 3 == 1:
        for place in random.integers(0, len(data), 1 + number % 5):
            data[place] = random.integers(256)
        return bytes(data)
    return bytes(data[:12]) + random.bytes(random.integers(200))


def test_every_signature_is_equal_to_python_and_to_the_probe(models, tmp_path):
    jobs, expected = every_run(models)
    assert_all_equal(in_triton(tmp_path, jobs), expected)


def test_no_damaged_file_ends_the_server(models, tmp_path):
    folder = models["classifier"]
    signature = signatures_of(folder)["serving_default"]

    def run(data):
        return run_of(signature, {"image_bytes": np.array([data, None], object)[:1]})

    good = run(picture(0))
    bad = [run(damaged(number)) for number in range(REQUESTS)]
    first, *answers, last = in_triton(tmp_path, [(str(folder), [good, *bad, good])])
    for own, again in zip(first, last, strict=True):
        np.testing.assert_array_equal(own, again)
    refused = [each for each in answers if isinstance(each, str)]
    assert len(answers) == REQUESTS and len(refused) > REQUESTS // 3
