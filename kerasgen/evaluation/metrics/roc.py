"""Area under the ROC curve: how well scores rank positives above negatives."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np

from kerasgen.evaluation.metrics.intervals import (
    Estimate,
    Groups,
    percentile_estimate,
    wilson_interval,
)


def area_under_roc(
    positive: np.ndarray,
    scores: np.ndarray,
    groups: Iterable[Hashable] | None = None,
    *,
    baseline: np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Area under the ROC curve, or its gain over a baseline, with a percentile bootstrap interval.

    The probability that a positive has a higher score than a negative, ties counted half (Hanley &
    McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747). Samples of one group (frames of
    one scene, crops of one picture) are dependent and drawn together. With several scorers, the
    areas are averaged, and scorers are resampled, too.

    Args:
        positive: ``[N]`` bool, the truth.
        scores: ``[N]``, higher for positives; or ``[S, N]``, of S scorers.
        groups: Name or number of each sample's group; None if each sample is its own group.
        baseline: Scores of the same shape: the result is the difference of the areas, on the same
            samples in each draw (a paired interval).
        resamples: Number of bootstrap draws; those without a positive or a negative are ignored.
        seed: Seed of the draws.

    Returns:
        The area in [0, 1] or the difference in [-1, 1]; its count is that of the rarer kind. An
        area of 0 or 1 is the same in every draw, so it has Wilson's interval with the number of
        groups of the rarer kind.

    Raises:
        ValueError: If the shapes differ, a score is not finite, or one kind is missing.
    """
    positive = np.asarray(positive, bool)
    rarer = _rarer_kind(positive)
    signed = _signed_scores(positive, scores, baseline)
    scorers = len(signed[0][1])

    def value(indices: np.ndarray, rows: np.ndarray) -> float:
        return sum(
            sign * float(np.mean([roc_area(positive[indices], own[row, indices]) for row in rows]))
            for sign, own in signed
        )

    grouped = Groups(len(positive), groups)
    whole = value(np.arange(len(positive)), np.arange(scorers))
    if baseline is None and whole in (0.0, 1.0):
        fewest = min(len(np.unique(grouped.of_samples[kind])) for kind in (positive, ~positive))
        low, high = wilson_interval(whole, fewest)
        return Estimate(whole, min(low, whole), max(high, whole), rarer)
    generator = np.random.default_rng(seed)
    areas = [
        value(indices, generator.integers(0, scorers, scorers))
        for indices in grouped.draws(resamples, generator)
    ]
    return percentile_estimate(whole, areas, rarer)


def _rarer_kind(positive: np.ndarray) -> int:
    """Number of samples of the rarer kind."""
    rarer = int(min(positive.sum(), (~positive).sum()))
    if not rarer:
        raise ValueError(
            "Positives and negatives are needed. "
            f"Received: {positive.sum()} positives of {len(positive)}"
        )
    return rarer


def _signed_scores(
    positive: np.ndarray, scores: np.ndarray, baseline: np.ndarray | None
) -> list[tuple[float, np.ndarray]]:
    """The scores, to be added, and those of the baseline, to be subtracted; each ``[S, N]``."""
    signed = [(1.0, _scorers(positive, scores))]
    if baseline is not None:
        signed.append((-1.0, _scorers(positive, baseline)))
        if signed[0][1].shape != signed[1][1].shape:
            raise ValueError(
                "`scores` and `baseline` must have one shape. "
                f"Received: shapes {signed[0][1].shape} and {signed[1][1].shape}"
            )
    return signed


def _scorers(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """``[S, N]`` float64."""
    scores = np.asarray(scores, np.float64)
    fits = positive.ndim == 1 and scores.ndim in (1, 2) and scores.shape[-1:] == positive.shape
    if not fits or not scores.size or not np.isfinite(scores).all():
        raise ValueError(
            "`positive` must be [N], and scores [N] or [S, N], finite. "
            f"Received: shapes {positive.shape} and {scores.shape}"
        )
    return np.atleast_2d(scores)


def roc_area(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve without an interval, see ``area_under_roc``.

    Args:
        positive: ``[N]`` bool, the truth.
        scores: ``[N]``, higher for positives.

    Returns:
        The area in [0, 1]; NaN if one kind is missing.
    """
    levels, level = np.unique(scores, return_inverse=True)
    above = np.bincount(level, positive, len(levels))
    below = np.bincount(level, ~positive, len(levels))
    if not above.sum() or not below.sum():
        return float("nan")
    beaten = np.cumsum(below) - 0.5 * below
    return float(above @ beaten / (above.sum() * below.sum()))
