"""Does a synthetic set help? One classifier for each way to train, amount of real pictures, seed.

All classifiers make the same number of updates on batches of the same size. What is chosen is
chosen on held-out real pictures; the test pictures are used once, in the end, and nothing is
trained on a copy of one of them. Each classifier's predictions are kept as soon as it has made
them: a proof that was stopped goes on.
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
REAL_ONLY = (
    REAL,
    Arm("real, balanced classes", balanced=True),
    Arm("real, augmented", augmented=True),
)
"""What can be done without synthetic pictures; the first is what gains are measured from."""


@dataclass(frozen=True)
class Run:
    """One classifier: an arm at an amount of real pictures, from a seed."""

    arm: Arm
    amount: int
    seed: int


@dataclass(frozen=True)
class Predictions:
    """The classes that one classifier predicts.

    Attributes:
        test: ``[N]`` int32, of the test pictures.
        held_out: ``[V]`` int32, of the held-out pictures, which differ between seeds and amounts.
        held_out_labels: ``[V]`` int32, their true classes.
        synthetic: ``[M]`` int32, of the synthetic pictures; ``[0]`` where they are not needed.
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
) -> list[Run]:
    """All classifiers of a proof.

    Args:
        pools: The pictures.
        amounts: Of real pictures, rising.
        times: Synthetic pictures added for each real one; what the synthetic set is too small for
            is left out.
        seeds: One classifier of each kind for each.
        gate: Whether there are arms that add only confirmed pictures.

    Returns:
        The runs, at each amount and seed ``real`` first; the controls, ``other real`` and
        ``noise``, are at the smallest amount, as far as there are other real pictures.

    Raises:
        ValueError: If an amount is out of range, or nothing of the synthetic set can be added.
    """
    most = len(pools.real.labels)
    if not times or min(times) <= 0:
        raise ValueError(f"`times` must be above 0. Received: times={list(times)}")
    if not amounts or sorted(set(amounts)) != list(amounts) or not 5 <= amounts[0]:
        raise ValueError(f"`amounts` must rise, from 5 on. Received: amounts={list(amounts)}")
    if amounts[-1] > most:
        raise ValueError(f"There are {most} real pictures. Received: amounts={list(amounts)}")
    arms = [*REAL_ONLY]
    for each in times:
        mixed = Arm(f"real + {each:g} x synthetic", times=each)
        arms += [mixed, replace(mixed, name=f"{mixed.name}, augmented", augmented=True)]
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
            f"The synthetic set is too small for any arm: give more pictures, or lower `times` or "
            f"`amounts`. Received: {synthetic} synthetic pictures, times={list(times)}, "
            f"amounts={list(amounts)}"
        )
    runs += [Run(ALONE, amounts[-1], seed) for seed in seeds]
    return runs + [
        Run(arm, amounts[0], seed) for arm in _controls(amounts[0], most, times) for seed in seeds
    ]


def _check_classes(pools: TrainingPools, amounts: Sequence[int], seeds: Sequence[int]) -> None:
    """A class that the real pictures lack would be a gain that says nothing of the others."""
    classes = set(pools.real.labels.tolist())
    for seed in seeds:
        order = nested_order(pools.groups, pools.real.labels, seed)
        for amount in amounts:
            missing = sorted(classes - set(pools.real.labels[order[:amount]].tolist()))
            if missing:
                names = ", ".join(pools.real.class_names[label] for label in missing)
                raise ValueError(
                    f"Of {amount} real pictures, whole sources together, none is of {names}: give "
                    "larger `amounts`, or sources of fewer pictures (--sources). "
                    f"Received: amounts={list(amounts)}"
                )


def _controls(amount: int, most: int, times: Sequence[float]) -> list[Arm]:
    """With as many added pictures as there are real ones for."""
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
    """Trains the classifiers that are not trained yet.

    Args:
        runs: From ``plan_runs``.
        pools: The pictures, none of them a copy of a test picture (``without_copies``).
        test: Real pictures, with the same classes.
        learner: What learns.
        folder: Keeps the predictions, a file for each classifier, named after all that it depends
            on.
        report: Called after each with the number done and the number of all.

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
    predict = learner.learn(training.pictures, run.seed, augmented=run.arm.augmented)
    return Predictions(
        predict(test.images),
        predict(training.held_out.images),
        training.held_out.labels,
        predict(pools.synthetic.images) if is_gate else np.zeros(0, np.int32),
    )


FEWEST_STEPS = 100
"""Updates below which a classifier has learned too little for a verdict."""

_WARM, _TIMED = 20, 80
"""Updates that are not timed, for the first are slow, and that are."""


def steps_within(
    minutes: float, classifiers: int, pools: TrainingPools, config: TrainConfig, folder: str | Path
) -> int:
    """How many updates each classifier can make for all to be done in time.

    ``training.throughput`` measures one long run; here the start of each classifier counts, too.

    Args:
        minutes: For all of them, on this machine.
        classifiers: How many there are.
        pools: What they are trained on.
        config: How they are trained; its number of updates does not matter.
        folder: Keeps the answer in ``pace.json``: a proof that goes on is the same proof.

    Returns:
        The number.

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
    # The first pays for what TensorFlow does once only.
    for steps in (1, _WARM, _WARM + _TIMED):
        begun = time.perf_counter()
        train_on_images(pools.real, replace(config, steps=steps), 0)
        seconds.append(time.perf_counter() - begun)
    _, start, whole = seconds
    # No update is quicker than a tenth of what it is with all that surrounds it.
    each = max((whole - start) / _TIMED, 0.1 * whole / (_WARM + _TIMED))
    steps = int((60 * minutes / classifiers - start) / each) + _WARM
    if steps < FEWEST_STEPS:
        needed = (start + each * FEWEST_STEPS) * classifiers / 60
        raise ValueError(
            f"{classifiers} classifiers need about {needed:.0f} minutes for the least that says "
            f"something ({FEWEST_STEPS} updates each): allow more, or use fewer seeds, amounts or "
            f"times. Received: minutes={minutes:g}"
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
