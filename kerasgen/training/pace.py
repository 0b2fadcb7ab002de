"""How many updates fit into some minutes? Tried once, on a network that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgen.data.pipeline import Batches
from kerasgen.training.reporting import read_history
from kerasgen.training.step import Step
from kerasgen.training.trainer import Trainer, TrainerOptions

_WINDOWS = 5
_WINDOW = 10
"""Updates between two readings; the first window also traces and does not count."""


def updates_per_minute(
    strategy: tf.distribute.Strategy, make_step: Callable[[], Step], batches: Batches
) -> float:
    """Trains a step for 50 updates in a folder that vanishes, and says how fast that was.

    Every call gives another number: keep it with the run, or a restart would have another length.

    Args:
        strategy: From ``make_strategy``.
        make_step: Builds networks, players and step; called within the strategy's scope.
        batches: What the run will train on.

    Returns:
        The median over windows of ten updates.
    """
    with tempfile.TemporaryDirectory() as room:
        options = TrainerOptions(log_every=_WINDOW, save_every=_WINDOWS * _WINDOW)
        trainer = Trainer(room, strategy, options)
        with trainer.scope():
            step = make_step()
        trainer.run(step, batches, _WINDOWS * _WINDOW, phase="pace")
        rows = read_history(Path(room) / "pace" / "history.csv")[1:]
    rate = float(np.median([row["images_per_second"] for row in rows]))
    return 60.0 * rate / batches.batch_size
