"""The training loop: steps on every replica, checkpoints, logs, and a stop on a signal."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgen.data.pipeline import Batches
from kerasgen.io.files import check_writable
from kerasgen.io.interruption import Interruption
from kerasgen.training.checkpoints import Checkpoints, NonFiniteState
from kerasgen.training.layers import check_keras_settings
from kerasgen.training.run_identity import IDENTITY, keep_identity, run_identity
from kerasgen.training.run_log import Report
from kerasgen.training.step import Step
from kerasgen.training.workers import Workers, check_cluster

Action = Callable[[int, Mapping[str, float]], None]
Update = Callable[..., tuple[dict[str, tf.Tensor], tf.Tensor]]

STRATEGIES = ("default", "mirrored", "multiworker")


@functools.cache
def make_strategy(name: str) -> tf.distribute.Strategy:
    """A distribution strategy by name.

    One object per process: a second MirroredStrategy over the same devices would number its
    reductions from the start again, and TensorFlow would confuse them with those of the first.

    Args:
        name: ``"default"`` (one device), ``"mirrored"`` (every GPU of this machine, or every
            logical CPU where there is none) or ``"multiworker"`` (the machines in ``TF_CONFIG``;
            call this before anything else uses TensorFlow).

    Raises:
        ValueError: If the name is none of these, or ``TF_CONFIG`` names no such cluster.
    """
    if name == "default":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        gpus = tf.config.list_logical_devices("GPU")
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multiworker":
        check_cluster()
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise ValueError(f"`name` must be among {STRATEGIES}. Received: name={name!r}")


class Interrupted(SystemExit):
    """SIGTERM or Ctrl-C ended the run after a complete step; everything up to it is saved.

    With several workers, a signal to one of them ends all after the same step.
    """


@dataclass(frozen=True)
class TrainerOptions:
    """How often a run reports and saves.

    Attributes:
        log_every: Steps between two rows of the history and between two calls of the actions;
            a checkpoint also writes a row.
        save_every: Steps between two checkpoints; one is also written at the end and when the
            run is interrupted.
        keep: Checkpoints kept on disk for each phase.
    """

    log_every: int = 50
    save_every: int = 500
    keep: int = 3

    def __post_init__(self) -> None:
        """Rejects counts below 1."""
        for name in ("log_every", "save_every", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {getattr(self, name)}")


class Trainer:
    """Runs steps on every replica, phase by phase, and resumes where it stopped.

    Under MultiWorkerMirroredStrategy every worker runs the same program and keeps checkpoints of
    its own. They go on from the newest step that all of them can restore, from any worker's
    checkpoint in the work folder, so a run may go on with other workers, more or fewer; only the
    ``chief`` logs and calls actions, and only it should write figures and export.

    Build networks, players and steps inside ``scope()``. Each phase has its own folder below the
    work folder, with its own counter, checkpoints and history; a restart skips what is done.

    Args:
        workdir: Folder of the run; created if it does not exist.
        strategy: From ``make_strategy``; the default strategy if ``None``.
        options: How often to report and save.

    Raises:
        ValueError: If the folder cannot be written, or as ``check_keras_settings``.
    """

    def __init__(
        self,
        workdir: str | Path,
        strategy: tf.distribute.Strategy | None = None,
        options: TrainerOptions | None = None,
    ) -> None:
        check_keras_settings()
        self.workdir = Path(workdir)
        self.strategy = strategy or tf.distribute.get_strategy()
        self.options = options or TrainerOptions()
        self._workers = Workers(self.strategy)
        self._traced: tuple[Step, Update] | None = None
        check_writable(self.workdir)
        self.workdir.mkdir(parents=True, exist_ok=True)

    @property
    def chief(self) -> bool:
        """Whether this worker writes logs, sheets, figures and models; always, if it is alone."""
        return self._workers.chief

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self._workers.count

    def scope(self) -> AbstractContextManager[Any]:
        """The scope in which networks, optimizers and steps must be built."""
        return self.strategy.scope()

    def run(
        self,
        step: Step,
        batches: Batches,
        steps: int,
        *,
        phase: str = "train",
        actions: Sequence[Action] = (),
    ) -> int:
        """Trains up to ``steps`` updates of this phase, from the last checkpoint on.

        Args:
            step: The update.
            batches: From ``kerasgen.data.pipeline``; a function of the step number.
            steps: Updates of this phase in all, those of earlier runs included.
            phase: Name of the folder below the work folder.
            actions: Called as ``action(step_number, logs)`` at each logged step, on the chief only.

        Returns:
            The number of updates made so far.

        Raises:
            Interrupted: After SIGTERM or SIGINT, with a checkpoint of the last step.
            NonFiniteState: If a loss is NaN or infinite; earlier checkpoints stay.
            RuntimeError: If another worker ended or cannot be reached.
            ValueError: If ``batches`` are something else, if the folder was begun with other
                networks, batches or learning-rate schedules, or if the workers differ in these or
                have no checkpoint of the same step.
        """
        if not isinstance(batches, Batches):
            raise ValueError(
                "`batches` must come from `kerasgen.data`, such as `labelled` or `unpaired`: a "
                "dataset cannot be entered at any step, so the run could not be resumed. "
                f"Received: batches={batches!r}"
            )
        with self._workers.lost_ones_named():
            return self._run(step, batches, steps, phase, actions)

    def from_chief(self, numbers: Sequence[float]) -> list[float]:
        """The chief's numbers, such as a score that decides what all workers do next.

        Every worker must call it at the same point.

        Args:
            numbers: Those of this worker; only the chief's count.

        Returns:
            The chief's, exactly, on every worker.

        Raises:
            RuntimeError: If another worker ended or cannot be reached.
        """
        with self._workers.lost_ones_named():
            return self._workers.from_chief(numbers)

    def check(self, step: Step, batches: Batches, *, phase: str = "train") -> None:
        """Checks that a phase was begun with these optimizers and batches, if it was begun.

        Args:
            step: As for ``run``.
            batches: As for ``run``.
            phase: As for ``run``.

        Raises:
            ValueError: If it was begun with others; the message names the first difference.
        """
        if (self.workdir / phase / IDENTITY).exists():
            keep_identity(self.workdir / phase, run_identity(step, batches), begun=True)

    def _run(
        self, step: Step, batches: Batches, steps: int, phase: str, actions: Sequence[Action]
    ) -> int:
        folder = self.workdir / phase
        check_writable(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with self.strategy.scope():
            # Every worker saves: should the machine of one be lost, the others have its state.
            checkpoints = Checkpoints(folder, step, self.options.keep, self._workers.index)
        start = self._begin(folder, checkpoints, run_identity(step, batches), steps)
        if start >= steps:
            if self.chief:
                print(f"{phase}: {start} of {steps} steps are done already.", flush=True)
            return start
        report = Report(
            folder if self.chief else None,
            phase=phase,
            start=start,
            total=steps,
            batch_size=batches.batch_size,
        )
        with Interruption() as interruption, report:
            self._loop(
                step,
                batches,
                range(start + 1, steps + 1),
                checkpoints,
                report,
                interruption,
                actions,
            )
        return steps

    def _begin(
        self, folder: Path, checkpoints: Checkpoints, identity: Mapping[str, Any], steps: int
    ) -> int:
        """Restores the newest step that all workers have, of this same run."""
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).digest()
        self._workers.check_same(steps=steps, identity=int.from_bytes(digest[:4], "big"))
        start = self._workers.newest_shared_step(list(checkpoints.steps))
        keep_identity(folder, identity, begun=start > 0)
        return checkpoints.restore(start)

    def _loop(
        self,
        step: Step,
        batches: Batches,
        numbers: range,
        checkpoints: Checkpoints,
        report: Report,
        interruption: Interruption,
        actions: Sequence[Action],
    ) -> None:
        iterator = iter(self._distributed(batches, numbers.start - 1))
        update = self._update_function(step)
        window = _LossWindow()
        signals = tf.zeros([1, 1], tf.int64)
        for number in numbers:
            before = time.monotonic()
            batch = next(iterator)
            report.waited(time.monotonic() - before)
            # What the workers reported with the update before: reading it waits for nothing new.
            reported = signals
            losses, signals = update(tf.constant([bool(interruption.name)]), *batch)
            window.add(number, losses)
            # Read once: a signal that comes while this step is reported waits for the next.
            stopped = bool(interruption.name if self.workers == 1 else np.any(reported))
            stop = stopped or number == numbers[-1]
            log = stop or number % self.options.log_every == 0
            save = stop or number % self.options.save_every == 0
            logs: Mapping[str, float] = {}
            if log or save:
                logs = report.log(number, window.drain(checkpoints.latest))
            if save:
                checkpoints.save(number)
            if stopped:
                break
            if log and self.chief:
                with report.summaries():
                    for action in actions:
                        action(number, logs)
        if np.any(self._workers.gather([bool(interruption.name)])):
            raise Interrupted(_stop_message(interruption.name, number, self.workdir))

    def _distributed(self, batches: Batches, start_step: int) -> Any:
        return self.strategy.distribute_datasets_from_function(
            lambda context: batches.dataset(start_step, context)
        )

    def _update_function(self, step: Step) -> Update:
        # Tracing a large network can take longer than the steps between two validations.
        if self._traced is not None and self._traced[0] is step:
            return self._traced[1]

        @tf.function
        def update(signal: tf.Tensor, *batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            losses = self.strategy.run(step, args=batch)
            means = {
                name: self.strategy.reduce(tf.distribute.ReduceOp.MEAN, loss, axis=None)
                for name, loss in losses.items()
            }
            return means, self._workers.gather(signal)

        self._traced = (step, update)
        return update


class _LossWindow:
    """The losses since the last report, left on the device until they are needed."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._losses: list[dict[str, tf.Tensor]] = []

    def add(self, number: int, losses: dict[str, tf.Tensor]) -> None:
        self._numbers.append(number)
        self._losses.append(losses)

    def drain(self, last_checkpoint: str | None) -> dict[str, float]:
        """Means over the window; raises at the first step whose loss is not finite."""
        rows = [{name: float(loss) for name, loss in row.items()} for row in self._losses]
        for number, row in zip(self._numbers, rows, strict=True):
            for name, value in row.items():
                if not math.isfinite(value):
                    raise NonFiniteState(
                        f"{name} is {value} at step {number}: the run is stopped. Lower the "
                        "learning rate or clip gradients. The last good checkpoint is "
                        f"{last_checkpoint}."
                    )
        self._numbers.clear()
        self._losses.clear()
        return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _stop_message(name: str, step: int, workdir: Path) -> str:
    return (
        f"{name or 'Another worker was stopped'}: stopped after step {step}; everything is saved "
        f"in {workdir}. Run the same command again to continue from there."
    )
