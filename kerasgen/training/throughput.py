"""How many updates fit into some minutes? Tried once, on a network that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasgen.data.pipeline import Batches
from kerasgen.io.files import read_json, write_json
from kerasgen.training.run_log import read_history
from kerasgen.training.step import Step
from kerasgen.training.trainer import Trainer, TrainerOptions

_WINDOWS = 5
_WINDOW = 10
"""Updates between two readings; the first window also traces and does not count."""


def updates_in(
    minutes: float,
    workdir: str | Path,
    strategy: tf.distribute.Strategy,
    make_step: Callable[[], Step],
    batches: Batches,
) -> int:
    """Updates that take some minutes, at a pace measured once and kept with the run.

    Args:
        minutes: Length of the training.
        workdir: Folder of the run; ``pace.json`` there is made, or read if it is there.
        strategy: From ``make_strategy``.
        make_step: As for ``updates_per_minute``.
        batches: The same.

    Returns:
        At least 1.

    Raises:
        ValueError: On several workers, which differ in pace.
    """
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ValueError("Workers differ in pace: give --steps, not --minutes, on several.")
    path = Path(workdir) / "pace.json"
    if not path.exists():
        print("Measuring the pace.")
        write_json(path, {"updates_per_minute": updates_per_minute(strategy, make_step, batches)})
    return max(1, int(minutes * read_json(path)["updates_per_minute"]))


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
