"""Several worker processes learn what one process does, also with other workers after a stop; this
file is also the workers' program.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from running import worker_environments

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STEPS, LONG = 4, 12
TIMEOUT = 240.0


def train(workdir, strategy_name, lengths=(2, STEPS), pause=0.0):
    """Trains in one run for each length and returns every variable by name."""
    from kerasgen.training.trainer import Trainer, TrainerOptions, make_strategy

    # Before anything else touches TensorFlow.
    strategy = make_strategy(strategy_name)

    import keras
    import tensorflow as tf

    from kerasgen.data.augmentation import Augmentation
    from kerasgen.data.pipeline import Pictures, labelled
    from kerasgen.training.image_pool import ImagePool
    from kerasgen.training.step import Player, Step, Stream

    class Fit(Step):
        """Has all that could depend on the number of workers."""

        def __init__(self):
            super().__init__(seed=2)
            layers = keras.Input((4, 4, 3)), keras.layers.Conv2D(4, 3)
            layers = *layers, keras.layers.BatchNormalization(synchronized=True)
            self.body = keras.Sequential(layers)
            layers = keras.Input((2, 2, 4)), keras.layers.Dropout(0.4), keras.layers.Conv2D(1, 2)
            self.head = keras.Sequential(layers)
            self.pool = ImagePool(6, (4, 4, 3), 6, swap_probability=0.7)
            # Clipping would hide a gradient of the wrong size, so one side goes without.
            self.body_player = Player(self.body, keras.optimizers.SGD(0.02))
            self.head_player = Player(self.head, keras.optimizers.SGD(0.3), clip_norm=0.3)

        def update(self, images, labels, latents):
            # Two rows on each of three workers, all six on a single process.
            noise = self.random(images.shape[0], [1], Stream.OTHER) + latents
            goals = tf.cast(labels, tf.float32)[:, None] + noise
            images += self.past(self.pool, images, Stream.OTHER + 1)

            with tf.GradientTape(persistent=True) as tape:
                found = self.head(self.body(images, training=True), training=True)
                loss = tf.reduce_mean(tf.square(found[:, 0, 0] - goals))
            self.body_player.descend(tape, loss)
            self.head_player.descend(tape, loss)
            return {"loss": loss}

    images = np.random.default_rng(0).integers(0, 256, (11, 4, 4, 3), np.uint8)
    batches = labelled(
        Pictures.from_array(images, np.arange(11) % 3),
        6,
        seed=1,
        augmentation=Augmentation(shift=0.2, flip=True),
        latent_size=1,
    )
    for steps in lengths:
        trainer = Trainer(workdir, strategy, TrainerOptions(log_every=1, save_every=3))
        keras.utils.set_random_seed(0)
        with trainer.scope():
            step = Fit()
        # Its absence shows that this worker is not the chief.
        actions = [lambda step, logs: (workdir / f"action-{os.getpid()}").write_text(str(step))]
        actions.append(lambda step, logs: time.sleep(pause))
        assert trainer.run(step, batches, steps, actions=actions) == steps
    return {name: np.array(tf.convert_to_tensor(value)) for name, value in step.state().items()}


def run_workers(folder, count=2, during=lambda workers: None, **options):
    """Starts workers and waits for them; they are ended in any case."""
    workers, deadline = [], time.monotonic() + TIMEOUT
    try:
        for index, environment in enumerate(worker_environments(count)):
            with open(folder / f"worker{index}.log", "wb") as log:
                command = [sys.executable, __file__, str(folder), str(index), json.dumps(options)]
                workers.append(
                    subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
                )
        during(workers)
        return [worker.wait(max(0.0, deadline - time.monotonic())) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def logs_of(folder, count=2):
    return [(folder / f"worker{index}.log").read_text() for index in range(count)]


def check_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, rtol=0, err_msg=name)


def test_two_worker_processes_equal_one_process_on_the_same_global_batch(tmp_path):
    codes = run_workers(tmp_path)
    assert codes == [0, 0], "\n".join(logs_of(tmp_path))[-6000:]
    one = train(tmp_path / "one", "default")
    first, second = (dict(np.load(tmp_path / f"worker{index}.npz")) for index in range(2))
    for name in one:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    check_close(first, one)

    from kerasgen.training.run_log import read_history

    histories = [
        read_history(tmp_path / folder / "train" / "history.csv") for folder in ("one", "workers")
    ]
    losses = [[row["loss"] for row in history] for history in histories]
    np.testing.assert_allclose(*losses, atol=1e-5)
    assert len(losses[0]) == STEPS
    # The second worker saved as well, and reported nothing.
    folder = tmp_path / "workers" / "train"
    for name in ("checkpoints", "checkpoints-worker1"):
        assert (folder / name / f"step-{STEPS}.index").exists()
    assert [f"train {STEPS}/{STEPS}" in log for log in logs_of(tmp_path)] == [True, False]
    assert len(list((tmp_path / "workers").glob("action-*"))) == 1


def saved_steps(folder):
    return {int(path.stem.split("-")[1]) for path in folder.glob("step-*.index")}


def test_three_stop_together_one_goes_on_and_then_two(tmp_path):
    folder = tmp_path / "workers" / "train"

    def terminate_the_second(workers):
        patience = time.monotonic() + TIMEOUT
        while not (folder / "checkpoints" / "step-3.index").exists():
            assert time.monotonic() < patience and workers[0].poll() is None, logs_of(tmp_path, 3)
            time.sleep(0.01)
        workers[1].send_signal(signal.SIGTERM)

    codes = run_workers(tmp_path, 3, terminate_the_second, lengths=[LONG], pause=0.3)
    # ``Interrupted`` has a message: Python's status is 1.
    assert codes == [1, 1, 1], logs_of(tmp_path, 3)
    names = "checkpoints", "checkpoints-worker1", "checkpoints-worker2"
    steps = [saved_steps(folder / name) for name in names]
    last = max(steps[0])
    assert steps[0] == steps[1] == steps[2] and 3 <= last < 8
    for log in logs_of(tmp_path, 3):
        assert f"stopped after step {last};" in log

    # Two are lost for good, the first with all that it saved.
    shutil.rmtree(folder / "checkpoints")
    assert run_workers(tmp_path, 1, lengths=[10]) == [0], logs_of(tmp_path, 1)
    assert max(saved_steps(folder / "checkpoints")) == 10
    # The second comes back with checkpoints that are older.
    assert run_workers(tmp_path, 2, lengths=[LONG]) == [0, 0], logs_of(tmp_path)
    one = train(tmp_path / "one", "default", (LONG,))
    for index in range(2):
        check_close(dict(np.load(tmp_path / f"worker{index}.npz")), one)


def test_workers_with_folders_of_their_own_need_a_common_step(tmp_path):
    assert run_workers(tmp_path, 1, apart=True) == [0], logs_of(tmp_path, 1)
    assert run_workers(tmp_path, 2, apart=True, lengths=[LONG]) == [1, 1]
    for log in logs_of(tmp_path):
        assert f"Received: steps of worker 0: 2, 3, {STEPS}; worker 1: none" in log
    shutil.copytree(tmp_path / "workers0", tmp_path / "workers1", dirs_exist_ok=True)
    assert run_workers(tmp_path, 2, apart=True, lengths=[5]) == [0, 0], logs_of(tmp_path)


if __name__ == "__main__":
    folder, number, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    work = folder / ("workers" + (number if options.pop("apart", False) else ""))
    np.savez(folder / f"worker{number}.npz", **train(work, "multiworker", **options))
