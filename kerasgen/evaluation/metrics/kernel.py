"""Kernel Inception distance, on any features."""

from __future__ import annotations

import numpy as np

from kerasgen.evaluation.metrics.estimates import (
    Estimate,
    blocks,
    check_features,
    estimate_from_halves,
    halves,
)


def kernel_distance(
    first: np.ndarray,
    second: np.ndarray,
    *,
    subsets: int = 200,
    seed: int = 0,
) -> Estimate:
    """Kernel Inception distance on any features: squared MMD, cubic polynomial kernel, unbiased.

    Binkowski et al., "Demystifying MMD GANs" (2018), section 4: kernel ``(x.y / D + 1)^3``. The
    value uses all samples; it can be slightly negative when the two sets come from one
    distribution.

    Differs: the interval, see ``estimates.estimate_from_halves``. Kernels are computed in blocks:
    the memory needed grows with the number of samples, not with its square.

    Args:
        first: ``[N, D]`` features, N at least 4.
        second: ``[M, D]`` features, M at least 4.
        subsets: How many halves the interval rests on.
        seed: Of the halves.

    Raises:
        ValueError: If the forms do not fit, a set is too small, or a number is not finite.
    """
    check_features(first, second)
    a, b = first.astype(np.float64), second.astype(np.float64)
    drawn = list(halves((len(a), len(b)), subsets, seed))
    members = [
        _members(len(one), [pair[side] for pair in drawn]) for side, one in enumerate((a, b))
    ]
    distances = (
        _within(a, members[0])
        + _within(b, members[1])
        - 2.0 * _between(a, b, members[0], members[1])
    )
    return estimate_from_halves(float(distances[0]), distances[1:], min(len(a), len(b)))


def _members(count: int, picked: list[np.ndarray]) -> np.ndarray:
    """Which samples each subset has, ``[N, 1 + subsets]``; the first has all."""
    members = np.zeros((count, 1 + len(picked)))
    members[:, 0] = 1.0
    for column, places in enumerate(picked, start=1):
        members[places, column] = 1.0
    return members


def _within(features: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The mean kernel over the pairs of each subset, a sample with itself left out."""
    total = np.zeros(members.shape[1])
    for rows in blocks(len(features), len(features)):
        # The matrix is symmetric: what lies right of the block counts twice, nothing left of it.
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
    return kernel * kernel * kernel
