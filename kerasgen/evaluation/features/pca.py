"""Principal components: features of many numbers as a scatter of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics.intervals import check_features


@dataclass(frozen=True)
class Projection:
    """A basis, fitted once, in which every set is looked at.

    Two sets in bases of their own cannot be compared: each is then centred and turned as suits it.

    Attributes:
        mean: ``[D]`` of the samples it was fitted on.
        axes: ``[K, D]``, orthonormal, the one of the largest variance first.
        variances: ``[K]``, of the samples it was fitted on along each axis.
        explained: ``[K]``, the shares of the whole variance.
    """

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    explained: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """``[N, D]`` -> ``[N, K]`` float64."""
        return np.asarray((features.astype(np.float64) - self.mean) @ self.axes.T)


def fit_projection(features: np.ndarray, axes: int = 2) -> Projection:
    """Principal component analysis.

    Args:
        features: ``[N, D]``, of the real set where sets are to be compared.
        axes: How many; at most the smaller of N and D.

    Returns:
        The basis. The largest number of each axis is positive.

    Raises:
        ValueError: If there are too few samples or features, or a number is not finite.
    """
    check_features(features)
    if not 1 <= axes <= min(features.shape):
        raise ValueError(f"`axes` must be from 1 to {min(features.shape)}. Received: axes={axes}")
    values = features.astype(np.float64)
    mean = values.mean(axis=0)
    _, singular, basis = np.linalg.svd(values - mean, full_matrices=False)
    basis = basis[:axes]
    largest = np.abs(basis).argmax(axis=1)
    basis *= np.sign(basis[np.arange(axes), largest])[:, None]
    squares = singular**2
    whole = squares.sum()
    shares = squares / whole if whole > 0 else np.zeros_like(squares)
    return Projection(mean, basis, squares[:axes] / (len(values) - 1), shares[:axes])
