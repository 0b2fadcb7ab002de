"""Things made in one thread and kept by others."""

import threading
import time

import pytest

from kerasgen.io import parallel
from kerasgen.io.parallel import make_and_keep


def test_one_makes_while_others_keep():
    makers, keepers = set(), set()

    def make(index):
        makers.add(threading.get_ident())
        return index * index

    def keep(made):
        keepers.add(threading.get_ident())
        # The first takes longest.
        time.sleep(0.05 / (1 + made))
        return -made

    assert list(make_and_keep(make, keep, range(6))) == [(k, -k * k) for k in range(6)]
    assert makers == {threading.get_ident()} and not makers & keepers


def test_a_failure_loses_nothing_that_was_made():
    kept = []

    def make(index):
        if index == 3:
            raise ValueError("no fourth")
        return index

    def keep(made):
        time.sleep(0.05)
        kept.append(made)

    with pytest.raises(ValueError, match="no fourth"):
        list(make_and_keep(make, keep, range(6)))
    assert sorted(kept) == [0, 1, 2]


def test_what_cannot_be_kept_ends_the_work():
    made = []

    def keep(index):
        if index == 1:
            raise ValueError("disk is full")

    with pytest.raises(ValueError, match="disk is full"):
        list(make_and_keep(lambda index: made.append(index) or index, keep, range(100)))
    assert len(made) < 20


def test_the_number_of_processors_is_known_where_affinity_is_not(monkeypatch):
    monkeypatch.delattr(parallel.os, "sched_getaffinity", raising=False)
    assert parallel.processors() >= 1
    assert list(make_and_keep(str, str, range(3))) == [(0, "0"), (1, "1"), (2, "2")]
