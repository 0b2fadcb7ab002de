"""What workers agree on; the collective itself is tested with two processes."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kerasgen.training.trainer import make_strategy
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


def test_the_chief_s_numbers_count_bit_for_bit():
    numbers = [0.1, -0.0, 1e300, float("nan"), 2.0**-1074]
    alone = Workers(tf.distribute.get_strategy())
    assert repr(alone.from_chief(numbers)) == repr(numbers)
    assert alone.from_chief([]) == []


class Second(Workers):
    """The second of two workers, whose chief has some numbers."""

    def __init__(self, chief):
        super().__init__(tf.distribute.get_strategy())
        self.count, self.index, self.numbers = 2, 1, chief

    def gather(self, values):
        bits = np.float64(self.numbers).view(np.int64).tolist()
        own = np.asarray(values).tolist()
        return tf.constant([[len(bits)] if len(own) == 1 else bits, own], tf.int64)


def test_another_worker_gets_the_chief_s_numbers():
    assert Second([0.1, 0.2, -3.5]).from_chief([]) == [0.1, 0.2, -3.5]


def test_a_lost_worker_is_named_and_other_errors_are_not():
    error = tf.errors.UnavailableError(None, None, "gone")
    with pytest.raises(RuntimeError, match="Another worker ended"), Second([]).lost_ones_named():
        raise error
    alone = Workers(tf.distribute.get_strategy())
    with pytest.raises(tf.errors.UnavailableError), alone.lost_ones_named():
        raise error


WORKERS = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    "config",
    [
        "worker0",
        [1],
        {"cluster": WORKERS},
        {"cluster": WORKERS, "task": {"type": "worker", "index": 2}},
        {"cluster": WORKERS, "task": {"type": "worker", "index": -1}},
        {"cluster": WORKERS, "task": {"type": "chief", "index": 0}},
        {"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}},
        {"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}},
    ],
)
def test_a_cluster_that_is_none_is_refused_before_anybody_waits(config, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
    with pytest.raises(ValueError, match="TF_CONFIG must name the address of each worker once"):
        make_strategy("multiworker")
