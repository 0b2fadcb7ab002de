"""Packs of a folder: the same bytes however often they are stopped; wrong folders are refused."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tracemalloc
from contextlib import contextmanager

import pytest
import tensorflow as tf
from manifest_files import NAMES, tree
from packed_folders import fill, large

from kerasgen.annotations.packing import FORMATS, pack_folder
from kerasgen.io.interruption import Stopped

PICTURES, PER_FILE = 21, 8
FILES = {
    "tfrecord": [f"made-{n:05}-of-00003.tfrecord" for n in range(3)],
    "webdataset": [f"made-{n:05}.tar" for n in range(3)],
}
DESCRIBING = {
    "tfrecord": ["dataset_info.json", "features.json", "image-object-class-label.labels.txt"],
    "webdataset": [],
}


@pytest.fixture(params=FORMATS)
def format(request):
    return request.param


@pytest.fixture
def folder(scene_folder, tmp_path):
    """A folder that the test may change."""
    return shutil.copytree(scene_folder, tmp_path / "scenes")


def pack(folder, out, format="webdataset", **more):
    return pack_folder(folder, out, format, **{"per_file": PER_FILE, **more})


def stopping_at(number, stop=lambda: signal.raise_signal(signal.SIGTERM)):
    """A progress display that stops the work after some pictures."""

    @contextmanager
    def progress(name):
        yield lambda done, total: stop() if done == number else None

    return progress


def test_names_counts_and_checksums_are_in_the_index(scene_folder, tmp_path, format):
    packed = pack(scene_folder, tmp_path / "out", format)
    assert packed.packs == tuple(FILES[format]) and packed.pictures == PICTURES
    index = json.loads((tmp_path / "out/index.json").read_text())
    assert index["class_names"] == list(NAMES)
    assert (index["pictures"], index["per_file"], index["format"]) == (PICTURES, PER_FILE, format)
    listed = [
        {
            "name": name,
            "pictures": count,
            "sha256": hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest(),
        }
        for name, count in zip(FILES[format], (8, 8, 5), strict=True)
    ]
    assert index["packs"] == listed
    present = {"index.json", "settings.json", "README.md", *FILES[format], *DESCRIBING[format]}
    assert set(tree(tmp_path / "out")) == present
    assert str(packed).endswith(
        f"next: hf upload REPOSITORY {tmp_path / 'out'} --repo-type dataset"
    )


@pytest.mark.slow
def test_the_same_folder_gives_the_same_bytes(scene_folder, tmp_path, format):
    pack(scene_folder, tmp_path / "a", format)
    moved = shutil.copytree(scene_folder, tmp_path / "moved")
    for path in moved.rglob("*"):
        os.utime(path, (1, 1))
    # In another process, sets and maps of texts have another order.
    words = [str(moved), str(tmp_path / "b"), "--format", format, "--per_file", str(PER_FILE)]
    subprocess.run([sys.executable, "-m", "kerasgen", "pack", *words], check=True)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_tar_entries_have_no_date_and_no_owner(class_folder, tmp_path):
    pack(class_folder, tmp_path / "out")
    with tarfile.open(tmp_path / "out" / FILES["webdataset"][0]) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries[:4]] == [
        "000000.png", "000000.json", "000000.cls", "000001.png",
    ]  # fmt: skip
    facts = {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in entries}
    assert facts == {(0, 0, 0, "", "")} and {each.mode for each in entries} == {0o644}


def test_a_stop_loses_one_pack_and_the_same_call_goes_on(scene_folder, tmp_path, format):
    whole, out = tmp_path / "whole", tmp_path / "out"
    pack(scene_folder, whole, format)
    with pytest.raises(Stopped, match="Run the same command again"):
        pack(scene_folder, out, format, progress=stopping_at(PER_FILE + 3))
    assert set(tree(out)) == {"settings.json", FILES[format][0]}
    before = (out / FILES[format][0]).stat()
    pack(scene_folder, out, format)
    after = (out / FILES[format][0]).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert tree(out) == tree(whole)


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_packs import pack, stopping_at
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
pack({folder!r}, {out!r}, {format!r}, progress=stopping_at({number}, kill))
"""


