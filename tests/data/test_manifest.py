"""Folders of synthetic pictures: the same bytes however the work was cut, ordered or killed."""

import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from kerasgen.data import manifest as module
from kerasgen.data.images import read_image
from kerasgen.data.manifest import (
    ManifestRow,
    PlacedObject,
    Source,
    SyntheticFolder,
    file_sha256,
    picture_name,
    read_manifest,
)
from kerasgen.data.sheets import save_png

NAMES = ("eye", "lid")
SETTINGS = {"seed": 3, "size": (24, 20), "blend": None}
COUNT = 12
REJECTED = (5, 10)


def scene(index, size=(20, 24)):
    """Row and picture of an index: two or three discs, the later ones in front."""
    draw = np.random.default_rng([3, index])
    ys, xs = np.mgrid[: size[0], : size[1]]
    whole, matrices = [], []
    for _ in range(2 + index % 2):
        x, y, radius = draw.uniform(0, 20, 2).tolist() + [draw.uniform(2, 7)]
        whole.append((xs - x) ** 2 + (ys - y) ** 2 < radius**2)
        matrices.append([[radius, 0.1, x], [-0.1, radius, y], [0, 0, 1]])
    objects = tuple(
        PlacedObject(
            label=place % 2,
            visible=mask & ~np.any([np.zeros(size, bool), *whole[place + 1 :]], axis=0),
            whole=mask,
            matrix=np.array(matrices[place]),
            source=f"discs/{place}.png",
            truncation=float(draw.uniform()),
        )
        for place, mask in enumerate(whole)
    )
    sources = tuple(Source("foreground", f"discs/{k}.png", f"{k:064x}") for k in range(3))
    rejected = index in REJECTED
    row = ManifestRow(
        file_name=picture_name(index),
        width=size[1],
        height=size[0],
        seed=3,
        index=index,
        sources=sources,
        parameters={"gamma": float(draw.uniform()), "steps": [1, None], "name": "Grün\u2028"},
        objects=() if rejected else objects,
        accepted=not rejected,
        reason="nothing is seen" if rejected else None,
    )
    return row, None if rejected else draw.integers(0, 256, (*size, 3)).astype(np.uint8)


def opened(path):
    return SyntheticFolder(path, settings=SETTINGS, class_names=NAMES)


def fill(path, indices):
    folder = opened(path)
    for index in indices:
        folder.write(*scene(index))
    return folder


def tree(path):
    """Every file's bytes, hidden ones too, and every folder."""
    return {
        item.relative_to(path).as_posix(): item.read_bytes() if item.is_file() else None
        for item in Path(path).rglob("*")
    }


