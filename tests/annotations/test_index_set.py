"""Sets of indices: what they hold, and how little memory ten million take."""

import time
import tracemalloc

import numpy as np
import pytest
from manifest_files import fill, opened

from kerasgen.annotations.index_set import IndexSet

MANY = 10_000_000


@pytest.mark.parametrize("size", [1, 3, 4, 64])
def test_a_set_agrees_with_pythons(size):
    members = np.random.default_rng(size).random(200_003) < 0.3
    expected = set(np.flatnonzero(members).tolist())
    indices = IndexSet(members.copy())
    assert len(indices) == len(expected) and list(indices) == sorted(expected)
    assert set(indices.blocks(size)) == {index // size for index in expected}
    assert indices.count_in(range(70_000, 140_000)) == len(expected & {*range(70_000, 140_000)})
    indices.discard(199_999)
    indices.add(5)
    assert set(indices) == (expected | {5}) - {199_999}
    assert 5 in indices and 199_999 not in indices
    assert 200_003 not in indices and -1 not in indices and "5" not in indices
    assert not IndexSet.empty(7) and list(IndexSet.full(3)) == [0, 1, 2]


@pytest.mark.parametrize("parts", [0, 100])
def test_ten_million_missing_pictures_take_little_time_and_memory(parts, tmp_path):
    fill(tmp_path, range(parts))
    folder = opened(tmp_path)
    begun = time.perf_counter()
    missing = folder.missing(MANY)
    assert time.perf_counter() - begun < 1
    tracemalloc.start()
    blocks, first = folder.missing(MANY).blocks(64), next(iter(missing))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(missing), first, len(blocks)) == (MANY - parts, parts, MANY // 64 - parts // 64)
    assert peak < 50e6
