"""Sums that parts of a set add to in any order, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class ExactSum(NamedTuple):
    """A sum of float64 arrays that does not depend on their order.

    Kept in twice the precision of float64 (Knuth, "The Art of Computer Programming", volume 2,
    4.2.2, theorem B): rounding differs only from the 32nd digit on, so that ``value`` is the same.

    Attributes:
        high: The sum, rounded.
        low: What rounding left out.
    """

    high: np.ndarray
    low: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray) -> ExactSum:
        """The sum of one array."""
        high = np.asarray(array, np.float64)
        return cls(high, np.zeros_like(high))

    def plus(self, other: ExactSum) -> ExactSum:
        """The sum of all arrays of both, of one shape."""
        high = self.high + other.high
        back = high - self.high
        lost = (self.high - (high - back)) + (other.high - back)
        return ExactSum(high, self.low + other.low + lost)

    @property
    def value(self) -> np.ndarray:
        """The sum."""
        return self.high + self.low


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of a set of features.

    Attributes:
        count: Number of samples.
        mean: ``[D]`` float64.
        covariance: ``[D, D]`` float64, unbiased.
    """

    count: int
    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def from_sums(
        cls, count: int, totals: np.ndarray, products: np.ndarray, centre: np.ndarray
    ) -> Moments:
        """Moments from sums over the samples, less a fixed centre.

        Args:
            count: Number of samples, at least 2.
            totals: ``[D]``, the sum of ``x - centre``.
            products: ``[D, D]``, the sum of the products of ``x - centre`` with itself.
            centre: ``[D]``, near the mean: nothing is lost when the square of the mean is
                subtracted.
        """
        mean = totals / count
        covariance = (products - np.outer(totals, mean)) / (count - 1.0)
        return cls(count, centre + mean, covariance)
