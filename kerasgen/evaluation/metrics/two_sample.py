"""Classifier two-sample test, with a p-value by permutation."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics.intervals import Estimate, Groups, blocks, check_features
from kerasgen.evaluation.metrics.roc import area_under_roc, roc_area


@dataclass(frozen=True)
class TwoSampleTest:
    """Result of a two-sample test.

    Attributes:
        area: Area under the ROC curve on held-out samples: 0.5 means that the sets cannot be
            distinguished, 1 that they always can.
        p_value: Probability of at least this area if the sets do not differ.
        permutations: Number of permutations; the p-value is at least 1 / (permutations + 1).
    """

    area: Estimate
    p_value: float
    permutations: int


def two_sample_test(
    first: np.ndarray,
    second: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    *,
    folds: int = 5,
    permutations: int = 199,
    seed: int = 0,
) -> TwoSampleTest:
    """Whether a linear classifier can distinguish two sets on unseen samples.

    Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests" (2017, arXiv:1610.06545), with a
    ridge classifier and cross-validation. Samples of one group (frames of one recording, pictures
    generated from one source) are dependent: they are held out together and permuted together.

    Args:
        first: ``[N, D]`` features.
        second: ``[M, D]`` features.
        groups: Names or numbers of the groups of the N and of the M samples; a group in both sets
            is held out together and permuted as two. None if each sample is its own group.
        folds: Number of cross-validation folds.
        permutations: Number of permutations of the labels among groups.
        seed: Seed of folds and permutations.

    Returns:
        Area under the ROC curve and p-value.

    Raises:
        ValueError: If the shapes do not match, a set has fewer groups than folds, or a value is not
            finite.
    """
    check_features(first, second)
    features = np.concatenate([first, second])
    in_second = np.repeat([False, True], [len(first), len(second)])
    together = Groups(len(in_second), None if groups is None else [*groups[0], *groups[1]])
    parts, members = np.unique(2 * together.of_samples + in_second, return_inverse=True)
    of_group = parts % 2 == 1
    for present in (False, True):
        if (of_group == present).sum() < folds:
            raise ValueError(
                f"Each set needs a group for each of {folds} folds. "
                f"Received: {(of_group == present).sum()} groups"
            )
    generator = np.random.default_rng(seed)
    shuffled = [of_group, *(generator.permutation(of_group) for _ in range(permutations))]
    truths = np.stack([labels[members] for labels in shuffled], axis=1)
    # Independent of the labels, so that true and permuted labels are treated the same.
    fold_of = (generator.permutation(len(together)) % folds)[together.of_samples]
    scores = np.empty(truths.shape)
    for fold in range(folds):
        held_out = fold_of == fold
        scores[held_out] = _ridge_scores(features, truths, held_out)
    areas = np.array([_mean_area(*pair, fold_of) for pair in zip(truths.T, scores.T, strict=True)])
    p_value = float(np.mean(areas >= areas[0]))
    centred = _centred_by_fold(scores[:, 0], fold_of)
    area = area_under_roc(in_second, centred, together.of_samples.tolist())
    return TwoSampleTest(_widened(area, float(areas.std())), p_value, permutations)


def _widened(area: Estimate, chance: float) -> Estimate:
    """Widens an interval to that of chance alone: the bootstrap takes the classifiers as fixed.

    As for a share, chance varies less near 0 and 1.
    """
    value = area.value
    least = 1.96 * chance * 2.0 * float(np.sqrt(value * (1.0 - value)))
    low, high = min(area.low, value - least), max(area.high, value + least)
    return Estimate(value, max(0.0, low), min(1.0, high), area.count)


def _ridge_scores(features: np.ndarray, truths: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Scores of the held-out samples by classifiers for each column of truths, ``[n, P]``."""
    known, unseen = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    middle, scale = _moments(features, known)

    def standard(indices: np.ndarray) -> Iterator[np.ndarray]:
        for part in blocks(len(indices), features.shape[1]):
            yield (features[indices[part]] - middle) / scale

    # Both sets have equal weight.
    y = truths[known].astype(np.float64)
    shares = y.mean(axis=0)
    y = (y - shares) / np.maximum(shares * (1.0 - shares), 1e-9)
    weights = _ridge_weights(standard(known), y, features.shape[1])
    return np.concatenate([x @ weights for x in standard(unseen)])


def _moments(features: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of some samples, ``[D]`` float64, in blocks."""
    parts = [indices[part] for part in blocks(len(indices), features.shape[1])]
    middle = sum(features[part].sum(axis=0, dtype=np.float64) for part in parts) / len(indices)
    squares = sum(np.square(features[part] - middle).sum(axis=0) for part in parts)
    return middle, np.sqrt(squares / len(indices)) + 1e-9


def _ridge_weights(known: Iterator[np.ndarray], y: np.ndarray, size: int) -> np.ndarray:
    """Weights ``[D, P]``; one factorisation, of the smaller Gram matrix, for all permutations."""
    count = len(y)
    if count <= size:
        x = np.concatenate(list(known))
        gram = x @ x.T
        gram[np.diag_indices_from(gram)] += count
        return np.asarray(x.T @ np.linalg.solve(gram, y))
    gram, product, first = np.zeros((size, size)), np.zeros((size, y.shape[1])), 0
    for x in known:
        gram += x.T @ x
        product += x.T @ y[first : first + len(x)]
        first += len(x)
    gram[np.diag_indices_from(gram)] += count
    return np.asarray(np.linalg.solve(gram, product))


def _mean_area(truth: np.ndarray, scores: np.ndarray, fold_of: np.ndarray) -> float:
    """Mean area over folds, as scores of different folds are of different classifiers."""
    areas = [
        roc_area(truth[fold_of == fold], scores[fold_of == fold]) for fold in np.unique(fold_of)
    ]
    # A fold with samples of one set only has no area.
    known = [area for area in areas if np.isfinite(area)]
    return float(np.mean(known)) if known else 0.5


def _centred_by_fold(scores: np.ndarray, fold_of: np.ndarray) -> np.ndarray:
    means = np.bincount(fold_of, scores) / np.bincount(fold_of)
    return np.asarray(scores - means[fold_of])
