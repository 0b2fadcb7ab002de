"""``kerasgen compare`` on pictures of any size and format, and on constant ones."""

import numpy as np
from PIL import Image

from kerasgen import cli


def test_sizes_and_formats_are_no_difference(tmp_path, capsys):
    kinds = {"real": [("png", 64)], "synthetic": [("bmp", 96), ("tiff", 32), ("webp", 128)]}
    for seed, (name, forms) in enumerate(kinds.items()):
        generator = np.random.default_rng(seed)
        (tmp_path / name).mkdir()
        for number in range(60):
            ending, side = forms[number % len(forms)]
            coarse = generator.normal(120, 30, (4, 4, 3)).clip(0, 255).astype(np.uint8)
            image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
            image.save(tmp_path / name / f"{number}.{ending}", **{"lossless": True})
    arguments = ["compare", str(tmp_path / "real"), str(tmp_path / "synthetic")]
    more = ["--out", str(tmp_path / "out"), "--size", "32", "--network", "none"]
    assert cli.run([*arguments, *more]) == 0
    assert capsys.readouterr().out.count("does not distinguish") == 1


def test_constant_pictures_go_through(tmp_path, capsys):
    for name in ("real", "synthetic"):
        (tmp_path / name).mkdir()
        for number in range(10):
            Image.new("RGB", (32, 32), (90, 90, 90)).save(tmp_path / name / f"{number}.png")
    arguments = ["compare", str(tmp_path / "real"), str(tmp_path / "synthetic"), "--quick"]
    assert cli.run([*arguments, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    # All equal, they are one picture: no evidence of a difference, nor of none.
    assert "identical to real ones" in printed and "too few sources to test" in printed
