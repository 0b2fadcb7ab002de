"""Folders of synthetic pictures: what is refused, and what is read back."""

import pickle
import tracemalloc

import numpy as np
import pytest
from manifest_files import COUNT, NAMES, REJECTED, SETTINGS, fill, opened, scene, tree

from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.manifest import part_paths, read_manifest
from kerasgen.annotations.records import ManifestRow
from kerasgen.annotations.synthetic_folder import SyntheticFolder
from kerasgen.io.files import file_sha256


def test_a_count_below_what_is_there_is_refused(tmp_path):
    folder = fill(tmp_path, range(4))
    for count, message in ((3, "count=3, index=3"), (0, "count=0")):
        for work in (folder.missing, folder.finish):
            with pytest.raises(ValueError, match=message):
                work(count)
    folder.finish(4)
    with pytest.raises(ValueError, match="count=3, index=3"):
        folder.missing(3)


def test_finish_says_what_is_missing_and_what_is_too_many(tmp_path):
    folder = fill(tmp_path, (0, 2))
    with pytest.raises(ValueError, match=r"2 missing first: \[1, 3\].*count=4"):
        folder.finish(4)
    assert not (tmp_path / "metadata.jsonl").exists()
    fill(tmp_path, (1, 4))
    (tmp_path / ".parts/000/000004.jsonl").unlink()
    with pytest.raises(ValueError, match=r"'images/000004\.png' has no row.*count=3"):
        folder.finish(3)


def test_a_rejected_row_takes_its_picture_away(tmp_path):
    folder = opened(tmp_path)
    row, _ = scene(REJECTED[0])
    good = ManifestRow.from_dict({**row.to_dict(), "accepted": True, "reason": None})
    folder.write(good, np.zeros((20, 24, 3), np.uint8))
    assert (tmp_path / row.file_name).exists()
    folder.write(row)
    assert not (tmp_path / row.file_name).exists()


@pytest.mark.parametrize(
    ("changed", "names", "message"),
    [
        ({"seed": 4}, NAMES, r"seed=4, there: 3 \(differing: seed\)"),
        ({"seed": 4, "blend": 1}, NAMES, r"blend=1, there: None \(differing: blend, seed\)"),
        ({}, ("eye",), r"class_names=\['eye'\], there: \['eye', 'lid'\]"),
        ({}, ("lid", "eye"), r"class_names=\['lid', 'eye'\]"),
        ({"seed": float("nan")}, NAMES, "Not to be kept as JSON"),
        ({}, ("eye", "eye"), "unique texts"),
        ({}, ("eye", "l\nid"), "unique texts"),
        ({}, ("eye", ""), "unique texts"),
        ({}, "lid", "class_names='lid'"),
    ],
)
def test_other_settings_are_refused(changed, names, message, tmp_path):
    opened(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(ValueError, match=message):
        SyntheticFolder(tmp_path, settings={**SETTINGS, **changed}, class_names=names)
    opened(tmp_path)
    assert tree(tmp_path) == before


def test_somebody_elses_pictures_are_not_touched(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"another's.*\['images'\]"):
        opened(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="Received: path="):
        opened(tmp_path / "file")
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match=r"JSON.*Received: path=.*settings\.json"):
        opened(tmp_path)


def pixels(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("changed", "image", "message"),
    [
        ({}, None, "accepted=True, image=none"),
        ({"accepted": False, "reason": "dark"}, pixels(20, 24, 3), "accepted=False, image=array"),
        ({}, pixels(24, 20, 3), r"shape=\(24, 20, 3\)"),
        ({}, pixels(20, 24, 2), r"shape=\(20, 24, 2\)"),
        ({}, pixels(20, 24), r"shape=\(20, 24\)"),
        ({}, pixels(20, 24, 3, dtype=np.float32), "dtype=float32"),
        ({"file_name": "images/000001.png"}, pixels(20, 24, 3), "index=0"),
        ({"objects": [{**scene(0)[0].to_dict()["objects"][0], "label": 2}]}, pixels(1), "label=2"),
    ],
)
def test_what_does_not_agree_is_not_written(changed, image, message, tmp_path):
    folder = opened(tmp_path)
    before = tree(tmp_path)
    row = ManifestRow.from_dict({**scene(0)[0].to_dict(), **changed})
    with pytest.raises(ValueError, match=message):
        folder.write(row, image)
    assert tree(tmp_path) == before


