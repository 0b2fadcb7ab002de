"""``--shard`` and ``kerasgen merge`` as a user runs them: the merged folder is that of one run."""

import shlex

import cv2
import numpy as np
import pytest
from scene_files import material, tree

from kerasgen import cli
from kerasgen.io.sheets import save_png

OF = 2


def run(*words):
    return cli.run([str(word) for word in words])


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Pictures for smoke, one of them too narrow."""
    root = tmp_path_factory.mktemp("clean")
    for index in range(4):
        save_png(root / f"{index}.png", np.full((40, 30, 3), 60 * index, np.uint8))
    save_png(root / "narrow.png", np.zeros((40, 9, 3), np.uint8))
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("material")
    folders = material(root, size=96)
    save_png(folders[0] / "pants/empty.png", np.zeros((50, 50, 3), np.uint8))
    return folders


@pytest.fixture
def merged(tmp_path, capsys):
    """Runs a command at once and in shards; returns the merged folder and that of one run."""

    def merge(*words, sources=()):
        assert run(*words, "--out", tmp_path / "once") == 0
        names = [tmp_path / f"shard {number}" for number in range(OF)]
        for number, name in enumerate(names):
            assert run(*words, "--shard", f"{number}/{OF}", "--out", name) == 0
        said = capsys.readouterr().out
        assert f"shard 1/{OF}; next, with all {OF}: kerasgen merge OUT SHARD..." in said
        assert run("merge", tmp_path / "out", *names, *sources) == 0
        folder = shlex.quote(str(tmp_path / "out"))
        step = f"compose --foregrounds {folder} --backgrounds DIR --out scenes"
        step = step if words[0] == "cut" else f"dossier {folder} --licence SPDX_ID"
        assert capsys.readouterr().out.endswith(f"next: kerasgen {step}\n")
        return tree(tmp_path / "out"), tree(tmp_path / "once")

    return merge


def test_eyes(merged):
    out, once = merged("eyes", "--count", 200, "--size", 16)
    assert out == once and {"sheet.png", "README.md", "croissant.json"} <= set(out)


def test_smoke_with_its_sources(merged, clean, tmp_path, capsys):
    words = ["smoke", "--sources", clean, "--times", 2, "--workers", 1, "--yolo"]
    out, once = merged(*words, sources=["--sources", clean])
    assert out == once and {"sheet.png", "data.yaml", "labels/000000.txt"} <= set(out)
    # Without the sources only the sheet, and what the card says of it, is left out.
    shards = [tmp_path / f"shard {number}" for number in range(OF)]
    assert run("merge", tmp_path / "bare", *shards) == 0
    assert "no sheet.png: the same command with --sources adds it" in capsys.readouterr().out
    bare = tree(tmp_path / "bare")
    assert set(once) - set(bare) == {"sheet.png"}
    assert {name for name in bare if bare[name] != once[name]} == {"README.md"}
    assert run("merge", tmp_path / "bare", *shards, "--sources", shards[0]) == 1
    assert "Not the sources of the shards" in capsys.readouterr().err
    assert run("merge", tmp_path / "bare", *shards, "--sources", clean) == 0
    assert tree(tmp_path / "bare") == once


def test_scenes(merged, folders):
    paths = ["--foregrounds", folders[0], "--backgrounds", folders[1]]
    out, once = merged("compose", *paths, "--count", 5, "--size", 64, "--workers", 1)
    assert out == once
    assert {"sheet.png", "sheet_masks.png", "rejected_foregrounds.csv"} <= set(out)


def test_cuts(merged, folders, tmp_path, capsys):
    drawn = cv2.circle(np.full((90, 90, 3), 250, np.uint8), (45, 45), 30, (200, 30, 40), -1)
    for index in range(3):
        save_png(folders[0] / f"shirt/photograph {index}.png", drawn)
    try:
        out, once = merged("cut", "--foregrounds", folders[0], "--workers", 1)
    finally:
        for path in (folders[0] / "shirt").glob("photograph*"):
            path.unlink()
    assert out == once
    assert "shirt/photograph 1.mask.png" in out and "rejected_foregrounds.csv" in out
    assert len((tmp_path / "out/rejected_foregrounds.csv").read_text().splitlines()) == 2
    (tmp_path / "shard 1/shirt/photograph 1.png").unlink(missing_ok=True)
    (tmp_path / "shard 0/shirt/photograph 1.png").unlink(missing_ok=True)
    assert run("merge", tmp_path / "out", *(tmp_path / f"shard {n}" for n in range(OF))) == 1
    said = capsys.readouterr().err
    assert "has 7 of 8 pictures. Run, with the other arguments as for all shards" in said
    assert "kerasgen cut ... --shard " in said


def test_a_wrong_shard_is_refused_before_anything_is_written(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("eyes", "--out", tmp_path / "out", "--shard", "2/2")
    assert "--shard: A shard is I/N, with I from 0 to N - 1" in capsys.readouterr().err
    assert run("eyes", "--out", tmp_path / "out", "--count", 64, "--shard", "0/2") == 1
    assert "64 pictures are too few for 2 shards" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
