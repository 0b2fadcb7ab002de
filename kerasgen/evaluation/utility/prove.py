"""Measure whether a synthetic set improves a classifier, from three labelled sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import kerasgen
from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.features.by_name import features_by_name
from kerasgen.evaluation.features.extractors import cached_features
from kerasgen.evaluation.metrics import Estimate, share_interval
from kerasgen.evaluation.reports.html import ReportPage, data_url, markup, render_page
from kerasgen.evaluation.reports.plots import mixing_plot
from kerasgen.evaluation.utility.analysis import analyse
from kerasgen.evaluation.utility.learners import FromScratch, Learner, OnFeatures
from kerasgen.evaluation.utility.options import ProofOptions
from kerasgen.evaluation.utility.proof_data import (
    AS_THEY_ARE,
    ImageForm,
    PictureSource,
    ProofData,
    read_proof_data,
)
from kerasgen.evaluation.utility.runs import (
    ALONE,
    REAL,
    Predictions,
    Run,
    plan_runs,
    steps_within,
    train_runs,
)
from kerasgen.evaluation.utility.verdicts import too_few
from kerasgen.io.files import kept_in
from kerasgen.io.progress import Progress, silent
from kerasgen.io.sheets import contact_sheet

_SHOWN = 8
"""Pictures of each class and set on the sheet."""


GAIN = ("gain", "gain_low", "gain_high")
"""Measures of the gain from adding synthetic pictures to all real ones, and its interval."""

EQUIVALENT = ("equivalent_real", "equivalent_real_low")
"""Measures of the equivalent number of real images of the synthetic set alone."""


class Proof(ReportPage):
    """The result of measuring whether a synthetic set helps.

    Its ``numbers``: those of ``analysis.analyse``, and ``gate``,
    ``sets``, ``settings``, ``remarks`` and ``version``.
    """

    @property
    def measures(self) -> dict[str, float]:
        """Values of ``GAIN`` and, if measured, ``EQUIVALENT``, by name."""
        found = dict(zip(GAIN, _ends(self.numbers["verdicts"][-1]["gain"]), strict=True))
        for alone in self.numbers["equivalent_real"][:1]:
            found |= dict(zip(EQUIVALENT, _ends(alone), strict=False))
        return found

    @property
    def failed_controls(self) -> list[str]:
        """Arms of failed controls; if there are any, the proof is inconclusive."""
        return [each["arm"] for each in self.numbers["controls"] if each["passed"] is False]

    @property
    def inconclusive(self) -> str:
        """Why nothing can be concluded: a failed control, or too few to tell; or empty."""
        if self.failed_controls:
            return f"a control failed ({', '.join(self.failed_controls)})"
        last = self.numbers["verdicts"][-1]
        return "" if last["decided"] else last["verdict"].rstrip(".").removeprefix("It is ")


def _ends(estimate: Mapping[str, float]) -> tuple[float, float, float]:
    return estimate["value"], estimate["low"], estimate["high"]


def prove(
    real: PictureSource,
    synthetic: PictureSource,
    test: PictureSource | None = None,
    options: ProofOptions | None = None,
    *,
    validation: PictureSource | None = None,
    sources: str = "picture",
    form: ImageForm = AS_THEY_ARE,
    generator_saw: int | PictureSource | None = None,
    workdir: str | Path | None = None,
    progress: Progress = silent,
) -> Proof:
    """Measures whether synthetic pictures improve a classifier, from files or in memory.

    Args:
        real: Labelled real training pictures, see ``load_labelled``, or ``LabelledImages``.
        synthetic: Synthetic pictures, with (some of) the same classes.
        test: Real test pictures; None for the test part of ``real``.
        options: Amounts, arms and training; None for the defaults.
        validation: See ``read_proof_data``.
        sources: Rule of sources, see ``read_proof_data``.
        form: Size and channels of all pictures.
        generator_saw: Number of real pictures that the generator was trained on, or these pictures,
            see ``read_proof_data``.
        workdir: See ``prove_data``.
        progress: Progress display.

    Returns:
        The proof; ``proof.save(folder)`` writes the page and its numbers.

    Raises:
        ValueError: If a set cannot be read, or the options do not match the pictures.
    """
    data = read_proof_data(
        real,
        synthetic,
        test,
        validation=validation,
        sources=sources,
        form=form,
        generator_saw=generator_saw,
    )
    real_name, synthetic_name = (
        name if isinstance(given, LabelledImages) else Path(given).name
        for name, given in (("real", real), ("synthetic", synthetic))
    )
    title = f"{real_name} and {synthetic_name}"
    return prove_data(data, options, workdir=workdir, title=title, progress=progress)


def prove_data(
    data: ProofData,
    options: ProofOptions | None = None,
    *,
    workdir: str | Path | None = None,
    title: str = "real and synthetic",
    require: Collection[str] = (),
    progress: Progress = silent,
) -> Proof:
    """Trains a classifier for each arm, amount of real pictures and seed, and compares them.

    Args:
        data: The pictures, from ``read_proof_data`` or in memory.
        options: Amounts, arms and training; None for the defaults.
        workdir: Folder that keeps features and predictions, so that an interrupted call can be
            resumed; None for a temporary folder.
        title: Title of the page.
        require: Names of ``Proof.measures`` that must be measurable.
        progress: Progress display.

    Returns:
        The proof; ``proof.save(folder)`` writes the page and its numbers.

    Raises:
        ValueError: If the options do not match the pictures, or a required measure is impossible.
    """
    options = options or ProofOptions()
    amounts = options.chosen_amounts(data.pools)
    # Fails before features are computed if something cannot be trained.
    runs = plan_runs(
        data.pools,
        amounts,
        options.times,
        range(options.seeds),
        gate=options.gate,
        augmentations=options.augmentations,
    )
    _check_required(require, amounts, options, data)
    with kept_in(workdir) as folder:
        learner = _learner(options, data, len(runs), folder, progress)
        with progress("classifiers") as report:
            predictions = train_runs(
                runs, data.pools, data.test, learner, folder / "predictions", report
            )
    numbers = _numbers(data, options, learner, runs, predictions)
    page = render_page(
        "proof.html",
        numbers,
        title=title,
        curve_svg=markup(mixing_plot(numbers["curve"], options.score, across=ALONE.name)),
        sheet=data_url(class_sheet(data.pools.real, data.pools.synthetic)),
        classes=data.test.class_names,
    )
    return Proof(numbers, page)


def _numbers(
    data: ProofData,
    options: ProofOptions,
    learner: Learner,
    runs: Sequence[Run],
    predictions: Mapping[Run, Predictions],
) -> dict[str, Any]:
    found = analyse(
        predictions, data.test.labels, options.score, data.test_groups, data.generator_saw
    )
    return {
        **found,
        "summary": f"{data.copied} {found['summary']}".strip(),
        "gate": _gate(predictions, data.pools.synthetic) if options.gate else [],
        "sets": _facts(data),
        "settings": {
            **learner.settings(),
            "learner": learner.description,
            "times": list(options.times),
            "augmentations": list(options.augmentations),
            "seeds": options.seeds,
            "classifiers": len(runs),
        },
        "remarks": [*data.remarks, *_left_out(runs, found["amounts"], options)],
        "version": kerasgen.__version__,
    }


def _check_required(
    names: Collection[str], amounts: Sequence[int], options: ProofOptions, data: ProofData
) -> None:
    unknown = {*names} - {*GAIN, *EQUIVALENT}
    if unknown:
        raise ValueError(f"No measures of a proof. Received: require={sorted(unknown)}")
    if len(amounts) < 2 and {*names} & {*EQUIVALENT}:
        raise ValueError(
            "The equivalent number of real images needs a learning curve: at least two amounts. "
            f"Received: amounts={list(amounts)}"
        )
    if names and (missing := too_few(options.seeds, _independent(data))):
        raise ValueError(f"This is too few to tell anything. Received: {missing}")
    most, synthetic = amounts[-1], len(data.pools.synthetic.labels)
    if min(options.times) * data.pools.trained_on(most) > synthetic and {*names} & {*GAIN}:
        raise ValueError(
            f"The gain at {most} real pictures needs more synthetic pictures for every value of "
            f"times: lower amounts or times. Received: {synthetic} synthetic pictures"
        )


def _learner(
    options: ProofOptions, data: ProofData, classifiers: int, folder: Path, progress: Progress
) -> Learner:
    if options.learner is not None:
        return options.learner
    config, features = options.config, options.features
    if features is not None:
        space = features_by_name(features) if isinstance(features, str) else features
        heads = OnFeatures(
            cached_features(space, folder / "features"), config, options.augmentations
        )
        with progress("features") as report:
            heads.prepare(data.pools, data.test.images, report)
        return heads
    if options.minutes is not None:
        steps = steps_within(options.minutes, classifiers, data.pools, config, folder)
        config = replace(config, steps=steps)
    return FromScratch(config)


def _independent(data: ProofData) -> int:
    """Number of test pictures, or of their sources."""
    return len(data.test.labels if data.test_groups is None else set(data.test_groups))


def _facts(data: ProofData) -> dict[str, Any]:
    pools, test = data.pools, data.test
    height, width = test.images.shape[1:3]
    return {
        "real": len(pools.real.labels),
        "synthetic": len(pools.synthetic.labels),
        "test": len(test.labels),
        "test_sources": _independent(data),
        "validation": 0 if pools.validation is None else len(pools.validation.labels),
        "classes": len(test.class_names),
        "size": f"{width}x{height}",
        "generator_saw": data.generator_saw,
    }


def _left_out(runs: Sequence[Run], amounts: Sequence[int], options: ProofOptions) -> list[str]:
    """Remarks on arms that were left out."""
    there = {(run.arm.times, run.amount) for run in runs if run.arm.needs_synthetic}
    missing = [
        f"{each:g} for each of {amount:,} real ones"
        for amount in amounts
        for each in options.times
        if (each, amount) not in there
    ]
    remarks = []
    if missing:
        remarks.append(f"There are too few synthetic pictures to add {'; '.join(missing)}.")
    if not any(run.arm.added == "more real" for run in runs):
        remarks.append(
            "There is no control with more real pictures, because too few are left at every amount."
        )
    return remarks


def _gate(
    predictions: Mapping[Run, Predictions], synthetic: LabelledImages
) -> list[dict[str, Any]]:
    """Share of confirmed synthetic pictures, by amount, and the least confirmed class."""
    found = []
    gates = {run: each for run, each in predictions.items() if run.arm == REAL}
    for amount in sorted({run.amount for run in gates}):
        right = np.stack(
            [
                each.synthetic == synthetic.labels
                for run, each in gates.items()
                if run.amount == amount
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
    """Mean over classifiers and pictures ``[S, M]``, with the interval of M pictures."""
    share = float(right.mean())
    return Estimate(share, *share_interval(share, right.shape[1]), right.shape[1])


def class_sheet(real: LabelledImages, synthetic: LabelledImages) -> np.ndarray:
    """Sheet ``[H, W, 3]`` uint8 with a row per class: real pictures left, synthetic ones right."""
    rows = []
    for label in range(len(real.class_names)):
        parts = []
        for pictures in (real, synthetic):
            indices = np.flatnonzero(pictures.labels == label)[:_SHOWN]
            blank = np.full((_SHOWN, *real.images.shape[1:]), 255, np.uint8)
            blank[: len(indices)] = pictures.images[indices]
            parts.append(blank)
        rows.append(np.concatenate(parts))
    return contact_sheet(np.concatenate(rows), 2 * _SHOWN, scale=max(1, 48 // real.images.shape[1]))
