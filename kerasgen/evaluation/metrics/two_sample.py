"""Can two sets be told apart? The classifier two-sample test, with a p-value by permutation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics.estimates import Estimate, check_features
from kerasgen.evaluation.metrics.ranking import area_under_roc, roc_area


@dataclass(frozen=True)
class TwoSampleTest:
    """What came out.

    Attributes:
        area: Area under the ROC curve on samples that were held out: 0.5 means that the sets
            cannot be told apart, 1 that they always can.
        p_value: Chance of such an area, or a larger one, if there is no difference.
        permutations: What the p-value rests on; it cannot be below 1 / (permutations + 1).
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
    """Whether a linear classifier can tell two sets apart on samples it has not seen.

    Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests" (2017), with a ridge classifier and
    cross-validation. Samples of one group (frames of one recording, pictures made of one source)
    are held out together, and given to one side or the other together when labels are permuted:
    they are no independent evidence.

    Args:
        first: ``[N, D]`` features.
        second: ``[M, D]`` features.
        groups: Names or numbers of N and of M samples' groups, in a group only samples of one set;
            None if each sample is its own.
        folds: Parts that are held out in turn.
        permutations: How often labels are shuffled among the groups.
        seed: Of folds and permutations.

    Raises:
        ValueError: If the forms do not fit, a set has fewer groups than there are folds, a group is
            in both sets, or a number is not finite.
    """
    check_features(first, second)
    features = np.concatenate([first, second]).astype(np.float64)
    in_second = np.repeat([False, True], [len(first), len(second)])
    members, of_group = _groups(groups, in_second)
    for present in (False, True):
        if (of_group == present).sum() < folds:
            raise ValueError(
                f"Each set needs a group for each of {folds} folds. "
                f"Received: {(of_group == present).sum()} groups"
            )
    generator = np.random.default_rng(seed)
    shuffled = [of_group, *(generator.permutation(of_group) for _ in range(permutations))]
    truths = np.stack([labels[members] for labels in shuffled], axis=1)
    # Without a look at the labels: else the true ones would differ from shuffled ones by that.
    fold_of = (generator.permutation(len(of_group)) % folds)[members]
    scores = np.empty(truths.shape)
    for fold in range(folds):
        held_out = fold_of == fold
        scores[held_out] = _ridge_scores(features, truths, held_out)
    areas = np.array([_mean_area(*pair, fold_of) for pair in zip(truths.T, scores.T, strict=True)])
    p_value = float(np.mean(areas >= areas[0]))
    centred = _centred_by_fold(scores[:, 0], fold_of)
    return TwoSampleTest(
        area_under_roc(in_second, centred, members, seed=seed), p_value, permutations
    )


def _groups(
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None, in_second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The group of each sample, and of each group whether it is of the second set."""
    if groups is None:
        return np.arange(len(in_second)), in_second
    names = [*groups[0], *groups[1]]
    if len(names) != len(in_second):
        raise ValueError(
            f"Each sample needs a group. Received: {len(names)} for {len(in_second)} samples"
        )
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    members = np.array([places[name] for name in names])
    shares = np.bincount(members, in_second) / np.bincount(members)
    mixed = np.flatnonzero((shares > 0) & (shares < 1))
    if len(mixed):
        raise ValueError(
            f"A group may be in one set only. Received: {list(places)[mixed[0]]!r} in both"
        )
    return members, shares > 0


def _ridge_scores(features: np.ndarray, truths: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Scores of the held-out samples by classifiers for each column of truths, ``[n, P]``."""
    known = features[~held_out]
    middle, scale = known.mean(axis=0), known.std(axis=0) + 1e-9
    x, unseen = (known - middle) / scale, (features[held_out] - middle) / scale
    # A rare kind weighs as much as a common one.
    y = truths[~held_out].astype(np.float64)
    shares = y.mean(axis=0)
    y = (y - shares) / np.maximum(shares * (1.0 - shares), 1e-9)
    # One factorisation serves all permutations; of the two forms the smaller.
    if len(x) <= x.shape[1]:
        gram = x @ x.T
        gram[np.diag_indices_from(gram)] += len(x)
        return np.asarray(unseen @ (x.T @ np.linalg.solve(gram, y)))
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += len(x)
    return np.asarray(unseen @ np.linalg.solve(gram, x.T @ y))


def _mean_area(truth: np.ndarray, scores: np.ndarray, fold_of: np.ndarray) -> float:
    """Scores of different folds are of different classifiers: areas are averaged over folds."""
    areas = [
        roc_area(truth[fold_of == fold], scores[fold_of == fold]) for fold in np.unique(fold_of)
    ]
    # A fold may have one kind only.
    return float(np.nanmean(areas))


def _centred_by_fold(scores: np.ndarray, fold_of: np.ndarray) -> np.ndarray:
    means = np.bincount(fold_of, scores) / np.bincount(fold_of)
    return np.asarray(scores - means[fold_of])
