"""How long updates take: those that fit into some minutes, and the minutes of a run."""

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
    """Updates that fit into some minutes, at a speed measured once and kept with the run.

    Args:
        minutes: Length of the training.
        workdir: Folder of the run; ``pace.json`` there is written, or read if it exists.
        strategy: From ``make_strategy``.
        make_step: Builds networks, players and step; called within the strategy's scope.
        batches: The training batches.

    Returns:
        At least 1.

    Raises:
        ValueError: On several workers, which differ in speed.
    """
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ValueError("Workers differ in speed: use --steps, not --minutes, with several.")
    path = Path(workdir) / "pace.json"
    if not path.exists():
        print("Measuring the speed.")
        write_json(path, {"updates_per_minute": updates_per_minute(strategy, make_step, batches)})
    return max(1, int(minutes * read_json(path)["updates_per_minute"]))


def updates_per_minute(
    strategy: tf.distribute.Strategy, make_step: Callable[[], Step], batches: Batches
) -> float:
    """Speed of 50 updates in a temporary folder.

    Every call gives another number: keep it with the run, or a restart would have another length.

    Args:
        strategy: From ``make_strategy``.
        make_step: Builds networks, players and step; called within the strategy's scope.
        batches: The training batches.

    Returns:
        The median over windows of ten updates.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = TrainerOptions(log_every=_WINDOW, save_every=_WINDOWS * _WINDOW)
        trainer = Trainer(folder, strategy, options)
        with trainer.scope():
            step = make_step()
        trainer.run(step, batches, _WINDOWS * _WINDOW, phase="pace")
        rate = _median_rate(Path(folder) / "pace")
    return 60.0 * rate / batches.batch_size


def minutes_of(phase: str | Path, batch_size: int) -> float:
    """Minutes that a phase takes at its median speed, interruptions not counted.

    Args:
        phase: Its folder, with ``history.csv``.
        batch_size: Pictures in a global batch.

    Returns:
        The minutes; 0 if nothing was recorded.
    """
    if not (Path(phase) / "history.csv").is_file():
        return 0.0
    updates = read_history(Path(phase) / "history.csv")[-1]["step"]
    return updates * batch_size / _median_rate(Path(phase)) / 60.0


def _median_rate(phase: Path) -> float:
    rows = read_history(phase / "history.csv")
    # The first interval includes tracing.
    return float(np.median([row["images_per_second"] for row in rows[1:] or rows]))
