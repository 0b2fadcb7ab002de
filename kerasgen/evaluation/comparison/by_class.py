"""Comparison class by class: two sets can agree as a whole and differ within each class."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasgen.evaluation.comparison.distances import (
    FEWEST,
    FEWEST_IN_HALF,
    grouped_test,
    groups_for_intervals,
    split_sets,
    tagged,
)
from kerasgen.evaluation.metrics import class_diversity, kernel_distance


@dataclass(frozen=True)
class LabelledFeatures:
    """Features of one set, with class and source of each picture.

    Attributes:
        features: ``[N, D]``.
        labels: N class names.
        groups: N source names or numbers.
    """

    features: np.ndarray
    labels: Sequence[str]
    groups: Sequence[Hashable]

    def of(self, label: str) -> tuple[np.ndarray, list[Hashable]]:
        """Features ``[n, D]`` and sources of one class."""
        indices = [index for index, own in enumerate(self.labels) if own == label]
        return self.features[indices], [self.groups[index] for index in indices]


def check_classes(real: Sequence[str] | None, synthetic: Sequence[str] | None) -> None:
    """Checks that both sets have labels of the same classes, or that neither has labels.

    Args:
        real: Class of each real picture; None without labels.
        synthetic: Class of each synthetic picture; None without labels.

    Raises:
        ValueError: If a set lacks classes of the other; the message names them.
    """
    if real is None and synthetic is None:
        return
    classes = {"real": set(real or ()), "synthetic": set(synthetic or ())}
    lacking = {name: set.union(*classes.values()) - own for name, own in classes.items()}
    if not any(lacking.values()):
        return
    messages = [
        f"the {name} set has none of {', '.join(sorted(own))}"
        for name, own in lacking.items()
        if own
    ]
    raise ValueError(
        "A comparison by class needs pictures of the same classes in both sets: rename folders, "
        f"or leave the labels out. Received: {'; '.join(messages)}"
    )


def compare_classes(
    real: LabelledFeatures, synthetic: LabelledFeatures, *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Compares each class of a synthetic set with the same class of the real set.

    As in ``compare_features``, the real pictures of a class are split in half by source, and the
    second half is the real-vs-real baseline.

    Args:
        real: Features of the real set.
        synthetic: Features of the synthetic set, with the same classes.
        seed: Seed of splits, intervals and permutations.

    Returns:
        By class, in alphabetical order: ``real`` and ``synthetic``, numbers of pictures, and
        ``too_few``, whether one of them is below 8 or the real pictures cannot be split by source.
        Otherwise also: ``kernel_distance``, ``two_sample_area`` (``Estimate`` as dicts) and
        ``two_sample_p``, each a dict with ``synthetic`` and ``baseline``; and ``diversity``, a dict
        with ``real`` and ``synthetic``. The two-sample values are None with fewer than five sources
        of each kind.
    """
    check_classes(real.labels, synthetic.labels)
    return {label: _compared(label, real, synthetic, seed) for label in sorted(set(real.labels))}


def _compared(
    label: str, real: LabelledFeatures, synthetic: LabelledFeatures, seed: int
) -> dict[str, Any]:
    (of_real, real_groups), (of_synthetic, synthetic_groups) = real.of(label), synthetic.of(label)
    found: dict[str, Any] = {"real": len(of_real), "synthetic": len(of_synthetic), "too_few": True}
    if min(len(of_real), len(of_synthetic)) < FEWEST or len(set(real_groups)) < 2:
        return found
    indices = split_sets(real_groups, len(of_synthetic), seed)
    if min(map(len, indices)) < FEWEST_IN_HALF:
        return found
    reference = of_real[indices.reference]
    real_groups, synthetic_groups = (
        tagged("real", real_groups),
        tagged("synthetic", synthetic_groups),
    )
    reference_groups = [real_groups[index] for index in indices.reference]
    arms = {
        "synthetic": (
            of_synthetic[indices.synthetic],
            [synthetic_groups[index] for index in indices.synthetic],
        ),
        "baseline": (
            of_real[indices.baseline],
            [real_groups[index] for index in indices.baseline],
        ),
    }
    tests = {
        name: grouped_test(reference, own, (reference_groups, groups), seed)
        for name, (own, groups) in arms.items()
    }
    return {
        **found,
        "too_few": False,
        "kernel_distance": {
            name: asdict(
                kernel_distance(
                    reference, own, groups_for_intervals(reference_groups, groups), seed=seed
                )
            )
            for name, (own, groups) in arms.items()
        },
        "two_sample_area": {name: test and asdict(test.area) for name, test in tests.items()},
        "two_sample_p": {name: test and test.p_value for name, test in tests.items()},
        "diversity": {
            name: asdict(class_diversity(own, np.zeros(len(own), np.int64), groups, seed=seed)[0])
            for name, own, groups in (
                ("real", of_real, real_groups),
                ("synthetic", of_synthetic, synthetic_groups),
            )
        },
    }
