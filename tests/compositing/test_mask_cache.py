"""Masks estimated once: the copies give the foregrounds of the originals."""

import numpy as np
import pytest
from PIL import Image
from scene_files import NAMES, tree

from kerasgen.compositing.foreground_folders import read_foregrounds
from kerasgen.compositing.mask_cache import save_cuts
from kerasgen.procedural.garments import GARMENTS, drawn_garments


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Garments on floors, one beside its mask, one with alpha, one turned, one useless."""
    root = tmp_path_factory.mktemp("photographs")
    labels = [GARMENTS.index(name) for name in ("pants", "pants", "shirt", "shirt", "shirt")]
    batch = drawn_garments(5, 1, 72, labels)
    names = ("pants/mask.jpg", "pants/turned.jpg", "shirt/alpha.png", "shirt/plain.png")
    for name, image, foreground in zip(names, batch.images, batch.foregrounds, strict=False):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        picture = Image.fromarray(foreground if "alpha" in name else image)
        exif = Image.Exif()
        exif[0x0112] = 6 if "turned" in name else 1
        picture.save(path, exif=exif)
    Image.fromarray(batch.alpha[0]).save(root / "pants/mask.mask.png")
    Image.fromarray(np.full((72, 72, 3), 90, np.uint8)).save(root / "shirt/empty.png")
    return root


def test_the_copies_give_the_same_foregrounds(photographs, tmp_path):
    names = ("pants", "shirt")
    seen = []
    cuts = save_cuts(
        photographs, tmp_path / "cuts", names, min_quality=0.1,
        report=lambda *numbers: seen.append(numbers),
    )  # fmt: skip
    assert [item.path for item in cuts.rejected] == ["shirt/empty.png"] and seen[-1] == (5, 5)
    assert (cuts.folder, cuts.labels) == (tmp_path / "cuts", (0, 0, 1, 1))
    assert str(cuts).splitlines()[0] == "pants: 2 of 2 pictures give a foreground"
    assert "shirt/empty.png" in (tmp_path / "cuts/rejected_foregrounds.csv").read_text()
    direct, _ = read_foregrounds(photographs, names, min_quality=0.1)
    copied, none = read_foregrounds(tmp_path / "cuts", names, min_quality=1.0)
    assert none == [] and [item.method for item in copied] == ["mask", "mask", "alpha", "mask"]
    for one, other in zip(direct, copied, strict=True):
        for name in ("path", "label", "sha256", "offset", "extent"):
            assert getattr(one, name) == getattr(other, name)
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.alpha, other.alpha)


def test_a_stopped_run_continues(photographs, tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_cuts(photographs, tmp_path / "cuts", NAMES[1:3], min_quality=0.1, report=stop)
    (tmp_path / "cuts/pants/mask.jpg").unlink()
    save_cuts(photographs, tmp_path / "cuts", NAMES[1:3], min_quality=0.1, workers=2)
    save_cuts(photographs, tmp_path / "whole", NAMES[1:3], min_quality=0.1)
    assert tree(tmp_path / "cuts") == tree(tmp_path / "whole")
    with pytest.raises(ValueError, match="begun with other settings.*Received: min_quality=0.5"):
        save_cuts(photographs, tmp_path / "cuts", NAMES[1:3], min_quality=0.5)


def test_two_pictures_with_one_mask_are_refused(tmp_path):
    (tmp_path / "in/a/b").mkdir(parents=True)
    for name in ("b/one.jpg", "b/one.png", "two.png"):
        Image.new("RGB", (30, 30)).save(tmp_path / "in/a" / name)
    with pytest.raises(ValueError, match="Two pictures would have one mask.*a/b/one"):
        save_cuts(tmp_path / "in", tmp_path / "cuts", ["a"])
    assert not (tmp_path / "cuts").exists()
