"""Shards: merged, they are one run byte for byte; what does not fit is named with its command."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
from manifest_files import NAMES, scene, tree

from kerasgen.annotations.fill_folder import fill_folder
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.merging import merge_shards
from kerasgen.annotations.output import Output, Shard
from kerasgen.annotations.records import Entry
from kerasgen.io.interruption import Stopped

COUNT, BLOCK, OF = 26, 3, 4


def job(indices):
    return (Entry(*scene(index)) for index in indices)


def fill(folder, shard=None, *, seed=3, count=COUNT, yolo=True):
    output = Output(yolo, None if shard is None else Shard(shard, OF))
    settings = {"kind": "rendered_eyes", "size": 24, "seed": seed}
    return fill_folder(
        job, folder, count, settings=settings, class_names=NAMES, block=BLOCK, output=output
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    fill(root / "once")
    for number in range(OF):
        fill(root / f"s{number}", number)
    return root


@pytest.fixture
def shards(made, tmp_path):
    return [shutil.copytree(made / f"s{n}", tmp_path / f"s{n}") for n in range(OF)]


def test_merged_shards_are_one_run_byte_for_byte(made, shards, tmp_path):
    before = list(map(tree, shards))
    seen = []
    merged = merge_shards(
        tmp_path / "out", shards[::-1], report=lambda *numbers: seen.append(numbers)
    )
    assert (merged.pictures, merged.rejected) == (COUNT - 2, 2)
    assert tree(tmp_path / "out") == tree(made / "once")
    assert seen == [(done, COUNT) for done in range(1, COUNT + 1)]
    assert list(map(tree, shards)) == before
    picture = picture_name(0)
    assert os.path.samefile(shards[0] / picture, tmp_path / "out" / picture)
    # Once more changes nothing, and the folder may grow like any other.
    merge_shards(tmp_path / "out", shards)
    assert tree(tmp_path / "out") == tree(made / "once")
    for name in ("out", "more"):
        fill(tmp_path / name, count=COUNT + 5)
    assert tree(tmp_path / "out") == tree(tmp_path / "more")
    assert list(map(tree, shards)) == before


def test_a_shard_holds_every_nth_block_and_says_so(shards):
    settings = json.loads((shards[1] / "settings.json").read_text())
    assert settings["shard"] == {"number": 1, "of": OF, "count": COUNT, "block": BLOCK}
    names = sorted(path.name for path in (shards[1] / "images").iterdir())
    # Picture 5 is rejected.
    assert names == [f"{index:06}.png" for index in (3, 4, 15, 16, 17)]
    text = str(fill(shards[1], 1))
    assert text.endswith("shard 1/4; next, with all 4: kerasgen merge OUT SHARD...")


def test_copies_where_there_are_no_links(made, shards, tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    merge_shards(tmp_path / "out", shards)
    assert tree(tmp_path / "out") == tree(made / "once")


def test_a_merge_that_was_stopped_goes_on(made, shards, tmp_path):
    def stop(done, total):
        if done == 7:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped, match="SIGTERM: stopped. Run the same command again"):
        merge_shards(tmp_path / "out", shards, report=stop)
    assert len(list((tmp_path / "out/images").iterdir())) == 6
    # Another picture of that name does not stay.
    (tmp_path / "out" / picture_name(1)).unlink()
    (tmp_path / "out" / picture_name(1)).write_bytes(b"another")
    merge_shards(tmp_path / "out", shards)
    assert tree(tmp_path / "out") == tree(made / "once")


def lose_shard(shards):
    del shards[2:]


def double_shard(shards):
    shards[1] = shutil.copytree(shards[0], shards[1].parent / "again")


def other_seed(shards):
    shutil.rmtree(shards[3])
    fill(shards[3], 3, seed=4)


def other_count(shards):
    shutil.rmtree(shards[3])
    fill(shards[3], 3, count=COUNT + 1)


def unfinished(shards):
    (shards[2] / ".parts").mkdir()


def never_finished(shards):
    (shards[2] / "metadata.jsonl").unlink()


def lose_picture(shards):
    (shards[1] / picture_name(4)).unlink()


def lose_row(shards):
    path = shards[1] / "metadata.jsonl"
    path.write_bytes(path.read_bytes().partition(b"\n")[2])


def foreign_row(shards):
    shutil.copy(shards[0] / "metadata.jsonl", shards[1] / "metadata.jsonl")


def outside(shards):
    path = shards[1] / "metadata.jsonl"
    first, *others = path.read_text().splitlines()
    row = json.loads(first)
    shutil.copy(shards[1] / row["file_name"], shards[1] / "../kept.png")
    row["file_name"] = "../kept.png"
    path.write_text("\n".join([json.dumps(row), *others]) + "\n")


def change_bit(shards):
    path = shards[1] / picture_name(4)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def no_shard(shards):
    shutil.rmtree(shards[0])
    fill(shards[0])


def some_labels(shards):
    shutil.rmtree(shards[1])
    fill(shards[1], 1, yolo=False)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            lose_shard,
            r"Shards 2/4, 3/4 are missing; 2/4 has 6 pictures: 6, 7, 8, .*"
            r"kerasgen eyes \.\.\. --shard 2/4 --out NEW_FOLDER",
        ),
        (double_shard, r"Shard 0/4 is there twice.*s0' and '.*again'"),
        (other_seed, r"different jobs.*seed=3 in '.*s0', 4 in '.*s3' \(differing: seed\)"),
        (other_count, r"different jobs.*shard=.*26.*27"),
        (unfinished, r"Shard 2/4 in '.*s2' is unfinished\. .*--shard 2/4 --out .*s2"),
        (never_finished, r"Shard 2/4 in '.*s2' is unfinished\. .*--shard 2/4 --out .*s2"),
        (
            lose_picture,
            r"Shard 1/4 in .* lacks 1 pictures: 4\. .*eyes \.\.\. --shard 1/4 --out .*s1",
        ),
        (lose_row, r"Shard 1/4 in .* lacks 1 pictures: 3\. .*--shard 1/4"),
        (foreign_row, r"Shard 1/4 in .* holds a picture of another.*line=1"),
        (outside, r"Shard 1/4 in .* names a picture '\.\./kept\.png' that.*line=1"),
        (change_bit, r"damaged: delete it\. Run.*--shard 1/4.*path='.*000004\.png'"),
        (no_shard, r"without --shard.*s0"),
        (some_labels, r"Only some shards have label files\. .*--shard 1/4 --out .*s1 --yolo"),
    ],
)
def test_what_does_not_fit_is_named(fault, message, shards, tmp_path):
    fault(shards)
    with pytest.raises(ValueError, match=message):
        merge_shards(tmp_path / "out", shards)
    assert not (tmp_path / "out/metadata.jsonl").exists()


def test_a_damaged_shard_is_mended_as_the_message_says(made, shards, tmp_path):
    change_bit(shards)
    (shards[1] / picture_name(4)).unlink()
    fill(shards[1], 1)
    merge_shards(tmp_path / "out", shards)
    assert tree(tmp_path / "out") == tree(made / "once")


def test_the_merged_folder_is_apart_from_the_shards(shards):
    with pytest.raises(ValueError, match="lies within `shard 1/4`"):
        merge_shards(shards[1] / "out", shards)


@pytest.mark.parametrize("text", ["4/4", "1", "a/b", "-1/4", "1/0", ""])
def test_wrong_shards_are_refused(text):
    with pytest.raises(ValueError, match=f"I/N.*Received: shard='{text}'"):
        Shard.parse(text)


def test_more_shards_than_blocks_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match="9 pictures are too few for 4 shards, as 3 .*use at most 3"
    ):
        fill(tmp_path / "out", 0, count=9)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("count", "block"), [(1000, 1), (1001, 64), (640, 64)])
def test_every_picture_is_in_one_shard(count, block):
    found = [
        index for n in range(7) for index in Output(shard=Shard(n, 7)).share(count, block).members()
    ]
    np.testing.assert_array_equal(np.sort(found), np.arange(count))
