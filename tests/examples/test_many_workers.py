"""Every training command on two workers, from ``TF_CONFIG`` alone: one of them writes.

``KERASGEN_LONG_TESTS=1`` runs all five; without it the one with early stopping: each takes half a
minute.
"""

import os
import subprocess
import time

import pytest
from running import WITHIN, command, options, worker_environments

pytestmark = pytest.mark.slow

TINY = {
    "train_eye_refiner": ["--image_size=32", "--batch_size=4", "--prefit=2", "--steps=2"],
    "train_clothing_cgan": [
        "--size=16", "--batch_size=16", "--classifier_steps=2", "--steps=2", "--model=original",
    ],
    "train_smoke_cyclegan": [
        "--size=16", "--width=4", "--blocks=1", "--halvings=1", "--batch_size=4", "--steps=2",
    ],
    "train_smoke_classifier": ["--size=16", "--batch_size=4", "--copies=1", "--steps=101"],
    "compare_real_synthetic": ["--size=16", "--batch_size=8", "--steps=2", "--network_steps=2"],
}  # fmt: skip
"""Each command with a short training; the detector is validated twice."""

ALWAYS = "train_smoke_classifier"
EXAMPLES = [
    pytest.param(
        example,
        marks=pytest.mark.skipif(
            example != ALWAYS and "KERASGEN_LONG_TESTS" not in os.environ,
            reason="KERASGEN_LONG_TESTS is not set: it takes half a minute",
        ),
    )
    for example in TINY
]


def run_both(example, folder):
    """Runs the workers to their end; returns what each printed."""
    flags = [f"--workdir={folder / 'run'}", f"--export_to={folder / 'models'}", *TINY[example]]
    words = command(example, "--strategy=multiworker", *flags)
    pipes = {**options(), "stderr": subprocess.STDOUT}
    workers = [subprocess.Popen(words, **{**pipes, "env": each}) for each in worker_environments(2)]
    deadline = time.monotonic() + WITHIN
    try:
        said = [each.communicate(timeout=deadline - time.monotonic())[0] for each in workers]
    finally:
        for each in workers:
            each.kill()
            each.wait()
    assert [each.returncode for each in workers] == [0, 0], "\n".join(said)
    return said


@pytest.mark.parametrize("example", EXAMPLES)
def test_two_workers_train_and_the_first_writes(example, tmp_path):
    first, second = run_both(example, tmp_path)
    phases = [path for path in (tmp_path / "run").iterdir() if (path / "history.csv").exists()]
    assert phases
    for phase in phases:
        saved = [
            sorted(path.name for path in (phase / name).glob("step-*.index"))
            for name in ("checkpoints", "checkpoints-worker1")
        ]
        assert saved[0] and saved[0] == saved[1]
    done = "page: " if example.startswith("compare") else "model: "
    assert f"\n{done}" in first and done not in second and "sheet: " not in second
    if done == "model: ":
        versions = [path.name for path in (tmp_path / "models").glob("*/[0-9]*")]
        assert set(versions) == {"1"}
