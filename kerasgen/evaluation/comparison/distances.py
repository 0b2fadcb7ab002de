"""Distances between a synthetic set and a real one, each beside its real-vs-real baseline.

The real set is split in two by source. One half is the *reference*. The other half is the
*baseline*: it is measured against the reference exactly as the synthetic set is, and with the same
number of pictures, because most distances depend on it. A distance is meaningful where it is well
above its baseline.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from kerasgen.data.splits import split_by_source
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.features.image_statistics import (
    appearance,
    distribution_difference,
    grey_histograms,
    histogram_difference,
)
from kerasgen.evaluation.metrics import (
    FEWEST_GROUPS,
    TwoSampleTest,
    frechet_distance,
    holm_adjusted,
    kernel_distance,
    manifold_scores,
    sliced_wasserstein_distance,
    two_sample_test,
)

FOLDS = 5
"""Folds of the two-sample test, and sources that each set needs for it."""

_TOO_FEW_SOURCES = (
    "One set has {} source(s), too few to separate a difference between the sets from one between "
    f"sources: the two-sample test needs {FOLDS} and was left out."
)

_AS_INDEPENDENT = (
    "One set has {} source(s): the intervals of its distances treat every picture as independent, "
    "and are too narrow."
)

LEVEL = 0.05
"""Probability of a false alarm among all tests of a kind together."""

FEWEST, FEWEST_IN_HALF = 8, 4
"""Pictures that each set needs: four in each half of the real set."""


class SharedSource(NamedTuple):
    """A source with pictures in both sets, which are equal or nearly so."""

    name: Hashable


def tagged(side: str, groups: Sequence[Hashable]) -> list[Hashable]:
    """Names of sources that are distinct from those of the other set, unless they are shared."""
    return [group if isinstance(group, SharedSource) else (side, group) for group in groups]


class SetIndices(NamedTuple):
    """Which pictures are compared: indices in rising order.

    Attributes:
        reference: ``[N]`` integers, indices of real pictures.
        baseline: ``[M]``, of other real ones.
        synthetic: ``[M]``, of synthetic ones.
    """

    reference: np.ndarray
    baseline: np.ndarray
    synthetic: np.ndarray


@dataclass(frozen=True)
class ComparedSets:
    """The pictures that are compared, of one shape.

    Attributes:
        reference: ``[N, H, W, C]`` uint8, one half of the real pictures.
        baseline: ``[M, H, W, C]``, pictures of the other half.
        synthetic: ``[M, H, W, C]``, as many.
        reference_groups: N source names: pictures recorded or generated together are one group.
        baseline_groups: M source names.
        synthetic_groups: M source names.
        indices: Where all these are in the two original sets.
    """

    reference: np.ndarray
    baseline: np.ndarray
    synthetic: np.ndarray
    reference_groups: Sequence[Hashable]
    baseline_groups: Sequence[Hashable]
    synthetic_groups: Sequence[Hashable]
    indices: SetIndices

    @property
    def arms(self) -> dict[str, tuple[np.ndarray, Sequence[Hashable]]]:
        """What is measured against the reference: pictures and their groups."""
        return {
            "synthetic": (self.synthetic, self.synthetic_groups),
            "baseline": (self.baseline, self.baseline_groups),
        }


def compared_sets(
    real: np.ndarray,
    synthetic: np.ndarray,
    *,
    real_groups: Sequence[Hashable] | None = None,
    synthetic_groups: Sequence[Hashable] | None = None,
    split_by: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> ComparedSets:
    """Splits the real set by source, and draws as many synthetic pictures as the baseline has.

    Args:
        real: ``[R, H, W, C]`` uint8.
        synthetic: ``[S, H, W, C]`` uint8, decoded, resized and compressed as the real ones were.
        real_groups: Source of each real picture; None if each is its own source.
        synthetic_groups: Source of each synthetic picture; None likewise.
        split_by: Sources by which the real pictures are split, where theirs cannot be; None for
            theirs.
        seed: Seed of the split and the draw.

    Returns:
        The reference, the baseline and the synthetic pictures.

    Raises:
        ValueError: If the shapes differ, a set has fewer than 8 pictures, or nearly all real
            pictures are of one source.
    """
    if real.shape[1:] != synthetic.shape[1:] or real.dtype != synthetic.dtype:
        raise ValueError(
            "Both sets must have one shape: read them with the same size and channels. "
            f"Received: {real.shape} {real.dtype} and {synthetic.shape} {synthetic.dtype}"
        )
    if min(len(real), len(synthetic)) < FEWEST:
        raise ValueError(
            f"Each set needs at least {FEWEST} pictures. "
            f"Received: {len(real)} real and {len(synthetic)} synthetic"
        )
    of_real = list(range(len(real)) if real_groups is None else real_groups)
    of_synthetic = list(range(len(synthetic)) if synthetic_groups is None else synthetic_groups)
    indices = split_sets(of_real if split_by is None else split_by, len(synthetic), seed)
    of_real, of_synthetic = tagged("real", of_real), tagged("synthetic", of_synthetic)
    if min(map(len, indices)) < FEWEST_IN_HALF:
        raise ValueError(
            f"Each half of the real pictures needs at least {FEWEST_IN_HALF}, and a source cannot "
            "be split: add more sources. "
            f"Received: halves of {len(indices.reference)} and {len(indices.baseline)} pictures"
        )
    return ComparedSets(
        real[indices.reference],
        real[indices.baseline],
        synthetic[indices.synthetic],
        [of_real[index] for index in indices.reference],
        [of_real[index] for index in indices.baseline],
        [of_synthetic[index] for index in indices.synthetic],
        indices,
    )


def split_sets(real_groups: Sequence[Hashable], synthetic: int, seed: int) -> SetIndices:
    """Halves of the real pictures, by source, and as many synthetic ones as the second half has.

    Args:
        real_groups: Source of each real picture.
        synthetic: Number of synthetic pictures.
        seed: Seed of the split and the draw.

    Returns:
        Indices of the pictures to compare.

    Raises:
        ValueError: If all real pictures are of one source.
    """
    reference, rest = split_by_source(real_groups, 0.5, seed)
    count = min(len(rest), synthetic)
    generator = np.random.default_rng(seed)
    baseline = np.sort(generator.permutation(rest)[:count])
    return SetIndices(reference, baseline, np.sort(generator.permutation(synthetic)[:count]))


def compare_features(
    sets: ComparedSets, features: FeatureExtractor, *, seed: int = 0
) -> dict[str, Any]:
    """Distances on one feature space, for the synthetic set and for the baseline.

    Args:
        sets: From ``compared_sets``.
        features: The feature space.
        seed: Seed of intervals and permutations.

    Returns:
        By name (``kernel_distance``, ``frechet_distance``, ``sliced_wasserstein``, ``precision``,
        ``recall``, ``density``, ``coverage``, ``two_sample_area``), a dict with ``synthetic`` and
        ``baseline``, each an ``Estimate`` as a dict; ``two_sample_p`` likewise, numbers; and
        ``remarks``, caveats. The two-sample values are None with fewer than five sources in a set.
    """
    reference = features(sets.reference)
    found: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for arm, (images, groups) in sets.arms.items():
            own, both = features(images), groups_for_intervals(sets.reference_groups, groups)
            measured = {
                "kernel_distance": kernel_distance(reference, own, both, seed=seed),
                "frechet_distance": frechet_distance(reference, own, both),
                "sliced_wasserstein": sliced_wasserstein_distance(reference, own, both, seed=seed),
                **manifold_scores(reference, own, both, k=_neighbour(reference, own))._asdict(),
            }
            for name, estimate in measured.items():
                found.setdefault(name, {})[arm] = asdict(estimate)
            test = grouped_test(reference, own, (sets.reference_groups, groups), seed)
            if test is None:
                fewest = min(len(set(each)) for each in (sets.reference_groups, groups))
                warnings.warn(_TOO_FEW_SOURCES.format(fewest), stacklevel=2)
            found.setdefault("two_sample_area", {})[arm] = asdict(test.area) if test else None
            found.setdefault("two_sample_p", {})[arm] = test.p_value if test else None
    found["remarks"] = list(dict.fromkeys(str(each.message) for each in caught))
    return found


def groups_for_intervals(
    first: Sequence[Hashable], second: Sequence[Hashable]
) -> tuple[Sequence[Hashable], Sequence[Hashable]] | None:
    """The groups of two sets, for the intervals of their distance.

    Args:
        first: Source of each picture of the one set.
        second: Source of each picture of the other.

    Returns:
        Both; None, as if each picture were its own source, with too few sources to draw from.

    Warns:
        UserWarning: If there are too few.
    """
    fewest = min(len(set(first)), len(set(second)))
    if fewest >= FEWEST_GROUPS:
        return first, second
    warnings.warn(_AS_INDEPENDENT.format(fewest), stacklevel=2)
    return None


def grouped_test(
    first: np.ndarray,
    second: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]],
    seed: int,
) -> TwoSampleTest | None:
    """``metrics.two_sample_test`` by source; None if a set has fewer sources than ``FOLDS``."""
    if min(len(set(each)) for each in groups) < FOLDS:
        return None
    return two_sample_test(first, second, groups, folds=FOLDS, seed=seed)


def _neighbour(first: np.ndarray, second: np.ndarray) -> int:
    """Which neighbour gives the radius: the fifth, or a nearer one in small sets."""
    return max(1, min(5, min(len(first), len(second)) // 4))


def compare_appearance(sets: ComparedSets, *, seed: int = 0) -> dict[str, Any]:
    """Light, colour, sharpness, noise and spectrum of both sets.

    Args:
        sets: From ``compared_sets``; here all real pictures are compared with the synthetic ones.
        seed: Seed of the intervals.

    Returns:
        For each statistic, and ``grey_histogram``, a dict: ``distance`` (an ``Estimate`` as a
        dict), ``baseline``, ``baseline_95`` and ``p`` (see ``image_statistics.Difference``);
        ``significant``, whether it is beyond chance among all these statistics together; and,
        except for the histogram, the mean of each set as ``real`` and ``synthetic``.
    """
    real = np.concatenate([sets.reference, sets.baseline])
    of_real, of_synthetic = appearance(real), appearance(sets.synthetic)
    groups = [*sets.reference_groups, *sets.baseline_groups], sets.synthetic_groups
    found: dict[str, Any] = {}
    for name, values in of_real.items():
        found[name] = {
            **asdict(distribution_difference(values, of_synthetic[name], groups, seed=seed)),
            "real": float(values.mean()),
            "synthetic": float(of_synthetic[name].mean()),
        }
    found["grey_histogram"] = asdict(
        histogram_difference(
            grey_histograms(real), grey_histograms(sets.synthetic), groups, seed=seed
        )
    )
    adjusted = holm_adjusted({name: each["p"] for name, each in found.items()})
    return {name: {**each, "significant": adjusted[name] <= LEVEL} for name, each in found.items()}
