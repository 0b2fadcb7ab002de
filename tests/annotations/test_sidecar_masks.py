"""Masks beside pictures: one convention for every reader, and masks that cut the wrong thing."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from kerasgen import cli
from kerasgen.annotations import AnnotatedFolder, mask_beside
from kerasgen.compositing import read_foregrounds
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.data import Pictures, load_labelled
from kerasgen.evaluation.comparison.picture_sets import list_set
from kerasgen.io import ImageError, list_images, read_folder

SIZE = (48, 64)
"""(height, width) of all pictures."""

READERS = {
    "list_images": lambda root: len(list_images(root)),
    "read_folder": lambda root: len(read_folder(root, 16).images),
    "Pictures": lambda root: Pictures.from_folder(root, 16).count,
    "load_labelled": lambda root: len(load_labelled(root, size=16)["train"].labels),
    "AnnotatedFolder": lambda root: len(AnnotatedFolder(root).names),
    "Backgrounds": lambda root: len(Backgrounds.from_folder(root)),
    "list_set": lambda root: len(list_set("real", root, "picture", by_class=True).names),
    "read_foregrounds": lambda root: len(read_foregrounds(root)[0]),
}


def disc(x=22, y=20, radius=13):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def photograph(path, inside=None, **options):
    """A red disc on grey."""
    inside = disc() if inside is None else inside
    noise = np.random.default_rng(len(path.name)).integers(0, 9, (*inside.shape, 3))
    pixels = np.where(inside[..., None], (170, 30, 30), (200, 205, 210)) + noise
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path, **options)
    return path


def turned(orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return {"exif": exif, "quality": 95}


def save_mask(path, inside, **options):
    Image.fromarray((inside * 255).astype(np.uint8)).save(path, **options)


@pytest.mark.filterwarnings("ignore:.* were taken for masks")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "ending", [".mask.png", "_mask.png", ".mask.jpg", ".mask.PNG", "_MASK.png", "_mask.jpeg"]
)
def test_no_reader_takes_a_mask_for_a_picture(tmp_path, reader, ending):
    for name in ("cup/a.jpg", "cup/b.png", "hat/a.png"):
        path = photograph(tmp_path / name)
        save_mask(path.with_name(path.stem + ending), disc(), format="PNG")
    assert READERS[reader](tmp_path) == 3


def test_a_name_like_a_mask_alone_is_a_picture_and_a_mask_is_said(tmp_path):
    photograph(tmp_path / "venetian_mask.png")
    assert READERS["list_images"](tmp_path) == 1
    photograph(tmp_path / "venetian.png")
    with pytest.warns(UserWarning, match=r"1 file\(s\) were taken for masks.*: venetian_mask.png"):
        assert len(list_images(tmp_path, count_others=True)) == 1


def test_a_folder_of_masks_alone_is_refused(tmp_path):
    save_mask(tmp_path / "a.mask.png", disc())
    with pytest.raises(ValueError, match="No picture among 1 .*1 of them masks"):
        list_images(tmp_path)


def test_a_mask_of_any_name_is_the_mask(tmp_path):
    path = photograph(tmp_path / "a.jpg")
    assert mask_beside(path, SIZE) is None
    save_mask(tmp_path / "a_mask.PNG", disc())
    np.testing.assert_array_equal(mask_beside(path, SIZE) > 127, disc())
    save_mask(tmp_path / "a.mask.png", disc())
    with pytest.raises(ImageError, match="several masks, 'a.mask.png' and 'a_mask.PNG'"):
        mask_beside(path, SIZE)


def test_white_on_transparent_is_the_alpha_channel(tmp_path):
    path = photograph(tmp_path / "a.png")
    white = np.full((*SIZE, 4), 255, np.uint8)
    white[..., 3] = disc() * 255
    Image.fromarray(white).save(tmp_path / "a.mask.png")
    np.testing.assert_array_equal(mask_beside(path, SIZE) > 127, disc())


def test_a_mask_of_everything_is_refused(tmp_path):
    path = photograph(tmp_path / "a.png")
    save_mask(tmp_path / "a.mask.png", np.ones(SIZE, bool))
    with pytest.raises(ImageError, match="covers all of it"):
        mask_beside(path, SIZE)


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_mask_of_the_stored_pixels_is_turned_like_its_photograph(tmp_path, orientation):
    path = photograph(tmp_path / "a.jpg", **turned(orientation))
    save_mask(tmp_path / "a.mask.png", disc())
    upright = np.rot90(disc(), -1 if orientation == 6 else 1)
    np.testing.assert_array_equal(mask_beside(path, SIZE[::-1]) > 127, upright)
    # A mask of the upright pixels stays as it is.
    save_mask(tmp_path / "a.mask.png", upright)
    np.testing.assert_array_equal(mask_beside(path, SIZE[::-1]) > 127, upright)


def test_a_mask_that_may_be_of_the_stored_pixels_is_refused(tmp_path):
    path = photograph(tmp_path / "a.jpg", **turned(3))
    save_mask(tmp_path / "a.mask.png", disc())
    with pytest.raises(ImageError, match=r"EXIF orientation \(3\).*'a.mask.png' may be"):
        mask_beside(path, SIZE)
    # Its own orientation tells.
    save_mask(tmp_path / "a.mask.png", disc(), exif=turned(1)["exif"])
    np.testing.assert_array_equal(mask_beside(path, SIZE) > 127, disc())
    save_mask(tmp_path / "a.mask.png", disc(), exif=turned(3)["exif"])
    np.testing.assert_array_equal(mask_beside(path, SIZE) > 127, disc()[::-1, ::-1])


def test_what_cut_writes_beside_a_turned_photograph_is_read_again(tmp_path):
    for name in "abc":
        photograph(tmp_path / f"in/cup/{name}.jpg", **turned(3))
    assert cli.run(["cut", "--foregrounds", f"{tmp_path}/in", "--out", f"{tmp_path}/cut"]) == 0
    found, rejected = read_foregrounds(tmp_path / "cut")
    assert [item.method for item in found] == ["mask"] * 3 and not rejected
    red = found[0].image[found[0].alpha > 200].mean(axis=0)
    np.testing.assert_allclose(red, (174, 34, 34), atol=8)


def test_a_transparent_corner_is_no_cut_out(tmp_path):
    stream = io.BytesIO()
    photograph(tmp_path / "cup/a.png")
    pixels = np.asarray(Image.open(tmp_path / "cup/a.png").convert("RGBA")).copy()
    pixels[0, 0, 3] = 0
    Image.fromarray(pixels).save(stream, "PNG")
    (tmp_path / "cup/a.png").write_bytes(stream.getvalue())
    (found,), _ = read_foregrounds(tmp_path)
    assert found.method == "estimated"
    assert abs((found.alpha > 127).sum() - disc().sum()) < 0.1 * disc().sum()
