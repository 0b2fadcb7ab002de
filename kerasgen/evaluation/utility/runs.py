"""Classifiers of a proof: one for each arm, amount of real pictures and seed.

All classifiers are trained with the same number of updates and batch size. Arms are selected on
held-out real pictures; the test pictures are used once, in the end, and no classifier is trained on
copies of them. The predictions of each classifier are written at once, so that an interrupted proof
can be resumed.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import TrainConfig, train_on_images
from kerasgen.evaluation.utility.arms import AUGMENTATIONS
from kerasgen.evaluation.utility.learners import Learner
from kerasgen.evaluation.utility.training_sets import (
    Arm,
    TrainingPools,
    nested_order,
    training_set,
)
from kerasgen.io.files import read_json, write_file, write_json
from kerasgen.io.progress import Report

REAL = Arm("real")
ALONE = Arm("synthetic alone", real=False)
BALANCED = Arm("real, balanced classes", balanced=True)


@dataclass(frozen=True)
class Run:
    """One classifier: an arm, an amount of real pictures and a seed."""

    arm: Arm
    amount: int
    seed: int


@dataclass(frozen=True)
class Predictions:
    """Classes predicted by one classifier.

    Attributes:
        test: ``[N]`` int32, for the test pictures.
        held_out: ``[V]`` int32, for the held-out pictures, which differ between seeds and amounts.
        held_out_labels: ``[V]`` int32, their true classes.
        synthetic: ``[M]`` int32, for the synthetic pictures; ``[0]`` where not needed.
    """

    test: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray
    synthetic: np.ndarray


def plan_runs(
    pools: TrainingPools,
    amounts: Sequence[int],
    times: Sequence[float],
    seeds: Sequence[int],
    *,
    gate: bool = False,
    augmentations: Sequence[str] = tuple(AUGMENTATIONS),
) -> list[Run]:
    """Lists all classifiers of a proof.

    Args:
        pools: The pictures.
        amounts: Amounts of real pictures, rising.
        times: Synthetic pictures added for each real one; combinations that need more synthetic
            pictures than there are, are left out.
        seeds: One classifier per arm and amount for each.
        gate: Whether to include arms that add only confirmed pictures.
        augmentations: Names of ``arms.AUGMENTATIONS``, for all arms alike; ``none`` is always used.

    Returns:
        The runs; at each amount and seed ``real`` is first. The controls, ``other real`` and
        ``noise``, are at the smallest amount, the former if there are other real pictures.

    Raises:
        ValueError: If an amount is out of range, or the synthetic set is too small for any arm.
    """
    most = len(pools.real.labels)
    if not times or min(times) <= 0:
        raise ValueError(f"`times` must be above 0. Received: times={list(times)}")
    if not amounts or sorted(set(amounts)) != list(amounts) or not 5 <= amounts[0]:
        raise ValueError(f"`amounts` must rise, from 5 on. Received: amounts={list(amounts)}")
    if amounts[-1] > most:
        raise ValueError(f"There are {most} real pictures. Received: amounts={list(amounts)}")
    arms = [*_strengths(REAL, augmentations), BALANCED]
    for each in times:
        mixed = Arm(f"real + {each:g} x synthetic", times=each)
        arms += _strengths(mixed, augmentations)
        if gate:
            arms.append(Arm(f"real + {each:g} x confirmed", times=each, added="confirmed"))
    _check_classes(pools, amounts, seeds)
    synthetic = len(pools.synthetic.labels)
    runs = [
        Run(arm, amount, seed)
        for amount in amounts
        for seed in seeds
        for arm in arms
        if arm.times * pools.trained_on(amount) <= synthetic
    ]
    if not any(run.arm.needs_synthetic for run in runs):
        raise ValueError(
            f"The synthetic set is too small for any arm: add pictures, or lower `times` or "
            f"`amounts`. Received: {synthetic} synthetic pictures, times={list(times)}, "
            f"amounts={list(amounts)}"
        )
    alone = _strengths(ALONE, augmentations)
    runs += [Run(arm, amounts[-1], seed) for arm in alone for seed in seeds]
    return runs + [
        Run(arm, amounts[0], seed) for arm in _controls(amounts[0], most, times) for seed in seeds
    ]


def _strengths(arm: Arm, augmentations: Sequence[str]) -> list[Arm]:
    """An arm without augmentation, and with each strength of it."""
    unknown = sorted({*augmentations} - {*AUGMENTATIONS})
    if unknown:
        raise ValueError(
            f"`augmentations` must be among {', '.join(AUGMENTATIONS)}. "
            f"Received: {', '.join(unknown)}"
        )
    changed = [
        replace(arm, name=f"{arm.name}, augmented ({each})", augmentation=each)
        for each in augmentations
        if each != "none"
    ]
    return [arm, *changed]


def _check_classes(pools: TrainingPools, amounts: Sequence[int], seeds: Sequence[int]) -> None:
    """Checks that every amount has all classes: a missing class would dominate the gain."""
    classes = set(pools.real.labels.tolist())
    for seed in seeds:
        order = nested_order(pools.groups, pools.real.labels, seed)
        for amount in amounts:
            missing = sorted(classes - set(pools.real.labels[order[:amount]].tolist()))
            if missing:
                names = ", ".join(pools.real.class_names[label] for label in missing)
                raise ValueError(
                    f"With whole sources together, {amount} real pictures include none of {names}: "
                    "use larger `amounts`, or smaller sources. "
                    f"Received: amounts={list(amounts)}"
                )


def _controls(amount: int, most: int, times: Sequence[float]) -> list[Arm]:
    """Controls, with as many added pictures as other real ones allow."""
    possible = [each for each in times if each * amount <= most - amount]
    arms = [
        Arm(f"control: real + {each:g} x other real", times=each, added="more real")
        for each in possible[-1:]
    ]
    each = (possible or list(times))[-1]
    return [*arms, Arm(f"control: real + {each:g} x noise", times=each, added="noise")]


def train_runs(
    runs: Sequence[Run],
    pools: TrainingPools,
    test: LabelledImages,
    learner: Learner,
    folder: str | Path,
    report: Report | None = None,
) -> dict[Run, Predictions]:
    """Trains the classifiers that have no predictions yet.

    Args:
        runs: From ``plan_runs``.
        pools: The pictures, none of them a copy of a test picture (``without_copies``).
        test: Real pictures, with the same classes.
        learner: Trains each classifier.
        folder: Keeps the predictions: a file for each classifier, named after all its inputs.
        report: Called after each with the numbers of finished and of all classifiers.

    Returns:
        The predictions of all runs.

    Raises:
        ValueError: If the predictions cannot be written.
    """
    gated = any(run.arm.added == "confirmed" for run in runs)
    inputs = _digest(pools, test, learner)
    found: dict[Run, Predictions] = {}
    paths = {run: _path(Path(folder), run, inputs, gated) for run in runs}
    done = sum(path.is_file() for path in paths.values())
    for run, path in paths.items():
        if not path.is_file():
            confirmed = None
            if run.arm.added == "confirmed":
                gate = found[Run(REAL, run.amount, run.seed)]
                confirmed = gate.synthetic == pools.synthetic.labels
            _write(path, _train(run, pools, test, learner, confirmed, gated and run.arm == REAL))
            done += 1
            if report is not None:
                report(done, len(runs))
        found[run] = _read(path)
    return found


def _train(
    run: Run,
    pools: TrainingPools,
    test: LabelledImages,
    learner: Learner,
    confirmed: np.ndarray | None,
    is_gate: bool,
) -> Predictions:
    training = training_set(run.arm, run.amount, run.seed, pools, confirmed)
    predict = learner.learn(training.pictures, run.seed, augmentation=run.arm.augmentation)
    return Predictions(
        predict(test.images),
        predict(training.held_out.images),
        training.held_out.labels,
        predict(pools.synthetic.images) if is_gate else np.zeros(0, np.int32),
    )


FEWEST_STEPS = 100
"""Fewest updates for a meaningful verdict."""

_WARM, _TIMED = 20, 80
"""Updates that are not timed, because the first are slow, and updates that are."""


def steps_within(
    minutes: float, classifiers: int, pools: TrainingPools, config: TrainConfig, folder: str | Path
) -> int:
    """Number of updates per classifier such that all are trained within a time.

    Unlike ``training.throughput`` it includes the start-up time of each classifier.

    Args:
        minutes: Time for all classifiers, on this machine.
        classifiers: Number of classifiers.
        pools: The training pictures.
        config: Training configuration; its number of updates is ignored.
        folder: Keeps the result in ``pace.json``, so that a resumed proof uses the same number.

    Returns:
        The number of updates.

    Raises:
        ValueError: If it would be below 100.
    """
    path = Path(folder) / "pace.json"
    settings = {
        "minutes": minutes,
        "classifiers": classifiers,
        "pictures": list(pools.real.images.shape),
        **asdict(replace(config, steps=1)),
    }
    kept = read_json(path) if path.exists() else {}
    if kept.get("settings") == json.loads(json.dumps(settings)):
        return int(kept["steps"])
    seconds = []
    # The first includes what TensorFlow does only once.
    for steps in (1, _WARM, _WARM + _TIMED):
        begun = time.perf_counter()
        train_on_images(pools.real, replace(config, steps=steps), 0)
        seconds.append(time.perf_counter() - begun)
    _, start, whole = seconds
    # A lower bound, as the difference of two timings is noisy.
    each = max((whole - start) / _TIMED, 0.1 * whole / (_WARM + _TIMED))
    steps = int((60 * minutes / classifiers - start) / each) + _WARM
    if steps < FEWEST_STEPS:
        needed = (start + each * FEWEST_STEPS) * classifiers / 60
        raise ValueError(
            f"{classifiers} classifiers need about {needed:.0f} minutes for a meaningful result "
            f"({FEWEST_STEPS} updates each): allow more time, or choose fewer of `amounts`, "
            f"`times`, `seeds` (at least 5 for a verdict) or `augmentations`, such as none alone. "
            f"Received: minutes={minutes:g}"
        )
    write_json(path, {"settings": settings, "steps": steps})
    return steps


def _digest(pools: TrainingPools, test: LabelledImages, learner: Learner) -> str:
    digest = hashlib.sha256(json.dumps(learner.settings(), sort_keys=True).encode())
    digest.update(repr(list(pools.groups)).encode())
    chosen_by = [] if pools.validation is None else [pools.validation]
    for pictures in (pools.real, pools.synthetic, test, *chosen_by):
        digest.update(repr((pictures.images.shape, pictures.class_names)).encode())
        digest.update(np.ascontiguousarray(pictures.images).data)
        digest.update(np.ascontiguousarray(pictures.labels).data)
    return digest.hexdigest()


def _path(folder: Path, run: Run, inputs: str, gated: bool) -> Path:
    identity = json.dumps([asdict(run), inputs, gated and run.arm == REAL], sort_keys=True)
    return folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.npz"


def _write(path: Path, predictions: Predictions) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **asdict(predictions))
    write_file(path, stream.getvalue())


def _read(path: Path) -> Predictions:
    with np.load(path, allow_pickle=False) as kept:
        return Predictions(**{name: kept[name] for name in kept.files})
