"""Sets of picture indices that stay small for ten million pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

_WINDOW = 2**16


class IndexSet(Collection[int]):
    """A set of indices below a count, iterated in order; it takes one byte for each below it.

    Args:
        members: `[N]` bool, True for each index of the set; changed by `add` and `discard`.
    """

    def __init__(self, members: np.ndarray) -> None:
        self._members = members

    @classmethod
    def empty(cls, count: int) -> IndexSet:
        """The empty set of indices below `count`."""
        return cls(np.zeros(count, bool))

    @classmethod
    def full(cls, count: int) -> IndexSet:
        """All indices below `count`."""
        return cls(np.ones(count, bool))

    def __len__(self) -> int:
        """The number of indices."""
        return int(np.count_nonzero(self._members))

    def __iter__(self) -> Iterator[int]:
        """Yields the indices in order."""
        for start in range(0, len(self._members), _WINDOW):
            found = np.flatnonzero(self._members[start : start + _WINDOW])
            yield from (found + start).tolist()

    def __contains__(self, index: object) -> bool:
        """Whether an index belongs to the set."""
        if not isinstance(index, int) or not 0 <= index < len(self._members):
            return False
        return bool(self._members[index])

    def add(self, index: int) -> None:
        """Adds an index below the count."""
        self._members[index] = True

    def discard(self, index: int) -> None:
        """Takes out an index below the count."""
        self._members[index] = False

    def count_in(self, indices: range) -> int:
        """The number of indices within a range of step 1."""
        return int(np.count_nonzero(self._members[indices.start : indices.stop]))

    def blocks(self, size: int) -> IndexSet:
        """The numbers of the blocks of `size` indices that hold at least one."""
        whole = len(self._members) // size
        numbers = np.zeros(-(-len(self._members) // size), bool)
        self._members[: whole * size].reshape(whole, size).any(axis=1, out=numbers[:whole])
        numbers[whole:] = self._members[whole * size :].any()
        return IndexSet(numbers)
