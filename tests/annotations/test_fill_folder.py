"""The loop behind every folder: blocks, growth, stops, rejections, and what it returns."""

import json
import re
import signal

import numpy as np
import pytest
from manifest_files import tree

from kerasgen.annotations.fill_folder import FilledFolder, fill_folder
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.records import Entry, ManifestRow
from kerasgen.annotations.synthetic_folder import SyntheticFolder
from kerasgen.io.interruption import Stopped


class Job:
    """Grey pictures whose level is their index; each says how large its block was."""

    def __init__(self, rejected=()):
        self.rejected, self.blocks = rejected, []

    def __call__(self, indices):
        self.blocks.append(list(indices))
        for index in indices:
            frame = (picture_name(index), 4, 3, 0, index)
            if index in self.rejected:
                row = ManifestRow(*frame, (), {}, (), accepted=False, reason=f"no {index}")
                yield row, None
            else:
                parameters = {"together": len(indices)}
                yield ManifestRow(*frame, (), parameters, ()), np.full((3, 4, 3), index, np.uint8)


def fill(folder, count, job=None, **options):
    options = {"settings": {}, "class_names": (), **options}
    return fill_folder(job or Job(), folder, count, **options)


def test_blocks_begin_at_the_same_indices_on_every_run(tmp_path):
    job, seen = Job(), []
    fill(tmp_path / "out", 10, job, block=4, report=lambda *numbers: seen.append(numbers))
    assert job.blocks == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert seen == [(4, 10), (8, 10), (10, 10)]
    (tmp_path / "out" / picture_name(5)).unlink()
    job, seen = Job(), []
    fill(tmp_path / "out", 11, job, block=4, report=lambda *numbers: seen.append(numbers))
    # The last block is larger now: it is made again as a whole.
    assert job.blocks == [[4, 5, 6, 7], [8, 9, 10]]
    assert seen == [(10, 11), (11, 11)]
    fill(tmp_path / "once", 11, block=4)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


def test_a_block_that_fails_loses_none_before_it(tmp_path):
    def job(indices):
        if 8 in indices:
            raise ValueError("no ninth")
        return Job()(indices)

    with pytest.raises(ValueError, match="no ninth"):
        fill(tmp_path / "out", 12, job, block=4)
    parts = sorted(path.name for path in (tmp_path / "out/.parts").rglob("*.jsonl"))
    assert parts == ["000000.jsonl", "000004.jsonl"]
    rest = Job()
    fill(tmp_path / "out", 12, rest, block=4)
    assert rest.blocks == [[8, 9, 10, 11]]
    fill(tmp_path / "once", 12, block=4)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


@pytest.mark.parametrize("damage", [lambda lines: lines[:5], lambda lines: [*lines[:4], b"{"]])
def test_a_part_that_is_damaged_keeps_the_rows_before(damage, tmp_path):
    def job(indices):
        if 4 in indices:
            raise ValueError("stop")
        return Job()(indices)

    with pytest.raises(ValueError, match="stop"):
        fill(tmp_path / "out", 8, job, block=4)
    part = tmp_path / "out/.parts/000/000000.jsonl"
    part.write_bytes(b"\n".join(damage(part.read_bytes().splitlines())))
    target = SyntheticFolder(tmp_path / "out", settings={}, class_names=())
    assert list(target.missing(8)) == [2, 3, 4, 5, 6, 7]
    fill(tmp_path / "out", 8, block=4)
    fill(tmp_path / "once", 8, block=4)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


def test_a_job_that_fails_within_a_block_loses_nothing_it_made(tmp_path):
    def job(indices):
        for index, entry in zip(indices, Job()(indices), strict=True):
            if index == 6:
                raise ValueError("no seventh")
            yield entry

    with pytest.raises(ValueError, match="no seventh"):
        fill(tmp_path / "out", 8, job, block=4)
    target = SyntheticFolder(tmp_path / "out", settings={}, class_names=())
    assert list(target.missing(8)) == [6, 7]


@pytest.mark.parametrize("job", [lambda indices: [], lambda indices: Job()([90, 91])])
def test_a_job_that_makes_other_pictures_is_refused(job, tmp_path):
    with pytest.raises(ValueError, match="must make pictures of"):
        fill(tmp_path / "out", 8, job, block=4)


def test_an_error_that_is_kept_keeps_no_handler(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="cannot be made") as kept:
        fill(tmp_path / "out", 100, Job(range(100)), most_rejected=0.5)
    assert signal.getsignal(signal.SIGINT) is before, kept


def test_a_folder_with_a_part_for_each_picture_is_continued(tmp_path):
    """As older versions left it."""
    target = SyntheticFolder(tmp_path / "out", settings={}, class_names=())
    for entry in Job()(range(4)):
        target.write(*entry)
    (tmp_path / "out" / picture_name(2)).unlink()
    job = Job()
    fill(tmp_path / "out", 8, job, block=4)
    assert job.blocks == [[0, 1, 2, 3], [4, 5, 6, 7]]
    fill(tmp_path / "once", 8, block=4)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