def test_reading_gives_back_every_accepted_row(tmp_path):
    fill(tmp_path, range(COUNT)).finish(COUNT)
    rows = read_manifest(tmp_path)
    assert [row.index for row in rows] == [k for k in range(COUNT) if k not in REJECTED]
    for row in rows:
        expected, _ = scene(row.index)
        assert row.to_dict() == expected.to_dict()
        assert row.sources == expected.sources
        for got, want in zip(row.objects, expected.objects, strict=True):
            np.testing.assert_array_equal(got.visible, want.visible)
            np.testing.assert_array_equal(got.whole, want.whole)
            np.testing.assert_array_equal(got.matrix, want.matrix)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"index": 1,', "Cannot be read as JSON"),
        (b'{"index": 1, "seed": NaN}', "NaN"),
        (b"[1]", "no JSON object"),
        (b"\xff\xfe{}", "Cannot be read as JSON"),
        (b"{}", "no index"),
        (b'{"index": 0}', "order of index"),
        (b'{"index": 1}', "missing or of no use: KeyError"),
    ],
)
def test_a_bad_line_is_named(line, message, tmp_path):
    fill(tmp_path, range(3)).finish(3)
    path = tmp_path / "metadata.jsonl"
    rows = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([rows[0], line, rows[2]]) + b"\n")
    with pytest.raises(ValueError, match=rf"{message}.*metadata\.jsonl', line=2"):
        read_manifest(tmp_path)


def test_a_row_of_no_use_is_named_by_finish_too(tmp_path):
    folder = fill(tmp_path, range(3))
    folder.finish(3)
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"seed": 3', b'"sead": 3', 1))
    with pytest.raises(ValueError, match=r"KeyError\('seed'\).*metadata\.jsonl', line=1"):
        folder.finish(3)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"finish the folder.*metadata\.jsonl"):
        read_manifest(tmp_path)
    fill(tmp_path, range(3)).finish(3)
    (tmp_path / picture_name(1)).unlink()
    with pytest.raises(ValueError, match=r"'images/000001\.png'.*line=2"):
        read_manifest(tmp_path)


def test_folder_and_rows_go_to_other_processes(tmp_path):
    folder = pickle.loads(pickle.dumps(opened(tmp_path)))
    row, image = pickle.loads(pickle.dumps(scene(0)))
    folder.write(row, image)
    assert list(folder.missing(2)) == [1]


def test_a_million_pictures_keep_their_order(tmp_path):
    folder = opened(tmp_path)
    for index in (1_000_000, 999_999):
        row = scene(5)[0].to_dict()
        row.update(index=index, file_name=picture_name(index))
        folder.write(ManifestRow.from_dict(row))
    assert list(folder.missing(1_000_001)) == list(range(999_999))
    assert len(list((tmp_path / ".parts/1000").iterdir())) == 1
    assert [path.stem for path in part_paths(tmp_path)] == ["999999", "1000000"]


def test_finish_holds_one_picture_at_a_time(tmp_path):
    folder = opened(tmp_path)
    size, count = (256, 256), 40
    for index in range(20, 20 + count):
        row, image = scene(index, size)
        fields = row.to_dict()
        fields.update(index=index - 20, file_name=picture_name(index - 20))
        folder.write(ManifestRow.from_dict(fields), image)
    tracemalloc.start()
    folder.finish(count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The masks of all: 40 pictures, 2.5 objects, 2 masks.
    assert peak < count * 2.5 * 2 * size[0] * size[1] / 4


def test_hash_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == expected
    with pytest.raises(ValueError, match="Received: path="):
        file_sha256(tmp_path / "none")
