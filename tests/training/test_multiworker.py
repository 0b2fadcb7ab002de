"""Two worker processes learn what one process does; this file is also the workers' program."""

import json
import os
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


def train(workdir, strategy_name):
    """Trains in two runs and returns every variable by name."""
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
    for steps in (2, STEPS):
        trainer = Trainer(workdir, strategy, TrainerOptions(log_every=1))
        keras.utils.set_random_seed(0)
        with trainer.scope():
            step = Fit()
        assert trainer.run(step, batches, steps) == steps
    return {name: np.array(tf.convert_to_tensor(value)) for name, value in step.state().items()}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def run_workers(folder):
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
                command = [sys.executable, __file__, str(folder), str(index)]
                workers.append(
                    subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)
                )
        return [worker.wait(max(0.0, deadline - time.monotonic())) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def test_two_worker_processes_equal_one_process_on_the_same_global_batch(tmp_path):
    codes = run_workers(tmp_path)
    logs = "\n".join((tmp_path / f"worker{index}.log").read_text()[-3000:] for index in range(2))
    assert codes == [0, 0], logs
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
    logs = [(tmp_path / f"worker{index}.log").read_text() for index in (0, 1)]
    assert [f"train {STEPS}/{STEPS}" in log for log in logs] == [True, False]


if __name__ == "__main__":
    folder, number = Path(sys.argv[1]), sys.argv[2]
    np.savez(folder / f"worker{number}.npz", **train(folder / "workers", "multiworker"))
