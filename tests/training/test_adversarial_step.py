"""Several updates of a player for one batch: each on rows and random numbers of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import check_replicas

from kerasgen.data.pipeline import Pictures, unpaired
from kerasgen.training.adversarial_step import AdversarialStep
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.losses import LEAST_SQUARES
from kerasgen.training.step import Player, Step, Stream
from kerasgen.training.trainer import make_strategy

SHAPE = (4, 4, 3)


class Tint(AdversarialStep):
    """Changes the colours of source pictures; keeps the pasts that it showed."""

    def __init__(self, **options):
        generator = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(3, 1)])
        flat = [keras.layers.Flatten(), keras.layers.Dense(1)]
        discriminator = keras.Sequential([keras.Input(SHAPE), *flat])
        players = [Player(each, keras.optimizers.SGD(0.05)) for each in (generator, discriminator)]
        options = {"adversarial": LEAST_SQUARES, **options}
        super().__init__(generator, discriminator, *players, **options)
        self.pasts = []

    def real(self, source, target):
        return target

    def generate(self, source, target):
        return self.generator(source, training=True)

    def _past(self, fakes):
        past = super()._past(fakes)
        if past is not None and tf.executing_eagerly():
            self.pasts.append((fakes.numpy(), past.numpy()))
        return past


def batches(size):
    images = np.random.default_rng(0).integers(0, 256, (22, *SHAPE), np.uint8)
    return unpaired(
        Pictures.from_array(images[:11]), Pictures.from_array(images[11:]), size, seed=1
    )


def test_the_past_of_a_part_is_not_the_part_before():
    step = Tint(discriminator_updates=4, pool=ImagePool(64, SHAPE, 4, swap_probability=1.0))
    data = iter(batches(16).dataset())
    for _ in range(9):
        step(*next(data))
    # Four parts of two pictures: eight updates fill the pool, the ninth exchanges.
    parts = step.pasts[-4:]
    fresh = [fakes for fakes, _ in parts]
    for number, (_, past) in enumerate(parts[1:], 1):
        same = [
            np.isclose(past[:, None], earlier[None, :]).all((2, 3, 4)) for earlier in fresh[:number]
        ]
        assert not np.any(same), f"part {number} was shown fakes of its own update as the past"


@pytest.mark.slow
@pytest.mark.parametrize("counts", [(1, 2), (2, 1)])
def test_one_replica_equals_two_with_several_updates_of_a_player(counts, tmp_path):
    def make():
        return Tint(
            generator_updates=counts[0], discriminator_updates=counts[1], policy=("colour",)
        )

    check_replicas(make, batches(8), tmp_path, tolerance=1e-6)


def test_a_batch_that_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match=r"Received: 3 pictures, update counts \(1, 2\)"):
        Tint(discriminator_updates=2)(*next(iter(batches(3).dataset())))


class Draws(Step):
    def update(self, *batch):
        numbers = []
        for part in range(2):
            with self.part(part):
                numbers += [self.random(batch[0].shape[0], [2], Stream.OTHER)]
        return {"first": numbers[0], "second": numbers[1]}


def test_parts_draw_numbers_of_their_own_and_replicas_share_them():
    strategy = make_strategy("mirrored")
    with strategy.scope():
        step = Draws()
    one = step(tf.zeros([4, 1]))
    assert not np.intersect1d(one["first"], one["second"]).size
    with strategy.scope():
        step = Draws()
    two = tf.function(lambda: strategy.run(step, args=(tf.zeros([2, 1]),)))()
    for name, numbers in one.items():
        halves = strategy.experimental_local_results(two[name])
        np.testing.assert_array_equal(np.concatenate(halves), numbers)
