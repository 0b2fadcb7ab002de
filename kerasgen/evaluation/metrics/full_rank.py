"""Two covariances of full rank, crossed in the memory of the two: each step overwrites its input.

With the second covariance L L', the trace of the root of the product is that of the root of
G = L' A L, A the first one. G is made where A was, and reduced to a tridiagonal T = Q' G Q where it
is, with the reflections that Q is made of in place of the rest. Nobody asks for eigenvectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, lapack

from kerasgen.evaluation.metrics.intervals import SMALL_BLOCK, blocks

_ROUNDING = 1e-8
"""Of the distance: where rounding may take more, this way is not exact enough."""

_STEP, _TAIL = 1.2, 6.0
"""Of the integral for a root, in logarithms: both leave errors of about a thousandth."""


class Crossed(NamedTuple):
    """What the covariances of two sets say together.

    Attributes:
        distance: Both traces less twice that of the root of the product.
        carried: ``[N]`` and ``[M]``: the product of each asked sample, less its set's mean, and
            what optimal transport to the other set makes of it.
    """

    distance: float
    carried: tuple[np.ndarray, np.ndarray]


def cross_full_rank(
    sets: tuple[np.ndarray, np.ndarray],
    means: tuple[np.ndarray, np.ndarray],
    asked: tuple[np.ndarray, np.ndarray],
) -> Crossed | None:
    """Crosses the covariances of two sets, or gives None where that is not exact in this way.

    Args:
        sets: ``[N, D]`` and ``[M, D]`` features.
        means: ``[D]`` float64 each.
        asked: Places in each set of the samples that are to be carried.
    """
    first, second = (_covariance(*each) for each in zip(sets, means, strict=True))
    traces = float(np.trace(first) + np.trace(second))
    lower, failed = lapack.dpotrf(second, lower=1, clean=0, overwrite_a=1)
    if failed:
        return None
    product = _Product.of(lapack.dsygst(first, lower, itype=2, lower=1, overwrite_a=1)[0])
    if product is None:
        return None
    distance = traces - 2.0 * float(np.sqrt(product.eigenvalues).sum())
    if product.rounding() > _ROUNDING * distance:
        return None
    # Transport to the second set is L G^(-1/2) L', and back L'^(-1) G^(1/2) L^(-1).
    there = [
        product.forms(blas.dtrmm(1.0, lower, columns, lower=1, trans_a=1, overwrite_b=1))[0]
        for columns in _centred(sets[0], means[0], asked[0])
    ]
    back = [
        product.forms(blas.dtrsm(1.0, lower, columns, lower=1, overwrite_b=1))[1]
        for columns in _centred(sets[1], means[1], asked[1])
    ]
    return Crossed(distance, (np.concatenate(there), np.concatenate(back)))


def _covariance(features: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """``[D, D]``, column-major as LAPACK wants it, the lower triangle only."""
    count, size = features.shape
    covariance = np.zeros((size, size), order="F")
    for columns in _centred(features, mean, np.arange(count)):
        covariance = blas.dsyrk(
            1.0 / (count - 1.0), columns, 1.0, covariance, lower=1, overwrite_c=1
        )
    return covariance


def _centred(features: np.ndarray, mean: np.ndarray, places: np.ndarray) -> Iterator[np.ndarray]:
    """Samples in columns, less their mean, in blocks."""
    for part in blocks(len(places), features.shape[1], SMALL_BLOCK):
        yield (features[places[part]] - mean).T


class _Product(NamedTuple):
    """A symmetric matrix G in tridiagonal form.

    Attributes:
        diagonal: ``[D]``.
        beside: ``[D - 1]``.
        reflections: ``[D, D - 1]``, in columns, from their second number on.
        scales: ``[D - 1]`` of the reflections.
        eigenvalues: ``[D]``, ascending, above 0.
    """

    diagonal: np.ndarray
    beside: np.ndarray
    reflections: np.ndarray
    scales: np.ndarray
    eigenvalues: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> _Product | None:
        """Overwrites a matrix of which the lower triangle is there. None if it is not positive."""
        size = len(matrix)
        room = int(lapack.dsytrd_lwork(size, lower=1)[0])
        reduced, diagonal, beside, scales, _ = lapack.dsytrd(
            matrix, lower=1, lwork=room, overwrite_a=1
        )
        eigenvalues, failed = lapack.dsterf(diagonal, beside)
        if failed or eigenvalues[0] <= 0.0:
            return None
        # They begin below the diagonal: one number later all columns are as LAPACK wants them.
        reflections = reduced.ravel("K")[1 : 1 + size * (size - 1)].reshape(size - 1, size).T
        return cls(diagonal, beside, reflections, scales, eigenvalues)

    def rounding(self) -> float:
        """About how far off the sum of the roots of the eigenvalues may be."""
        largest = np.finfo(np.float64).eps * self.eigenvalues[-1]
        return float(largest * np.sqrt(np.sum(1.0 / self.eigenvalues)))

    def forms(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``y' G^(-1/2) y`` and ``y' G^(1/2) y`` of ``[D, K]`` columns y, to about a thousandth.

        The inverse root is the integral of 2 / pi (G + t^2)^(-1) over t from 0; over the logarithm
        of t the trapezoidal rule converges exponentially, whatever the scales (Trefethen &
        Weideman, "The Exponentially Convergent Trapezoidal Rule", 2014).
        """
        columns = self._turned(columns)
        lengths = np.einsum("ij,ij->j", columns, columns)
        inverse, root = np.zeros((2, len(lengths)))
        low, high = 0.5 * np.log(self.eigenvalues[[0, -1]])
        for logarithm in np.arange(low - _TAIL, high + _TAIL, _STEP):
            weight, shift = 2.0 / np.pi * _STEP * np.exp(logarithm), np.exp(2.0 * logarithm)
            factors = lapack.dpttrf(self.diagonal + shift, self.beside)[:2]
            solved = np.einsum("ij,ij->j", columns, lapack.dpttrs(*factors, columns)[0])
            inverse += weight * solved
            root += weight * (lengths - shift * solved)
        return inverse, root

    def _turned(self, columns: np.ndarray) -> np.ndarray:
        """``Q' y`` of ``[D, K]`` columns y, which are overwritten. The first number stays."""
        below = np.asfortranarray(columns[1:])
        query = lapack.dormqr("L", "T", self.reflections, self.scales, below, -1, overwrite_c=1)
        columns[1:] = lapack.dormqr(
            "L", "T", self.reflections, self.scales, below, int(query[1][0]), overwrite_c=1
        )[0]
        return columns
