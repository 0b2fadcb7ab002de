"""Principal component analysis of features, for scatter plots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics.intervals import check_features


@dataclass(frozen=True)
class Projection:
    """A fitted basis, to be used for every set that is compared.

    Attributes:
        mean: ``[D]``, mean of the samples it was fitted on.
        axes: ``[K, D]``, orthonormal, in order of falling variance.
        variances: ``[K]``, variances of these samples along each axis.
        explained: ``[K]``, shares of the total variance.
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
        features: ``[N, D]``; to compare sets, those of the real set.
        axes: Number of axes, at most the smaller of N and D.

    Returns:
        The basis; the component of largest magnitude of each axis is positive.

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
