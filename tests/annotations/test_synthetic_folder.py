"""Folders of synthetic pictures: the same bytes however the work was cut, ordered or killed."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import manifest_files
import numpy as np
import pytest
from manifest_files import COUNT, NAMES, REJECTED, fill, lines, opened, scene, tree

from kerasgen.annotations import synthetic_folder as module
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.manifest import read_manifest
from kerasgen.annotations.records import ManifestRow
from kerasgen.io.images import read_image
from kerasgen.io.sheets import save_png


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of one uninterrupted run."""
    path = tmp_path_factory.mktemp("whole")
    fill(path, range(COUNT)).finish(COUNT, yolo=True)
    return tree(path)


def child(path, indices):
    """Another process that writes `indices`, Python code or a list."""
    code = (
        "import runpy, sys\n"
        f"fill = runpy.run_path({manifest_files.__file__!r})['fill']\n"
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


def empty(path, content):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [take_away, cut_half, cut_one_byte, empty])
def test_a_broken_run_goes_on_to_the_same_bytes(damage, tmp_path, whole):
    fill(tmp_path, (0, 1, 2, 3, 5, 7))
    picture = tmp_path / picture_name(1)
    damage(picture, picture.read_bytes())
    part = tmp_path / ".parts/000/000003.jsonl"
    part.write_bytes(part.read_bytes()[:-5])
    (tmp_path / ".parts/000/000002.jsonl").unlink()
    (tmp_path / ".parts/4711-deadbeef.tmp").write_bytes(b"half a picture")
    folder = opened(tmp_path)
    assert list(folder.missing(COUNT)) == [1, 2, 3, 4, 6, 8, 9, 10, 11]
    fill(tmp_path, folder.missing(COUNT))
    assert list(folder.missing(COUNT)) == []
    folder.finish(COUNT, yolo=True)
    assert tree(tmp_path) == whole


@pytest.mark.parametrize("damage", [take_away, empty])
def test_a_picture_lost_after_the_end_is_made_again(damage, tmp_path, whole):
    folder = fill(tmp_path, range(COUNT))
    folder.finish(COUNT, yolo=True)
    damage(tmp_path / picture_name(4), b"")
    with pytest.raises(ValueError, match=r"1 missing first: \[4\]"):
        folder.finish(COUNT)
    assert list(folder.missing(COUNT)) == [4]
    fill(tmp_path, [4]).finish(COUNT)
    assert tree(tmp_path) == whole


def test_a_resumed_run_reads_no_picture(tmp_path):
    """Other bytes of the same length pass here; `verify` and `merge` find them."""
    fill(tmp_path, range(7)).finish(7)
    folder = fill(tmp_path, range(7, COUNT))
    for index in (1, 8):
        path = tmp_path / picture_name(index)
        path.write_bytes(bytes(path.stat().st_size))
    assert not folder.missing(COUNT)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_workers_killed_for_real_cost_nothing(tmp_path, whole):
    for pause in (0.0, 0.01, 0.03):
        first = tmp_path / ".parts/000/000000.jsonl"
        first.unlink(missing_ok=True)
        worker = child(tmp_path, "__import__('itertools').cycle(range(8))")
        end = time.monotonic() + 60
        while not first.exists() and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(pause)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(60) == -signal.SIGKILL
        for item in tmp_path.rglob("*.jsonl"):
            assert len(lines(item)) == 2
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
    assert list(folder.missing(COUNT)) == list(range(7, COUNT))
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
        assert not broken or (path / ".parts/000/000006.jsonl").exists()
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
            folder._sweep(range(0))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", sweep_first)
        folder.write(*scene(COUNT - 1))
    assert swept == ["000011.png", "000011.jsonl"]
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


def test_a_row_written_again_replaces_the_old_one(tmp_path):
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
    part = tmp_path / ".parts/000/000003.jsonl"
    part.write_bytes((tmp_path / ".parts/000/000000.jsonl").read_bytes())
    with pytest.raises(ValueError, match=r"missing first: \[3\]"):
        folder.finish(4)
    save_png(tmp_path / picture_name(2), np.zeros((20, 20, 3), np.uint8))
    assert list(folder.missing(4)) == [2, 3]


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_line_ends_of_an_editor_do_not_stay(end, tmp_path, whole):
    fill(tmp_path, range(7)).finish(7, yolo=True)
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n").replace(b"\n", end or b"\n") + end)
    fill(tmp_path, range(7, COUNT)).finish(COUNT)
    assert tree(tmp_path) == whole
