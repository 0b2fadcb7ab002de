"""What workers agree on at the start; the collective itself is tested with two processes."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training.workers import Workers


class Together(Workers):
    """A worker of several whose numbers are known beforehand."""

    def __init__(self, *others):
        super().__init__(tf.distribute.get_strategy())
        self.count, self.others = 1 + len(others), others

    def gather(self, values):
        rows = [list(values), *self.others]
        return tf.constant([[*row, *[0] * (len(values) - len(row))] for row in rows], tf.int64)


def test_one_worker_goes_on_from_its_newest_step():
    alone = Workers(tf.distribute.get_strategy())
    assert (alone.count, alone.chief) == (1, True)
    assert alone.newest_shared_step([4, 2, 9]) == 9
    assert alone.newest_shared_step([]) == 0
    np.testing.assert_array_equal(alone.gather([3, 1]), [[3, 1]])


@pytest.mark.parametrize(
    ("own", "others", "step"),
    [
        ([2, 4, 6], [[2, 4, 6]], 6),
        ([2, 4, 6], [[2, 4]], 4),
        ([2, 4], [[4, 6], [2, 4, 8]], 4),
        ([], [[], []], 0),
    ],
)
def test_all_go_on_from_the_newest_step_that_all_have(own, others, step):
    assert Together(*others).newest_shared_step(own) == step


@pytest.mark.parametrize(
    ("own", "others", "named"),
    [
        ([], [[4, 6]], "worker 0: none; worker 1: 4, 6"),
        ([4, 2], [[], [4]], "worker 0: 2, 4; worker 1: none; worker 2: 4"),
        ([2], [[3]], "worker 0: 2; worker 1: 3"),
    ],
)
def test_without_a_shared_step_all_are_named(own, others, named):
    with pytest.raises(ValueError, match=f"Received: steps of {named}"):
        Together(*others).newest_shared_step(own)


def test_workers_that_were_started_differently_are_refused():
    with pytest.raises(ValueError, match=r"Received: steps=\[50, 60\]"):
        Together([8, 60]).check_same(identity=8, steps=50)
    Together([8, 50]).check_same(identity=8, steps=50)
