"""What every family must pass. A family's own test is a list of builders and these checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasgen.data.pipeline import Batches
from kerasgen.training.step import Player, Step
from kerasgen.training.trainer import Trainer, TrainerOptions, make_strategy

OPTIONS = TrainerOptions(log_every=2, save_every=2)
MakeStep = Callable[[], Step]


def snapshot(step: Step) -> dict[str, np.ndarray]:
    """Every variable of a step, by name."""
    return {name: tf.convert_to_tensor(value).numpy() for name, value in step.state().items()}


def train(make: MakeStep, batches: Batches, steps: int, workdir: Path, strategy: str) -> Step:
    """Builds a step from seed 0 and trains it; goes on if the folder holds a checkpoint."""
    trainer = Trainer(workdir, make_strategy(strategy), OPTIONS)
    keras.utils.set_random_seed(0)
    with trainer.scope():
        step = make()
    trainer.run(step, batches, steps)
    return step


def check_round_trip(model: keras.Model, inputs: object, folder: Path) -> None:
    """Saved as .keras and loaded, the network has the same output."""
    path = folder / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    before, after = model(inputs, training=False), loaded(inputs, training=False)
    for first, second in zip(tf.nest.flatten(before), tf.nest.flatten(after), strict=True):
        np.testing.assert_array_equal(first, second)


def check_who_moves(
    make: Callable[[Mapping[str, float]], tuple[Step, Mapping[str, Player]]],
    batch: tuple[tf.Tensor, ...],
    names: tuple[str, ...],
) -> None:
    """With every other player's learning rate at 0, a step moves one player's weights only.

    Args:
        make: Learning rate by player's name -> (step, players by name).
        batch: One batch.
        names: The players.
    """
    for mover in names:
        step, players = make({name: 0.1 if name == mover else 0.0 for name in names})
        before = {name: [v.numpy() for v in p.variables] for name, p in players.items()}
        step(*batch)
        for name, player in players.items():
            pairs = zip(before[name], player.variables, strict=True)
            moved = [not np.array_equal(old, new.numpy()) for old, new in pairs]
            if name == mover:
                assert all(moved), f"{name}: {moved.count(False)} weights did not move"
            else:
                assert not any(moved), f"{name} moved in a step of {mover}"


def check_replicas(make: MakeStep, batches: Batches, folder: Path, tolerance: float) -> None:
    """Two replicas on halves of a batch end where one replica on the whole batch ends.

    ``make`` should use SGD: Adam amplifies rounding where a gradient is zero.
    """
    one = snapshot(train(make, batches, 3, folder / "one", "default"))
    two = snapshot(train(make, batches, 3, folder / "two", "mirrored"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], atol=tolerance, rtol=0, err_msg=name)


def check_resume(make: MakeStep, batches: Batches, folder: Path, strategy: str) -> None:
    """Five steps at once equal three, a new start, and two more: bit for bit, every variable."""
    whole = snapshot(train(make, batches, 5, folder / "whole", strategy))
    first = snapshot(train(make, batches, 3, folder / "parts", strategy))
    parts = snapshot(train(make, batches, 5, folder / "parts", strategy))
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parts[name], err_msg=name)
    assert any(not np.array_equal(first[name], parts[name]) for name in parts)
