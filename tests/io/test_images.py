"""The pixel contract, with values worked out by hand."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image

from kerasgen.io.images import ImageError, list_images, read_folder, read_image, to_float, to_uint8

ALL = np.arange(256, dtype=np.uint8)


def write(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def ramp(height, width):
    """Every pixel different, so that no two arrangements look alike."""
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def in_graph(function):
    return lambda values: tf.function(function)(tf.constant(values)).numpy()


def in_dataset(function):
    return lambda values: next(iter(tf.data.Dataset.from_tensors(values).map(function))).numpy()


def eager(function):
    return lambda values: function(tf.constant(values)).numpy()


def plain(function):
    return function


KINDS = pytest.mark.parametrize("kind", [plain, eager, in_graph, in_dataset])


@KINDS
def test_all_256_values_survive_the_round_trip(kind):
    floats = kind(to_float)(ALL)
    assert floats.dtype == np.float32
    assert floats[0] == -1.0 and floats[255] == 1.0
    np.testing.assert_allclose(floats[[51, 204]], [-0.6, 0.6], atol=1e-6)
    back = kind(to_uint8)(floats)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, ALL)


@KINDS
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_to_uint8_clips_and_rounds_half_to_even(kind, dtype):
    # 0 lies at 127.5, whose even neighbour is 128.
    values = np.array([-np.inf, -7, -1, -0.5, 0, 0.5, 1, 1.001, np.inf], dtype)
    expected = [0, 0, 0, 64, 128, 191, 255, 255, 255]
    np.testing.assert_array_equal(kind(to_uint8)(values), expected)


def test_numpy_and_graph_agree_near_every_half():
    halves = ((np.arange(255) + 0.5) / 127.5 - 1).astype(np.float32)
    values = np.concatenate([halves, np.nextafter(halves, 2), np.nextafter(halves, -2)])
    np.testing.assert_array_equal(to_uint8(values), in_graph(to_uint8)(values))
    np.testing.assert_array_equal(to_float(ALL), in_graph(to_float)(ALL))


def test_conversions_refuse_the_other_dtype():
    for convert, wrong in ((to_float, np.zeros(3, np.float32)), (to_uint8, ALL)):
        for value in (wrong, tf.constant(wrong), wrong.tolist()):
            with pytest.raises(ValueError, match=r"Pictures must be .* Received: type="):
                convert(value)


def test_nan_is_refused_or_black_in_a_graph():
    values = np.array([np.nan, 1.0], np.float32)
    for value in (values, tf.constant(values)):
        with pytest.raises(ValueError, match="NaN"):
            to_uint8(value)
    np.testing.assert_array_equal(in_graph(to_uint8)(values), [0, 255])


def test_listing_is_recursive_sorted_and_choosy(tmp_path):
    shown = ["B.PNG", "a/z.jpeg", "a/ö 猫.WebP", "a.bmp", "c.d/e.TIFF", "c.jpg", "d.tif"]
    hidden = [".h.png", ".git/x.png", "x.png~", "#x.png#", "x.png.bak", "notes.txt", "png"]
    for name in shown + hidden:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_images(tmp_path) == [tmp_path / name for name in sorted(shown)]
    assert list_images(str(tmp_path)) == list_images(tmp_path)


def test_links_are_followed_once(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    write(root / "in" / "a.png", ramp(2, 2))
    write(elsewhere / "b.png", ramp(2, 2))
    (root / "out").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    (root / "again").symlink_to(root / "in")
    names = [path.relative_to(root).as_posix() for path in list_images(root)]
    assert names == ["in/a.png", "out/b.png"]


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.touch(), lambda p: p.mkdir()])
def test_folder_without_pictures_is_named(tmp_path, make):
    folder = tmp_path / "pictures"
    make(folder)
    with pytest.raises(ValueError, match=r"Received: folder='.*/pictures'"):
        list_images(folder)


def test_no_pictures_says_what_was_seen(tmp_path):
    for name in ("a.txt", "b.gif", "sub/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"among 3 file\(s\), only \.png \.jpg .*\.tiff are read"):
        list_images(tmp_path)


def test_unreadable_folders_are_named_in_one_warning(tmp_path, monkeypatch):
    write(tmp_path / "a.png", ramp(2, 2))
    for name in ("shut1", "shut2"):
        write(tmp_path / name / "b.png", ramp(2, 2))
    scan = os.scandir

    def refuse(path):
        if "shut" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.warns(UserWarning, match=r"2 folder\(s\).*shut1.*shut2") as caught:
        assert list_images(tmp_path) == [tmp_path / "a.png"]
    assert len(caught) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_exif_orientation_is_undone_exactly(tmp_path, orientation, ending):
    upright = ramp(2, 3)
    # How a camera that wrote this orientation has stored the upright picture.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if ending == "webp" else {}
    path = write(tmp_path / f"a.{ending}", stored, exif=exif.tobytes(), **options)
    np.testing.assert_array_equal(read_image(path), upright)


def test_channels_and_background(tmp_path):
    pixels = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [0, 0, 0, 102]]], np.uint8)
    path = write(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_image(path, channels=4), pixels)
    # 102 / 255 = 0.4 of black over white leaves 0.6 * 255 = 153.
    expected = [[[200, 100, 0], [255, 255, 255], [153, 153, 153]]]
    np.testing.assert_array_equal(read_image(path), expected)
    on_blue = read_image(path, background=(0, 0, 255))
    np.testing.assert_array_equal(on_blue, [[[200, 100, 0], [0, 0, 255], [0, 0, 153]]])
    # 0.299 * 200 + 0.587 * 100 = 118.5
    grey = read_image(path, channels=1)
    assert grey.shape == (1, 3, 1) and grey[0, 0, 0] in (118, 119) and grey[0, 1, 0] == 255


def test_palette_transparency_cmyk_and_grey(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "p.png", transparency=b"\x00\xff")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png")[0], [[255] * 3, [40, 50, 60]])
    alpha = read_image(tmp_path / "p.png", channels=4)[0]
    np.testing.assert_array_equal(alpha, [[10, 20, 30, 0], [40, 50, 60, 255]])
    # Full cyan leaves no red; half black leaves half of the light.
    Image.new("CMYK", (1, 1), (255, 0, 0, 0)).save(tmp_path / "c.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "c.tif")[0, 0], [0, 255, 255])
    assert read_image(tmp_path / "c.tif", channels=1)[0, 0, 0] == 179  # 255 * (0.587 + 0.114)
    write(tmp_path / "g.png", [[7, 250]])
    np.testing.assert_array_equal(read_image(tmp_path / "g.png")[0], [[7] * 3, [250] * 3])


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    for name, array in (("a.png", values), ("a.tif", values), ("i.tif", values.astype(np.int32))):
        Image.fromarray(array).save(tmp_path / name)
        grey = read_image(tmp_path / name, channels=1)[0, :, 0]
        np.testing.assert_array_equal(grey, [0, 0, 1, 1, 128, 255])


def test_shrinking_averages_and_enlarging_keeps_flat(tmp_path):
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255  # averages to 127.5
    for fit in ("crop", "pad", "stretch"):
        small = read_image(write(tmp_path / "s.png", stripes), 16, fit=fit).astype(int)
        assert small.shape == (16, 16, 3)
        assert abs(small - 127.5).max() < 20 and abs(small[:, 4:-4] - 127.5).max() < 2
    Image.fromarray(stripes[..., 0]).convert("1").save(tmp_path / "b.png")
    assert abs(read_image(tmp_path / "b.png", 16).astype(int) - 127.5).max() < 20
    flat = write(tmp_path / "f.png", np.full((3, 3, 3), 77))
    np.testing.assert_array_equal(read_image(flat, 50), np.full((50, 50, 3), 77))


def test_fit_modes(tmp_path):
    # Quarters of red, green, green and blue, side by side.
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, :2, 0] = pixels[:, 2:6, 1] = pixels[:, 6:, 2] = 255
    path = write(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_image(path, 4), pixels[:, 2:6])
    padded = read_image(path, 8, fit="pad")
    np.testing.assert_array_equal(padded[2:6], pixels)
    assert not padded[:2].any() and not padded[6:].any()
    assert read_image(path, 8, 4, "pad")[0, 0].tolist() == [0, 0, 0, 0]
    stretched = read_image(path, (4, 4), fit="stretch").argmax(-1)
    np.testing.assert_array_equal(stretched, np.broadcast_to([0, 1, 1, 2], (4, 4)))
    assert read_image(path, (3, 5)).shape == (3, 5, 3)


@pytest.mark.parametrize("name, value", [("size", 0), ("size", 2.5), ("size", (4, 4, 4))])
def test_wrong_arguments_are_not_blamed_on_the_file(tmp_path, name, value):
    for options in ({name: value}, {"channels": 2}, {"fit": "zoom"}, {"background": (1, 2)}):
        with pytest.raises(ValueError, match="Received: ") as caught:
            read_image(write(tmp_path / "a.png", ramp(2, 2)), **options)
        assert not isinstance(caught.value, ImageError)


def test_read_folder_keeps_the_order(tmp_path):
    for value in range(40):
        write(tmp_path / f"{value:02}.png", np.full((9, 5, 3), value))
    folder = read_folder(tmp_path, (2, 3), channels=1)
    assert folder.images.shape == (40, 2, 3, 1) and folder.rejected == ()
    np.testing.assert_array_equal(folder.images[:, 0, 0, 0], np.arange(40))
    assert [path.name for path in folder.paths] == [f"{value:02}.png" for value in range(40)]


def test_what_is_left_out_is_listed_in_order(tmp_path):
    for number in range(6):
        write(tmp_path / f"{number}.png", ramp(2, 2))
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(b"")
        with pytest.warns(UserWarning) as caught:
            read_folder(tmp_path, 2)
        (message,) = (str(each.message) for each in caught)
        assert message.startswith(f"{number + 1} of 6 pictures left out: The file is empty")
        named = [f"Received: path={str(tmp_path / f'{each}.png')!r}" for each in range(number + 1)]
        assert message.endswith("; ".join([*named[2:3], "and 1 more"]) if number > 2 else named[-1])
        assert message.count("; ") == number


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.HEIC", "sub/b.mp4"], "2 files of other kinds were not read: .heic, .mp4"),
        (["a.gif"], "1 file of another kind was not read: .gif"),
        (
            ["a.b", "a.c", "a.d", "a.e", "a.f", "scan"],
            "6 files of other kinds were not read: (no ending), .b, .c, ...",
        ),
    ],
)
def test_files_of_other_kinds_are_counted_once(tmp_path, names, said):
    beside = ["m.json", "m.JSONL", "t.csv", "t.txt", "README.md", "Thumbs.db", ".hidden.heic"]
    for name in [*names, *beside]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    write(tmp_path / "a.png", ramp(2, 2))
    with pytest.warns(UserWarning) as caught:
        read_folder(tmp_path, 2)
    assert [str(each.message) for each in caught] == [said]


def test_notes_beside_pictures_are_no_news(tmp_path):
    write(tmp_path / "a.png", ramp(2, 2))
    (tmp_path / "Thumbs.db").touch()
    assert len(read_folder(tmp_path, 2).paths) == 1


def test_want_of_memory_is_no_damaged_picture(tmp_path, monkeypatch):
    def greedy(*arguments):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", greedy)
    with pytest.raises(MemoryError):
        read_image(write(tmp_path / "a.png", ramp(2, 2)), 2)


def test_reading_in_threads_leaves_the_warning_filters_as_they_were(tmp_path):
    path = write(tmp_path / "a.png", ramp(2, 2))
    before, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read_image, [path] * 200))
    assert list(warnings.filters) == before and limit == Image.MAX_IMAGE_PIXELS
