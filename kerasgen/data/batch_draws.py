"""Random numbers of a batch, the same for any number of replicas that share it."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from kerasgen.data.random_streams import stream_key


@dataclass(frozen=True)
class Draw:
    """Random numbers of some rows of one global batch.

    Attributes:
        seed: Any integer.
        step: Number of the batch, int64.
        first: Index of the first row.
        rows: Number of rows.
        batch_size: Rows in the global batch.
    """

    seed: int
    step: tf.Tensor
    first: tf.Tensor
    rows: int
    batch_size: int

    def _seed(self, stream: int) -> tf.Tensor:
        return tf.stack([tf.constant(stream_key(self.seed, stream), tf.int64), self.step])

    def _own(self, whole: tf.Tensor) -> tf.Tensor:
        # Drawn for the global batch, then cut: the same numbers for any number of replicas.
        part = whole[self.first : self.first + self.rows]
        part.set_shape([self.rows, whole.shape[1]])
        return part

    def uniform(self, columns: int, stream: int) -> tf.Tensor:
        """``[rows, columns]`` float32, uniform in [0, 1)."""
        shape = [self.batch_size, columns]
        return self._own(tf.random.stateless_uniform(shape, self._seed(stream)))

    def normal(self, columns: int, stream: int) -> tf.Tensor:
        """``[rows, columns]`` float32, standard normal."""
        shape = [self.batch_size, columns]
        return self._own(tf.random.stateless_normal(shape, self._seed(stream)))

    def indices(self, count: int, stream: int) -> tf.Tensor:
        """``[rows]`` int64; every epoch visits each of ``count`` indices once, in its own order."""
        position = self.step * self.batch_size + self.first + tf.range(self.rows, dtype=tf.int64)
        epoch = position // count
        key = tf.fill([self.rows], tf.constant(stream_key(self.seed, stream), tf.int64))
        # The raw op takes a seed for each row, since a batch can span two epochs.
        return tf.raw_ops.RandomIndexShuffle(
            index=position % count,
            seed=tf.stack([key, epoch, tf.zeros_like(key)], axis=1),
            max_index=tf.constant(count - 1, tf.int64),
        )
