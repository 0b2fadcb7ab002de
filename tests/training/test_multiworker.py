"""Two worker processes learn what one process does, also after one of them was stopped or lost its
checkpoints; this file is also the workers' program.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STEPS = 4
TIMEOUT = 120.0


def train(workdir, strategy_name, lengths=(2, STEPS), pause=0.0):
    """Trains in one run for each length and returns every variable by name."""
    from kerasgen.training.trainer import Trainer, TrainerOptions, make_strategy

    # Before anything else touches TensorFlow.
    strategy = make_strategy(strategy_name)

    import keras
    import tensorflow as tf

    from kerasgen.data.augmentation import Augmentation
    from kerasgen.data.pipeline import Pictures, labelled
    from kerasgen.training.step import Player, Step, Stream

    class Fit(Step):
        def __init__(self):
            super().__init__(seed=2)
            self.body = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(4, 3)])
            self.head = keras.Sequential([keras.Input((2, 2, 4)), keras.layers.Conv2D(1, 2)])
            # Clipping would hide a gradient of the wrong size, so one side goes without.
            self.body_player = Player(self.body, keras.optimizers.SGD(0.02))
            self.head_player = Player(self.head, keras.optimizers.SGD(0.3), clip_norm=0.3)

        def update(self, images, labels, latents):
            # Four rows on a worker, all eight on a single process.
            noise = self.random(images.shape[0], [1], Stream.OTHER) + latents
            goals = tf.cast(labels, tf.float32)[:, None] + noise

            with tf.GradientTape(persistent=True) as tape:
                loss = tf.reduce_mean(tf.square(self.head(self.body(images))[:, 0, 0] - goals))
            self.body_player.descend(tape, loss)
            self.head_player.descend(tape, loss)
            return {"loss": loss}

    images = np.random.default_rng(0).integers(0, 256, (11, 4, 4, 3), np.uint8)
    batches = labelled(
        Pictures.from_array(images, np.arange(11) % 3),
        8,
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


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def run_workers(folder, *arguments, during=lambda workers: None):
    """Starts both workers and waits for them; they are ended in any case."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers, deadline = [], time.monotonic() + TIMEOUT
    try:
        for index in range(2):
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": addresses}, "task": task}
            environment = {
                **os.environ,
                "TF_CONFIG": json.dumps(config),
                "PYTHONPATH": str(ROOT),
                "CUDA_VISIBLE_DEVICES": "-1",
                "TF_CPP_MIN_LOG_LEVEL": "2",
            }
            with open(folder / f"worker{index}.log", "wb") as log:
                command = [sys.executable, __file__, str(folder), str(index), *arguments]
                workers.append(
                    subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
                )
        during(workers)
        return [worker.wait(max(0.0, deadline - time.monotonic())) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def logs_of(folder):
    return [(folder / f"worker{index}.log").read_text() for index in range(2)]


def test_two_worker_processes_equal_one_process_on_the_same_global_batch(tmp_path):
    codes = run_workers(tmp_path)
    assert codes == [0, 0], "\n".join(logs_of(tmp_path))[-6000:]
    one = train(tmp_path / "one", "default")
    first, second = (dict(np.load(tmp_path / f"worker{index}.npz")) for index in range(2))
    assert one.keys() == first.keys() == second.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        np.testing.assert_allclose(value, first[name], atol=1e-5, rtol=0, err_msg=name)

    from kerasgen.training.run_log import read_history

    histories = [
        read_history(tmp_path / folder / "train" / "history.csv") for folder in ("one", "workers")
    ]
    losses = [[row["loss"] for row in history] for history in histories]
    np.testing.assert_allclose(*losses, atol=1e-5)
    assert len(losses[0]) == STEPS and losses[0][-1] < losses[0][0]
    # The second worker saved as well, and reported nothing.
    folder = tmp_path / "workers" / "train"
    for name in ("checkpoints", "checkpoints-worker1"):
        assert (folder / name / f"step-{STEPS}.index").exists()
    assert [f"train {STEPS}/{STEPS}" in log for log in logs_of(tmp_path)] == [True, False]
    assert len(list((tmp_path / "workers").glob("action-*"))) == 1


LONG = 12


def test_workers_stop_together_and_go_on_from_a_step_that_both_have(tmp_path):
    folder = tmp_path / "workers" / "train"

    def terminate_the_second(workers):
        patience = time.monotonic() + TIMEOUT
        while not (folder / "checkpoints" / "step-6.index").exists():
            assert time.monotonic() < patience and workers[0].poll() is None, logs_of(tmp_path)
            time.sleep(0.01)
        workers[1].send_signal(signal.SIGTERM)

    codes = run_workers(tmp_path, str(LONG), "0.3", during=terminate_the_second)
    # ``Interrupted`` has a message: Python's status is 1.
    assert codes == [1, 1], logs_of(tmp_path)
    steps = [
        {int(path.stem.split("-")[1]) for path in (folder / name).glob("step-*.index")}
        for name in ("checkpoints", "checkpoints-worker1")
    ]
    last = max(steps[0])
    assert steps[0] == steps[1] and 6 < last < LONG
    for log in logs_of(tmp_path):
        assert f"stopped after step {last};" in log

    # Without its folder the second worker would start from nought.
    (folder / "checkpoints-worker1").rename(tmp_path / "away")
    assert run_workers(tmp_path, str(LONG), "0") == [1, 1]
    for log in logs_of(tmp_path):
        named = ", ".join(map(str, sorted(steps[0])))
        assert f"Received: steps of worker 0: {named}; worker 1: none" in log

    # With an older one both go back to it.
    shutil.copytree(tmp_path / "away", folder / "checkpoints-worker1")
    (folder / "checkpoints-worker1" / f"step-{last}.index").unlink()
    assert run_workers(tmp_path, str(LONG), "0") == [0, 0], logs_of(tmp_path)
    one = train(tmp_path / "one", "default", (LONG,))
    for index in range(2):
        found = dict(np.load(tmp_path / f"worker{index}.npz"))
        for name, value in one.items():
            np.testing.assert_allclose(found[name], value, atol=1e-5, rtol=0, err_msg=name)


if __name__ == "__main__":
    folder, number, *rest = Path(sys.argv[1]), *sys.argv[2:]
    options = ((int(rest[0]),), float(rest[1])) if rest else ()
    result = train(folder / "workers", "multiworker", *options)
    np.savez(folder / f"worker{number}.npz", **result)
