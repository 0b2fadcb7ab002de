"""A pool of past fakes, so that a discriminator does not forget earlier ones."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


class ImagePool:
    """Keeps past synthetic pictures and mixes them with fresh ones.

    All replicas keep the same pictures, those of the global batch: what is exchanged does not
    depend on the number of replicas.

    Shrivastava et al. (2017), arXiv:1612.07828, section 2.3, with the exchange rule of CycleGAN
    (Zhu et al. 2017, arXiv:1703.10593, section 4): until the pool is full, pictures pass unchanged;
    afterwards each is swapped for a stored one with probability ``swap_probability`` (one half in
    CycleGAN; 1 for SimGAN's half-batch from the buffer).

    Differs: the slots exchanged within one batch are distinct, so that the exchange is one gather
    and one scatter inside the traced step.

    Args:
        capacity: Pictures kept; 0 disables the pool.
        image_shape: (height, width, channels) of one picture.
        rows: Largest number of pictures of a global batch that are exchanged at once.
        swap_probability: In [0, 1].

    Raises:
        ValueError: If the capacity is neither 0 nor at least ``rows``, or the probability
            is out of range.
    """

    def __init__(
        self,
        capacity: int,
        image_shape: Sequence[int],
        rows: int,
        *,
        swap_probability: float = 0.5,
    ) -> None:
        if capacity != 0 and capacity < rows:
            raise ValueError(
                "`capacity` must be 0 or at least the global batch. "
                f"Received: capacity={capacity}, rows={rows}"
            )
        if not 0.0 <= swap_probability <= 1.0:
            raise ValueError(
                "`swap_probability` must be in [0, 1]. "
                f"Received: swap_probability={swap_probability}"
            )
        self.capacity = capacity
        self.swap_probability = swap_probability
        # ON_READ: every replica writes its own copy, and nothing is sent; all write the same.
        options = {
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        self.images = tf.Variable(tf.zeros([capacity, *image_shape]), name="pool_images", **options)
        self.count = tf.Variable(tf.zeros([], tf.int32), name="pool_count", **options)

    @property
    def variables(self) -> list[tf.Variable]:
        """The variables to save: pictures and count, the same on every replica."""
        return [self.images, self.count]

    def exchange(self, images: tf.Tensor, swap: tf.Tensor, priorities: tf.Tensor) -> tf.Tensor:
        """Exchanges some of the pictures for stored ones.

        Args:
            images: ``[N, H, W, C]`` float32 in [-1, 1], this replica's fresh fakes.
            swap: ``[M]`` uniform in [0, 1), for the M pictures of all replicas; a picture with a
                number below the swap probability is swapped.
            priorities: ``[capacity]`` uniform in [0, 1); the M largest choose the slots.

        Returns:
            ``[N, H, W, C]`` float32 in [-1, 1], for this replica.
        """
        if self.capacity == 0:
            return images
        fresh = _of_all_replicas(tf.cast(tf.stop_gradient(images), tf.float32))
        size = tf.shape(fresh)[0]
        count = self.count.read_value()
        filling = count < self.capacity
        chosen = tf.math.top_k(priorities, size).indices
        slots = tf.where(filling, (count + tf.range(size)) % self.capacity, chosen)
        swapped = tf.logical_and(swap < self.swap_probability, tf.logical_not(filling))[
            :, None, None, None
        ]
        pool = self.images.read_value()
        stored = tf.gather(pool, slots)
        mixed = tf.where(swapped, stored, fresh)
        keep_stored = tf.logical_not(tf.logical_or(swapped, filling))
        updates = tf.where(keep_stored, stored, fresh)
        self.images.assign(tf.tensor_scatter_nd_update(pool, slots[:, None], updates))
        self.count.assign(tf.minimum(count + size, self.capacity))
        return tf.cast(_own_rows(mixed, images.shape[0]), images.dtype)


def _of_all_replicas(images: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, in the order of the global batch."""
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    if replicas == 1:
        return images
    everyone = context.all_gather(images, axis=0)
    return tf.ensure_shape(everyone, [images.shape[0] * replicas, *images.shape[1:]])


def _own_rows(images: tf.Tensor, rows: int) -> tf.Tensor:
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * rows
    return tf.ensure_shape(images[start : start + rows], [rows, *images.shape[1:]])
