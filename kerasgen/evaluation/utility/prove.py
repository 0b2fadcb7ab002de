"""From three sets of labelled pictures to a proof that the synthetic one helps, or an honest no."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kerasgen
from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import Protocol
from kerasgen.evaluation.metrics import Estimate, wilson_interval
from kerasgen.evaluation.reports.html import data_url, markup, write_page
from kerasgen.evaluation.reports.plots import mixing_plot
from kerasgen.evaluation.utility.analysis import find
from kerasgen.evaluation.utility.learners import FromScratch, Learner
from kerasgen.evaluation.utility.runs import REAL, Answers, Cell, plan_cells, run_cells
from kerasgen.evaluation.utility.training_sets import Pools
from kerasgen.io.progress import Report
from kerasgen.io.sheets import contact_sheet

_SHOWN = 8
"""Pictures of each class and set on the sheet."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        amounts: Of real pictures, rising.
        times: Synthetic pictures added for each real one.
        seeds: Classifiers of each kind.
        learner: What each is, and how long it learns.
        score: ``accuracy`` or ``macro_f1``: what choices and verdicts go by.
        gate: Whether to try confirmed synthetic pictures, too.
    """

    amounts: Sequence[int]
    times: Sequence[float] = (1.0, 4.0)
    seeds: int = 3
    learner: Learner = FromScratch(Protocol(steps=1000, batch_size=64, width=16))
    score: str = "accuracy"
    gate: bool = False


def prove_sets(
    pools: Pools,
    test: LabelledImages,
    question: Question,
    folder: str | Path,
    *,
    test_groups: Sequence[Hashable] | None = None,
    title: str = "proof",
    remarks: Sequence[str] = (),
    report: Report | None = None,
) -> dict[str, Any]:
    """Trains all classifiers that are not trained yet, and writes a report.

    Args:
        pools: Real and synthetic pictures to train on, without copies of test pictures.
        test: Real pictures that nothing was trained or chosen on, of the same form and classes.
        question: What is asked.
        folder: Where ``index.html`` and ``report.json`` are written, and the answers kept.
        test_groups: The source of each test picture: those of one are one witness. None for each
            its own.
        title: Of the page.
        remarks: What a reader must know of the sets.
        report: Called after each classifier with the number done and the number of all.

    Returns:
        What ``report.json`` holds: what ``findings.find`` gives, and ``gate``, ``sets``,
        ``settings``, ``remarks``, ``version``.

    Raises:
        ValueError: If the question does not fit the pictures, or nothing can be written.
    """
    cells = plan_cells(
        pools, question.amounts, question.times, range(question.seeds), gate=question.gate
    )
    answers = run_cells(cells, pools, test, question.learner, Path(folder) / "answers", report)
    height, width = test.images.shape[1:3]
    numbers = {
        **find(answers, test.labels, question.score, test_groups),
        "gate": _gate(answers, pools.synthetic) if question.gate else [],
        "sets": {
            "real": len(pools.real.labels),
            "synthetic": len(pools.synthetic.labels),
            "test": len(test.labels),
            "test_sources": len(set(test_groups or range(len(test.labels)))),
            "validation": 0 if pools.validation is None else len(pools.validation.labels),
            "classes": len(test.class_names),
            "size": f"{width}x{height}",
        },
        "settings": {
            **question.learner.settings(),
            "learner": question.learner.description,
            "times": list(question.times),
            "seeds": question.seeds,
            "classifiers": len(cells),
        },
        "remarks": [*remarks, *_left_out(cells, question)],
        "version": kerasgen.__version__,
    }
    write_page(
        folder,
        "proof.html",
        numbers,
        title=title,
        curve_svg=markup(mixing_plot(numbers["curve"], question.score)),
        sheet=data_url(class_sheet(pools.real, pools.synthetic)),
        classes=test.class_names,
    )
    return numbers


def _left_out(cells: Sequence[Cell], question: Question) -> list[str]:
    """Arms that are missing, and why."""
    there = {(cell.arm.times, cell.amount) for cell in cells if cell.arm.needs_synthetic}
    missing = [
        f"{each:g} for each of {amount:,}"
        for amount in question.amounts
        for each in question.times
        if (each, amount) not in there
    ]
    remarks = []
    if missing:
        remarks.append(f"There are too few synthetic pictures for {'; '.join(missing)}.")
    if not any(cell.arm.added == "more real" for cell in cells):
        remarks.append(
            "There is no control with more real pictures: no amount leaves enough of them over."
        )
    if question.seeds == 1:
        remarks.append(
            "With one classifier of each kind the intervals hold what other test pictures would "
            "change, and not what other classifiers would: ask for more seeds."
        )
    return remarks


def _gate(answers: Mapping[Cell, Answers], synthetic: LabelledImages) -> list[dict[str, Any]]:
    """What share of the synthetic pictures is confirmed, by amount, and of which class least."""
    found = []
    for amount in sorted({cell.amount for cell in answers if cell.arm == REAL}):
        right = np.stack(
            [
                each.synthetic == synthetic.labels
                for cell, each in answers.items()
                if cell.arm == REAL and cell.amount == amount
            ]
        )
        shares = {
            synthetic.class_names[label]: float(right[:, synthetic.labels == label].mean())
            for label in np.unique(synthetic.labels).tolist()
        }
        least = min(shares, key=lambda name: shares[name])
        found.append(
            {
                "amount": amount,
                "confirmed": asdict(_share(right)),
                "least": {"name": least, "share": shares[least]},
                "by_class": shares,
            }
        )
    return found


def _share(right: np.ndarray) -> Estimate:
    """Mean over judges ``[S, M]`` and pictures; the interval is that of as many pictures."""
    share = float(right.mean())
    return Estimate(share, *wilson_interval(share, right.shape[1]), right.shape[1])


def class_sheet(real: LabelledImages, synthetic: LabelledImages) -> np.ndarray:
    """A row for each class that both sets have, real pictures to the left: ``[H, W, 3]`` uint8."""
    rows = []
    for label in range(len(real.class_names)):
        parts = []
        for pictures in (real, synthetic):
            places = np.flatnonzero(pictures.labels == label)[:_SHOWN]
            blank = np.full((_SHOWN, *real.images.shape[1:]), 255, np.uint8)
            blank[: len(places)] = pictures.images[places]
            parts.append(blank)
        rows.append(np.concatenate(parts))
    return contact_sheet(np.concatenate(rows), 2 * _SHOWN, scale=max(1, 48 // real.images.shape[1]))
