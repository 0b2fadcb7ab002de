"""Kernel distance (KID on any features)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from kerasgen.evaluation.metrics.additive_sums import Moments
from kerasgen.evaluation.metrics.intervals import (
    Estimate,
    Groups,
    blocks,
    check_features,
    estimate_from_halves,
    grouped_sets,
    halves,
)

_SMALLEST_PART = 4


def kernel_distance(
    first: np.ndarray,
    second: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    *,
    part_size: int | None = 1000,
    subsets: int = 200,
    seed: int = 0,
) -> Estimate:
    """Kernel Inception distance on any features: squared MMD, cubic polynomial kernel, unbiased.

    Binkowski et al., "Demystifying MMD GANs" (2018, arXiv:1801.01401), section 4: kernel
    ``(x.y / D + 1)^3``. The value can be slightly negative when both sets are of one distribution.

    The sets are divided into parts of ``part_size`` samples, and the value is the mean of their
    distances, so that time grows linearly with the number of samples. Pairs across parts are left
    out, except for the linear part of the kernel, where they cost nothing: with many features the
    kernel is nearly linear, and the value hardly differs from that of all pairs.

    Differs: the original code draws each part from all samples and adds no pairs across parts.
    For the interval see ``intervals.estimate_from_halves``; where the sets do not differ it is too
    wide. Kernels are computed in blocks: memory
    grows linearly with the number of samples.

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.
        groups: Names or numbers of the groups of the N and of the M samples, at least 4 of each:
            the interval draws whole groups. None if each sample is its own group.
        part_size: Samples of a part, at least 4; fewer than twice as many are one part. None: one
            part, all pairs.
        subsets: Number of random halves for the interval.
        seed: Seed of the parts and halves.

    Returns:
        The squared distance with its 95 % interval.

    Raises:
        ValueError: If the forms do not fit, a set, its groups or a part are too few, or a number is
            not finite.
    """
    check_features(first, second)
    if part_size is not None and part_size < _SMALLEST_PART:
        raise ValueError(
            f"`part_size` must be at least {_SMALLEST_PART}. Received: part_size={part_size}"
        )
    smaller = min(len(first), len(second))
    count = 1 if part_size is None else max(1, smaller // part_size)
    whole = groups and grouped_sets((len(first), len(second)), groups)
    found = _distances(first, second, whole, count, subsets, seed)
    return estimate_from_halves(float(found[0]), found[1:].tolist(), smaller)


def part_distances(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Squared distances of one part of two sets, all pairs.

    Args:
        first: ``[N, D]`` features, N at least 2.
        second: ``[M, D]``, M at least 2.

    Returns:
        With the cubic kernel, and with the linear kernel ``x.y / D``.
    """
    a, b = (each.astype(np.float64, copy=False) for each in (first, second))
    of_a, of_b = np.ones((len(a), 1)), np.ones((len(b), 1))
    linear = _linear_distance(_Sums.of(a, of_a), _Sums.of(b, of_b))
    return float(_distance(a, b, of_a, of_b)[0]), float(linear[0])


def kernel_distance_of_parts(parts: tuple[float, float], first: Moments, second: Moments) -> float:
    """The value of ``kernel_distance`` from its parts, which need not be in memory.

    Args:
        parts: Means over the parts of what ``part_distances`` gives.
        first: Moments of the one set.
        second: Those of the other.

    Returns:
        The squared distance.
    """
    size = len(first.mean)
    offset = first.mean - second.mean
    # Without the pairs of a sample with itself.
    own = sum(float(np.trace(each.covariance)) / each.count for each in (first, second))
    across = (float(offset @ offset) - own) / size - parts[1]
    return parts[0] + _slope(first.mean, second.mean) * across


def kernel_distance_gain(
    worse: np.ndarray,
    better: np.ndarray,
    target: np.ndarray,
    *,
    subsets: int = 200,
    seed: int = 0,
) -> Estimate:
    """How much closer to a target one set is than another set of the same samples, paired.

    The difference of the two kernel distances over all pairs of samples. Its interval uses the same
    random halves for both sets, so that variation common to both does not widen it.

    Args:
        worse: ``[N, D]`` features, N at least 4.
        better: ``[N, D]``; row i of both comes from the same input.
        target: ``[M, D]``, M at least 4.
        subsets: Number of random halves for the interval.
        seed: Seed of the halves.

    Returns:
        The distance of ``worse`` minus that of ``better``: above zero if ``better`` is closer.

    Raises:
        ValueError: If the shapes do not match, a set is too small, or a value is not finite.
    """
    check_features(worse, better, target)
    if len(worse) != len(better):
        raise ValueError(
            f"Paired sets must have one length. Received: {len(worse)} and {len(better)} samples"
        )
    counts = len(worse), len(target)
    sets = Groups(counts[0]), Groups(counts[1])
    members = _members(sets, subsets, np.random.default_rng(seed))
    aim = target.astype(np.float64, copy=False)
    far, near = (
        _distance(one.astype(np.float64, copy=False), aim, *members) for one in (worse, better)
    )
    gains = far - near
    return estimate_from_halves(float(gains[0]), gains[1:].tolist(), min(counts))


