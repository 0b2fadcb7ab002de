"""Batches as a pure function of (seed, step), so that every run can be resumed exactly.

The order of an epoch comes from ``index_shuffle``, augmentation and latents from stateless ops. A
dataset that starts at step n equals the resumed dataset, under every distribution strategy: each
replica takes its rows of the same global batch.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgen.data.augmentation import NUMBERS_PER_PICTURE, Augmentation, augment
from kerasgen.data.batch_draws import Draw
from kerasgen.data.random_streams import Stream
from kerasgen.io.folders import list_images
from kerasgen.io.images import Fit, read_image, read_pictures, to_float

MEMORY_LIMIT = 512 * 2**20
"""Largest number of bytes of uint8 pictures that are kept in memory."""

_PARALLEL = 2
"""Batches prepared in parallel."""

_FOREVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class Pictures:
    """A set of pictures to draw from, in memory or on disk.

    Attributes:
        count: Number of pictures.
        image_shape: (height, width, channels).
        gather: ``[n]`` int64 indices -> ``[n, H, W, C]`` uint8; a TensorFlow function.
        labels: ``[count]`` int32, or None.
        class_names: Names of the labels; empty if unknown.
        digest: Of pixels and labels; of names and sizes for files read on demand. A run is not
            continued with other pictures.
    """

    count: int
    image_shape: tuple[int, int, int]
    gather: Callable[[tf.Tensor], tf.Tensor]
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    digest: str = ""

    @classmethod
    def from_array(
        cls,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        class_names: Sequence[str] = (),
    ) -> Pictures:
        """Pictures in memory.

        Args:
            images: ``[N, H, W, C]`` uint8.
            labels: ``[N]`` integers, or None.
            class_names: Names of the labels, so that a run is not continued with renamed classes.

        Raises:
            ValueError: If the array is empty or of another shape or dtype, or the number of labels
                differs.
        """
        if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
            raise ValueError(
                "`images` must be [N, H, W, C] uint8 with N above 0. "
                f"Received: shape={images.shape}, dtype={images.dtype}"
            )
        if labels is not None and len(labels) != len(images):
            raise ValueError(
                f"`labels` must have one entry per picture. Received: {len(labels)} labels for "
                f"{len(images)} images"
            )
        resident = tf.constant(images)
        shape = tuple(images.shape[1:])
        kept = None if labels is None else np.asarray(labels, np.int32)
        digest = array_digest(repr(shape).encode(), images, kept)

        def gather(indices: tf.Tensor) -> tf.Tensor:
            return tf.gather(resident, indices)

        return cls(len(images), shape, gather, kept, tuple(class_names), digest)

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        size: int | tuple[int, int],
        *,
        channels: int = 3,
        fit: Fit = "crop",
        memory_limit: int = MEMORY_LIMIT,
    ) -> Pictures:
        """All pictures below a folder, kept in memory or read on demand, depending on their size.

        Args:
            folder: Read with ``kerasgen.io.images``: nested folders, all common formats.
            size: Side, or (height, width), in pixels.
            channels: 1 or 3.
            fit: How to handle other aspect ratios, see ``read_image``.
            memory_limit: Largest number of bytes of pixels to keep in memory.

        Raises:
            ValueError: If the folder is missing or has no readable picture.
        """
        height, width = (size, size) if isinstance(size, int) else size
        paths = list_images(folder, count_others=True)
        if len(paths) * height * width * channels <= memory_limit:
            return cls.from_array(read_pictures(folder, paths, size, channels, fit).images)
        names = tf.constant([os.fsencode(path) for path in paths])
        shape = (height, width, channels)

        def read(name: bytes | np.ndarray) -> np.ndarray:
            # Bytes in a graph, an array of one when called eagerly.
            path = os.fsdecode(np.asarray(name).item())
            return read_image(path, (height, width), channels, fit)

        def gather(indices: tf.Tensor) -> tf.Tensor:
            def one(name: tf.Tensor) -> tf.Tensor:
                return tf.ensure_shape(tf.numpy_function(read, [name], tf.uint8), shape)

            return tf.map_fn(one, tf.gather(names, indices), fn_output_signature=tf.uint8)

        root = Path(folder)
        files = [f"{path.relative_to(root)} {path.stat().st_size}" for path in paths]
        digest = array_digest(repr((shape, fit, files)).encode("utf-8", "surrogateescape"))
        return cls(len(paths), shape, gather, digest=digest)


@dataclass(frozen=True)
class Batches:
    """An endless sequence of batches in which batch n depends on n and the seed only.

    Attributes:
        batch_size: Pictures in a global batch, over all replicas.
        make: ``(step, first_row, rows)`` -> these rows of global batch ``step``, as a tuple.
        identity: JSON values that say which batches these are; a trainer does not continue a run
            with others.
    """

    batch_size: int
    make: Callable[[tf.Tensor, tf.Tensor, int], tuple[tf.Tensor, ...]]
    identity: Mapping[str, Any] = field(default_factory=dict)

    def dataset(
        self, start_step: int = 0, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Returns the batches from ``start_step`` on, for the replicas of this worker.

        Args:
            start_step: Index of the first batch.
            context: From ``distribute_datasets_from_function``; None for a single device.

        Returns:
            A dataset of tuples; with a context, the parts of the worker's replicas in turn.

        Raises:
            ValueError: If the batch cannot be divided among the replicas.
        """
        replicas = context.num_replicas_in_sync if context else 1
        workers = context.num_input_pipelines if context else 1
        worker = context.input_pipeline_id if context else 0
        local = replicas // workers
        if self.batch_size % replicas:
            raise ValueError(
                "`batch_size` must be a multiple of the number of replicas. Received: "
                f"batch_size={self.batch_size}, replicas={replicas}"
            )
        rows = self.batch_size // replicas

        def part(position: tf.Tensor) -> tuple[tf.Tensor, ...]:
            replica = worker * local + position % local
            return self.make(position // local, replica * rows, rows)

        positions = tf.data.Dataset.range(start_step * local, _FOREVER)
        batches = positions.map(part, num_parallel_calls=_PARALLEL).prefetch(2 * local)
        # The autotuner's thread sleeps up to a minute, and a finished iterator waits for it: every
        # phase would end with a pause.
        options = tf.data.Options()
        options.autotune.enabled = False
        return batches.with_options(options)


def labelled(
    pictures: Pictures,
    batch_size: int,
    *,
    seed: int,
    augmentation: Augmentation | None = None,
    latent_size: int = 0,
) -> Batches:
    """Returns batches of (images, labels), with latents if ``latent_size`` is above 0.

    Args:
        pictures: Pictures with labels.
        batch_size: Pictures in a global batch.
        seed: Seed of order, augmentation and latents.
        augmentation: Random geometry, or None.
        latent_size: If above 0, a third entry ``[N, latent_size]`` standard normal float32.

    Returns:
        Batches of ``[N, H, W, C]`` float32 in [-1, 1] and ``[N]`` int32.

    Raises:
        ValueError: If the pictures have no labels or the batch size is below 1.
    """
    if pictures.labels is None:
        raise ValueError("`labelled` needs pictures with labels. Received: labels=None")
    _check_batch(batch_size, pictures)
    labels = tf.constant(pictures.labels)

    def make(step: tf.Tensor, first: tf.Tensor, rows: int) -> tuple[tf.Tensor, ...]:
        draw = Draw(seed, step, first, rows, batch_size)
        indices = draw.indices(pictures.count, Stream.FIRST_ORDER)
        images = _load(pictures, indices, augmentation, draw, Stream.FIRST_AUGMENTATION)
        return _with_latent((images, tf.gather(labels, indices)), draw, latent_size)

    identity = {
        "class_names": list(pictures.class_names),
        "pictures": pictures.digest,
        **_options(seed, latent_size, augmentation=augmentation),
    }
    return Batches(batch_size, make, identity)


def unpaired(
    source: Pictures,
    target: Pictures,
    batch_size: int,
    *,
    seed: int,
    augmentation: Augmentation | None = None,
    target_augmentation: Augmentation | None = None,
    latent_size: int = 0,
) -> Batches:
    """Returns batches of unpaired source and target images, with latents if requested.

    Args:
        source: Pictures of one domain, such as renders.
        target: Pictures of the other, such as photographs.
        batch_size: Pictures of each domain in a global batch.
        seed: Seed of orders, augmentation and latents.
        augmentation: Random geometry for the source domain, or None.
        target_augmentation: The same for the target domain. Interpolation blurs a little, and a
            discriminator may learn to recognise a domain by the blur.
        latent_size: If above 0, a third entry ``[N, latent_size]`` standard normal float32.

    Returns:
        Batches of two ``[N, H, W, C]`` float32 in [-1, 1].

    Raises:
        ValueError: If the two differ in channels, or the batch size is below 1.
    """
    if source.image_shape[2] != target.image_shape[2]:
        raise ValueError(
            "Both domains must have the same number of channels. Received: "
            f"source={source.image_shape}, target={target.image_shape}"
        )
    _check_batch(batch_size, source, target)
    domains = (
        (source, augmentation, Stream.FIRST_ORDER, Stream.FIRST_AUGMENTATION),
        (target, target_augmentation, Stream.SECOND_ORDER, Stream.SECOND_AUGMENTATION),
    )

    def make(step: tf.Tensor, first: tf.Tensor, rows: int) -> tuple[tf.Tensor, ...]:
        draw = Draw(seed, step, first, rows, batch_size)
        images = tuple(
            _load(pictures, draw.indices(pictures.count, order), geometry, draw, stream)
            for pictures, geometry, order, stream in domains
        )
        return _with_latent(images, draw, latent_size)

    identity = {
        "source": source.digest,
        "target": target.digest,
        **_options(
            seed, latent_size, augmentation=augmentation, target_augmentation=target_augmentation
        ),
    }
    return Batches(batch_size, make, identity)


def _load(
    pictures: Pictures,
    indices: tf.Tensor,
    augmentation: Augmentation | None,
    draw: Draw,
    stream: int,
) -> tf.Tensor:
    images = to_float(pictures.gather(indices))
    images = tf.ensure_shape(images, [draw.rows, *pictures.image_shape])
    if augmentation is None or augmentation == Augmentation():
        return images
    return augment(images, augmentation, draw.uniform(NUMBERS_PER_PICTURE, stream))


def _with_latent(
    entries: tuple[tf.Tensor, ...], draw: Draw, latent_size: int
) -> tuple[tf.Tensor, ...]:
    if not latent_size:
        return entries
    return (*entries, draw.normal(latent_size, Stream.BATCH_LATENTS))


def array_digest(*parts: bytes | np.ndarray | None) -> str:
    """SHA-256 of the bytes of arrays, one after the other; None is left out."""
    digest = hashlib.sha256()
    for part in parts:
        if part is not None:
            digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _options(
    seed: int, latent_size: int, **augmentations: Augmentation | None
) -> dict[str, int | dict[str, Any]]:
    """What decides about batches beside the pictures, as JSON values; no augmentation is one."""
    geometry = {name: asdict(each or Augmentation()) for name, each in augmentations.items()}
    return {"batch_seed": seed, "latent_size": latent_size, **geometry}


def _check_batch(batch_size: int, *sets: Pictures) -> None:
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}")
    smallest = min(pictures.count for pictures in sets)
    if smallest < batch_size:
        logging.getLogger(__name__).warning(
            "A batch of %d repeats pictures: the smallest set has only %d.", batch_size, smallest
        )
