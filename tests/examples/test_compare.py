"""The comparison's example as a user starts it."""

import json

import numpy as np
import pytest
from PIL import Image
from running import run_example

pytestmark = pytest.mark.slow

QUICK = ["--size=16", "--steps=3", "--batch_size=8"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    generator = np.random.default_rng(0)
    for name, level in (("real", 90), ("synthetic", 150)):
        for source in range(12):
            (root / name / str(source)).mkdir(parents=True)
            for number in range(2):
                pixels = generator.normal(level, 20, (20, 24, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / name / str(source) / f"{number}.png")
    return root


def test_two_folders_become_a_page_on_pixels_and_on_autoencoder_features(folders, tmp_path):
    sets = [f"--real={folders / 'real'}", f"--synthetic={folders / 'synthetic'}"]
    done = run_example("compare_real_synthetic", *QUICK, *sets, f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "can distinguish the synthetic pictures from the real ones" in done.stdout
    numbers = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(numbers["features"]) == {"pixels-16", "autoencoder"}
    # Half of twelve sources of two pictures.
    assert numbers["sets"]["reference"] == 12
    assert (tmp_path / "index.html").is_file() and (tmp_path / "autoencoder.keras").is_file()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--real=nowhere"], "both --real and --synthetic"),
        (["--real=nowhere", "--synthetic=elsewhere"], "nowhere"),
        (["--size=20"], "multiple"),
    ],
)
def test_wrong_flags_end_in_one_line(flags, said, tmp_path):
    done = run_example("compare_real_synthetic", f"--workdir={tmp_path / 'out'}", *flags)
    assert done.returncode != 0
    assert said in done.stderr and "Traceback" not in done.stderr
