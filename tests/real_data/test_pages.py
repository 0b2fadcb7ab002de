"""The comparison's page on real pictures in a real browser, where both are at hand.

The refiner and the generator are trained just long enough to make something: what is tested here is
that such a page can be read and used, not what it says of them.
"""

import json
import os
from pathlib import Path

import browser
import numpy as np
import pytest
from PIL import Image

from kerasgen import cgan, cli, refiner
from kerasgen.data.labelled_images import load_labelled
from kerasgen.data.pipeline import Pictures, labelled, unpaired
from kerasgen.evaluation.judges.generator import sample
from kerasgen.evaluation.judges.refiner import refining_function
from kerasgen.io.images import read_folder
from kerasgen.training.trainer import Trainer

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not (browser.DRIVER and browser.CHROMIUM), reason="there is no chromium with chromedriver"
    ),
]
DATA = Path(__file__).parents[2] / "../shared/data"
LATENT, SIZE = 16, 28


def pair_of_folders(data, tmp_path):
    """Photographs, and pictures from a computer, as they are."""
    folder = data / "real_vs_synthetic"
    return folder / "real", folder / "synthetic", []


def rendered_eyes(data, tmp_path):
    return data / "eyes/real", data / "eyes/rendered", []


def refined_eyes(data, tmp_path):
    real, rendered = (
        read_folder(data / "eyes" / name, 32).images[:100] for name in ("real", "rendered")
    )
    networks = refiner.build_residual_refiner((32, 32, 3)), refiner.build_discriminator((32, 32, 3))
    steps = refiner.build_steps(*networks, batch_size=8, prefit_steps=10, refine_steps=10)
    batches = unpaired(Pictures.from_array(rendered), Pictures.from_array(real), 8, seed=0)
    trainer = Trainer(tmp_path / "work")
    for phase, step in zip(("prefit", "refine"), steps, strict=True):
        trainer.run(step, batches, 10, phase=phase)
    synthetic_images = refining_function(networks[0], real)(rendered, 0)
    return (
        data / "eyes/real",
        written(tmp_path / "synthetic", synthetic_images, ["eyes"] * len(synthetic_images)),
        [],
    )


def made_clothing(data, tmp_path):
    real = load_labelled(data / "clothing", size=SIZE, channels=1)["train"]
    classes, shape = len(real.class_names), (SIZE, SIZE, 1)
    networks = (
        cgan.build_generator(shape, classes, latent_size=LATENT),
        cgan.build_discriminator(shape, classes),
    )
    step = cgan.build_step(*networks, num_classes=classes, steps=10, batch_size=16)
    batches = labelled(
        Pictures.from_array(real.images, real.labels), 16, seed=0, latent_size=LATENT
    )
    Trainer(tmp_path / "work").run(step, batches, 10)
    labels = np.arange(10 * classes) % classes
    synthetic_images = sample(lambda *inputs: networks[0](inputs), LATENT, labels, 0)
    folder = written(
        tmp_path / "synthetic", synthetic_images, [real.class_names[label] for label in labels]
    )
    return data / "clothing/train", folder, ["--labels", "--channels=1", f"--size={SIZE}"]


def written(folder, images, names):
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.squeeze(image)).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize("sets", [pair_of_folders, rendered_eyes, refined_eyes, made_clothing])
def test_the_page_of_real_pictures_works(sets, tmp_path):
    data = Path(os.environ.get("KERASGEN_DATA", DATA)).resolve()
    if not data.is_dir():
        pytest.skip(f"no real pictures: {data} is not there")
    real, synthetic, options = sets(data, tmp_path)
    out = tmp_path / "page"
    assert cli.run(["compare", f"{real}", f"{synthetic}", f"--out={out}", "--quick", *options]) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    with browser.browser("--window-size=1000,1400") as window:
        window.open(out / "index.html")
        summary = window.script("return document.getElementById('summary').textContent")
        assert summary == report["summary"]
        assert window.script("return [...document.images].every((each) => each.naturalWidth > 0)")
        assert window.script("return document.body.scrollWidth <= window.innerWidth")
        # The last is drawn on top: nothing hides it.
        window.hover("circle:last-of-type")
        caption = window.script("return document.getElementById('caption').textContent")
        kind, _, name = caption.partition(": ")
        assert kind == "synthetic"
        assert (synthetic / name).is_file()
        assert window.console() == []
        window.screenshot(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        assert np.asarray(image.convert("L")).std() > 5