@pytest.mark.parametrize("lost", [[0, 3], [1, 6], [5], range(8)])
def test_a_block_may_be_filled_up(lost, tmp_path):
    """As `kerasgen client` does, which does not ask again for what is answered."""
    target = SyntheticFolder(tmp_path / "out", settings={}, class_names=())
    target.write_block([Entry(*each) for each in Job()(range(6))])
    target.write_block([Entry(*each) for each in Job()(range(6, 8))])
    for index in lost:
        (tmp_path / "out" / picture_name(index)).unlink()
    missing = target.missing(8)
    assert list(missing) == list(lost)
    target.write_block([Entry(*each) for each in Job()(missing)])
    assert not target.missing(8)
    assert target.finish(8).count == 0
    rows = (tmp_path / "out/metadata.jsonl").read_text().splitlines()
    assert [json.loads(each)["index"] for each in rows] == list(range(8))


def test_two_processes_make_the_same_bytes(tmp_path):
    for workers in (1, 2):
        filled = fill(tmp_path / str(workers), 23, Job({3, 20}), block=5, workers=workers)
        assert (filled.pictures, filled.rejected) == (21, 2)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_a_signal_ends_after_the_blocks_under_way_and_says_how_to_go_on(tmp_path):
    def stop(done, total):
        if done == 2:
            signal.raise_signal(signal.SIGTERM)

    message = r"SIGTERM: stopped. (\d+) of 101 pictures are missing.*out'.*same command again"
    first = Job()
    with pytest.raises(Stopped, match=message) as stopped:
        fill(tmp_path / "out", 101, first, block=2, report=stop)
    # A few blocks are made while those before are written.
    assert len(first.blocks) < 10
    assert int(re.search(message, str(stopped.value))[1]) == 101 - 2 * len(first.blocks)
    job = Job()
    fill(tmp_path / "out", 101, job, block=2)
    assert job.blocks[0] == [2 * len(first.blocks), 2 * len(first.blocks) + 1]
    fill(tmp_path / "once", 101, block=2)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


def test_a_picture_cut_off_after_the_end_is_named(tmp_path):
    settings = {"kind": "rendered_eyes", "size": 4, "seed": 0}
    for name in ("once", "out"):
        fill(tmp_path / name, 3, settings=settings)
    path = tmp_path / "out" / picture_name(1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"cut off: delete it, and run.*000001\.png"):
        fill(tmp_path / "out", 3, settings=settings)
    path.unlink()
    fill(tmp_path / "out", 3, settings=settings)
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


def test_most_rejected_ends_a_job_early_and_late(tmp_path):
    # As many as may be.
    assert fill(tmp_path / "half", 60, Job(range(1, 60, 2)), most_rejected=0.5).rejected == 30
    job = Job(range(100))
    with pytest.raises(ValueError, match="20 of 20 pictures cannot be made, for the first: no 0 "):
        fill(tmp_path / "all", 100, job, most_rejected=0.5)
    assert 20 <= len(job.blocks) < 30
    for _ in range(2):
        with pytest.raises(ValueError, match=r"2 of 3 pictures.*no 1 .*Received: folder='.*few'"):
            fill(tmp_path / "few", 3, Job({1, 2}), most_rejected=0.5)
    assert fill(tmp_path / "any", 30, Job(range(30))).pictures == 0


@pytest.mark.parametrize("changes", [{"count": 0}, {"workers": 0}])
def test_nothing_is_written_for_wrong_numbers(changes, tmp_path):
    (name,) = changes
    with pytest.raises(ValueError, match=f"Received: .*{name}=0"):
        fill(tmp_path / "out", **{"count": 2, **changes})
    assert not (tmp_path / "out").exists()


def test_the_result_says_and_shows_what_there_is(tmp_path):
    filled = fill(tmp_path / "<out>", 5, Job({2}))
    assert isinstance(filled, FilledFolder) and filled.sheet is None
    card = (tmp_path / "<out>/README.md").read_text()
    assert "4 pictures state no digital source type" in card and "sheet.png" not in card
    assert "1 more, reasons in `rejected.jsonl`" in card
    assert [row.index for row in filled.rows()] == [0, 1, 3, 4]
    assert str(filled).splitlines() == [
        f"4 pictures and metadata.jsonl in {tmp_path / '<out>'}",
        f"1 more were rejected: {tmp_path / '<out>/rejected.jsonl'} says why",
    ]
    assert (
        "&lt;out&gt;" in filled._repr_html_() and "data:image/png;base64," in filled._repr_html_()
    )
    shown = filled.with_sheet()
    assert shown.sheet == tmp_path / "<out>/sheet.png" and shown.sheet.is_file()
    assert str(shown).splitlines()[-1] == f"sheet: {shown.sheet}"
    assert "data:image/png;base64," in shown._repr_html_()
    none = fill(tmp_path / "none", 1, Job({0}))
    assert none.with_sheet() is none and "<img" not in none._repr_html_()
    (line,) = (tmp_path / "none/rejected.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"] == "no 0"
