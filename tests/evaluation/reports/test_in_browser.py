"""The comparison's page in a real browser: read, pointed at, and used with the keyboard."""

from dataclasses import replace

import browser
import numpy as np
import pytest
from PIL import Image

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.comparison.compare import compare
from kerasgen.evaluation.comparison.options import CompareOptions
from kerasgen.evaluation.comparison.picture_sets import PictureSet
from kerasgen.evaluation.comparison.real_fake_classifier import CONFIG, Network
from kerasgen.evaluation.features.extractors import pixel_features
from kerasgen.evaluation.utility import learners
from kerasgen.evaluation.utility.options import ProofOptions
from kerasgen.evaluation.utility.proof_data import ProofData
from kerasgen.evaluation.utility.prove import prove_data
from kerasgen.evaluation.utility.training_sets import TrainingPools
from kerasgen.procedural.eyes import camera_eyes, rendered_eyes

pytestmark = pytest.mark.skipif(
    not (browser.DRIVER and browser.CHROMIUM), reason="there is no chromium with chromedriver here"
)

DOWN, LEFT = "\ue015", "\ue012"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    sets = [
        PictureSet(images, names, names, ["left", "right"] * 20)
        for images, names in (
            (camera_eyes(40, 0, 32).images, [f"photo{n}.png" for n in range(40)]),
            (rendered_eyes(40, 1, 32).images, [f"render{n}.png" for n in range(40)]),
        )
    ]
    network = Network(config=replace(CONFIG, steps=2, batch_size=8, validate_every=1, patience=1))
    options = CompareOptions(features=[pixel_features(4)], network=network)
    compare(*sets, options, workdir=folder, title="drawn eyes").save(folder)
    return folder / "index.html"


@pytest.mark.parametrize("size", ["1000,1400", "420,900"])
def test_the_page_works(page, size, tmp_path):
    with browser.browser(f"--window-size={size}") as window:
        window.open(page)
        summary = window.script("return document.getElementById('summary').textContent")
        assert summary.startswith("A linear classifier can distinguish the synthetic pictures")
        # Nothing but a table may need to be scrolled sideways.
        assert window.script("return document.body.scrollWidth <= window.innerWidth")
        headings = window.script(
            "return [...document.querySelectorAll('h2')].map((each) => each.textContent)"
        )
        assert {"Class by class", "Trained network", "Feature maps"} <= set(headings)
        assert window.script("return [...document.images].every((each) => each.naturalWidth > 0)")
        caption = "return document.getElementById('caption').textContent"
        assert window.script(caption) == "No dot chosen."
        # The last is drawn on top: nothing hides it.
        window.hover("circle:last-of-type")
        assert window.script(caption) == "synthetic: render39.png"
        style = "return document.getElementById('thumb').style.background"
        assert window.script(f"{style}Image").startswith('url("data:image/jpeg;base64,')
        # Dot 79 of 80, in rows of 24: the eighth of the fourth row, each 96 pixels large.
        assert window.script(f"{style}Position") == "-672px -288px"
        window.script("document.getElementById('map').focus()")
        window.press(DOWN)
        assert window.script(caption) == "real: photo0.png"
        window.press(LEFT)
        assert window.script(caption) == "synthetic: render39.png"
        assert window.console() == []
        window.screenshot(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        assert np.asarray(image.convert("L")).std() > 5


def test_the_page_of_a_proof_is_read_at_any_width(tmp_path, monkeypatch):
    # What is trained is of no matter here.
    monkeypatch.setattr(learners, "train_on_images", lambda *inputs: None)
    monkeypatch.setattr(learners, "predict", lambda network, images: images[:, 0, 0, 0] % 2)
    images = np.random.default_rng(0).integers(0, 256, (240, 8, 8, 3)).astype(np.uint8)
    labels = (np.arange(240) % 2).astype(np.int32)
    whole = LabelledImages(images, labels, ("shirt", "shoe"), tuple(map(str, range(240))))
    real, synthetic, test = (whole.at(np.arange(start, 240, 3)) for start in range(3))
    options = ProofOptions([20, 80], (1.0,), 2, gate=True)
    data = ProofData(TrainingPools(real, range(80), synthetic), test)
    proof = prove_data(data, options, workdir=tmp_path)
    found = proof.numbers
    proof.save(tmp_path)
    for size in ("1000,1400", "420,900"):
        with browser.browser(f"--window-size={size}") as window:
            window.open(tmp_path / "index.html")
            summary = window.script("return document.getElementById('summary').textContent")
            assert summary == found["summary"]
            assert window.script("return document.body.scrollWidth <= window.innerWidth")
            assert window.script("return document.querySelectorAll('svg').length") == 1
            assert window.console() == []
