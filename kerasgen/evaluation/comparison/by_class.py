"""The comparison class by class: a set may be right as a whole and wrong in each of its classes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasgen.evaluation.comparison.distances import (
    FEWEST,
    FEWEST_IN_HALF,
    grouped_test,
    split_sets,
)
from kerasgen.evaluation.metrics import class_diversity, kernel_distance


@dataclass(frozen=True)
class LabelledFeatures:
    """One set.

    Attributes:
        features: ``[N, D]``.
        labels: N names of classes.
        groups: N sources.
    """

    features: np.ndarray
    labels: Sequence[str]
    groups: Sequence[Hashable]

    def of(self, label: str) -> tuple[np.ndarray, list[Hashable]]:
        """Features and sources of one class."""
        places = [place for place, own in enumerate(self.labels) if own == label]
        return self.features[places], [self.groups[place] for place in places]


def check_classes(real: Sequence[str] | None, synthetic: Sequence[str] | None) -> None:
    """Checks that both sets have labels, of the same classes, or neither has.

    Raises:
        ValueError: If not, with the classes that one of them lacks.
    """
    if real is None and synthetic is None:
        return
    classes = {"real": set(real or ()), "synthetic": set(synthetic or ())}
    lacking = {name: set.union(*classes.values()) - own for name, own in classes.items()}
    if not any(lacking.values()):
        return
    said = [
        f"the {name} set has none of {', '.join(sorted(own))}"
        for name, own in lacking.items()
        if own
    ]
    raise ValueError(
        "Both sets need pictures of the same classes, for a comparison by class: rename folders, "
        f"or leave the labels out. Received: {'; '.join(said)}"
    )


def compare_classes(
    real: LabelledFeatures, synthetic: LabelledFeatures, *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Each class of a synthetic set beside the same class of the real one.

    As in ``comparison`` the real pictures of a class are halved by source, and the second half is
    the null.

    Args:
        real: With the classes of the other, see ``check_classes``.
        synthetic: The same.
        seed: Of splits, intervals and permutations.

    Returns:
        By class, in alphabetical order: ``real`` and ``synthetic``, numbers of pictures, and
        ``too_few``, whether one of them is below 8 or the real pictures cannot be halved by source.
        If not: ``kernel_distance``, ``two_sample_area`` (``Estimate`` as dicts) and
        ``two_sample_p``, each a dict with ``synthetic`` and ``null``; and ``diversity``, a dict
        with ``real`` and ``synthetic``. Without five sources of each kind there is no two-sample
        test: None stands there.
    """
    check_classes(real.labels, synthetic.labels)
    return {label: _compared(label, real, synthetic, seed) for label in sorted(set(real.labels))}


def _compared(
    label: str, real: LabelledFeatures, synthetic: LabelledFeatures, seed: int
) -> dict[str, Any]:
    (known, of_known), (made, of_made) = real.of(label), synthetic.of(label)
    found: dict[str, Any] = {"real": len(known), "synthetic": len(made), "too_few": True}
    if min(len(known), len(made)) < FEWEST or len(set(of_known)) < 2:
        return found
    places = split_sets(of_known, len(made), seed)
    if min(map(len, places)) < FEWEST_IN_HALF:
        return found
    reference = known[places.reference]
    reference_groups = [("real", of_known[place]) for place in places.reference]
    arms = {
        "synthetic": (
            made[places.synthetic],
            [("synthetic", of_made[place]) for place in places.synthetic],
        ),
        "null": (known[places.null], [("real", of_known[place]) for place in places.null]),
    }
    tests = {
        name: grouped_test(reference, own, (reference_groups, groups), seed)
        for name, (own, groups) in arms.items()
    }
    return {
        **found,
        "too_few": False,
        "kernel_distance": {
            name: asdict(kernel_distance(reference, own, seed=seed))
            for name, (own, _) in arms.items()
        },
        "two_sample_area": {name: test and asdict(test.area) for name, test in tests.items()},
        "two_sample_p": {name: test and test.p_value for name, test in tests.items()},
        "diversity": {
            name: asdict(class_diversity(own, np.zeros(len(own), np.int64), seed=seed)[0])
            for name, own in (("real", known), ("synthetic", made))
        },
    }
