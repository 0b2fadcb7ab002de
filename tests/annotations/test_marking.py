"""Marks in pictures: what is written, what is left as it is, and what a stop leaves."""

import dataclasses
import io
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from manifest_files import tree
from PIL import Image

from kerasgen import lay_smoke, write_dossier
from kerasgen.annotations import AnnotatedFolder
from kerasgen.annotations.dossier import marking as module
from kerasgen.annotations.dossier import type_of_file
from kerasgen.io.folders import list_images
from kerasgen.io.images import read_image
from kerasgen.io.interruption import Stopped
from kerasgen.io.sheets import save_png

DRAWN, CAPTURED, TRAINED = "algorithmicMedia", "digitalCapture", "trainedAlgorithmicMedia"


def pixels(folder):
    return {str(path): read_image(path, channels=4).tobytes() for path in list_images(folder)}


def test_pictures_of_before_are_marked_and_their_pixels_kept(eyes):
    expected = tree(eyes)
    for path in eyes.rglob("*.png"):
        save_png(path, read_image(path))
    assert type_of_file(eyes / "sheet.png") is None
    before = pixels(eyes)
    for name in ("README.md", "croissant.json"):
        (eyes / name).unlink()
    found = write_dossier(eyes)
    assert found.marked == 3 and pixels(eyes) == before
    # Encoded in another way, but the files beside them are the same.
    assert {type_of_file(path) for path in eyes.rglob("*.png")} == {DRAWN}
    for name in ("README.md", "croissant.json", "metadata.jsonl"):
        assert (eyes / name).read_bytes() == expected[name]


def test_a_private_picture_stays_private(photographs):
    path = photographs / "cat/0.png"
    path.chmod(0o600)
    write_dossier(photographs, source_type=CAPTURED)
    assert type_of_file(path) == CAPTURED and path.stat().st_mode & 0o777 == 0o600


def test_names_that_are_not_utf_8_are_described_and_marked(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    paths = [folder / os.fsdecode(b"caf\xe9.png"), folder / "cafe\u0301.png"]
    for path in paths:
        save_png(path, np.zeros((8, 8, 3), np.uint8))
    done = write_dossier(folder, source_type=CAPTURED)
    assert done.marked == 2 and {type_of_file(path) for path in paths} == {CAPTURED}
    assert len(list_images(folder)) == 2


def test_an_unfinished_or_missing_folder_is_refused(eyes, tmp_path):
    (eyes / ".parts").mkdir()
    with pytest.raises(ValueError, match="unfinished: run the command that fills it again"):
        write_dossier(eyes)
    with pytest.raises(ValueError, match="There is no such folder"):
        write_dossier(tmp_path / "none")


def test_a_stopped_dossier_goes_on(photographs):
    once = shutil.copytree(photographs, photographs.parent / "once")
    write_dossier(once, source_type=CAPTURED)

    @dataclasses.dataclass
    class Stop:
        name: str

        def __enter__(self):
            return lambda done, total: signal.raise_signal(signal.SIGTERM)

        def __exit__(self, *error):
            return None

    with pytest.raises(Stopped, match="SIGTERM: stopped.*same command again"):
        write_dossier(photographs, source_type=CAPTURED, progress=Stop)
    assert not (photographs / "README.md").exists()
    assert write_dossier(photographs, source_type=CAPTURED).marked == 2
    assert tree(photographs) == tree(once)


def test_a_write_that_fails_leaves_the_picture(photographs, monkeypatch):
    def fail(path, content):
        raise ValueError(f"Cannot write: no space. Received: path={str(path)!r}")

    before = tree(photographs)
    monkeypatch.setattr(module, "write_file", fail)
    with pytest.raises(ValueError, match="no space"):
        write_dossier(photographs, source_type=CAPTURED)
    assert tree(photographs) == before


def test_pictures_are_read_back_by_another_program(eyes):
    """Pillow alone, in a process without kerasgen."""
    code = (
        "import sys; from PIL import Image\n"
        "image = Image.open(sys.argv[1]); image.load()\n"
        "found = image.info.get('xmp') or image.info['XML:com.adobe.xmp']\n"
        "print(found if isinstance(found, str) else found.decode())"
    )
    path = eyes / "images/000000.png"
    done = subprocess.run([sys.executable, "-I", "-c", code, path], capture_output=True, check=True)
    assert b"http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia" in done.stdout
    stream = io.BytesIO(path.read_bytes())
    np.testing.assert_array_equal(np.asarray(Image.open(stream)), read_image(path))


def saved_again(folder):
    """Decodes and encodes all pictures with another program, which loses their marks."""
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            pixels = np.asarray(image)
        Image.fromarray(pixels).save(path)
        assert type_of_file(path) is None


@pytest.mark.parametrize("term", [TRAINED, CAPTURED])
def test_marks_that_were_lost_come_back_as_they_were(term, photographs, tmp_path):
    write_dossier(photographs, source_type=term)
    out = tmp_path / "out"
    lay_smoke(photographs, out)
    made = "compositeSynthetic" if term == TRAINED else "composite"
    files = {path: type_of_file(path) for path in out.rglob("*.png")}
    # One source is a WebP file, which cannot be marked.
    assert made in files.values()
    saved_again(out)
    assert write_dossier(out, source_type=CAPTURED).marked == 4
    assert {path: type_of_file(path) for path in files} == files


def test_what_follows_from_lost_sources_is_not_guessed(photographs, tmp_path):
    out = tmp_path / "out"
    lay_smoke(photographs, out)
    saved_again(out)
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    for row in rows:
        del row["digital_source_type"]
    (out / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = write_dossier(out)
    assert found.marked == 0 and "4 left as they are: Neither the picture nor its row" in str(found)
    assert type_of_file(out / "sheet.png") is None
    assert write_dossier(out, source_type="composite").marked == 4
    assert type_of_file(out / "sheet.png") == "composite"


def test_nothing_is_marked_before_all_can_be_read(photographs):
    (photographs / "dog/9.png").symlink_to("nowhere.png")
    before = tree(photographs / "cat")
    with pytest.raises(ValueError, match="No access.*9.png"):
        write_dossier(photographs, source_type=CAPTURED)
    assert tree(photographs / "cat") == before


@pytest.mark.parametrize("name", ["../photographs/cat/0.png", "{}/cat/0.png", None])
def test_pictures_outside_the_folder_are_never_written(name, photographs, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    shutil.copy(photographs / "cat/0.png", folder)
    rows = [{"file_name": "0.png"}, {"file_name": name and name.format(photographs)}]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = tree(tmp_path)
    for read in (
        lambda: write_dossier(folder, source_type=CAPTURED),
        lambda: AnnotatedFolder(folder),
    ):
        with pytest.raises(ValueError, match="file_name.*metadata.jsonl', line=2"):
            read()
    assert tree(tmp_path) == before


def test_links_are_left_as_they_are_and_named(photographs, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    shutil.copy(photographs / "cat/0.png", folder)
    (folder / "1.png").symlink_to(photographs / "cat/0.png")
    (folder / "dogs").symlink_to(photographs / "dog", target_is_directory=True)
    before = tree(photographs)
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    found = write_dossier(tmp_path / "link", source_type=CAPTURED)
    assert found.marked == 1 and "3 left as they are: The picture is a link" in str(found)
    assert tree(photographs) == before and (folder / "1.png").is_symlink()
