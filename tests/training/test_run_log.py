"""What a run reports: history, lines or a bar, TensorBoard, sample sheets."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from counting import run

from kerasgen.io.images import read_image
from kerasgen.training import run_log
from kerasgen.training.run_log import Report, read_history
from kerasgen.training.sample_sheets import sample_sheet


def events(folder):
    """(tag, step) -> scalar, or None for a picture."""
    found = {}
    for path in sorted((folder / "tensorboard").glob("events*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                tensor = tf.make_ndarray(value.tensor)
                found[value.tag, event.step] = float(tensor) if tensor.shape == () else None
    return found


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: a list of one number of seconds."""
    now = [100.0]
    monkeypatch.setattr(run_log.time, "monotonic", lambda: now[0])
    return now


def report(folder, **options):
    return Report(folder, **{"phase": "fit", "start": 0, "total": 40, "batch_size": 8, **options})


def test_speed_wait_and_time_left_by_hand(tmp_path, clock, capsys):
    with report(tmp_path) as progress:
        clock[0] += 5.0
        progress.waited(0.5)
        progress.waited(0.75)
        row = progress.log(10, {"loss": 0.12345678})
    # 10 steps of 8 in 5 s; 1.25 s of 5 waited; 30 steps more at half a second.
    assert row == {"loss": 0.12345678, "images_per_second": 16.0, "data_wait_share": 0.25}
    out = capsys.readouterr().out
    assert out == "fit 10/40  loss 0.1235  images_per_second 16  0:15 left\n"


def test_time_spent_in_actions_is_not_counted(tmp_path, clock):
    with report(tmp_path, start=10) as progress:
        clock[0] += 1.0
        progress.log(20, {})
        with progress.summaries():
            clock[0] += 1000.0
        clock[0] += 2.0
        assert progress.log(30, {})["images_per_second"] == 40.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_times_are_formatted(seconds, text):
    assert run_log._clock(seconds) == text


def test_lines_have_the_time_left_without_a_terminal(tmp_path, capsys):
    run(tmp_path, 5)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["train 2/5", "train 4/5", "train 5/5"]
    assert all(line.endswith(" left") and "loss" in line for line in lines)
    assert lines[-1].endswith("0:00 left") and "train:" not in err


def test_a_terminal_shows_a_bar_instead(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    run(tmp_path, 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert "train: 100%" in err and "4/4" in err and "loss=3.5" in err


def test_other_workers_stay_silent(capsys):
    with report(None) as progress:
        assert progress.log(10, {"loss": 1.0})["loss"] == 1.0
    assert capsys.readouterr() == ("", "")


def test_the_history_holds_every_loss_and_a_sensible_speed(tmp_path):
    run(tmp_path, 6)
    rows = read_history(tmp_path / "train" / "history.csv")
    assert list(rows[0]) == ["step", "loss", "other", "images_per_second", "data_wait_share"]
    assert all(0.0 <= row["data_wait_share"] <= 1.0 for row in rows)
    assert all(row["images_per_second"] > 0.0 for row in rows)


@pytest.mark.parametrize("cut", [1, 3, 8, 12, 15])
def test_a_torn_last_line_is_left_out(tmp_path, cut):
    # The whole line would be 15 characters and its end of line.
    path = tmp_path / "history.csv"
    whole = "step,loss,speed\r\n2,1.5,100.0\r\n"
    path.write_bytes((whole + "4,0.125,123.456\r\n"[:cut]).encode())
    rows = read_history(path)
    assert rows == [{"step": 2.0, "loss": 1.5, "speed": 100.0}]


def test_a_run_goes_on_after_a_torn_last_line(tmp_path):
    run(tmp_path, 4)
    path = tmp_path / "train" / "history.csv"
    with path.open("a") as file:
        file.write("3,0.1")
    run(tmp_path, 6)
    assert [row["step"] for row in read_history(path)] == [2, 4, 6]
    assert path.read_text().count("\n") == 4


def test_a_history_that_is_not_there_has_no_rows(tmp_path):
    assert read_history(tmp_path / "none.csv") == []


def test_tensorboard_gets_every_logged_value_at_its_step(tmp_path):
    run(tmp_path, 4)
    found = events(tmp_path / "train")
    assert (found["train/loss", 2], found["train/loss", 4]) == (1.5, 3.5)
    assert ("train/images_per_second", 4) in found


# Sample sheets


def sheet():
    return np.full([4, 6, 3], 77, np.uint8)


@pytest.mark.parametrize(
    ("every", "steps", "drawn"),
    [
        (100, range(50, 401, 50), [50, 100, 200, 300, 400]),
        (100, [70, 140, 210, 280], [70, 140, 210]),
        (1, [3, 6], [3, 6]),
        (1000, [50, 100], [50]),
    ],
)
def test_sheets_are_drawn_first_and_whenever_a_multiple_is_passed(tmp_path, every, steps, drawn):
    action = sample_sheet(tmp_path / "new", sheet, every=every)
    for step in steps:
        action(step, {})
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == [f"step-{step:06}.png" for step in drawn]
    np.testing.assert_array_equal(read_image(tmp_path / "new" / names[0]), sheet())


def test_a_sheet_of_a_run_is_a_file_and_in_tensorboard(tmp_path):
    run(tmp_path, 4, actions=[sample_sheet(tmp_path / "sheets", sheet, every=4)])
    assert len(list((tmp_path / "sheets").iterdir())) == 2
    found = events(tmp_path / "train")
    assert [step for tag, step in found if tag == "samples"] == [2, 4]


def test_sheets_every_nought_steps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="every=0"):
        sample_sheet(tmp_path, sheet, every=0)
