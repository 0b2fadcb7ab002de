"""Checkpoints of a step: everything it owns, and the position in the run."""

from __future__ import annotations

import logging
from pathlib import Path

import tensorflow as tf

from kerasgen.io.names import plain_path
from kerasgen.training.step import Step

_FOLDER = "checkpoints"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


class NonFiniteState(ArithmeticError):
    """A loss or a weight is NaN or infinite; the message has the step and the last checkpoint."""


class Checkpoints:
    """The last few states of one phase, in a folder for each worker.

    ``CheckpointManager`` records a checkpoint only once it is complete: if a process is killed
    while it writes, the previous one is still the latest. All workers and replicas have the same
    state, so each worker can go on from the checkpoint of any other.

    Args:
        phase: The phase's folder.
        step: Its ``state()`` is what is kept.
        keep: How many checkpoints stay on disk.
        worker: Number of this worker; number 0 writes to ``checkpoints``, and number 1 to
            ``checkpoints-worker1``.
    """

    def __init__(self, phase: Path, step: Step, keep: int, worker: int = 0) -> None:
        self._phase = phase
        folder = phase / (f"{_FOLDER}-worker{worker}" if worker else _FOLDER)
        self._position = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._state = step.state()
        self._checkpoint = tf.train.Checkpoint(position=self._position, state=self._state)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, plain_path(folder), max_to_keep=keep, checkpoint_name="step"
        )

    @property
    def steps(self) -> dict[int, str]:
        """Step -> path prefix of every complete checkpoint in the phase's folder, the newest last.

        Of a step that several workers saved it is the file of this one.
        """
        paths = [path for folder in self._phase.glob(f"{_FOLDER}*") for path in _recorded(folder)]
        complete = {_step_of(path): path for path in (*paths, *self._own) if _whole(path)}
        return dict(sorted(complete.items()))

    @property
    def latest(self) -> str | None:
        """Path prefix of this worker's newest complete checkpoint, or None."""
        return next((path for path in reversed(self._own) if _whole(path)), None)

    @property
    def _own(self) -> list[str]:
        return list(self._manager.checkpoints)

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
        for path in self._own:
            if _step_of(path) > step and _step_of(path) not in complete:
                logging.getLogger(__name__).warning(
                    "%s is not complete: going on from %s.", path, complete.get(step, "the start")
                )
        if not step:
            return 0
        path = complete[step]
        self._check_fit(path)
        self._checkpoint.restore(path).assert_existing_objects_matched().expect_partial()
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

    def _check_fit(self, path: str) -> None:
        saved = {
            name.removeprefix("state/").removesuffix(_SUFFIX): tuple(shape)
            for name, shape in tf.train.list_variables(path)
            if name.startswith("state/")
        }
        current = {name: tuple(variable.shape) for name, variable in self._state.items()}
        names = [*current, *(name for name in saved if name not in current)]
        if wrong := [name for name in names if saved.get(name) != current.get(name)]:
            name = wrong[0]
            raise ValueError(
                f"The checkpoint {path} was written by other networks, optimizers or sizes: use "
                f"the settings of that run or another work folder. First difference: {name} has "
                f"shape {current.get(name)} here and {saved.get(name)} there ({len(wrong)} "
                "differ)."
            )


def _recorded(folder: Path) -> list[str]:
    """Path prefixes of the checkpoints that a worker has recorded, the newest last."""
    state = tf.train.get_checkpoint_state(plain_path(folder))
    return list(state.all_model_checkpoint_paths) if state else []


def _whole(path: str) -> bool:
    """Whether the index, which is written last, and every part of the data are there."""
    prefix = Path(path)
    names = [each.name for each in prefix.parent.iterdir() if each.name.startswith(prefix.name)]
    parts = [name for name in names if name.startswith(f"{prefix.name}.data-")]
    return f"{prefix.name}.index" in names and bool(parts) and parts[0].endswith(f"{len(parts):05}")


def _step_of(path: str) -> int:
    return int(path.rpartition("-")[2])
