"""The two report pages of drawn pictures, and screenshots of them."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

import kerasgen
from kerasgen.procedural import CameraOptions, apply_camera, camera_eyes, rendered_eyes
from kerasgen.procedural.garments import GARMENTS, drawn_garments

_WIDTH, _HEIGHT = 880, 1000
"""Of the window, in pixels of the page."""

_COLOURS = 255
"""Of a screenshot's palette."""


def compare_page(folder: Path) -> Path:
    """Compares drawn renders of eyes with eyes as a simulated camera sees them."""
    photographs, renders = camera_eyes(400, 0).images, rendered_eyes(200, 1).images
    options = kerasgen.CompareOptions(network=None)
    title = "eyes of a camera and renders"
    return kerasgen.compare(photographs, renders, options, title=title).save(folder)


def prove_page(folder: Path) -> Path:
    """Proves whether drawn garments help a classifier of others, seen by the same camera."""
    real, synthetic, test = (_garments(*each) for each in ((600, 0), (800, 1), (500, 2)))
    options = kerasgen.ProofOptions(
        amounts=(50, 200),
        times=(4.0,),
        augmentations=("none",),
        config=kerasgen.TrainConfig(steps=100, batch_size=64, width=8, learning_rate=3e-3),
    )
    return kerasgen.prove(real, synthetic, test, options, generator_saw=0).save(folder)


def _garments(count: int, seed: int) -> kerasgen.LabelledImages:
    drawn = drawn_garments(count, seed, 32)
    images = apply_camera(drawn.images, CameraOptions(), seed)
    names = tuple(f"garment-{seed}-{index}" for index in range(count))
    return kerasgen.LabelledImages(images, drawn.labels, GARMENTS, names)


def screenshot(page: Path, scheme: str) -> bytes:
    """The top of a page as PNG.

    Args:
        page: The HTML file.
        scheme: ``light`` or ``dark``, what the page believes the reader prefers.

    Raises:
        ValueError: If there is no Chromium.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise ValueError("Screenshots need Chromium: install it. Received: none on the path")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        flags += ["--force-device-scale-factor=1.5", f"--window-size={_WIDTH},{_HEIGHT}"]
        # Chromium's names for prefers-color-scheme.
        flags += [f"--blink-settings=preferredColorScheme={int(scheme == 'light')}"]
        command = [chromium, *flags, f"--screenshot={file}", page.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        picture = Image.open(file).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