def _distances(
    first: np.ndarray,
    second: np.ndarray,
    groups: tuple[Groups, Groups] | None,
    count: int,
    subsets: int,
    seed: int,
) -> np.ndarray:
    """``[1 + subsets]``, the distance of all samples and of each pair of halves, by parts."""
    generator = np.random.default_rng(seed)
    distances, across = np.zeros(1 + subsets), _Across(1 + subsets, first.shape[1])
    # A group is in or out of a half in every part.
    whole = groups and _members(groups, subsets, generator)
    for indices, others in _parts((len(first), len(second)), count, seed):
        a = first[indices].astype(np.float64, copy=False)
        b = second[others].astype(np.float64, copy=False)
        if whole is None:
            of_a, of_b = _members((Groups(len(a)), Groups(len(b))), subsets, generator)
        else:
            of_a, of_b = whole[0][indices], whole[1][others]
        # A half of few groups may have fewer than two samples in a part: no distance, NaN.
        with np.errstate(divide="ignore", invalid="ignore"):
            distances += _distance(a, b, of_a, of_b) / count
            if count > 1:
                across.add(_Sums.of(a, of_a), _Sums.of(b, of_b))
    if count > 1:
        means = (each.mean(axis=0, dtype=np.float64) for each in (first, second))
        distances += _slope(*means) * across.distances()
    return distances


def _parts(
    counts: tuple[int, int], parts: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of the samples of both sets in each part."""
    generator = np.random.default_rng([seed, parts])
    orders = [generator.permutation(each) if parts > 1 else np.arange(each) for each in counts]
    first, second = (np.array_split(order, parts) for order in orders)
    yield from zip(first, second, strict=True)


def _members(
    groups: tuple[Groups, Groups], subsets: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Which samples each subset has, ``[N, 1 + subsets]`` of each set; the first has all."""
    first, second = (np.zeros((len(each.of_samples), 1 + subsets)) for each in groups)
    first[:, 0] = second[:, 0] = 1.0
    for column, (indices, others) in enumerate(halves(groups, subsets, generator), start=1):
        first[indices, column] = 1.0
        second[others, column] = 1.0
    return first, second


def _distance(
    first: np.ndarray, second: np.ndarray, of_first: np.ndarray, of_second: np.ndarray
) -> np.ndarray:
    """The squared distance of each pair of subsets."""
    return (
        _within(first, of_first)
        + _within(second, of_second)
        - 2.0 * _between(first, second, of_first, of_second)
    )


def _within(features: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The mean kernel over the pairs of different samples of each subset."""
    total = np.zeros(members.shape[1])
    for rows in blocks(len(features), len(features)):
        # The matrix is symmetric: columns right of the block count twice, none left of it.
        kernel = _cubic(features[rows], features[rows.start :])
        kernel[:, rows.stop - rows.start :] *= 2.0
        np.fill_diagonal(kernel, 0.0)
        total += np.einsum("ij,ij->j", members[rows], kernel @ members[rows.start :])
    counts = members.sum(axis=0)
    return total / (counts * (counts - 1.0))


def _between(
    first: np.ndarray, second: np.ndarray, of_first: np.ndarray, of_second: np.ndarray
) -> np.ndarray:
    """The mean kernel over the pairs of one sample of each set, for each pair of subsets."""
    total = np.zeros(of_first.shape[1])
    for rows in blocks(len(first), len(second)):
        kernel = _cubic(first[rows], second)
        total += np.einsum("ij,ij->j", of_first[rows], kernel @ of_second)
    return total / (of_first.sum(axis=0) * of_second.sum(axis=0))


def _cubic(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    kernel = first @ second.T
    kernel /= first.shape[1]
    kernel += 1.0
    # A power of arrays takes many times as long.
    square = kernel * kernel
    kernel *= square
    return kernel


def _slope(first: np.ndarray, second: np.ndarray) -> float:
    """Slope of the kernel over ``x.y / D`` at the mean of both sets, whose means are ``[D]``.

    It causes no bias, whatever it is: the parts' linear distances are, on average over all
    partitions, those of the whole sets.
    """
    middle = (first + second) / 2.0
    return float(3.0 * (middle @ middle / len(middle) + 1.0) ** 2)


class _Sums(NamedTuple):
    """Sums over each subset of a set, for the linear kernel ``x.y / D``.

    Attributes:
        counts: ``[H]``, samples.
        totals: ``[H, D]``, their sum.
        squares: ``[H]``, the sum of their squared lengths.
    """

    counts: np.ndarray
    totals: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, members: np.ndarray) -> _Sums:
        squares = np.einsum("ij,ij->i", features, features)
        return cls(members.sum(axis=0), members.T @ features, members.T @ squares)

    def joined(self, other: _Sums) -> _Sums:
        return _Sums(*(mine + its for mine, its in zip(self, other, strict=True)))

    def within(self) -> np.ndarray:
        """The mean of ``x.y`` over the pairs of different samples of each subset."""
        lengths = np.einsum("ij,ij->i", self.totals, self.totals)
        return np.asarray((lengths - self.squares) / (self.counts * (self.counts - 1.0)))


class _Across:
    """Contribution of pairs across parts to the distances, for the linear kernel ``x.y / D``."""

    def __init__(self, subsets: int, size: int) -> None:
        self._first = self._second = _Sums(
            np.zeros(subsets), np.zeros((subsets, size)), np.zeros(subsets)
        )
        self._parts: list[np.ndarray] = []

    def add(self, first: _Sums, second: _Sums) -> None:
        """Adds a part."""
        self._first, self._second = self._first.joined(first), self._second.joined(second)
        self._parts.append(_linear_distance(first, second))

    def distances(self) -> np.ndarray:
        """For each pair of subsets: the distance of all parts together, minus the parts' mean."""
        return _linear_distance(self._first, self._second) - np.mean(self._parts, axis=0)


def _linear_distance(first: _Sums, second: _Sums) -> np.ndarray:
    """The squared distance of each pair of subsets for the linear kernel."""
    between = np.einsum("ij,ij->i", first.totals, second.totals) / (first.counts * second.counts)
    size = first.totals.shape[1]
    return np.asarray((first.within() + second.within() - 2.0 * between) / size)
