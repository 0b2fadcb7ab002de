"""Checkpoints: the last complete one is restored, even if writing the next one failed."""

from pathlib import Path

import pytest
import tensorflow as tf
from counting import Count, run, saved_steps

from kerasgen.training.checkpoints import Checkpoints


def test_keep_limits_the_checkpoints_and_the_last_step_is_always_saved(tmp_path):
    run(tmp_path, 11, save_every=2, keep=2)
    assert saved_steps(tmp_path) == [10, 11]
    run(tmp_path, 13, save_every=2, keep=2)
    assert saved_steps(tmp_path) == [12, 13]


def test_a_run_shorter_than_its_saving_interval_is_saved(tmp_path):
    run(tmp_path, 1, save_every=500)
    assert saved_steps(tmp_path) == [1]


def test_without_a_checkpoint_the_run_starts_at_nought(tmp_path):
    checkpoints = Checkpoints(tmp_path, Count(), keep=1)
    assert checkpoints.latest is None and checkpoints.restore() == 0


def test_orphans_of_a_killed_writer_are_ignored(tmp_path):
    run(tmp_path, 4, save_every=2)
    folder = tmp_path / "train" / "checkpoints"
    (folder / "step-6.index").write_bytes(b"half an index")
    (folder / "step-6.data-00000-of-00001").write_bytes(b"half of the data")
    (folder / "step-6_temp").mkdir()
    (folder / "step-6_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"part")
    step = run(tmp_path, 7, save_every=2)
    assert float(step.total) == 7.0 and int(step.updates) == 7
    assert float(run(tmp_path, 7).total) == 7.0


def test_a_writer_killed_before_it_recorded_its_checkpoint_leaves_the_last_in_force(
    tmp_path, monkeypatch
):
    record = tf.train.CheckpointManager._record_state

    def killed(manager):
        if len(manager.checkpoints) == 3:
            raise KeyboardInterrupt("killed")
        record(manager)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="killed"):
        patch.setattr(tf.train.CheckpointManager, "_record_state", killed)
        run(tmp_path, 10, save_every=2, keep=5)
    assert saved_steps(tmp_path) == [2, 4, 6]
    seen = []
    step = run(tmp_path, 8, actions=[lambda number, logs: seen.append((number, logs["loss"]))])
    assert seen == [(6, 5.5), (8, 7.5)] and float(step.total) == 8.0


def test_a_recorded_checkpoint_without_its_index_gives_way_to_the_one_before(tmp_path, caplog):
    run(tmp_path, 6, save_every=2)
    (tmp_path / "train" / "checkpoints" / "step-6.index").unlink()
    step = run(tmp_path, 7, save_every=100)
    assert float(step.total) == 7.0
    assert "step-6 is not complete: going on from" in caplog.text and "step-4" in caplog.text
    assert saved_steps(tmp_path) == [4, 7]


def test_a_checkpoint_of_another_size_is_refused_with_names_and_shapes(tmp_path):
    run(tmp_path, 2, Count(shape=(2,)))
    message = r"other networks.*total-0 has shape \(3,\) here and \(2,\) there \(1 differ\)"
    with pytest.raises(ValueError, match=message):
        run(tmp_path, 4, Count(shape=(3,)))
    assert saved_steps(tmp_path) == [2]


class More(Count):
    """Has one variable more."""

    def __init__(self):
        super().__init__()
        self.zeal = tf.Variable(tf.zeros([5]))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (Count, More, r"zeal-0 has shape \(5,\) here and None there"),
        (More, Count, r"zeal-0 has shape None here and \(5,\) there"),
    ],
)
def test_a_checkpoint_with_more_or_fewer_variables_is_refused(tmp_path, first, second, message):
    run(tmp_path, 2, first())
    with pytest.raises(ValueError, match=message):
        run(tmp_path, 4, second())


def test_a_folder_that_was_moved_still_opens(tmp_path):
    run(tmp_path / "here", 3)
    (tmp_path / "here").rename(tmp_path / "there")
    assert float(run(tmp_path / "there", 5).total) == 5.0


@pytest.mark.parametrize("name", ["run [1]", "run \\x", "run *", "{a,b}?", "caf\udce9"])
def test_a_folder_that_tensorflow_misreads_resumes(tmp_path, name):
    run(tmp_path / name, 4, save_every=2, keep=2)
    (tmp_path / "run 1").mkdir()
    assert saved_steps(tmp_path / name) == [2, 4]
    step = run(tmp_path / name, 7, save_every=2, keep=2)
    assert int(step.updates) == 7 and saved_steps(tmp_path / name) == [6, 7]
    assert float(run(tmp_path / name, 7).total) == 7.0


def test_any_worker_goes_on_from_the_files_of_another_and_its_own_come_first(tmp_path):
    step = run(tmp_path, 4, save_every=2)
    folder = tmp_path / "train"
    second = Checkpoints(folder, Count(), keep=2, worker=1)
    assert list(second.steps) == [2, 4] and second.latest is None
    assert second.restore(4) == 4
    second.save(4)
    writers = [Path(path).parent.name for path in second.steps.values()]
    assert writers == ["checkpoints", "checkpoints-worker1"]
    # The first one's files are lost.
    (folder / "checkpoints").rename(tmp_path / "lost")
    first = Checkpoints(folder, step, keep=2)
    assert first.restore() == 4 and list(first.steps) == [4]
