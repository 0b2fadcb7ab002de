"""Results of a proof: curves, verdicts, equivalent numbers of real images, controls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasgen.evaluation.classifiers.training import mean_f1, share_right
from kerasgen.evaluation.metrics.paired_bootstrap import Resampled, Score, resampled_scores
from kerasgen.evaluation.utility.runs import REAL, Predictions, Run
from kerasgen.evaluation.utility.sample_equivalence import equivalent_real_images
from kerasgen.evaluation.utility.training_sets import Arm
from kerasgen.evaluation.utility.verdicts import too_few, verdict, verdicts

SCORES: dict[str, Score] = {"accuracy": share_right, "macro_f1": mean_f1}
"""Scores that verdicts can be based on."""

Point = tuple[str, int]
"""Point of a learning curve: name of an arm, and amount of real pictures."""


@dataclass(frozen=True)
class _Results:
    """The scores of all runs, by arm and amount.

    Attributes:
        arms: By name.
        scores: By name of score, scores of each point on test pictures.
        held_out: By name of score, mean score of each point on held-out pictures.
    """

    arms: Mapping[str, Arm]
    scores: Mapping[str, Mapping[Point, Resampled]]
    held_out: Mapping[str, Mapping[Point, float]]

    @property
    def points(self) -> list[Point]:
        """All points, in the order of the runs."""
        return list(self.scores["accuracy"])

    def gain(self, score: str, point: Point, base: Point) -> Resampled:
        """Gain of one arm over another, paired."""
        scores = self.scores[score]
        return scores[point].minus(scores[base])

    def best(self, score: str, amount: int, fits: Callable[[Arm], bool]) -> Point | None:
        """The arm that is best on held-out pictures, among those that fit; None if none does."""
        points = [each for each in self.points if each[1] == amount and fits(self.arms[each[0]])]
        return max(points, key=lambda point: self.held_out[score][point], default=None)


def analyse(
    predictions: Mapping[Run, Predictions],
    labels: np.ndarray,
    score: str,
    groups: Sequence[Hashable] | None = None,
    generator_saw: int | None = None,
) -> dict[str, Any]:
    """Measures what the synthetic set adds, from the predictions of all classifiers.

    Args:
        predictions: From ``runs.train_runs``.
        labels: ``[N]``, classes of the test pictures.
        score: One of ``SCORES``, for choices, verdicts and equivalent numbers.
        groups: Source of each test picture; None if each is its own source.
        generator_saw: Number of real pictures that the generator was trained on; None if unknown.

    Returns:
        Numbers of a report: ``summary``; ``score``; ``amounts``; ``curve``, for each arm and amount
        both scores, gain over ``real`` and number of classifiers; ``verdicts``, one per amount,
        corrected for their number, with a ``caveat`` where the generator may know more real
        pictures than the classifiers; ``equivalent_real``, equivalent numbers of real images;
        ``controls``, of which ``passed`` is None if there is too little to tell.

    Raises:
        ValueError: If there is no such score.
    """
    if score not in SCORES:
        raise ValueError(f"`score` must be among {', '.join(SCORES)}. Received: score={score!r}")
    results = _results(predictions, labels, groups)
    amounts = sorted({amount for name, amount in results.points if name == REAL.name})
    judged = _verdicts(results, score, amounts, generator_saw)
    controls = _controls(results, score, amounts[0])
    equivalent = _equivalent_real(results, score, amounts)
    return {
        "summary": _summary(results, amounts[-1], judged, equivalent, controls, generator_saw),
        "score": score,
        "amounts": amounts,
        "curve": _curve(results, score),
        "verdicts": judged,
        "equivalent_real": equivalent,
        "controls": controls,
    }


def _results(
    predictions: Mapping[Run, Predictions],
    labels: np.ndarray,
    groups: Sequence[Hashable] | None,
) -> _Results:
    rows: dict[Point, list[np.ndarray]] = defaultdict(list)
    held: dict[str, dict[Point, list[float]]] = {name: defaultdict(list) for name in SCORES}
    for run, each in predictions.items():
        point = run.arm.name, run.amount
        rows[point].append(each.test)
        for name, score in SCORES.items():
            held[name][point].append(score(each.held_out_labels, each.held_out))
    stacked = {point: np.stack(each) for point, each in rows.items()}
    return _Results(
        {run.arm.name: run.arm for run in predictions},
        {
            name: resampled_scores(score, labels, stacked, groups=groups)
            for name, score in SCORES.items()
        },
        {
            name: {point: float(np.mean(each)) for point, each in scores.items()}
            for name, scores in held.items()
        },
    )


def _curve(results: _Results, score: str) -> list[dict[str, Any]]:
    found = []
    for point in results.points:
        name, amount = point
        base = REAL.name, amount
        found.append(
            {
                "arm": name,
                "amount": amount,
                "synthetic": results.arms[name].needs_synthetic,
                "control": name.startswith("control"),
                "classifiers": len(results.scores[score][point].values),
                "held_out": results.held_out[score][point],
                **{each: asdict(results.scores[each][point].estimate()) for each in SCORES},
                "gain": None
                if point == base
                else asdict(results.gain(score, point, base).estimate()),
            }
        )
    return found


def _best_without(results: _Results, score: str, amount: int) -> Point | None:
    return results.best(score, amount, lambda arm: arm.real and not arm.times)


def _best_with_synthetic(results: _Results, score: str, amount: int) -> Point | None:
    return results.best(score, amount, lambda arm: arm.real and arm.needs_synthetic)


def _verdicts(
    results: _Results, score: str, amounts: Sequence[int], generator_saw: int | None
) -> list[dict[str, Any]]:
    """The best arm with synthetic pictures against the best without, chosen on held-out ones."""
    pairs = {}
    for amount in amounts:
        without = _best_without(results, score, amount)
        mixed = _best_with_synthetic(results, score, amount)
        if without is not None and mixed is not None:
            pairs[amount] = without, mixed
    gains = {
        amount: results.gain(score, mixed, without) for amount, (without, mixed) in pairs.items()
    }
    return [
        {
            "amount": amount,
            "without": pairs[amount][0][0],
            "with": pairs[amount][1][0],
            "gain": asdict(each.gain),
            "level": each.level,
            "verdict": each.text,
            "decided": each.decided,
            "caveat": _caveat(amount, generator_saw),
        }
        for amount, each in verdicts(gains).items()
    ]


def _caveat(amount: int, generator_saw: int | None) -> str:
    if generator_saw is None:
        return (
            f"If the generator was trained on more than {amount:,} real pictures, a gain includes "
            "what it learned from the others."
        )
    if generator_saw > amount:
        return (
            f"The generator was trained on {generator_saw:,} real pictures: a gain over "
            f"{amount:,} includes what it learned from the others."
        )
    return ""


def _equivalent_real(results: _Results, score: str, amounts: Sequence[int]) -> list[dict[str, Any]]:
    """Equivalent numbers for the synthetic set alone, and for the best mixture at each amount.

    The learning curve is that of the best arm without synthetic pictures at each amount, since the
    others have their best augmentation, too. Empty for a single amount, which is no learning curve.
    """
    base = [point for each in amounts if (point := _best_without(results, score, each))]
    if len(base) < 2:
        return []
    scores = results.scores[score]
    curve = np.array([scores[point].value for point in base])
    curves = np.stack([scores[point].chances() for point in base], axis=1)
    alone = results.best(score, amounts[-1], lambda arm: not arm.real)
    points = [alone] if alone else []
    for amount in amounts[:-1]:
        best = _best_with_synthetic(results, score, amount)
        points += [best] if best else []
    found = []
    for point in points:
        own = scores[point]
        each = equivalent_real_images(amounts, curve, own.value, curves, own.chances())
        found.append(
            {
                "arm": point[0],
                "amount": point[1] if results.arms[point[0]].real else 0,
                **asdict(each),
                "text": str(each),
            }
        )
    return found


def _controls(results: _Results, score: str, amount: int) -> list[dict[str, Any]]:
    """Results of the controls: more real pictures must help, and noise must not."""
    found = []
    for point in results.points:
        arm = results.arms[point[0]]
        if arm.added not in ("more real", "noise"):
            continue
        gain = results.gain(score, point, (REAL.name, amount))
        estimate, classifiers = gain.estimate(), len(gain.values)
        helps = estimate.low > 0
        passed = helps if arm.added == "more real" else not helps
        found.append(
            {
                "arm": arm.name,
                "amount": amount,
                "gain": asdict(estimate),
                "verdict": verdict(estimate, classifiers),
                "passed": None if too_few(classifiers, estimate.count) else bool(passed),
            }
        )
    return found


def _summary(
    results: _Results,
    most: int,
    judged: Sequence[dict[str, Any]],
    equivalent: Sequence[dict[str, Any]],
    controls: Sequence[dict[str, Any]],
    generator_saw: int | None,
) -> str:
    """The result in a few sentences, the most important first."""
    any_score = next(iter(results.scores["accuracy"].values()))
    if missing := too_few(len(any_score.values), any_score.count):
        return f"This is too few to tell whether synthetic pictures help: {missing}."
    sentences = [
        "This proof is inconclusive because a control failed "
        f"({control['arm'].removeprefix('control: ')}: {control['verdict'].rstrip('.')}): use more "
        "pictures or longer training. Its results:"
        for control in controls
        if control["passed"] is False
    ][:1]
    if judged and judged[-1]["amount"] < most:
        sentences.append(f"There are too few synthetic pictures to add to {most:,} real ones.")
    for found in reversed(judged):
        text = found["verdict"].removeprefix("It ")
        sentences.append(f"Adding synthetic pictures to {found['amount']:,} real ones {text}")
        if generator_saw is not None and found["caveat"]:
            sentences.append(found["caveat"])
    if judged and generator_saw is None:
        sentences.append(
            "How many real pictures the generator was trained on is not known: at amounts below "
            "that, a gain includes what it learned from the others."
        )
    if equivalent:
        sentences.append(
            f"The synthetic set alone is equivalent to {equivalent[0]['text']} real pictures."
        )
    return " ".join(sentences)