def lines(path):
    def refuse(name):
        raise AssertionError(name)

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What one run without a break gives."""
    path = tmp_path_factory.mktemp("whole")
    fill(path, range(COUNT)).finish(COUNT, yolo=True)
    return tree(path)


def child(path, indices):
    """Another process that writes `indices`, Python code or a list."""
    code = (
        "import runpy, sys\n"
        f"fill = runpy.run_path({__file__!r})['fill']\n"
        f"fill({str(path)!r}, {indices})\n"
    )
    return subprocess.Popen([sys.executable, "-c", code])


def test_a_finished_folder_holds_what_was_written(tmp_path):
    fill(tmp_path, range(COUNT)).finish(COUNT)
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "images",
        "instances.json",
        "metadata.jsonl",
        "rejected.jsonl",
        "settings.json",
    ]
    kept = [index for index in range(COUNT) if index not in REJECTED]
    rows = lines(tmp_path / "metadata.jsonl")
    assert [row["index"] for row in rows] == kept
    assert [row["file_name"] for row in rows] == [f"images/{index:06}.png" for index in kept]
    assert len(list((tmp_path / "images").iterdir())) == len(kept)
    for row in rows:
        expected, image = scene(row["index"])
        assert row == json.loads(json.dumps(expected.to_dict()))
        np.testing.assert_array_equal(read_image(tmp_path / row["file_name"]), image)
    assert [row["index"] for row in lines(tmp_path / "rejected.jsonl")] == list(REJECTED)
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == {"seed": 3, "size": [24, 20], "blend": None, "class_names": list(NAMES)}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_keep_their_channels(channels, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 24, channels)).astype(np.uint8)
    opened(tmp_path).write(scene(0)[0], image)
    np.testing.assert_array_equal(read_image(tmp_path / picture_name(0), channels=channels), image)


def test_order_does_not_matter(tmp_path, whole):
    order = np.random.default_rng(1).permutation(COUNT).tolist()
    fill(tmp_path, order).finish(COUNT, yolo=True)
    assert tree(tmp_path) == whole


def test_two_processes_give_the_same_bytes(tmp_path, whole):
    workers = [child(tmp_path, list(range(start, COUNT, 2))) for start in (0, 1)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    opened(tmp_path).finish(COUNT, yolo=True)
    assert tree(tmp_path) == whole


def take_away(path, content):
    path.unlink()


def cut_half(path, content):
    path.write_bytes(content[: len(content) // 2])


def cut_one_byte(path, content):
    path.write_bytes(content[:-1])


def change_one_bit(path, content):
    place = len(content) // 2
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def empty(path, content):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [take_away, cut_half, cut_one_byte, change_one_bit, empty])
def test_a_broken_run_goes_on_to_the_same_bytes(damage, tmp_path, whole):
    fill(tmp_path, (0, 1, 2, 3, 5, 7))
    picture = tmp_path / picture_name(1)
    damage(picture, picture.read_bytes())
    part = tmp_path / ".parts/000/000003.json"
    part.write_bytes(part.read_bytes()[:-5])
    (tmp_path / ".parts/000/000002.json").unlink()
    (tmp_path / ".parts/4711-deadbeef.tmp").write_bytes(b"half a picture")
    folder = opened(tmp_path)
    assert folder.missing(COUNT) == [1, 2, 3, 4, 6, 8, 9, 10, 11]
    fill(tmp_path, folder.missing(COUNT))
    assert folder.missing(COUNT) == []
    folder.finish(COUNT, yolo=True)
    assert tree(tmp_path) == whole


def test_a_picture_damaged_after_the_end_is_made_again(tmp_path, whole):
    folder = fill(tmp_path, range(COUNT))
    folder.finish(COUNT, yolo=True)
    cut_half(tmp_path / picture_name(4), (tmp_path / picture_name(4)).read_bytes())
    with pytest.raises(ValueError, match=r"1 missing first: \[4\]"):
        folder.finish(COUNT)
    assert folder.missing(COUNT) == [4]
    fill(tmp_path, [4]).finish(COUNT)
    assert tree(tmp_path) == whole


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_workers_killed_for_real_cost_nothing(tmp_path, whole):
    for pause in (0.0, 0.01, 0.03):
        first = tmp_path / ".parts/000/000000.json"
        first.unlink(missing_ok=True)
        worker = child(tmp_path, "__import__('itertools').cycle(range(8))")
        end = time.monotonic() + 60
        while not first.exists() and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(pause)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(60) == -signal.SIGKILL
        for item in tmp_path.rglob("*.json"):
            json.loads(item.read_text())
        for item in tmp_path.rglob("*.png"):
            read_image(item)
    folder = opened(tmp_path)
    fill(tmp_path, folder.missing(COUNT))
    folder.finish(COUNT, yolo=True)
    assert tree(tmp_path) == whole


def test_a_folder_that_grows_is_as_if_made_at_once(tmp_path, whole):
    fill(tmp_path, range(7)).finish(7, yolo=True)
    first = tree(tmp_path)
    opened(tmp_path).finish(7)
    assert tree(tmp_path) == first
    folder = opened(tmp_path)
    assert folder.missing(COUNT) == list(range(7, COUNT))
    fill(tmp_path, reversed(range(7, COUNT))).finish(COUNT)
    assert tree(tmp_path) == whole


def test_a_finish_that_breaks_off_anywhere_can_be_repeated(tmp_path, whole, monkeypatch):
    class Killed(BaseException):
        pass

    replace = os.replace
    for survived in itertools.count():
        path = tmp_path / str(survived)
        fill(path, range(7)).finish(7, yolo=True)
        fill(path, range(6, COUNT))
        left = itertools.repeat(None, survived)

        def once(source, target, left=left):
            if next(left, "none") == "none":
                raise Killed
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(module.os, "replace", once)
            try:
                opened(path).finish(COUNT)
            except Killed:
                broken = True
            else:
                broken = False
        assert not broken or (path / ".parts/000/000006.json").exists()
        opened(path).finish(COUNT)
        assert tree(path) == whole
        if not broken:
            break
    # Labels of 7, 8, 9 and 11, and the three files that gather all.
    assert survived == 7


def test_a_sweep_does_not_harm_a_live_writer(tmp_path, whole, monkeypatch):
    folder = fill(tmp_path, range(COUNT - 1))
    replace, swept = os.replace, []

    def sweep_first(source, target):
        if Path(target).name not in swept:
            swept.append(Path(target).name)
            folder._sweep([])
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", sweep_first)
        folder.write(*scene(COUNT - 1))
    assert swept == ["000011.png", "000011.json"]
    folder.finish(COUNT, yolo=True)
    assert tree(tmp_path) == whole


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    folder = fill(tmp_path, range(3))
    folder.finish(3)
    fill(tmp_path, [3])
    before = tree(tmp_path)

    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", fail)
    for work in (lambda: folder.finish(4), lambda: folder.write(*scene(4))):
        with pytest.raises(ValueError, match="No space left.*Received: path="):
            work()
        assert tree(tmp_path) == before


def test_a_row_written_anew_takes_the_old_ones_place(tmp_path):
    folder = fill(tmp_path, range(7))
    folder.finish(7, yolo=True)
    row, _ = scene(5)
    good = ManifestRow.from_dict({**row.to_dict(), "accepted": True, "reason": None})
    folder.write(good, np.zeros((20, 24, 3), np.uint8))
    row, image = scene(1)
    folder.write(ManifestRow.from_dict({**row.to_dict(), "objects": []}), image)
    assert (tmp_path / "labels/000001.txt").read_bytes() != b""
    folder.finish(7)
    assert [row.index for row in read_manifest(tmp_path)] == list(range(7))
    assert lines(tmp_path / "rejected.jsonl") == []
    for index in (1, 5):
        assert (tmp_path / f"labels/{index:06}.txt").read_bytes() == b""


def test_a_part_or_a_picture_of_another_is_missing(tmp_path):
    folder = fill(tmp_path, range(4))
    part = tmp_path / ".parts/000/000003.json"
    part.write_bytes((tmp_path / ".parts/000/000000.json").read_bytes())
    with pytest.raises(ValueError, match=r"missing first: \[3\]"):
        folder.finish(4)
    save_png(tmp_path / picture_name(2), np.zeros((20, 20, 3), np.uint8))
    assert folder.missing(4) == [2, 3]


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_line_ends_of_an_editor_do_not_stay(end, tmp_path, whole):
    fill(tmp_path, range(7)).finish(7, yolo=True)
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n").replace(b"\n", end or b"\n") + end)
    fill(tmp_path, range(7, COUNT)).finish(COUNT)
    assert tree(tmp_path) == whole


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
    (tmp_path / ".parts/000/000004.json").unlink()
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
        ({"accepted": False, "reason": "dark"}, pixels(20, 24, 3), "accepted=False, image=given"),
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
        (b"", "Cannot be read as JSON"),
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
    assert folder.missing(2) == [1]


def test_a_million_pictures_keep_their_order(tmp_path):
    folder = opened(tmp_path)
    for index in (1_000_000, 999_999):
        row = scene(5)[0].to_dict()
        row.update(index=index, file_name=picture_name(index))
        folder.write(ManifestRow.from_dict(row))
    assert folder.missing(1_000_001) == list(range(999_999))
    assert len(list((tmp_path / ".parts/1000").iterdir())) == 1
    assert [path.stem for path in folder._part_paths()] == ["999999", "1000000"]


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
