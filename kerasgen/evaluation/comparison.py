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
from typing import Any

import numpy as np

from kerasgen.data.splits import split_by_source
from kerasgen.evaluation.appearance import (
    appearance,
    distribution_difference,
    grey_histograms,
    histogram_difference,
)
from kerasgen.evaluation.features import FeatureExtractor
from kerasgen.evaluation.metrics import (
    TwoSampleTest,
    frechet_distance,
    kernel_distance,
    manifold_scores,
    sliced_wasserstein,
    two_sample_test,
)

_FOLDS = 5

FEWEST = 8
"""Pictures that each set needs: four in each half of the real one."""


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
    """

    reference: np.ndarray
    null: np.ndarray
    synthetic: np.ndarray
    reference_groups: Sequence[Hashable]
    null_groups: Sequence[Hashable]
    synthetic_groups: Sequence[Hashable]

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
            of one source.
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
    reference, rest = split_by_source(of_real, 0.5, seed)
    count = min(len(rest), len(synthetic))
    generator = np.random.default_rng(seed)
    null = np.sort(generator.permutation(rest)[:count])
    drawn = np.sort(generator.permutation(len(synthetic))[:count])
    return ComparedSets(
        real[reference],
        real[null],
        synthetic[drawn],
        *(
            [(side, groups[place]) for place in places]
            for side, groups, places in (
                ("real", of_real, reference),
                ("real", of_real, null),
                ("synthetic", of_synthetic, drawn),
            )
        ),
    )


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
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
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
            test = _test(reference, own, (sets.reference_groups, groups), seed)
            found.setdefault("two_sample_area", {})[arm] = asdict(test.area) if test else None
            found.setdefault("two_sample_p", {})[arm] = test.p_value if test else None
    found["remarks"] = list(dict.fromkeys(str(each.message) for each in heard))
    return found


def _test(
    reference: np.ndarray,
    own: np.ndarray,
    groups: tuple[Sequence[Hashable], Sequence[Hashable]],
    seed: int,
) -> TwoSampleTest | None:
    fewest = min(len(set(each)) for each in groups)
    if fewest < _FOLDS:
        warnings.warn(
            f"Of one set there are {fewest} source(s): too few to tell a difference of the sets "
            f"from one of the sources, for which {_FOLDS} are needed. There is no two-sample test.",
            stacklevel=2,
        )
        return None
    return two_sample_test(reference, own, groups, folds=_FOLDS, seed=seed)


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
        as a dict), ``null`` and ``null_95`` (see ``appearance.Difference``), and, but for the
        histogram, the mean of each set as ``real`` and ``synthetic``.
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
    return found


def summary(
    comparison: dict[str, dict[str, Any]], looks: dict[str, Any], level: float = 0.05
) -> str:
    """What came out, in a sentence or two.

    Args:
        comparison: By the name of each feature space, what ``compare_features`` gave.
        looks: What ``compare_appearance`` gave.
        level: Of the two-sample test.
    """
    tested = {
        name: found for name, found in comparison.items() if found["two_sample_p"]["synthetic"]
    }
    told = {
        name: found["two_sample_area"]["synthetic"]["value"]
        for name, found in tested.items()
        if found["two_sample_p"]["synthetic"] <= level
    }
    if not tested:
        first = (
            "There are too few sources to test whether the synthetic pictures can be told apart."
        )
    elif told:
        name = max(told, key=lambda each: told[each])
        first = (
            "The synthetic pictures can be told from the real ones: area under ROC "
            f"{told[name]:.2f} on {name} (0.5 is chance), on {len(told)} of {len(comparison)} "
            "feature space(s)."
        )
    else:
        first = (
            "No feature space tells the synthetic pictures from the real ones "
            f"(p > {level:g} on {len(comparison)})."
        )
    differing = [
        name for name, found in looks.items() if found["distance"]["value"] > found["null_95"]
    ]
    if not differing:
        return f"{first} Light, colour, sharpness and noise do not differ beyond chance."
    furthest = sorted(differing, key=lambda name: -_times(looks[name]))[:3]
    listed = ", ".join(name.replace("_", " ") for name in furthest)
    return f"{first} In plain numbers they differ most in {listed}."


def _times(difference: dict[str, Any]) -> float:
    """How many times what chance gives."""
    return float(difference["distance"]["value"]) / max(float(difference["null_95"]), 1e-12)
