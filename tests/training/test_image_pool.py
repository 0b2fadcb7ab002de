"""The pool of past fakes: fills, swaps, forgets nothing it should keep."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training.checkpoints import Checkpoints
from kerasgen.training.image_pool import ImagePool
from kerasgen.training.step import Step
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
    """Puts the batch into its pool."""

    def __init__(self):
        super().__init__()
        self.pool = ImagePool(2, SHAPE, 2)

    def update(self, images):
        self.pool.exchange(images, tf.zeros([2]), tf.zeros([2]))
        return {}


def test_every_replica_has_its_own_pool_and_all_are_in_the_checkpoint(tmp_path):
    strategy = make_strategy("mirrored")

    def build():
        with strategy.scope():
            step = Keep()
            return step, Checkpoints(tmp_path, step, strategy, keep=1)

    step, checkpoints = build()
    parts = (pictures(1, 2), pictures(3, 4))
    batch = strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )
    tf.function(lambda: strategy.run(step, args=(batch,)))()
    assert contents(strategy, step) == [[1, 2], [3, 4]]
    path = checkpoints.save(1)
    saved = tf.train.load_checkpoint(path)
    kept = [
        numbers(saved.get_tensor(name))
        for name in sorted(saved.get_variable_to_shape_map())
        if "pool-0" in name
    ]
    assert kept == [[1, 2], [3, 4]]
    again, checkpoints = build()
    assert contents(strategy, again) == [[0, 0], [0, 0]]
    assert checkpoints.restore() == 1
    assert contents(strategy, again) == [[1, 2], [3, 4]]


def contents(strategy, step):
    return [numbers(part) for part in strategy.experimental_local_results(step.pool.images)]


def test_a_checkpoint_of_two_replicas_opens_on_one_and_back(tmp_path, caplog):
    mirrored, default = make_strategy("mirrored"), make_strategy("default")
    with mirrored.scope():
        Checkpoints(tmp_path / "two", Keep(), mirrored, keep=1).save(3)
    assert Checkpoints(tmp_path / "two", Keep(), default, keep=1).restore() == 3
    Checkpoints(tmp_path / "one", Keep(), default, keep=1).save(4)
    assert not caplog.records
    with mirrored.scope():
        assert Checkpoints(tmp_path / "one", Keep(), mirrored, keep=1).restore() == 4
    assert "those start empty" in caplog.text
