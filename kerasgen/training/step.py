"""``Player``: weights and the optimizer that moves them. ``Step``: one update, given a batch."""

from __future__ import annotations

import abc
import contextlib
import contextvars
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasgen.data.random_streams import STREAMS, Stream, part_key, stream_key
from kerasgen.training.diff_augment import NUMBERS_PER_PICTURE, diff_augment
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.layers import has_statistics, measure_statistics, share_dropout

__all__ = ["STREAMS", "Player", "Step", "Stream"]

# A variable of the context, since each replica traces the step in a thread of its own.
_part: contextvars.ContextVar[int] = contextvars.ContextVar("part", default=0)


class Player:
    """One side of an adversarial game: the weights it may move and the optimizer that moves them.

    The trainable variables are captured here, once. Keras 3 reads ``trainable`` at each call: a
    list taken later, from a network that was frozen meanwhile, would be empty and the network would
    silently never learn.

    Build it inside ``trainer.scope()``: it also builds the optimizer, whose variables must exist
    before the first replica step. For networks that compute in float16 the optimizer is wrapped in
    a ``LossScaleOptimizer``: without it small gradients would be 0.

    Args:
        models: One network or several.
        optimizer: A Keras optimizer that no other player has; with ``use_ema=True`` for averaged
            weights.
        clip_norm: Largest global norm of the gradient of the *global* batch; ``None`` for no limit.

    Raises:
        ValueError: If there is no trainable variable, or the optimizer has an option that gives
            other results on several replicas than on one; for float16 with several replicas
            (keras#18666) or with ``clip_norm``.
    """

    def __init__(
        self,
        models: keras.Model | Sequence[keras.Model],
        optimizer: keras.optimizers.Optimizer,
        *,
        clip_norm: float | None = None,
    ) -> None:
        models = [models] if isinstance(models, keras.Model) else list(models)
        self.variables = [v for model in models for v in model.trainable_variables]
        if not self.variables:
            names = [model.name for model in models]
            raise ValueError(
                "A player needs at least one trainable variable: capture the network before it is "
                f"frozen. Received: models={names}"
            )
        _reject_unsafe_options(optimizer)
        self._layers = [layer for model in models for layer in model._flatten_layers()]
        for layer in self._layers:
            if type(layer) is keras.layers.Dropout:
                share_dropout(layer)
            elif tf.distribute.get_strategy().num_replicas_in_sync > 1:
                _reject_random(layer)
        optimizer = _scaled(optimizer, self._layers)
        if clip_norm is not None and isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            raise ValueError(
                "`clip_norm` would clip scaled gradients: use mixed_bfloat16 or no clipping. "
                f"Received: clip_norm={clip_norm} with a LossScaleOptimizer"
            )
        self.optimizer = optimizer
        self.clip_norm = clip_norm
        optimizer.build(self.variables)

    def minimize(self, loss_fn: Callable[[], tf.Tensor]) -> tf.Tensor:
        """Computes ``loss_fn()`` on this replica's batch, moves the weights, returns the loss."""
        with tf.GradientTape() as tape:
            loss = loss_fn()
        self.descend(tape, loss)
        return loss

    def descend(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Moves the weights down the gradient of a loss recorded on ``tape``.

        With a persistent tape, several players can share one forward pass.

        Args:
            tape: The tape that recorded the loss.
            loss: Scalar, the mean over this replica's part of the batch.

        Raises:
            ValueError: If the loss does not depend on any of the player's weights.
        """
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        # The one place where losses are scaled: `apply` sums gradients over the replicas. Scaling
        # the output gradient rather than the results also covers sparse (IndexedSlices) gradients.
        weight = tf.cast(self.optimizer.scale_loss(tf.ones_like(loss) / replicas), loss.dtype)
        values = [variable.value for variable in self.variables]
        gradients = tape.gradient(loss, values, output_gradients=weight)
        if all(gradient is None for gradient in gradients):
            raise ValueError(
                "The loss does not depend on any weight of this player. "
                f"Received: variables={[v.path for v in self.variables[:3]]}"
            )
        gradients = [
            tf.zeros_like(value) if gradient is None else gradient
            for gradient, value in zip(gradients, values, strict=True)
        ]
        self.optimizer.apply(self._clipped(gradients), self.variables)

    def _clipped(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        if self.clip_norm is None:
            return gradients
        # The norm that counts is that of the whole batch: sum first, clip, and divide again
        # because `apply` sums once more.
        context = tf.distribute.get_replica_context()
        # Sparse gradients are made dense: the same row can come twice in one, and its norm is that
        # of the sum.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        clipped, _ = tf.clip_by_global_norm(summed, self.clip_norm)
        return [gradient / context.num_replicas_in_sync for gradient in clipped]

    @contextlib.contextmanager
    def averaged(self, passes: Iterable[Any] | None = None) -> Iterator[None]:
        """Within the block the networks hold their moving-average weights, if there are any.

        Use it around sampling, measuring and exporting, never around a training step. Batch
        statistics of the raw weights do not fit the averages: they are measured again, and all
        variables are put back after the block.

        Args:
            passes: Each item runs the networks once in training mode, on another batch, as
                ``AdversarialStep.averaged`` does. Not used without batch normalisation.

        Raises:
            ValueError: If there is batch normalisation that learns, and no pass.
        """
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        # Before the first step Keras's averages are all zero.
        if not inner.use_ema or not inner.iterations.numpy():
            yield
            return
        normalisations = [each for each in self._layers if has_statistics(each)]
        owned = {id(each): each for layer in self._layers for each in layer.variables}
        current = [(variable, variable.numpy()) for variable in owned.values()]
        try:
            averages = inner._model_variables_moving_average
            for variable, average in zip(self.variables, averages, strict=True):
                variable.assign(average.numpy())
            if normalisations:
                measure_statistics(normalisations, passes or ())
            yield
        finally:
            for variable, value in current:
                variable.assign(value)


def _scaled(
    optimizer: keras.optimizers.Optimizer, layers: Sequence[keras.layers.Layer]
) -> keras.optimizers.Optimizer:
    """The optimizer with loss scaling, if a layer computes in float16."""
    scaling = keras.optimizers.LossScaleOptimizer
    if all(layer.compute_dtype != "float16" for layer in layers):
        return optimizer
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        raise ValueError(
            "float16 needs loss scaling, which works on one replica only: use mixed_bfloat16. "
            f"Received: {replicas} replicas"
        )
    return optimizer if isinstance(optimizer, scaling) else scaling(optimizer)


def _reject_unsafe_options(optimizer: keras.optimizers.Optimizer) -> None:
    if optimizer.clipnorm or optimizer.global_clipnorm or optimizer.clipvalue:
        raise ValueError(
            "An optimizer's own clipping acts before gradients are summed over replicas: pass "
            "`clip_norm` to Player instead. Received: clipnorm="
            f"{optimizer.clipnorm}, global_clipnorm={optimizer.global_clipnorm}, "
            f"clipvalue={optimizer.clipvalue}"
        )
    if optimizer.gradient_accumulation_steps:
        raise ValueError(
            "`gradient_accumulation_steps` fails on several replicas: use a larger batch. "
            f"Received: gradient_accumulation_steps={optimizer.gradient_accumulation_steps}"
        )


def _reject_random(layer: keras.layers.Layer) -> None:
    """Raises a ValueError for a layer that draws: each replica would draw the same numbers."""
    own = vars(layer).values()
    if any(isinstance(each, keras.random.SeedGenerator) for each in own):
        raise ValueError(
            "On several replicas only `keras.layers.Dropout` may draw in a network: use it, or "
            f"draw with `Step.random`. Received: {type(layer).__name__} {layer.name!r}"
        )


class Step(abc.ABC):
    """One update on one replica: a function of a batch of plain tensors.

    Everything that must survive a restart is an attribute: a ``keras.Model``, a ``Player``, an
    ``ImagePool`` or a ``tf.Variable``. ``state()`` finds them all, Dropout's seeds included.

    Args:
        seed: Seed of the step's own randomness (augmentation, pools).
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.updates = tf.Variable(
            0,
            trainable=False,
            dtype=tf.int64,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            name="updates",
        )

    def __call__(self, *batch: tf.Tensor) -> dict[str, tf.Tensor]:
        """Makes one update from this replica's part of a batch and returns named scalar losses."""
        losses = self.update(*batch)
        self.updates.assign_add(1)
        return losses

    @abc.abstractmethod
    def update(self, *batch: tf.Tensor) -> dict[str, tf.Tensor]:
        """Moves the players' weights; returns this replica's mean losses by name."""

    @contextlib.contextmanager
    def part(self, number: int) -> Iterator[None]:
        """Within the block ``random`` draws the numbers of one part of the update.

        Args:
            number: From 0, which is also the part outside of any block.
        """
        token = _part.set(number)
        try:
            yield
        finally:
            _part.reset(token)

    def random(
        self, rows: int, shape: Sequence[int], stream: int, *, normal: bool = False
    ) -> tf.Tensor:
        """Random numbers for this replica's rows of the batch.

        A pure function of (seed, update, part, stream, row of the *global* batch): two replicas
        draw together what one would. Without ``part`` every use of a stream within one update
        draws the same numbers.

        Args:
            rows: Pictures on this replica.
            shape: Of the numbers for one picture.
            stream: A member of ``Stream`` from 16 on, another for each use within one update;
                ``Stream.OTHER`` and the seven numbers after it are free for your own steps.
            normal: Standard normal numbers, not uniform ones in [0, 1).

        Returns:
            ``[rows, *shape]`` float32.

        Raises:
            ValueError: If the stream is below 16 (those of batches) or above the last one.
        """
        if stream < Stream.POOL_SWAP:
            raise ValueError(
                f"`stream` must be at least {Stream.POOL_SWAP}: batches draw from those below. "
                f"Received: stream={stream}"
            )
        context = tf.distribute.get_replica_context()
        numbers = self._draw([rows * context.num_replicas_in_sync, *shape], stream, normal)
        start = tf.cast(context.replica_id_in_sync_group, tf.int32) * rows
        part = numbers[start : start + rows]
        part.set_shape([rows, *shape])
        return part

    def _draw(self, shape: Sequence[int], stream: int, normal: bool = False) -> tf.Tensor:
        """The same numbers on every replica."""
        key = tf.constant(stream_key(self.seed, stream), tf.int64)
        draw = tf.random.stateless_normal if normal else tf.random.stateless_uniform
        return draw(shape, tf.stack([key, part_key(self.updates.value(), _part.get())]))

    def past(self, pool: ImagePool, fakes: tf.Tensor, stream: int) -> tf.Tensor:
        """Exchanges some of this replica's fakes for past ones, see ``ImagePool.exchange``.

        Args:
            pool: History of fakes.
            fakes: ``[N, H, W, C]`` float32 in [-1, 1].
            stream: The first of two streams of random numbers.

        Returns:
            The same shape and range.
        """
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        swap = self._draw([fakes.shape[0] * replicas], stream)
        return pool.exchange(fakes, swap, self._draw([pool.capacity], stream + 1))

    def augment(self, images: tf.Tensor, policy: Collection[str], stream: int) -> tf.Tensor:
        """``diff_augment`` with the numbers of a stream; an empty policy changes nothing."""
        if not policy:
            return images
        numbers = self.random(images.shape[0], [NUMBERS_PER_PICTURE], stream)
        return diff_augment(images, numbers, policy)

    def state(self) -> dict[str, Any]:
        """Every variable a restart needs, by a name that does not depend on creation counters.

        Raises:
            ValueError: If an attribute hides some in a list or a dict.
        """
        found: dict[str, Any] = {}
        for attribute, owner in sorted(vars(self).items()):
            for index, variable in enumerate(_variables_of(owner)):
                found[f"{attribute}-{index}"] = variable
        return found


def _variables_of(owner: Any) -> list[Any]:
    if isinstance(owner, tf.Variable):
        return [owner]
    if isinstance(owner, Player):
        return [variable.value for variable in owner.optimizer.variables]
    if isinstance(owner, keras.Model):
        # `variables`, not `weights`: only the former holds the seed states of Dropout layers,
        # which tf.train.Checkpoint(model=...) leaves out (keras#19796).
        return [variable.value for variable in owner.variables]
    if isinstance(owner, ImagePool):
        return owner.variables
    inside = list(owner.values()) if isinstance(owner, dict) else owner
    if isinstance(inside, list | tuple) and any(_variables_of(each) for each in inside):
        raise ValueError(
            "A step's networks, players, pools and variables must be attributes of their own, not "
            f"in a list or a dict: they would not be saved. Received: {owner}"
        )
    return []