@pytest.mark.slow
def test_a_kill_loses_one_pack_and_leaves_nothing_behind(scene_folder, tmp_path, format):
    whole, out = tmp_path / "whole", tmp_path / "out"
    pack(scene_folder, whole, format)
    here = os.path.dirname(__file__)
    places = {"folder": str(scene_folder), "out": str(out), "format": format, "tests": here}
    path = os.pathsep.join([os.path.dirname(os.path.dirname(here)), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(number=PER_FILE + 3, **places)],
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == -signal.SIGKILL
    left = set(tree(out)) - {"settings.json", FILES[format][0]}
    assert len(left) == 1 and all(name.startswith(".") for name in left)
    pack(scene_folder, out, format)
    assert tree(out) == tree(whole)


def test_damaged_and_lost_packs_are_written_again(scene_folder, tmp_path, format):
    pack(scene_folder, tmp_path / "out", format)
    whole = tree(tmp_path / "out")
    first, last = (tmp_path / "out" / FILES[format][n] for n in (0, 2))
    first.write_bytes(first.read_bytes()[:-1000])
    last.unlink()
    pack(scene_folder, tmp_path / "out", format)
    assert tree(tmp_path / "out") == whole


def lose_rows(folder):
    (folder / "metadata.jsonl").unlink()


def begin_more(folder):
    (folder / ".parts").mkdir()


def lose_settings(folder):
    (folder / "settings.json").unlink()


def lose_folder(folder):
    shutil.rmtree(folder)


def lose_picture(folder):
    (folder / "images/000022.png").unlink()


def empty_picture(folder):
    (folder / "images/000022.png").write_bytes(b"")


def no_rows(folder):
    (folder / "metadata.jsonl").write_bytes(b"")


def edit_row(folder, old, new):
    path = folder / "metadata.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert old in lines[-1]
    path.write_bytes(b"".join([*lines[:-1], lines[-1].replace(old, new)]))


def leave_folder(folder):
    edit_row(folder, b"images/000022.png", b"../images/000022.png")


def lose_field(folder):
    edit_row(folder, b'"width"', b'"wide"')


def other_label(folder):
    edit_row(folder, b'"label": 1', b'"label": 7')


def other_class(folder):
    edit_row(folder, b'"gamma"', b'"class_name": "bird", "gamma"')


def alike(*names):
    def fault(folder):
        path = folder / "settings.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**settings, "class_names": names}), encoding="utf-8")

    return fault


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lose_rows, r"not a finished one of kerasgen.*folder='.*scenes'"),
        (begin_more, r"not a finished one of kerasgen.*folder='.*scenes'"),
        (lose_settings, r"not a finished one of kerasgen.*folder='.*scenes'"),
        (lose_folder, r"No access.*scenes"),
        (lose_picture, r"missing or empty: run the command.*path='.*images/000022\.png'"),
        (empty_picture, r"missing or empty: run the command.*path='.*images/000022\.png'"),
        (no_rows, r"There are no pictures"),
        (leave_folder, r"file_name='\.\./images/000022\.png' is not picture_name.*line=21"),
        (lose_field, r"KeyError\('width'\).*line=21"),
        (other_label, r"`class_names` of settings.json lacks label 7"),
        (other_class, r"`class_names` of settings.json lacks bird"),
        # TensorFlow Datasets would read one for the other.
        (alike("eye", " eye"), "must differ in more than spaces"),
        (alike("\u00e9", "e\u0301"), "must differ in more than spaces"),
    ],
)
def test_folders_that_cannot_be_packed_are_refused_first(fault, message, folder, tmp_path):
    fault(folder)
    with pytest.raises(ValueError, match=message):
        pack(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_arguments_are_refused(folder, tmp_path):
    for more, message in (
        ({"per_file": 0}, "`per_file` must be at least 1. Received: per_file=0"),
        ({"format": "zip"}, "must be one of tfrecord, webdataset. Received: format='zip'"),
        ({"out": folder / "packs"}, "lies within `folder to pack`"),
        ({"out": folder}, "is the folder of `folder to pack`"),
        ({"out": tmp_path}, "contains `folder to pack`"),
    ):
        with pytest.raises(ValueError, match=message):
            pack(**{"folder": folder, "out": tmp_path / "out", **more})
    assert not (tmp_path / "out").exists() and not (folder / "packs").exists()


def test_a_folder_of_anything_else_is_left_alone(folder, class_folder, tmp_path):
    out = tmp_path / "out"
    pack(folder, out)
    before = tree(out)
    for other, more, message in (
        (class_folder, {}, "begun with other settings.*differing: class_names, source_sha256"),
        (folder, {"per_file": 9}, "begun with other settings.*per_file=9, there: 8"),
        (folder, {"format": "tfrecord"}, "begun with other settings.*format='tfrecord'"),
    ):
        with pytest.raises(ValueError, match=message):
            pack(other, out, **more)
    assert tree(out) == before
    with pytest.raises(ValueError, match="begun with other settings"):
        pack(folder, shutil.copytree(class_folder, tmp_path / "filled"))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files: use a new one.*mine.txt"):
        pack(folder, tmp_path / "notes")
    assert set(tree(tmp_path / "notes")) == {"mine.txt"}


def test_a_folder_that_changed_between_two_runs_is_refused(folder, tmp_path):
    """Else half of the packs would hold pictures of before, as `kerasgen dossier` marks them."""
    with pytest.raises(Stopped):
        pack(folder, tmp_path / "out", progress=stopping_at(PER_FILE + 3))
    with (folder / "images/000000.png").open("ab") as stream:
        stream.write(b"mark")
    with pytest.raises(ValueError, match="other settings.*differing: source_sha256"):
        pack(folder, tmp_path / "out")


def change_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def change_size(path):
    path.write_bytes((path.parent.parent / "sheet.png").read_bytes())


def test_damaged_pictures_are_named_and_not_packed(folder, tmp_path, format):
    picture = folder / "images/000011.png"
    whole = picture.read_bytes()
    change_bit(picture)
    with pytest.raises(ValueError, match=r"damaged: delete it and run.*000011\.png"):
        pack(folder, tmp_path / "out", format)
    assert set(tree(tmp_path / "out")) == {"settings.json", FILES[format][0]}
    picture.write_bytes(whole)
    pack(folder, tmp_path / "out", format)
    edit_row(folder, b'"width": 24', b'"width": 25')
    with pytest.raises(ValueError, match=r"not as large as its row says, 25x20.*000022\.png"):
        pack(folder, tmp_path / "other", format)


def test_a_full_disk_is_an_error_of_one_line(scene_folder, tmp_path, monkeypatch):
    def full(writer, record):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io.TFRecordWriter, "write", full)
    with pytest.raises(ValueError, match="Cannot write: No space left on device.*path='.*00000-of"):
        pack(scene_folder, tmp_path / "out", "tfrecord")
    assert set(tree(tmp_path / "out")) == {"settings.json"}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pictures(tmp_path, format):
    def peak(count):
        folder = fill(tmp_path / f"made {count}", large, NAMES, count)
        pack(folder, tmp_path / "warm" / str(count), format)
        tracemalloc.start()
        pack(folder, tmp_path / "out" / str(count), format, per_file=2000)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, many = peak(20), peak(100)
    # 80 pictures take 5 MB.
    assert many < few + 500_000


def test_the_card_names_the_packs(class_folder, tmp_path):
    folder = shutil.copytree(class_folder, tmp_path / "classes")
    (folder / "sheet.png").write_bytes((folder / "images/000000.png").read_bytes())
    texts = {}
    for format in FORMATS:
        pack(folder, tmp_path / format, format)
        texts[format] = (tmp_path / format / "README.md").read_text()
        assert (tmp_path / format / "sheet.png").exists()
    card = (folder / "README.md").read_text()
    assert "configs:\n- config_name: default\n" in texts["webdataset"]
    assert "path: made-*.tar" in texts["webdataset"] and "configs" not in texts["tfrecord"]
    for text in texts.values():
        body, head = (each.split("\n---\n", 1)[1] for each in (text, card))
        assert body.startswith(head.split("\n<!-- kerasgen")[0])
        assert "<!-- kerasgen" not in text and "images/*" not in text
    # Another's card, or none, is no error.
    (folder / "README.md").write_text("# Mine\n")
    pack(folder, tmp_path / "mine")
    assert (tmp_path / "mine/README.md").read_text().startswith("# Mine\n\n## Packed\n")
    (folder / "README.md").unlink()
    pack(folder, tmp_path / "none")
    assert not (tmp_path / "none/README.md").exists()
