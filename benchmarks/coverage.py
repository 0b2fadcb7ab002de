"""How often the 95 % intervals cover the truth, by simulation.

    python benchmarks/coverage.py --repeats 1000

For each kind of interval, sets are drawn again and again from distributions whose truth is known
(or, for precision and the like, is the mean over all draws), and the intervals that contain it are
counted. Prints a Markdown table: the lowest coverage among all cases of a row, where it is, and the
mean coverage; and the share of comparisons of equal sets without any false claim. Five minutes on
one core; ``--only share,roc`` limits it to some kinds.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from absl import app, flags
from scipy import stats

from kerasgen.evaluation.comparison import LEVEL, compare_appearance, compared_sets
from kerasgen.evaluation.features import pixel_features
from kerasgen.evaluation.metrics import (
    Estimate,
    area_under_roc,
    frechet_distance,
    holm_adjusted,
    kernel_distance,
    manifold_scores,
    share_with_interval,
    sliced_wasserstein_distance,
    two_sample_test,
)

FLAGS = flags.FLAGS
flags.DEFINE_integer("repeats", 1000, "Draws of each case of shares and areas.", 20)
flags.DEFINE_list("only", [], "Only these kinds; all by default.")

SHARES = (0.5, 0.7, 0.9, 0.95, 0.97, 0.98, 0.99)
COUNTS = (40, 50, 100, 200, 500)


class Case(NamedTuple):
    """The coverage in one case."""

    row: str
    case: str
    coverage: float


def covered(found: list[Estimate], truth: float) -> float:
    """Share of the intervals that contain the truth."""
    # An end that equals the truth up to rounding covers it.
    return float(np.mean([one.low - 1e-9 <= truth <= one.high + 1e-9 for one in found]))


def shares(repeats: int) -> Iterator[Case]:
    """Shares of independent flags: exact, from the binomial distribution."""
    for count, share in itertools.product(COUNTS, np.linspace(0.5, 0.99, 50)):
        found = [share_with_interval(np.arange(count) < right) for right in range(count + 1)]
        holds = np.array([one.low <= share <= one.high for one in found])
        chances = stats.binom.pmf(np.arange(count + 1), count, share)
        yield Case("share, independent", f"n = {count}, p = {share:.2f}", float(chances @ holds))


def grouped_shares(repeats: int) -> Iterator[Case]:
    """Shares of flags of which five make a group: half of the groups agree within themselves."""
    generator = np.random.default_rng(0)
    for count, share in itertools.product((100, 200, 500), SHARES):
        names = np.repeat(np.arange(count // 5), 5)
        found = []
        for _ in range(repeats):
            alone = generator.random(count) < share
            whole = (generator.random(count // 5) < share)[names]
            agree = (generator.random(count // 5) < 0.5)[names]
            found.append(share_with_interval(np.where(agree, whole, alone), names.tolist()))
        yield Case("share, groups of 5", f"n = {count}, p = {share:.2f}", covered(found, share))


SCORES: dict[str, Callable[[np.random.Generator, int, int, float], tuple[np.ndarray, ...]]] = {
    "normal": lambda random, m, n, area: (
        random.normal(np.sqrt(2) * stats.norm.ppf(area), 1, m), random.normal(size=n)
    ),
    "wide positives": lambda random, m, n, area: (
        random.normal(np.sqrt(10) * stats.norm.ppf(area), 3, m), random.normal(size=n)
    ),
    "exponential": lambda random, m, n, area: (
        random.exponential(area / (1 - area), m), random.exponential(size=n)
    ),
}  # fmt: skip
"""Scores of positives and negatives whose area under ROC is known."""


def areas(repeats: int) -> Iterator[Case]:
    """Areas under ROC of 40 to 500 samples."""
    generator = np.random.default_rng(1)
    sizes = ((20, 20), (10, 40), (40, 10), (60, 60), (50, 200), (250, 250))
    for (law, draw), (m, n), area in itertools.product(SCORES.items(), sizes, SHARES):
        positive = np.repeat([True, False], [m, n])
        found = [
            area_under_roc(positive, np.concatenate(draw(generator, m, n, area)))
            for _ in range(repeats // 2)
        ]
        yield Case("area under ROC", f"{law}, {m} and {n}, {area:.2f}", covered(found, area))


def features(
    generator: np.random.Generator, counts: tuple[int, int], shift: float, size: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Two normal sets; the second is shifted along one axis, and narrower if it is shifted."""
    first, second = (generator.normal(size=(count, size)) for count in counts)
    second *= 1.0 - 0.2 * (shift > 0)
    second[:, 0] += shift
    return first, second


PAIRS = ((40, 40), (100, 100), (250, 250), (100, 300))


