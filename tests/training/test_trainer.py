"""The loop: phases, restarts, interruptions, and runs that go wrong."""

import os
import signal
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from counting import Count, counting_batches, run, saved_steps

from kerasgen.data.pipeline import Pictures, unpaired
from kerasgen.training import run_log
from kerasgen.training.checkpoints import NonFiniteState
from kerasgen.training.run_log import read_history
from kerasgen.training.step import Player, Step
from kerasgen.training.trainer import Interrupted, Trainer, TrainerOptions, make_strategy


def rows(workdir, phase="train"):
    return [(row["step"], row["loss"]) for row in read_history(workdir / phase / "history.csv")]


def at(step, what):
    """An action that does something at one step only."""
    return lambda number, logs: what() if number == step else None


def die():
    raise RuntimeError("power cut")


# The run


def test_every_step_gets_its_own_batch_and_rows_hold_the_means_between_them(tmp_path):
    step = run(tmp_path, 7)
    assert float(step.total) == 7.0
    # Means of the losses 1 2, 3 4, 5 6 and 7.
    assert rows(tmp_path) == [(2, 1.5), (4, 3.5), (6, 5.5), (7, 7.0)]


def test_run_returns_the_updates_made(tmp_path):
    trainer = Trainer(tmp_path)
    assert trainer.run(Count(), counting_batches(), 3) == 3
    assert trainer.run(Count(), counting_batches(), 2) == 3


def test_actions_are_called_at_logged_steps_with_the_logs(tmp_path):
    calls = []
    actions = [lambda step, logs: calls.append((step, logs["loss"]))]
    run(tmp_path, 7, actions=actions, save_every=3)
    # The checkpoint at 3 cuts a window short, but calls no action.
    assert calls == [(2, 1.5), (4, 4.0), (6, 5.5), (7, 7.0)]


def test_each_phase_has_a_counter_of_its_own(tmp_path):
    prefit = run(tmp_path, 3, phase="prefit")
    refine = run(tmp_path, 5, phase="refine")
    assert (float(prefit.total), float(refine.total)) == (3.0, 5.0)
    assert (saved_steps(tmp_path, "prefit"), saved_steps(tmp_path, "refine")) == ([3], [4, 5])


def test_a_finished_phase_is_skipped_but_its_weights_are_loaded(tmp_path, capsys):
    run(tmp_path, 3, phase="prefit")
    history = (tmp_path / "prefit" / "history.csv").read_bytes()
    capsys.readouterr()
    again = run(tmp_path, 3, phase="prefit", actions=[lambda step, logs: die()])
    assert float(again.total) == 3.0
    assert "prefit: 3 of 3 steps are done already." in capsys.readouterr().out
    assert (tmp_path / "prefit" / "history.csv").read_bytes() == history


def test_a_longer_second_sitting_goes_on_with_the_next_batch(tmp_path):
    run(tmp_path, 3)
    step = run(tmp_path, 6)
    assert float(step.total) == 6.0 and int(step.updates) == 6
    assert rows(tmp_path) == [(2, 1.5), (3, 3.0), (4, 4.0), (6, 5.5)]


def test_a_step_is_traced_once_however_often_it_is_run(tmp_path):
    class Traced(Count):
        traces = 0

        def update(self, numbers):
            self.traces += 1
            return super().update(numbers)

    trainer = Trainer(tmp_path, options=TrainerOptions(log_every=2, save_every=4))
    first, second = Traced(), Traced()
    for steps in (2, 4, 6):
        trainer.run(first, counting_batches(), steps)
    trainer.run(second, counting_batches(), 2, phase="other")
    assert (first.traces, second.traces) == (1, 1)
    assert (int(first.total), int(second.total)) == (6, 2)


def test_after_a_crash_the_history_is_cut_back_to_the_checkpoint(tmp_path):
    with pytest.raises(RuntimeError, match="power cut"):
        run(tmp_path, 10, actions=[at(6, die)])
    assert [step for step, _ in rows(tmp_path)] == [2, 4, 6]
    step = run(tmp_path, 5)
    assert float(step.total) == 5.0
    assert rows(tmp_path) == [(2, 1.5), (4, 3.5), (5, 5.0)]


def test_a_mixed_bfloat16_run_trains_float32_weights_and_resumes(tmp_path):
    class Fit(Step):
        def __init__(self):
            super().__init__()
            self.model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 3)])
            self.player = Player(self.model, keras.optimizers.Adam(0.01), clip_norm=1.0)

        def update(self, images, _):
            loss = self.player.minimize(lambda: tf.reduce_mean(tf.square(self.model(images) - 1.0)))
            return {"loss": loss}

    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    pictures = Pictures.from_array(np.full([3, 4, 4, 1], 200, np.uint8))
    for steps in (20, 40):
        step = Fit()
        Trainer(tmp_path).run(step, unpaired(pictures, pictures, 2, seed=0), steps)
    losses = [loss for _, loss in rows(tmp_path)]
    assert losses[1] < losses[0] and step.model(tf.zeros([1, 4, 4, 1])).dtype == tf.bfloat16
    assert {weight.dtype for weight in step.model.weights} == {"float32"}


