"""What a proof found: curves, verdicts, equivalent numbers of real pictures, controls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasgen.evaluation.classifiers.training import mean_f1, share_right
from kerasgen.evaluation.metrics import Estimate
from kerasgen.evaluation.metrics.paired_bootstrap import Resampled, Score, resampled_scores
from kerasgen.evaluation.utility.arms import verdict
from kerasgen.evaluation.utility.runs import ALONE, REAL, Predictions, Run
from kerasgen.evaluation.utility.sample_equivalence import equivalent_real_images
from kerasgen.evaluation.utility.training_sets import Arm

SCORES: dict[str, Score] = {"accuracy": share_right, "macro_f1": mean_f1}
"""What verdicts can be about."""

Point = tuple[str, int]
"""Of a learning curve: name of an arm, and amount of real pictures."""


@dataclass(frozen=True)
class _Results:
    """The scores of all runs, by arm and amount.

    Attributes:
        arms: By name.
        scores: By name of score, those of each point on test pictures.
        held_out: By name of score, the mean on held-out pictures.
    """

    arms: Mapping[str, Arm]
    scores: Mapping[str, Mapping[Point, Resampled]]
    held_out: Mapping[str, Mapping[Point, float]]

    @property
    def points(self) -> list[Point]:
        """All, in the order of the runs."""
        return list(self.scores["accuracy"])

    def gain(self, score: str, point: Point, base: Point) -> Estimate:
        """Of one arm over another, paired."""
        scores = self.scores[score]
        return scores[point].minus(scores[base]).estimate()

    def best(self, score: str, amount: int, fits: Callable[[Arm], bool]) -> Point | None:
        """The arm at an amount that is best on held-out pictures, among those that fit."""
        points = [each for each in self.points if each[1] == amount and fits(self.arms[each[0]])]
        return max(points, key=lambda point: self.held_out[score][point], default=None)


def analyse(
    predictions: Mapping[Run, Predictions],
    labels: np.ndarray,
    score: str,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Any]:
    """All that the predictions say of the synthetic set.

    Args:
        predictions: From ``runs.train_runs``.
        labels: ``[N]``, of the test pictures.
        score: Of ``SCORES``: what choices, verdicts and equivalent numbers go by.
        groups: The source of each test picture; None for each its own.

    Returns:
        For a report: ``summary``; ``score``; ``amounts``; ``curve``, by arm and amount both scores,
        gain over ``real`` and number of classifiers; ``verdicts``, one for each amount;
        ``equivalent_real``, numbers of real pictures; ``controls``.

    Raises:
        ValueError: If there is no such score.
    """
    if score not in SCORES:
        raise ValueError(f"`score` must be among {', '.join(SCORES)}. Received: score={score!r}")
    results = _results(predictions, labels, groups)
    amounts = sorted({amount for name, amount in results.points if name == REAL.name})
    verdicts = [found for amount in amounts if (found := _verdict(results, score, amount))]
    controls = _controls(results, score, amounts[0])
    equivalent = _equivalent_real(results, score, amounts)
    return {
        "summary": _summary(amounts[-1], verdicts, equivalent, controls),
        "score": score,
        "amounts": amounts,
        "curve": _curve(results, score),
        "verdicts": verdicts,
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
                "gain": None if point == base else asdict(results.gain(score, point, base)),
            }
        )
    return found


def _best_with_synthetic(results: _Results, score: str, amount: int) -> Point | None:
    return results.best(score, amount, lambda arm: arm.real and arm.needs_synthetic)


def _verdict(results: _Results, score: str, amount: int) -> dict[str, Any] | None:
    """The best with synthetic pictures against the best without, both chosen on held-out ones."""
    without = results.best(score, amount, lambda arm: arm.real and not arm.times)
    helped = _best_with_synthetic(results, score, amount)
    if without is None or helped is None:
        return None
    gain = results.gain(score, helped, without)
    return {
        "amount": amount,
        "without": without[0],
        "with": helped[0],
        "gain": asdict(gain),
        "verdict": verdict(gain),
    }


def _equivalent_real(results: _Results, score: str, amounts: Sequence[int]) -> list[dict[str, Any]]:
    """Of the synthetic set alone, and of each amount with the best mixture.

    Nothing of a single amount: one point is no learning curve.
    """
    if len(amounts) < 2:
        return []
    base = [(REAL.name, amount) for amount in amounts]
    scores = results.scores[score]
    curve = np.array([scores[point].value for point in base])
    curves = np.stack([scores[point].chances() for point in base], axis=1)
    points = [(ALONE.name, amounts[-1])]
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
                "amount": 0 if point[0] == ALONE.name else point[1],
                **asdict(each),
                "text": str(each),
            }
        )
    return found


def _controls(results: _Results, score: str, amount: int) -> list[dict[str, Any]]:
    """More real pictures must help, and noise must not."""
    found = []
    for point in results.points:
        arm = results.arms[point[0]]
        if arm.added not in ("more real", "noise"):
            continue
        gain = results.gain(score, point, (REAL.name, amount))
        as_it_must = gain.low > 0 if arm.added == "more real" else gain.low <= 0
        found.append(
            {
                "arm": arm.name,
                "amount": amount,
                "gain": asdict(gain),
                "verdict": verdict(gain),
                "as_it_must": bool(as_it_must),
            }
        )
    return found


def _summary(
    most: int,
    verdicts: Sequence[dict[str, Any]],
    equivalent: Sequence[dict[str, Any]],
    controls: Sequence[dict[str, Any]],
) -> str:
    """A few sentences; the first is the answer."""
    sentences = [
        f"This proof cannot tell, for a control did not behave "
        f"({control['arm'].removeprefix('control: ')}: {control['verdict'].rstrip('.')}): too "
        "small, or trained too briefly. What it found:"
        for control in controls
        if not control["as_it_must"]
    ][:1]
    if verdicts and verdicts[-1]["amount"] < most:
        sentences.append(f"With {most:,} real pictures: too few synthetic ones for a test.")
    for found in reversed(verdicts):
        text = found["verdict"]
        sentences.append(f"With {found['amount']:,} real pictures: {text[0].lower()}{text[1:]}")
    if equivalent:
        sentences.append(
            f"The synthetic set alone is equivalent to {equivalent[0]['text']} real pictures."
        )
    return " ".join(sentences)
