"""Objects cut out of drawn pictures, from alpha, from masks and by estimation."""

import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import ExifTags, Image

from kerasgen.annotations.annotation import Annotation
from kerasgen.compositing.foreground_folders import read_foregrounds
from kerasgen.compositing.foregrounds import (
    ExtractionError,
    Foreground,
    Rejection,
    extract,
    on_plain_background,
    read_foreground,
)
from kerasgen.compositing.rejections import main_reasons

RED, GREY = (170, 30, 30), (160, 160, 150)


def disc(height=48, width=64, x=30.0, y=22.0, radius=14.0):
    rows, columns = np.mgrid[:height, :width] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def picture(mask, inside=RED, outside=GREY):
    """Object and background with noise, ``[H, W, 3]`` uint8."""
    random = np.random.default_rng(0)
    image = np.where(mask[..., None], inside, outside) + random.normal(0, 5, (*mask.shape, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def placed(foreground, size):
    """The cut's soft mask where it lies in the source picture."""
    whole = np.zeros(size, np.uint8)
    (x, y), (height, width) = foreground.offset, foreground.alpha.shape
    whole[y : y + height, x : x + width] = foreground.alpha
    return whole


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(image, np.uint8)).save(path, **options)
    return path


def test_a_mask_is_kept_exactly():
    mask = disc()
    image = picture(mask)
    found = extract(image, mask, label=3, path="a/b.png", sha256="0" * 64)
    np.testing.assert_array_equal(placed(found, mask.shape), mask * 255)
    assert (found.label, found.path, found.sha256) == (3, "a/b.png", "0" * 64)
    assert (found.method, found.quality) == ("mask", 1.0)
    (x, y), (width, height) = found.offset, found.extent
    cut = image[y : y + height, x : x + width]
    solid = found.alpha == 255
    np.testing.assert_array_equal(found.image[solid], cut[solid])
    # Two pixels of margin around columns 16 to 43 and rows 8 to 35.
    assert (x, y, width, height) == (14, 6, 32, 32)
    soft = np.where(mask, 200, 0).astype(np.uint8)
    assert extract(image, soft).alpha.max() == 200


def test_an_alpha_channel_is_the_mask_unless_it_is_opaque():
    mask = disc()
    rgba = np.dstack([picture(mask), np.where(mask, 255, 0).astype(np.uint8)])
    found = extract(rgba)
    assert found.method == "alpha"
    np.testing.assert_array_equal(placed(found, mask.shape), rgba[..., 3])
    rgba[..., 3] = 255
    assert extract(rgba).method == "estimated"
    rgba[..., 3] = np.where(disc(x=20), 255, 0)
    assert extract(rgba, mask).method == "mask"


@pytest.mark.parametrize("as_channel", [True, False])
def test_one_channel_pictures(as_channel):
    mask = disc(radius=18)
    grey = np.where(mask, 40, 200).astype(np.uint8)
    found = extract(grey[..., None] if as_channel else grey)
    assert found.image.shape[2] == 3 and found.method == "estimated"
    assert (found.image[found.alpha == 255] == 40).all()


def test_estimated_edges_are_soft_and_bring_no_background():
    mask = disc()
    found = extract(picture(mask))
    whole = placed(found, mask.shape)
    assert ((whole > 127) == mask).mean() > 0.98
    assert ((whole > 0) & (whole < 255)).any()
    redness = found.image[..., 0].astype(int) - found.image[..., 1]
    assert redness[found.alpha > 60].min() > 60  # 140 on the disc, 0 around it


def test_poor_estimates_are_refused_with_a_reason():
    with pytest.raises(ExtractionError, match=r"No foreground: .*Received: path='x.png'") as caught:
        extract(picture(np.zeros((40, 40), bool)), path="x.png")
    assert caught.value.reason and caught.value.quality == 0
    tiny = picture(disc())[:20, :20]
    with pytest.raises(ExtractionError, match="is 20 x 20 pixels, too small"):
        extract(tiny)
    with pytest.raises(ExtractionError, match="too thin"):
        extract(np.zeros((40, 4000, 3), np.uint8))
    poor = picture(disc(), (150, 140, 140), (150, 150, 140))
    with pytest.raises(ExtractionError) as caught:
        extract(poor, min_quality=1.0)
    assert 0 <= caught.value.quality < 1


def test_masks_that_do_not_fit():
    image = picture(disc())
    with pytest.raises(ValueError, match=r"mask of shape=\(9, 9\).*size=\(48, 64\), path='x'"):
        extract(image, np.ones((9, 9), bool), path="x")
    with pytest.raises(ValueError, match="dtype=float64"):
        extract(image, np.ones((48, 64)))
    with pytest.raises(ExtractionError, match="0 pixels above 127"):
        extract(image, np.zeros((48, 64), bool))
    # 0 and 1 as numbers are a mask nobody can see.
    with pytest.raises(ExtractionError, match="0 pixels above 127"):
        extract(image, np.ones((48, 64), np.uint8))
    for wrong in (image[None], image.astype(float), image[..., :2], image[:0], [[1]]):
        with pytest.raises(ValueError, match="Received: shape="):
            extract(wrong)
    for options in ({"min_quality": 1.5}, {"max_side": 0}):
        with pytest.raises(ValueError, match="Out of range"):
            extract(image, disc(), **options)


def test_the_matrix_leads_from_the_picture_to_the_cut_also_when_shrunk():
    mask = disc(96, 128, 70.0, 40.0, 30.0)
    mask[40:] = False
    small = extract(picture(mask), mask, max_side=24)
    assert small.alpha.shape == (13, 24) and small.extent == (64, 34)
    moved = Annotation(mask=mask).transformed(small.matrix, small.alpha.shape)
    assert ((small.alpha > 127) != moved.mask).mean() < 0.02
    # The cut starts in the middle of (38, 8): two pixels before the disc.
    np.testing.assert_allclose(small.matrix @ (38, 8, 1), (0, 0, 1), atol=1e-12)
    np.testing.assert_allclose(small.matrix @ (102, 42, 1), (24, 13, 1), atol=1e-12)


def test_objects_at_the_border_stay_there():
    mask = disc(x=0.0)
    found = extract(picture(mask), mask)
    assert found.offset[0] == 0
    np.testing.assert_array_equal(placed(found, mask.shape) > 127, mask)


def test_on_plain_background():
    mask = disc()
    image = picture(mask)
    shown = on_plain_background(image, (0, 255, 0), mask=mask)
    np.testing.assert_array_equal(shown[mask], image[mask])
    assert (shown[~mask] == (0, 255, 0)).all()
    estimated = on_plain_background(image)
    assert estimated.shape == image.shape and (estimated[:4] == 255).all()
    assert abs(estimated[18:26, 26:34].astype(int) - image[18:26, 26:34]).max() == 0
    with pytest.raises(ExtractionError):
        on_plain_background(picture(np.zeros((40, 40), bool)))
    with pytest.raises(ValueError, match="Received: colour"):
        on_plain_background(image, (0, 0, 300))


@pytest.fixture
def folder(tmp_path):
    """Two classes: masks beside, alpha, an estimate, and files without a foreground."""
    mask = disc()
    image = picture(mask)
    save(tmp_path / "bags" / "a.jpg", image, quality=95)
    save(tmp_path / "bags" / "a.mask.png", mask * 255)
    save(tmp_path / "bags" / "plain.png", np.full((40, 40, 3), 90))
    save(tmp_path / "bags" / "tiny.bmp", image[:9, :9])
    (tmp_path / "bags" / "broken.png").write_bytes(b"no picture")
    save(tmp_path / "hats" / "in" / "b.webp", np.dstack([image, mask * 255]), lossless=True)
    save(tmp_path / "hats" / "c.png", image)
    return tmp_path


def test_reads_a_folder_of_classes(folder):
    found, rejected = read_foregrounds(folder)
    assert [(item.path, item.label, item.method) for item in found] == [
        ("bags/a.jpg", 0, "mask"),
        ("hats/c.png", 1, "estimated"),
        ("hats/in/b.webp", 1, "alpha"),
    ]
    assert [item.path for item in rejected] == [
        "bags/broken.png",
        "bags/plain.png",
        "bags/tiny.bmp",
    ]
    assert "No PNG" in rejected[0].reason and "too small" in rejected[2].reason
    digest = hashlib.sha256((folder / "hats" / "c.png").read_bytes()).hexdigest()
    assert found[1].sha256 == digest
    swapped, _ = read_foregrounds(folder, ["hats"])
    assert {item.label for item in swapped} == {0} and len(swapped) == 2


def test_any_number_of_workers_gives_the_same(folder):
    one, few = read_foregrounds(folder), read_foregrounds(folder, workers=4)
    assert one[1] == few[1]
    for left, right in zip(one[0], few[0], strict=True):
        assert left.path == right.path and left.quality == right.quality
        np.testing.assert_array_equal(left.alpha, right.alpha)
        np.testing.assert_array_equal(left.image, right.image)


def test_one_file_can_be_mapped_by_other_processes(folder):
    """What a process pool needs: a function of a module, and arguments and results that pickle."""
    function = pickle.loads(pickle.dumps(read_foreground))
    found = pickle.loads(pickle.dumps(function(folder / "bags" / "a.jpg", label=2)))
    assert isinstance(found, Foreground) and (found.path, found.label) == ("a.jpg", 2)
    lost = pickle.loads(pickle.dumps(function(folder / "bags" / "tiny.bmp", root=folder)))
    assert isinstance(lost, Rejection) and lost.path == "bags/tiny.bmp"
    with ThreadPoolExecutor(2) as pool:
        paths = [folder / "bags" / "a.jpg", folder / "hats" / "c.png"]
        assert all(isinstance(item, Foreground) for item in pool.map(read_foreground, paths))


def test_turned_pictures_are_upright_with_their_alpha(tmp_path):
    mask = disc(48, 64, 20.0, 14.0, 9.0)
    rgba = np.dstack([picture(mask), mask * 255]).astype(np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # stored a quarter turn to the left
    path = save(tmp_path / "a.png", np.rot90(rgba), exif=exif.tobytes())
    found = read_foreground(path)
    assert isinstance(found, Foreground)
    np.testing.assert_array_equal(placed(found, mask.shape) > 0, mask)


def test_a_class_without_foregrounds_is_named(folder):
    for name in "xyz":
        save(folder / "socks" / f"{name}.png", np.full((40, 40, 3), 90))
    save(folder / "socks" / "tiny.png", np.full((9, 9, 3), 90))
    with pytest.raises(
        ValueError, match=r"class 'socks'.*\(3 of 4\).* covers 0%.*Received: folder="
    ):
        read_foregrounds(folder)
    save(folder / "masks" / "a.mask.png", np.zeros((9, 9)))
    with pytest.raises(ValueError, match="No picture among 1 file.*, 1 of them masks"):
        read_foregrounds(folder, ["masks"])
    with pytest.raises(ValueError, match="folder is missing"):
        read_foregrounds(folder, ["gloves"])
    with pytest.raises(ValueError, match="one sub-folder per class"):
        read_foregrounds(folder / "socks")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "has a mask 'c.mask.png' of 9 x 7 pixels, where the picture is 64 x 48"),
        (b"", "has a mask 'c.mask.png' that cannot be read: The file is empty"),
    ],
)
def test_a_wrong_mask_is_a_rejection_that_names_it(folder, content, reason):
    save(folder / "hats" / "c.mask.png", np.full((7, 9), 255))
    if content is not None:
        (folder / "hats" / "c.mask.png").write_bytes(content)
    found, rejected = read_foregrounds(folder)
    assert reason in {item.path: item.reason for item in rejected}["hats/c.png"]
    assert found and "hats/c.png" not in {item.path for item in found}


def test_reasons_are_counted_by_kind():
    reasons = ["touches 31% of x", "covers 97% of y", "touches 60% of x"]
    assert main_reasons(reasons) == [("touches 31% of x", 2), ("covers 97% of y", 1)]
    quoted = ["has a mask 'a.png', set 1", "has a mask 'b.png', set 1"]
    assert main_reasons(quoted) == [("has a mask 'a.png', set 1", 2)]
