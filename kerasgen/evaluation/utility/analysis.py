"""What a proof found: curves, verdicts, worth and controls, as numbers and as sentences."""

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
from kerasgen.evaluation.utility.runs import ALONE, REAL, Answers, Cell
from kerasgen.evaluation.utility.sample_equivalence import sample_equivalence
from kerasgen.evaluation.utility.training_sets import Arm

SCORES: dict[str, Score] = {"accuracy": share_right, "macro_f1": mean_f1}
"""What verdicts can be about."""

Place = tuple[str, int]
"""Name of an arm, and amount of real pictures."""


@dataclass(frozen=True)
class _Told:
    """All answers, by arm and amount.

    Attributes:
        arms: By name.
        scores: By name of score, those of each.
        held_out: By name of score, the mean on held-out pictures.
    """

    arms: Mapping[str, Arm]
    scores: Mapping[str, Mapping[Place, Resampled]]
    held_out: Mapping[str, Mapping[Place, float]]

    @property
    def places(self) -> list[Place]:
        """All, in the order of the plan."""
        return list(self.scores["accuracy"])

    def gain(self, score: str, place: Place, base: Place) -> Estimate:
        """Of one arm over another, paired."""
        scores = self.scores[score]
        return scores[place].minus(scores[base]).estimate()

    def best(self, score: str, amount: int, fits: Callable[[Arm], bool]) -> Place | None:
        """The arm at an amount that is best on held-out pictures, among those that fit."""
        places = [each for each in self.places if each[1] == amount and fits(self.arms[each[0]])]
        return max(places, key=lambda place: self.held_out[score][place], default=None)


def find(
    answers: Mapping[Cell, Answers],
    labels: np.ndarray,
    score: str,
    groups: Sequence[Hashable] | None = None,
) -> dict[str, Any]:
    """All that the answers say.

    Args:
        answers: From ``proof.run_cells``.
        labels: ``[N]``, of the test pictures.
        score: Of ``SCORES``: what choices, verdicts and worth go by.
        groups: The source of each test picture; None for each its own.

    Returns:
        For a report: ``summary``; ``curve``, by arm and amount both scores, gain over ``real`` and
        number of classifiers; ``verdicts``, one for each amount; ``worth``; ``controls``.

    Raises:
        ValueError: If there is no such score.
    """
    if score not in SCORES:
        raise ValueError(f"`score` must be among {', '.join(SCORES)}. Received: score={score!r}")
    told = _gathered(answers, labels, groups)
    amounts = sorted({amount for name, amount in told.places if name == REAL.name})
    verdicts = [found for amount in amounts if (found := _verdict(told, score, amount))]
    controls = _controls(told, score, amounts[0])
    worths = _worths(told, score, amounts)
    return {
        "summary": _summary(amounts[-1], verdicts, worths, controls),
        "score": score,
        "amounts": amounts,
        "curve": _curve(told, score),
        "verdicts": verdicts,
        "worth": worths,
        "controls": controls,
    }


def _gathered(
    answers: Mapping[Cell, Answers], labels: np.ndarray, groups: Sequence[Hashable] | None
) -> _Told:
    rows: dict[Place, list[np.ndarray]] = defaultdict(list)
    held: dict[str, dict[Place, list[float]]] = {name: defaultdict(list) for name in SCORES}
    for cell, each in answers.items():
        place = cell.arm.name, cell.amount
        rows[place].append(each.test)
        for name, score in SCORES.items():
            held[name][place].append(score(each.truth, each.held_out))
    stacked = {place: np.stack(each) for place, each in rows.items()}
    return _Told(
        {cell.arm.name: cell.arm for cell in answers},
        {
            name: resampled_scores(score, labels, stacked, groups=groups)
            for name, score in SCORES.items()
        },
        {
            name: {place: float(np.mean(each)) for place, each in places.items()}
            for name, places in held.items()
        },
    )


def _curve(told: _Told, score: str) -> list[dict[str, Any]]:
    found = []
    for place in told.places:
        name, amount = place
        base = REAL.name, amount
        found.append(
            {
                "arm": name,
                "amount": amount,
                "synthetic": told.arms[name].needs_synthetic,
                "control": name.startswith("control"),
                "classifiers": len(told.scores[score][place].values),
                "held_out": told.held_out[score][place],
                **{each: asdict(told.scores[each][place].estimate()) for each in SCORES},
                "gain": None if place == base else asdict(told.gain(score, place, base)),
            }
        )
    return found


def _verdict(told: _Told, score: str, amount: int) -> dict[str, Any] | None:
    """The best with synthetic pictures against the best without, both chosen on held-out ones."""
    without = told.best(score, amount, lambda arm: arm.real and not arm.times)
    helped = told.best(score, amount, lambda arm: arm.real and arm.needs_synthetic)
    if without is None or helped is None:
        return None
    gain = told.gain(score, helped, without)
    return {
        "amount": amount,
        "without": without[0],
        "with": helped[0],
        "gain": asdict(gain),
        "verdict": verdict(gain),
    }


def _worths(told: _Told, score: str, amounts: Sequence[int]) -> list[dict[str, Any]]:
    """Of the synthetic set alone, and of each amount with the best mixture.

    Nothing of a single amount: one point is no learning curve.
    """
    if len(amounts) < 2:
        return []
    base = [(REAL.name, amount) for amount in amounts]
    scores = told.scores[score]
    curve = np.array([scores[place].value for place in base])
    curves = np.stack([scores[place].chances() for place in base], axis=1)
    places = [(ALONE.name, amounts[-1])]
    for amount in amounts[:-1]:
        best = told.best(score, amount, lambda arm: arm.real and arm.needs_synthetic)
        places += [best] if best else []
    found = []
    for place in places:
        wanted = scores[place]
        each = sample_equivalence(amounts, curve, wanted.value, curves, wanted.chances())
        found.append(
            {
                "arm": place[0],
                "amount": 0 if place[0] == ALONE.name else place[1],
                **asdict(each),
                "told": str(each),
            }
        )
    return found


def _controls(told: _Told, score: str, amount: int) -> list[dict[str, Any]]:
    """What must help, and what must not."""
    found = []
    for place in told.places:
        arm = told.arms[place[0]]
        if arm.added not in ("more real", "noise"):
            continue
        gain = told.gain(score, place, (REAL.name, amount))
        wanted = gain.low > 0 if arm.added == "more real" else gain.low <= 0
        found.append(
            {
                "arm": arm.name,
                "amount": amount,
                "gain": asdict(gain),
                "verdict": verdict(gain),
                "as_it_must": bool(wanted),
            }
        )
    return found


def _summary(
    most: int,
    verdicts: Sequence[dict[str, Any]],
    worths: Sequence[dict[str, Any]],
    controls: Sequence[dict[str, Any]],
) -> str:
    """A few sentences; the first is the answer."""
    said = [
        f"This proof cannot tell, for a control did not behave ({_arm(control)}: "
        f"{control['verdict'].rstrip('.')}): too small, or trained too briefly. What it found:"
        for control in controls
        if not control["as_it_must"]
    ][:1]
    if verdicts and verdicts[-1]["amount"] < most:
        said.append(f"With {most:,} real pictures: too few synthetic ones for a test.")
    for found in reversed(verdicts):
        text = found["verdict"]
        said.append(f"With {found['amount']:,} real pictures: {text[0].lower()}{text[1:]}")
    if worths:
        said.append(f"The synthetic set alone is worth {worths[0]['told']} real pictures.")
    return " ".join(said)


def _arm(control: dict[str, Any]) -> str:
    return str(control["arm"]).removeprefix("control: ")
