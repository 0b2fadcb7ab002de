"""Checkpoints of a step: everything it owns, every replica's part, and the position in the run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import tensorflow as tf

from kerasgen.io.names import plain_path
from kerasgen.training.step import Step

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


class NonFiniteState(ArithmeticError):
    """A loss or a weight is NaN or infinite; the message has the step and the last checkpoint."""


class Checkpoints:
    """The last few states of one phase, in one folder.

    ``CheckpointManager`` records a checkpoint only once it is complete: if a process is killed
    while it writes, the previous one is still the latest.

    Args:
        folder: Where the files are.
        step: Its ``state()`` is what is kept.
        strategy: Names the replicas whose own variables (image pools) are kept one by one.
        keep: How many checkpoints stay on disk.
    """

    def __init__(
        self, folder: Path, step: Step, strategy: tf.distribute.Strategy, keep: int
    ) -> None:
        self._position = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._state, self._replica_names = _by_replica(step.state(), strategy)
        self._checkpoint = tf.train.Checkpoint(position=self._position, state=self._state)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, plain_path(folder), max_to_keep=keep, checkpoint_name="step"
        )

    @property
    def steps(self) -> dict[int, str]:
        """Step -> path prefix of every complete checkpoint, the newest last."""
        complete = {_step_of(path): path for path in self._manager.checkpoints if _whole(path)}
        return dict(sorted(complete.items()))

    @property
    def latest(self) -> str | None:
        """Path prefix of the newest complete checkpoint, or None."""
        return next(reversed(self.steps.values()), None)

    def restore(self, step: int | None = None) -> int:
        """Loads a complete checkpoint, if there is one.

        Args:
            step: One of ``steps``, or 0 to load none; None for the newest.

        Returns:
            The step it was saved at; 0 if there is none.

        Raises:
            ValueError: If it was written by other networks or optimizers.
        """
        complete = self.steps
        step = max(complete, default=0) if step is None else step
        for path in self._manager.checkpoints:
            if _step_of(path) > step and _step_of(path) not in complete:
                logging.getLogger(__name__).warning(
                    "%s is not complete: going on from %s.", path, complete.get(step, "the start")
                )
        if not step:
            return 0
        path = complete[step]
        missing = self._check_fit(path)
        status = self._checkpoint.restore(path)
        if missing:
            logging.getLogger(__name__).warning(
                "%s has no image pool for %d of the current replicas: those start empty.",
                path,
                missing,
            )
        else:
            status.assert_existing_objects_matched()
        # Pools of replicas that no longer exist are ignored without a warning.
        status.expect_partial()
        return int(self._position.numpy())

    def save(self, position: int) -> str:
        """Writes a checkpoint, if all numbers in it are finite.

        Raises:
            NonFiniteState: If any floating-point variable holds NaN or infinity.
        """
        for name, variable in self._state.items():
            value = tf.convert_to_tensor(variable)
            if value.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(value))):
                raise NonFiniteState(
                    f"The variable {name} is not finite at step {position}; it was not saved. "
                    f"The last good checkpoint is {self.latest}."
                )
        self._position.assign(position)
        return str(self._manager.save(checkpoint_number=position))

    def _check_fit(self, path: str) -> int:
        saved = {
            name.removeprefix("state/").removesuffix(_SUFFIX): tuple(shape)
            for name, shape in tf.train.list_variables(path)
            if name.startswith("state/")
        }
        current = {name: tuple(variable.shape) for name, variable in self._state.items()}
        wrong = [
            name
            for name, shape in current.items()
            if saved.get(name, None if name not in self._replica_names else shape) != shape
        ]
        gone = [name for name in saved if name not in current and not _is_replica_part(name)]
        if wrong or gone:
            name = (wrong + gone)[0]
            raise ValueError(
                f"The checkpoint {path} was written by other networks, optimizers or sizes: use "
                f"the settings of that run or another work folder. First difference: {name} has "
                f"shape {current.get(name)} here and {saved.get(name)} there ({len(wrong + gone)} "
                "differ)."
            )
        return sum(name not in saved for name in current)


def _by_replica(
    state: dict[str, Any], strategy: tf.distribute.Strategy
) -> tuple[dict[str, Any], set[str]]:
    """Splits variables that each replica writes for itself into one entry a replica.

    A checkpoint of the distributed variable would hold the first replica's pictures only.
    """
    split: dict[str, Any] = {}
    replica_names: set[str] = set()
    for name, variable in state.items():
        if variable.synchronization != tf.VariableSynchronization.ON_READ:
            split[name] = variable
            continue
        for index, part in enumerate(strategy.experimental_local_results(variable)):
            split[f"{name}-replica{index}"] = part
            replica_names.add(f"{name}-replica{index}")
    return split, replica_names


def _is_replica_part(name: str) -> bool:
    return "-replica" in name


def _whole(path: str) -> bool:
    """Whether the index, which is written last, and every part of the data are there."""
    prefix = Path(path)
    names = [each.name for each in prefix.parent.iterdir() if each.name.startswith(prefix.name)]
    parts = [name for name in names if name.startswith(f"{prefix.name}.data-")]
    return f"{prefix.name}.index" in names and bool(parts) and parts[0].endswith(f"{len(parts):05}")


def _step_of(path: str) -> int:
    return int(path.rpartition("-")[2])
