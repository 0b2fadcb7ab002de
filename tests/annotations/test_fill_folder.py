"""The loop behind every folder: blocks, growth, stops, rejections, and what it returns."""

import json
import signal

import numpy as np
import pytest
from manifest_files import tree

from kerasgen.annotations.fill_folder import FilledFolder, fill_folder
from kerasgen.annotations.folder_layout import picture_name
from kerasgen.annotations.records import ManifestRow
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


def test_two_processes_make_the_same_bytes(tmp_path):
    for workers in (1, 2):
        filled = fill(tmp_path / str(workers), 23, Job({3, 20}), block=5, workers=workers)
        assert (filled.pictures, filled.rejected) == (21, 2)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_a_signal_ends_after_the_block_under_way_and_says_how_to_go_on(tmp_path):
    def stop(done, total):
        if done == 4:
            signal.raise_signal(signal.SIGTERM)

    message = r"SIGTERM: stopped. 7 of 11 pictures are missing.*out'.*same command again"
    with pytest.raises(Stopped, match=message):
        fill(tmp_path / "out", 11, block=2, report=stop)
    job = Job()
    fill(tmp_path / "out", 11, job, block=2)
    assert job.blocks == [[4, 5], [6, 7], [8, 9], [10]]
    fill(tmp_path / "once", 11, block=2)
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
    assert len(job.blocks) == 20
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
