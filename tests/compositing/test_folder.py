"""Folders of scenes: the same bytes on any number of processes, and after any stop."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from scene_files import NAMES, material, tree

from kerasgen.annotations.manifest import read_manifest
from kerasgen.annotations.output import Output
from kerasgen.compositing.backgrounds import Backgrounds
from kerasgen.compositing.folder import check_scenes, compose_folder, foregrounds_digest
from kerasgen.compositing.foreground_folders import read_foregrounds
from kerasgen.compositing.options import SceneOptions
from kerasgen.compositing.scene import compose_scene
from kerasgen.io.interruption import Unfinished

SMALL = SceneOptions(size=64)
COUNT = 24
LONG = 200


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def foregrounds(folders):
    return read_foregrounds(folders[0])[0]


@pytest.fixture(scope="module")
def make(folders, foregrounds):
    """Composes into a folder with few arguments."""

    def compose_small(out, count=COUNT, **changes):
        arguments = {
            "seed": 3,
            "class_names": NAMES,
            "options": SMALL,
            "output": Output(yolo=True),
            **changes,
        }
        found = arguments.pop("foregrounds", foregrounds)
        scenery = arguments.pop("backgrounds", None) or Backgrounds.from_folder(folders[1])
        return compose_folder(found, scenery, out, count, **arguments)

    return compose_small


@pytest.fixture(scope="module")
def whole(make, tmp_path_factory):
    """A folder composed by this process, without a stop."""
    out = tmp_path_factory.mktemp("whole") / "scenes"
    make(out)
    return out


def test_a_folder_holds_the_scenes_of_compose_scene(whole, folders, foregrounds):
    rows = read_manifest(whole)
    assert [row.index for row in rows] == list(range(COUNT))
    scenery = Backgrounds.from_folder(folders[1])
    for row in rows[::7]:
        scene = compose_scene(row.index, 3, foregrounds, scenery, SMALL)
        with Image.open(whole / row.file_name) as picture:
            np.testing.assert_array_equal(np.asarray(picture), scene.image)
        assert [item.to_dict() for item in row.objects] == [
            item.to_dict() for item in scene.objects
        ]
    assert not (whole / ".parts").exists() and (whole / "rejected.jsonl").read_bytes() == b""
    settings = json.loads((whole / "settings.json").read_text())
    assert settings["seed"] == 3 and settings["options"]["size"] == [64, 64]
    text = (whole / "settings.json").read_text() + (whole / "metadata.jsonl").read_text()
    assert str(folders[0].parent) not in text and "workers" not in settings


def test_two_processes_make_the_same_bytes(whole, make, tmp_path):
    seen = []
    make(tmp_path / "two", workers=2, report=lambda *numbers: seen.append(numbers))
    assert tree(tmp_path / "two") == tree(whole)
    assert seen == [(done, COUNT) for done in range(1, COUNT + 1)]


def test_pictures_in_memory_reach_other_processes(make, tmp_path):
    random = np.random.default_rng(0)
    grounds = [random.integers(0, 256, (70, 80, 3), np.uint8) for _ in range(2)]
    for workers in (1, 2):
        make(tmp_path / str(workers), 6, backgrounds=Backgrounds(grounds), workers=workers)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_only_missing_scenes_are_composed_and_a_folder_may_grow(whole, make, tmp_path):
    out, seen = tmp_path / "grown", []
    make(out, COUNT - 9)
    os.remove(out / "images/000004.png")
    make(out, report=lambda *numbers: seen.append(numbers))
    assert seen[0] == (COUNT - 9, COUNT) and len(seen) == 10
    assert tree(out) == tree(whole)
    make(out, report=lambda *numbers: seen.append(numbers))
    assert len(seen) == 10


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 4}, "seed"),
        ({"options": SceneOptions(size=64, rotation=5)}, "options"),
        ({"class_names": (*NAMES, "more")}, "class_names"),
        ({"options": SceneOptions(size=64, min_quality=0.5)}, "extraction"),
    ],
)
def test_other_settings_are_refused_early_and_late(changes, name, whole, make):
    before = tree(whole)
    with pytest.raises(ValueError, match=f"begun with other settings.*Received: {name}="):
        make(whole, **changes)
    known = {"seed": 3, "options": SMALL, "class_names": NAMES, **changes}
    with pytest.raises(ValueError, match=f"begun with other settings.*Received: {name}="):
        check_scenes(whole, COUNT, **known)
    check_scenes(whole, COUNT, seed=3, options=SMALL, class_names=NAMES)
    assert tree(whole) == before


def test_other_pictures_are_other_settings(whole, make, folders, foregrounds):
    with pytest.raises(ValueError, match="Received: foregrounds="):
        make(whole, foregrounds=foregrounds[::-1])
    fewer = sorted(folders[1].iterdir())[1:]
    with pytest.raises(ValueError, match="Received: backgrounds="):
        make(whole, backgrounds=Backgrounds(fewer, folders[1]))


def test_the_digest_sees_every_pixel(foregrounds):
    (first, *others) = foregrounds
    digest = foregrounds_digest(foregrounds)
    first.alpha[5, 5] ^= 1
    try:
        assert foregrounds_digest([first, *others]) != digest
    finally:
        first.alpha[5, 5] ^= 1
    assert foregrounds_digest([first, *others]) == digest


def test_an_unreadable_background_rejects_its_scenes(folders, make, tmp_path):
    backgrounds = tmp_path / "backgrounds"
    backgrounds.mkdir()
    for path in folders[1].iterdir():
        (backgrounds / path.name).write_bytes(path.read_bytes())
    (backgrounds / "0.png").write_bytes(b"no picture")
    for workers in (1, 2):
        make(
            tmp_path / str(workers),
            workers=workers,
            backgrounds=Backgrounds.from_folder(backgrounds),
        )
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    rejected = [
        json.loads(line) for line in (tmp_path / "1/rejected.jsonl").read_text().splitlines()
    ]
    assert 1 <= len(rejected) <= COUNT // 2
    for row in rejected:
        assert "'0.png'" in row["reason"] and str(tmp_path) not in row["reason"]
        assert not (tmp_path / "1" / row["file_name"]).exists()
    assert len(read_manifest(tmp_path / "1")) == COUNT - len(rejected)


CROWD = SceneOptions(size=64, objects=(30, 30), max_occlusion=0, attempts=1)


@pytest.mark.parametrize(("count", "total"), [(3, 3), (100, 20)])
def test_too_many_rejected_scenes_end_the_job(count, total, make, tmp_path):
    message = (
        f"{total} of {total} pictures cannot be made.*Fewer than 30 objects.*Received: folder="
    )
    for _ in range(2 if count == 3 else 1):
        with pytest.raises(ValueError, match=message):
            make(tmp_path / "out", count, options=CROWD)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": 0}, "Received: count=0"),
        ({"workers": 0}, "workers=0"),
        ({"seed": -1}, "seed=-1"),
        ({"class_names": NAMES[:2]}, "Each label needs a name.*label=3"),
        ({"foregrounds": []}, "at least one foreground"),
    ],
)
def test_invalid_arguments_are_refused(changes, message, make, tmp_path):
    with pytest.raises(ValueError, match=message):
        make(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(make, tmp_path):
    (tmp_path / "file").write_text("here first")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match=f"{path}"):
            make(path)
        with pytest.raises(ValueError, match=f"cannot be written.*{path}"):
            check_scenes(path, 1, seed=0, options=SMALL, class_names=NAMES)


def test_a_full_disk_is_no_rejected_scene(make, tmp_path, monkeypatch):
    make(tmp_path / "out", 2)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ValueError, match="No space left"):
        make(tmp_path / "out", 3)


def test_a_signal_stops_after_the_scenes_under_way(whole, make, tmp_path):
    def stop(done, total):
        if done == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    message = rf"SIGTERM.* (\d+) of {COUNT} pictures are missing.*same command"
    with pytest.raises(Unfinished, match=message) as stopped:
        make(tmp_path / "out", report=stop)
    kept = len(list((tmp_path / "out/images").iterdir()))
    assert 5 <= kept < 12 and int(re.search(message, str(stopped.value))[1]) == COUNT - kept
    make(tmp_path / "out")
    assert tree(tmp_path / "out") == tree(whole)


def command(folders, out, workers):
    flags = ["--count", LONG, "--out", out, "--workers", workers, "--size", 64, "--verify", 0]
    flags += ["--foregrounds", folders[0], "--backgrounds", folders[1], "--seed", 1]
    return [sys.executable, "-m", "kerasgen.cli", "compose", *map(str, flags)]


def start_until(folders, out, scenes, workers=2):
    """Starts the command in a group of its own; returns it once so many scenes are there."""
    process = subprocess.Popen(
        command(folders, out, workers),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    patience = time.monotonic() + 60
    while time.monotonic() < patience and process.poll() is None:
        if (out / "images").exists() and len(os.listdir(out / "images")) >= scenes:
            return process
        time.sleep(0.002)
    process.kill()
    raise AssertionError(process.communicate()[1])


def wait_for_end_of(group):
    """Waits until no process of a group is left."""
    patience = time.monotonic() + 20
    while time.monotonic() < patience:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("processes were left behind")


@pytest.fixture(scope="module")
def long(folders, tmp_path_factory):
    """The folder of the command without a stop, in one process."""
    out = tmp_path_factory.mktemp("long") / "scenes"
    subprocess.run(command(folders, out, 1), check=True, stdout=subprocess.DEVNULL)
    return tree(out)


@pytest.mark.slow
def test_a_killed_job_leaves_no_processes_and_comes_to_the_same_bytes(folders, long, tmp_path):
    out = tmp_path / "scenes"
    for scenes in (20, 80):
        process = start_until(folders, out, scenes)
        process.kill()
        process.communicate(timeout=30)
        wait_for_end_of(process.pid)
        assert len(os.listdir(out / "images")) < LONG, "killed too late to prove anything"
    subprocess.run(command(folders, out, 2), check=True, stdout=subprocess.DEVNULL)
    assert tree(out) == long


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_job_says_how_to_go_on_and_does(number, folders, long, tmp_path):
    out = tmp_path / "scenes"
    process = start_until(folders, out, 40)
    # As a terminal does for Ctrl-C: to all processes of the job.
    stop = functools.partial(os.killpg if number == signal.SIGINT else os.kill, process.pid)
    stop(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    (line,) = errors.splitlines()
    assert line.startswith(f"kerasgen: {signal.Signals(number).name}: stopped")
    assert "Run the same command again" in line and str(out) in line
    wait_for_end_of(process.pid)
    subprocess.run(command(folders, out, 2), check=True, stdout=subprocess.DEVNULL)
    assert tree(out) == long


def test_a_worker_killed_from_outside_ends_the_job_with_a_message(folders, tmp_path):
    process = start_until(folders, tmp_path / "scenes", 20)
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(path) as stream:
        children = [int(number) for number in stream.read().split()]
    # The first child is multiprocessing's own, which tracks semaphores.
    os.kill(children[-1], signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and "Traceback" not in errors
    assert "A worker process was ended from outside" in errors and "workers=2" in errors
    wait_for_end_of(process.pid)