def manifolds(repeats: int) -> Iterator[Case]:
    """Precision and the like: the truth is the mean over sets of the same sizes."""
    generator = np.random.default_rng(2)
    for counts, shift in itertools.product(PAIRS, (0.0, 1.0, 2.0)):
        found = [manifold_scores(*features(generator, counts, shift)) for _ in range(repeats // 5)]
        for name in ("precision", "recall", "density", "coverage"):
            own = [getattr(one, name) for one in found]
            truth = float(np.mean([one.value for one in own]))
            case = f"{counts[0]} and {counts[1]}, shift {shift:g}"
            yield Case(name, case, covered(own, truth))


DISTANCES: dict[str, Callable[..., Estimate]] = {
    "kernel distance": kernel_distance,
    "Frechet distance": frechet_distance,
    "sliced Wasserstein": sliced_wasserstein_distance,
}


def distances(repeats: int) -> Iterator[Case]:
    """Distances: the truth is the mean over sets of the same sizes."""
    for (name, measure), grouped in itertools.product(DISTANCES.items(), (False, True)):
        for counts, shift in itertools.product(((40, 40), (100, 100), (250, 250)), (0.0, 1.0)):
            generator = np.random.default_rng(3)
            names = [np.arange(count) // (5 if grouped else 1) for count in counts]
            found = []
            for _ in range(repeats // 5):
                sets = features(generator, counts, shift)
                if grouped:
                    # Four fifths of the variance is common to a group of five.
                    sets = tuple(
                        np.sqrt(0.2) * one + np.sqrt(0.8) * other[own]
                        for one, other, own in zip(
                            sets, features(generator, counts, shift), names, strict=True
                        )
                    )
                found.append(measure(*sets, tuple(names) if grouped else None))
            truth = float(np.mean([one.value for one in found]))
            kind = "groups of 5" if grouped else "independent"
            where = "no difference" if shift == 0 else "different"
            yield Case(
                f"{name}, {kind}, {where}", f"{counts[0]} and {counts[1]}", covered(found, truth)
            )


def tests(repeats: int) -> Iterator[Case]:
    """The two-sample area where nothing differs, of independent samples and of groups."""
    generator = np.random.default_rng(4)
    for group in (1, 4):
        names = tuple([(side, number // group) for number in range(80)] for side in "ab")
        found = []
        for seed in range(repeats // 10):
            first, second = (
                np.repeat(generator.normal(size=(80 // group, 20)), group, axis=0) for _ in range(2)
            )
            found.append(two_sample_test(first, second, names, permutations=99, seed=seed))
        kind = f"80 and 80, each {group} times" if group > 1 else "80 and 80"
        yield Case("two-sample area", kind, covered([one.area for one in found], 0.5))
        alarms = float(np.mean([one.p_value <= 0.05 for one in found]))
        yield Case("two-sample test, no false alarm at 5 %", kind, 1.0 - alarms)


def families(repeats: int) -> Iterator[Case]:
    """All claims of a comparison's summary together, where both sets are of one distribution."""
    generator = np.random.default_rng(5)
    spaces = [pixel_features(side) for side in (2, 4, 8)]
    tested, statistics, either = [], [], []
    for seed in range(repeats // 10):
        coarse = generator.normal(110, 30, (100, 4, 4, 3)).repeat(4, 1).repeat(4, 2)
        images = np.clip(coarse + generator.normal(0, 6, coarse.shape), 0, 255).astype(np.uint8)
        sets = compared_sets(images[:60], images[60:], seed=seed)
        groups = sets.reference_groups, sets.synthetic_groups
        p_values = {
            space.name: two_sample_test(
                space(sets.reference), space(sets.synthetic), groups, seed=seed
            ).p_value
            for space in spaces
        }
        found = compare_appearance(sets, seed=seed)
        tested.append(min(holm_adjusted(p_values).values()) <= LEVEL)
        statistics.append(any(each["significant"] for each in found.values()))
        either.append(tested[-1] or statistics[-1])
    rows = {"two-sample tests on 3 spaces": tested, "image statistics": statistics}
    for name, alarms in {**rows, "any of these": either}.items():
        yield Case(f"no false alarm: {name}", "60 and 40", 1.0 - float(np.mean(alarms)))


KINDS = {
    "share": shares,
    "groups": grouped_shares,
    "roc": areas,
    "manifold": manifolds,
    "distance": distances,
    "test": tests,
    "family": families,
}


def main(_: list[str]) -> None:
    """Prints the table."""
    warnings.filterwarnings("ignore", message=".*samples of .* features")
    cases: dict[str, list[Case]] = {}
    for name, simulate in KINDS.items():
        if not FLAGS.only or name in FLAGS.only:
            for case in simulate(FLAGS.repeats):
                cases.setdefault(case.row, []).append(case)
    print("| interval | lowest | where | mean | cases |\n| --- | --- | --- | --- | --- |")
    for row, own in cases.items():
        worst = min(own, key=lambda case: case.coverage)
        mean = np.mean([case.coverage for case in own])
        print(f"| {row} | {worst.coverage:.3f} | {worst.case} | {mean:.3f} | {len(own)} |")


if __name__ == "__main__":
    app.run(main)