# Interruptions


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_run_after_a_whole_step_with_a_checkpoint_of_it(tmp_path, name):
    number = getattr(signal, name)
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(Interrupted, match=f"{name}: stopped after step 7.*{tmp_path}"):
        run(tmp_path, 20, actions=[at(6, lambda: os.kill(os.getpid(), number))])
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert saved_steps(tmp_path) == [4, 7]
    step = run(tmp_path, 9)
    assert float(step.total) == 9.0
    assert rows(tmp_path) == [(2, 1.5), (4, 3.5), (6, 5.5), (7, 7.0), (8, 8.0), (9, 9.0)]


@pytest.mark.parametrize(("steps", "stopped_at"), [(20, 3), (2, 2)])
def test_a_signal_that_comes_while_a_step_is_reported_loses_nothing(
    tmp_path, monkeypatch, steps, stopped_at
):
    report = run_log.Report.log

    def interrupted(self, step, losses):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return report(self, step, losses)

    monkeypatch.setattr(run_log.Report, "log", interrupted)
    with pytest.raises(Interrupted, match=f"after step {stopped_at};"):
        run(tmp_path, steps, save_every=100)
    assert saved_steps(tmp_path) == [stopped_at]


def test_a_second_ctrl_c_acts_at_once(tmp_path):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        # Two signals at once can arrive as one: the first must have been taken.
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell starts background jobs with Ctrl-C ignored; this test is about a terminal's.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, 20, actions=[at(6, twice)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert saved_steps(tmp_path) == [4]


def test_handlers_are_put_back_when_a_run_ends_or_fails(tmp_path):
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    run(tmp_path / "good", 2)
    with pytest.raises(RuntimeError):
        run(tmp_path / "bad", 2, actions=[at(2, die)])
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_a_run_in_another_thread_goes_without_signals(tmp_path):
    done = []
    thread = threading.Thread(target=lambda: done.append(run(tmp_path, 2)))
    thread.start()
    thread.join(timeout=60)
    assert float(done[0].total) == 2.0


# Runs that go wrong


def test_a_loss_that_is_no_number_stops_the_run_and_names_its_step(tmp_path):
    message = r"loss is nan at step 7.*last good checkpoint is .*step-6\."
    with pytest.raises(NonFiniteState, match=message):
        run(tmp_path, 20, Count(bad_loss=7), log_every=10, save_every=2)
    assert saved_steps(tmp_path) == [2, 4, 6]
    assert float(run(tmp_path, 10).total) == 10.0


def test_the_first_bad_step_is_named_whichever_loss_it_was(tmp_path):
    with pytest.raises(NonFiniteState, match="other is inf at step 7.*checkpoint is None"):
        run(tmp_path, 20, Count(bad_loss=9, bad_other=7), log_every=10, save_every=10)


def test_a_weight_that_is_no_number_is_never_saved(tmp_path):
    message = r"variable total-0 is not finite at step 6.*step-3\."
    with pytest.raises(NonFiniteState, match=message):
        run(tmp_path, 20, Count(bad_weight=5), save_every=3)
    assert saved_steps(tmp_path) == [3]
    assert float(run(tmp_path, 4).total) == 4.0


def test_a_work_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    for folder in ("taken", "taken/below"):
        with pytest.raises(ValueError, match=f"cannot be written.*{tmp_path / folder}"):
            Trainer(tmp_path / folder)
    with pytest.raises(ValueError, match="taken"):
        run(tmp_path, 1, phase="taken")


def test_the_work_folder_is_made_and_holds_no_probes(tmp_path):
    Trainer(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("name", ["log_every", "save_every", "keep"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: 0"):
        TrainerOptions(**{name: 0})


def test_strategies_are_one_object_each_and_unknown_names_refused():
    assert make_strategy("mirrored") is make_strategy("mirrored")
    assert make_strategy("mirrored").num_replicas_in_sync == 2
    assert make_strategy("default").num_replicas_in_sync == 1
    with pytest.raises(ValueError, match="name='tpu'"):
        make_strategy("tpu")


def test_two_replicas_report_the_mean_of_their_losses(tmp_path):
    class Rows(Step):
        def update(self, numbers):
            return {"loss": tf.reduce_mean(numbers)}

    batches = counting_batches(4)
    batches = type(batches)(
        4,
        lambda step, first, rows: (tf.cast(first, tf.float32) + tf.range(rows, dtype=tf.float32),),
    )
    trainer = Trainer(tmp_path, make_strategy("mirrored"))
    with trainer.scope():
        step = Rows()
    trainer.run(step, batches, 2)
    # The rows are 0, 1 on one replica and 2, 3 on the other.
    assert rows(tmp_path) == [(2, 1.5)]
    assert int(step.updates.numpy()) == 2


@pytest.mark.parametrize(
    ("setting", "value", "default"),
    [
        ("floatx", "float64", "float32"),
        ("image_data_format", "channels_first", "channels_last"),
    ],
)
def test_settings_of_keras_that_stop_the_end_are_refused_at_the_start(
    tmp_path, setting, value, default
):
    change = getattr(keras.config, f"set_{setting}")
    change(value)
    try:
        with pytest.raises(ValueError, match=f"kerasgen needs the {setting} '{default}'.*{value}"):
            Trainer(tmp_path / "run")
    finally:
        change(default)
    assert not (tmp_path / "run").exists()
