"""How a synthetic set differs from a real one, in numbers, each beside what chance alone gives.

The real set is split in two by source. One half is the *reference*; the other, real too, is the
*null*: it is measured against the reference just as the synthetic set is, and with as many
pictures, for most distances depend on the number. A distance means something where it is well
above its null.
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
    TwoSampleTest,
    frechet_distance,
    holm_adjusted,
    kernel_distance,
    manifold_scores,
    two_sample_test,
)
from kerasgen.evaluation.metrics.sliced_wasserstein import sliced_wasserstein

FOLDS = 5
"""Of the two-sample test, and sources that each set needs for it."""

_TOO_FEW_SOURCES = (
    "Of one set there are {} source(s): too few to tell a difference of the sets from one of the "
    f"sources, for which {FOLDS} are needed. There is no two-sample test."
)

_AS_INDEPENDENT = (
    "The brackets of the distances take every picture as a witness of its own: of {} sources they "
    "are too narrow."
)

LEVEL = 0.05
"""Chance of a false alarm among all tests of a kind together."""

FEWEST, FEWEST_IN_HALF = 8, 4
"""Pictures that each set needs: four in each half of the real one."""


class SetPlaces(NamedTuple):
    """Which pictures are compared: places in rising order.

    Attributes:
        reference: ``[N]`` integers, places of real pictures.
        null: ``[M]``, of other real ones.
        synthetic: ``[M]``, of synthetic ones.
    """

    reference: np.ndarray
    null: np.ndarray
    synthetic: np.ndarray


@dataclass(frozen=True)
class ComparedSets:
    """What is compared, after both sets were brought to one form.

    Attributes:
        reference: ``[N, H, W, C]`` uint8, one half of the real pictures.
        null: ``[M, H, W, C]``, pictures of the other half.
        synthetic: ``[M, H, W, C]``, as many.
        null_groups: Names of M sources: what was recorded or made together is one witness.
        synthetic_groups: The same.
        reference_groups: The same, N.
        places: Where all these are in the sets that were given.
    """

    reference: np.ndarray
    null: np.ndarray
    synthetic: np.ndarray
    reference_groups: Sequence[Hashable]
    null_groups: Sequence[Hashable]
    synthetic_groups: Sequence[Hashable]
    places: SetPlaces

    @property
    def arms(self) -> dict[str, tuple[np.ndarray, Sequence[Hashable]]]:
        """What is measured against the reference: pictures and their groups."""
        return {
            "synthetic": (self.synthetic, self.synthetic_groups),
            "null": (self.null, self.null_groups),
        }


def compared_sets(
    real: np.ndarray,
    synthetic: np.ndarray,
    *,
    real_groups: Sequence[Hashable] | None = None,
    synthetic_groups: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> ComparedSets:
    """Splits the real set by source, and draws as many synthetic pictures as the null has.

    Args:
        real: ``[R, H, W, C]`` uint8.
        synthetic: ``[S, H, W, C]`` uint8, decoded, resized and coded as the real ones were.
        real_groups: The source of each real picture; None if each is its own.
        synthetic_groups: The same of the synthetic ones.
        seed: Of the split and the draw.

    Raises:
        ValueError: If the pictures differ in form, a set has fewer than 8, or the real ones are all
            of one source or nearly so.
    """
    if real.shape[1:] != synthetic.shape[1:] or real.dtype != synthetic.dtype:
        raise ValueError(
            "Both sets must be of one form: read them with the same size and channels. "
            f"Received: {real.shape} {real.dtype} and {synthetic.shape} {synthetic.dtype}"
        )
    if min(len(real), len(synthetic)) < FEWEST:
        raise ValueError(
            f"Each set needs at least {FEWEST} pictures. "
            f"Received: {len(real)} real and {len(synthetic)} synthetic"
        )
    of_real = list(range(len(real)) if real_groups is None else real_groups)
    of_synthetic = list(range(len(synthetic)) if synthetic_groups is None else synthetic_groups)
    places = split_sets(of_real, len(synthetic), seed)
    if min(map(len, places)) < FEWEST_IN_HALF:
        raise ValueError(
            f"Each half of the real pictures needs {FEWEST_IN_HALF}, and a source cannot be "
            "parted: give more sources. "
            f"Received: halves of {len(places.reference)} and {len(places.null)} pictures"
        )
    return ComparedSets(
        real[places.reference],
        real[places.null],
        synthetic[places.synthetic],
        [("real", of_real[place]) for place in places.reference],
        [("real", of_real[place]) for place in places.null],
        [("synthetic", of_synthetic[place]) for place in places.synthetic],
        places,
    )


def split_sets(real_groups: Sequence[Hashable], synthetic: int, seed: int) -> SetPlaces:
    """Halves of the real pictures, by source, and as many synthetic ones as the second has.

    Args:
        real_groups: The source of each real picture.
        synthetic: How many synthetic pictures there are.
        seed: Of the split and the draw.

    Raises:
        ValueError: If the real ones are all of one source.
    """
    reference, rest = split_by_source(real_groups, 0.5, seed)
    count = min(len(rest), synthetic)
    generator = np.random.default_rng(seed)
    null = np.sort(generator.permutation(rest)[:count])
    return SetPlaces(reference, null, np.sort(generator.permutation(synthetic)[:count]))


def compare_features(
    sets: ComparedSets, features: FeatureExtractor, *, seed: int = 0
) -> dict[str, Any]:
    """Distances on one feature space, for the synthetic set and for the null.

    Args:
        sets: From ``compared_sets``.
        features: The space.
        seed: Of intervals and permutations.

    Returns:
        By name (``kernel_distance``, ``frechet_distance``, ``sliced_wasserstein``, ``precision``,
        ``recall``, ``density``, ``coverage``, ``two_sample_area``), a dict with ``synthetic`` and
        ``null``, each an ``Estimate`` as a dict; ``two_sample_p`` likewise, numbers; and
        ``remarks``, what a reader must know of them. Without at least five sources in each set
        there is no two-sample test: None stands there.
    """
    reference = features(sets.reference)
    found: dict[str, Any] = {}
    together = [
        len(set(groups))
        for groups in (sets.reference_groups, sets.null_groups, sets.synthetic_groups)
        if len(set(groups)) < len(groups)
    ]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        if together:
            warnings.warn(_AS_INDEPENDENT.format(min(together)), stacklevel=2)
        for arm, (images, groups) in sets.arms.items():
            own = features(images)
            measured = {
                "kernel_distance": kernel_distance(reference, own, seed=seed),
                "frechet_distance": frechet_distance(reference, own),
                "sliced_wasserstein": sliced_wasserstein(reference, own, seed=seed),
                **manifold_scores(reference, own, k=_neighbour(reference, own))._asdict(),
            }
            for name, estimate in measured.items():
                found.setdefault(name, {})[arm] = asdict(estimate)
            test = grouped_test(reference, own, (sets.reference_groups, groups), seed)
            if test is None:
                fewest = min(len(set(each)) for each in (sets.reference_groups, groups))
                warnings.warn(_TOO_FEW_SOURCES.format(fewest), stacklevel=2)
            found.setdefault("two_sample_area", {})[arm] = asdict(test.area) if test else None
            found.setdefault("two_sample_p", {})[arm] = test.p_value if test else None
    found["remarks"] = list(dict.fromkeys(str(each.message) for each in heard))
    return found


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
    """The fifth, or a nearer one of sets so small that the fifth is far."""
    return max(1, min(5, min(len(first), len(second)) // 4))


def compare_appearance(sets: ComparedSets, *, seed: int = 0) -> dict[str, Any]:
    """Light, colour, sharpness, noise and spectrum of both sets.

    Args:
        sets: From ``compared_sets``; here all real pictures are compared with the synthetic ones.
        seed: Of the intervals.

    Returns:
        By the name of each statistic, and ``grey_histogram``, a dict: ``distance`` (an ``Estimate``
        as a dict), ``null``, ``null_95`` and ``p`` (see ``appearance.Difference``); ``shown``,
        whether it is beyond chance among all these statistics together; and, but for the histogram,
        the mean of each set as ``real`` and ``synthetic``.
    """
    real = np.concatenate([sets.reference, sets.null])
    of_real, of_synthetic = appearance(real), appearance(sets.synthetic)
    groups = [*sets.reference_groups, *sets.null_groups], sets.synthetic_groups
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
    return {name: {**each, "shown": adjusted[name] <= LEVEL} for name, each in found.items()}
