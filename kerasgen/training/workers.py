"""The workers of a run, one process each: who writes, and from which step all of them go on."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

_SHOWN = 16
"""Largest number of checkpoints that a worker names."""


_EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'


def check_cluster() -> None:
    """Checks the workers in ``TF_CONFIG``, before any of them waits for the others.

    Raises:
        ValueError: If it is no JSON of a cluster of workers, or this one is not among them.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        addresses = [each for job in ("chief", "worker") for each in jobs.get(job, [])]
        found = jobs[task["type"]][int(task["index"])] in addresses and int(task["index"]) >= 0
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        found = False
    if not found or len(set(addresses)) < len(addresses):
        raise ValueError(
            "TF_CONFIG must name the address of each worker once, and which of them this is, such "
            f"as {_EXAMPLE}. Received: TF_CONFIG={text!r}"
        )


class Workers:
    """The processes that train together under a strategy; one without MultiWorkerMirroredStrategy.

    Args:
        strategy: From ``make_strategy``.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        self.count, self.index = 1, 0
        # Traced once, for any number of numbers.
        row = tf.TensorSpec([1, None], tf.int64)
        self._collect = tf.function(self._every_row, input_signature=[row])
        resolver = strategy.cluster_resolver
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and resolver.task_type:
            spec = resolver.cluster_spec()
            jobs = [job for job in ("chief", "worker") if job in spec.jobs]
            self.count = sum(spec.num_tasks(job) for job in jobs)
            before = jobs[: jobs.index(resolver.task_type)]
            self.index = resolver.task_id + sum(spec.num_tasks(job) for job in before)

    @property
    def chief(self) -> bool:
        """Whether this is the one worker that writes logs, sheets, figures and models."""
        return self.index == 0

    def gather(self, values: tf.Tensor | Sequence[int]) -> tf.Tensor:
        """Collects numbers from all workers; every worker must call it at the same point.

        Args:
            values: ``[K]`` integers of this worker.

        Returns:
            ``[workers, K]`` int64, in the order of the workers.
        """
        row = tf.cast(tf.convert_to_tensor(values), tf.int64)[None]
        if self.count == 1:
            return row

        # Each replica of a worker sends the same row.
        return self._collect(row)[:: self._strategy.num_replicas_in_sync // self.count]

    def _every_row(self, row: tf.Tensor) -> tf.Tensor:
        def send(row: tf.Tensor) -> tf.Tensor:
            # A copy, since the collective needs a tensor that is on the replica's device.
            return tf.distribute.get_replica_context().all_gather(tf.identity(row), axis=0)

        found = self._strategy.run(send, args=(row,))
        return self._strategy.experimental_local_results(found)[0]

    def from_chief(self, numbers: Sequence[float]) -> list[float]:
        """The chief's numbers; every worker must call it at the same point.

        Args:
            numbers: Those of this worker; only the chief's count.

        Returns:
            The chief's, bit for bit.
        """
        count = int(self.gather([len(numbers)])[0, 0])
        if not count:
            return []
        own = np.zeros(count) if not self.chief else np.asarray(numbers, np.float64)
        # As integers, since that is what is collected.
        found: np.ndarray = self.gather(own.view(np.int64)).numpy()[0]
        return [float(number) for number in found.view(np.float64)]

    @contextlib.contextmanager
    def lost_ones_named(self) -> Iterator[None]:
        """Within the block TensorFlow's errors say that another worker is gone, if there are any.

        Raises:
            RuntimeError: In place of TensorFlow's error.
        """
        try:
            yield
        except tf.errors.OpError as error:
            if self.count == 1:
                raise
            raise RuntimeError(
                "Another worker ended or cannot be reached. Run the same command again on all "
                "workers, or on those that are left, to continue from the newest step that all "
                "have saved."
            ) from error

    def check_same(self, **values: int) -> None:
        """Checks that all workers were started alike.

        Args:
            **values: Integers by name.

        Raises:
            ValueError: If a value differs between workers.
        """
        rows = self.gather(list(values.values())).numpy()
        for name, column in zip(values, rows.T, strict=True):
            if len(set(column.tolist())) > 1:
                raise ValueError(
                    "All workers must be started with the same settings, data and length. "
                    f"Received: {name}={column.tolist()}"
                )

    def newest_shared_step(self, steps: Sequence[int]) -> int:
        """The newest step that every worker can restore.

        Args:
            steps: Positive steps of the checkpoints that this worker can restore.

        Returns:
            The step; 0 if no worker has a checkpoint.

        Raises:
            ValueError: If some worker has a checkpoint, but no step is common to all. All workers
                raise it, and it names the steps of each.
        """
        newest = sorted(steps)[-_SHOWN:]
        rows = self.gather([*newest, *[0] * (_SHOWN - len(newest))]).numpy()
        found = [{step for step in row.tolist() if step} for row in rows]
        if shared := set.intersection(*found):
            return max(shared)
        if not any(found):
            return 0
        names = "; ".join(
            f"worker {index}: {', '.join(map(str, sorted(each))) or 'none'}"
            for index, each in enumerate(found)
        )
        raise ValueError(
            "The workers have no checkpoint of the same step, so they cannot go on together: use "
            "one work folder for all, or copy a worker's checkpoint folder to those that lack it, "
            "or delete those of all workers to start again. "
            f"Received: steps of {names}"
        )
