"""Area under the ROC curve: how well scores rank positives above negatives."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from scipy import stats

from kerasgen.evaluation.metrics.intervals import Estimate, Groups
from kerasgen.evaluation.metrics.shares import share_from_variance


def area_under_roc(
    positive: np.ndarray,
    scores: np.ndarray,
    groups: Iterable[Hashable] | None = None,
    *,
    baseline: np.ndarray | None = None,
) -> Estimate:
    """Area under the ROC curve, or its gain over a baseline, with its interval.

    The probability that a positive has a higher score than a negative, ties counted half (Hanley &
    McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747). Its variance is that of DeLong et
    al. 1988 (https://doi.org/10.2307/2531595). Samples of one group (frames of one scene, crops of
    one picture) are dependent, and their parts are added up first (Obuchowski 1997,
    https://doi.org/10.2307/2533958). With several scorers, the areas are averaged, and the variance
    between scorers is added.

    Args:
        positive: ``[N]`` bool, the truth.
        scores: ``[N]``, higher for positives; or ``[S, N]``, of S scorers.
        groups: Name or number of each sample's group; None if each sample is its own group.
        baseline: Scores of the same shape: the result is the difference of the areas, on the same
            samples (a paired interval).

    Returns:
        The area in [0, 1] or the difference in [-1, 1]; its count is that of the rarer kind. The
        area's interval is that of a share with this variance, of at most twice as many samples as
        there are groups of the rarer kind: near 0 and 1 the variance is often estimated too small.
        The difference's comes from Student's t.

    Raises:
        ValueError: If the shapes differ, a score is not finite, or one kind is missing.
    """
    positive = np.asarray(positive, bool)
    rarer = _rarer_kind(positive)
    signed = _signed_scores(positive, scores, baseline)
    grouped = Groups(len(positive), groups)
    fewest = min(len(np.unique(grouped.of_samples[kind])) for kind in (positive, ~positive))
    placed = sum(
        (sign * np.stack([_placements(positive, one) for one in own]) for sign, own in signed),
        np.zeros(()),
    )
    areas = placed[:, positive].mean(axis=1)
    parts = [(_variance(positive, placed.mean(axis=0), grouped), fewest - 1)]
    if len(areas) > 1:
        parts.append((float(np.var(areas, ddof=1)) / len(areas), len(areas) - 1))
    value, (variance, degrees) = float(areas.mean()), _summed(parts)
    if baseline is None:
        return share_from_variance(
            value, variance, fewest, rarer, most=2.0 * fewest, degrees=degrees
        )
    margin = float(stats.t.ppf(0.975, degrees) * np.sqrt(variance)) if fewest > 1 else 2.0
    return Estimate(value, max(-1.0, value - margin), min(1.0, value + margin), rarer)


def _summed(variances: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Sum of variances, and its degrees of freedom (Welch & Satterthwaite)."""
    total = sum(variance for variance, _ in variances)
    squares = sum(variance**2 / max(free, 1) for variance, free in variances)
    return total, total**2 / squares if squares else float(max(variances[0][1], 1))


def _placements(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """``[N]``, the share of the samples of the other kind that each is on the right side of."""
    placed = np.empty(len(scores))
    for kind, sign in ((positive, 1.0), (~positive, -1.0)):
        others = np.sort(sign * scores[~kind])
        sides = [np.searchsorted(others, sign * scores[kind], side) for side in ("left", "right")]
        placed[kind] = (sides[0] + sides[1]) / (2.0 * len(others))
    return placed


def _variance(positive: np.ndarray, placed: np.ndarray, groups: Groups) -> float:
    """Variance of the mean placement, as samples and as the others' samples vary."""
    parts = np.empty(len(placed))
    for kind in (positive, ~positive):
        own = len(np.unique(groups.of_samples[kind]))
        factor = np.sqrt(own / max(own - 1, 1)) / kind.sum()
        parts[kind] = factor * (placed[kind] - placed[kind].mean())
    sums = np.bincount(groups.of_samples, parts)
    return float(sums @ sums)


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
