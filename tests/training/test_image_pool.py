"""The pool of past fakes: fills, swaps, forgets nothing it should keep."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training.checkpoints import Checkpoints
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.step import Step, Stream
from kerasgen.training.trainer import make_strategy

SHAPE = (2, 2, 1)


def pictures(*numbers):
    return tf.constant(np.float32(numbers)[:, None, None, None] * np.ones(SHAPE, np.float32))


def numbers(images):
    return [int(image[0, 0, 0]) for image in np.asarray(images)]


def full_pool(capacity=4, **options):
    """A pool that holds 1, 2, ... in its slots 0, 1, ..."""
    pool = ImagePool(capacity, SHAPE, capacity, **options)
    pool.exchange(pictures(*range(1, capacity + 1)), tf.zeros([capacity]), tf.zeros([capacity]))
    return pool


def test_while_the_pool_fills_pictures_pass():
    pool = ImagePool(5, SHAPE, 2, swap_probability=1.0)
    for start in (1, 3, 5):
        found = pool.exchange(pictures(start, start + 1), tf.zeros([2]), tf.zeros([5]))
        assert numbers(found) == [start, start + 1]
    # The third pair's second picture takes the first slot again.
    assert numbers(pool.images) == [6, 2, 3, 4, 5] and int(pool.count) == 5


def test_a_full_pool_gives_back_past_pictures_and_keeps_the_fresh_ones():
    pool = full_pool(swap_probability=1.0)
    # The two largest priorities are those of the slots 3 and 1, in this order.
    found = pool.exchange(pictures(10, 20), tf.zeros([2]), tf.constant([0.1, 0.8, 0.2, 0.9]))
    assert numbers(found) == [4, 2]
    assert numbers(pool.images) == [1, 20, 3, 10]
    later = pool.exchange(pictures(30), tf.zeros([1]), tf.constant([0.1, 0.8, 0.2, 0.5]))
    assert numbers(later) == [20]


def test_only_pictures_below_the_swap_probability_are_swapped():
    pool = full_pool(swap_probability=0.5)
    priorities = tf.constant([0.9, 0.8, 0.2, 0.1])
    found = pool.exchange(pictures(10, 20), tf.constant([0.7, 0.3]), priorities)
    assert numbers(found) == [10, 2]
    # The picture that passed left its slot as it was.
    assert numbers(pool.images) == [1, 20, 3, 4]


@pytest.mark.parametrize(("probability", "expected"), [(0.0, [10, 20]), (1.0, [1, 2])])
def test_probabilities_of_nought_and_one_are_never_and_always(probability, expected):
    pool = full_pool(swap_probability=probability)
    swap = tf.constant([0.0, 0.99999994])
    found = pool.exchange(pictures(10, 20), swap, tf.constant([0.9, 0.8, 0.2, 0.1]))
    assert numbers(found) == expected


def test_no_picture_is_lost_or_doubled_whatever_the_numbers():
    generator = np.random.default_rng(0)
    pool = full_pool(6, swap_probability=0.7)
    swapped = 0
    for start in range(100, 300, 5):
        before, fresh = numbers(pool.images), list(range(start, start + 5))
        # Equal priorities are the hardest case for distinct slots.
        priorities = tf.constant(generator.integers(0, 3, 6) / 3, tf.float32)
        swap = tf.constant(generator.uniform(size=5), tf.float32)
        found = numbers(pool.exchange(pictures(*fresh), swap, priorities))
        passed = [number for number in found if number in fresh]
        stored = [number for number in found if number not in fresh]
        assert len(set(found)) == 5 and set(stored) <= set(before)
        expected = (set(before) - set(stored)) | (set(fresh) - set(passed))
        assert set(numbers(pool.images)) == expected and len(expected) == 6
        swapped += len(stored)
    assert 0.6 < swapped / 200 < 0.8


def test_a_capacity_of_nought_passes_everything_through():
    pool = ImagePool(0, SHAPE, 8)
    images = pictures(1, 2, 3)
    assert pool.exchange(images, tf.zeros([3]), tf.zeros([0])) is images


def test_stored_pictures_carry_no_gradient_and_the_dtype_stays():
    pool = full_pool(swap_probability=1.0)
    images = tf.cast(pictures(10, 20), tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(images)
        found = pool.exchange(images, tf.constant([0.0, 1.0]), tf.zeros([4]))
    assert found.dtype == tf.bfloat16 and pool.images.dtype == tf.float32
    assert tape.gradient(found, images) is None


def test_it_works_within_a_traced_function():
    pool = full_pool(swap_probability=1.0)
    exchange = tf.function(pool.exchange)
    priorities = tf.constant([0.9, 0.8, 0.2, 0.1])
    assert numbers(exchange(pictures(10, 20), tf.zeros([2]), priorities)) == [1, 2]
    assert numbers(exchange(pictures(30, 40), tf.zeros([2]), priorities)) == [10, 20]


@pytest.mark.parametrize(("capacity", "rows"), [(3, 4), (-1, 1)])
def test_a_capacity_below_the_batch_is_refused(capacity, rows):
    with pytest.raises(ValueError, match=f"Received: capacity={capacity}, rows={rows}"):
        ImagePool(capacity, SHAPE, rows)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_probability_out_of_range_is_refused(probability):
    with pytest.raises(ValueError, match="Received: swap_probability"):
        ImagePool(4, SHAPE, 2, swap_probability=probability)


class Keep(Step):
    """Exchanges the batch with its pool, and remembers what came back."""

    def __init__(self):
        super().__init__()
        self.pool = ImagePool(4, SHAPE, 4, swap_probability=0.6)
        options = {
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        # One shape for any number of replicas.
        self.shown = tf.Variable(tf.zeros([4, *SHAPE]), trainable=False, **options)

    def update(self, images):
        past = self.past(self.pool, images, Stream.OTHER)
        self.shown.assign(tf.repeat(past, 4 // past.shape[0], axis=0))
        return {}


def exchanged(strategy_name, folder, steps=6):
    """What each step showed, and what the pool of each replica held after it."""
    strategy = make_strategy(strategy_name)
    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        step = Keep()
        checkpoints = Checkpoints(folder, step, keep=1)
    start, found = checkpoints.restore(), []
    update = tf.function(lambda batch: strategy.run(step, args=(batch,)))
    for number in range(start, steps):
        rows = np.split(np.arange(4 * number + 1, 4 * number + 5), replicas)
        batch = strategy.experimental_distribute_values_from_function(
            lambda context, rows=rows: pictures(*rows[context.replica_id_in_sync_group])
        )
        update(batch)
        parts = strategy.experimental_local_results(step.shown)
        shown = [numbers(part)[::replicas] for part in parts]
        held = [numbers(part) for part in strategy.experimental_local_results(step.pool.images)]
        assert all(part == held[0] for part in held)
        found.append((sum(shown, []), held[0]))
    checkpoints.save(steps)
    return found


def test_two_replicas_exchange_what_one_would(tmp_path):
    one, two = (exchanged(name, tmp_path / name) for name in ("default", "mirrored"))
    assert one == two
    assert one[0] == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert any(set(shown) & set(range(1, 4 * number + 1)) for number, (shown, _) in enumerate(one))


@pytest.mark.parametrize("names", [("default", "mirrored"), ("mirrored", "default")])
def test_a_pool_goes_on_with_another_number_of_replicas(names, tmp_path):
    whole = exchanged("default", tmp_path / "whole", 6)
    first, second = (exchanged(*each) for each in zip(names, [tmp_path] * 2, (3, 6), strict=True))
    assert first + second == whole
