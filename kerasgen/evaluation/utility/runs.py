"""Does a synthetic set help? One classifier for each way to train, amount of real pictures, seed.

All classifiers make the same number of updates on batches of the same size. What is chosen is
chosen on held-out real pictures; the test pictures are asked once, in the end, and nothing is
trained on a copy of one of them. Every classifier's answers are kept as soon as it has them: a
proof that was stopped goes on.
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
from kerasgen.evaluation.classifiers.training import Protocol, real_batches, train_classifier
from kerasgen.evaluation.utility.learners import Learner
from kerasgen.evaluation.utility.training_sets import Arm, Pools, nested_order, training_set
from kerasgen.io.files import read_json, write_file, write_json
from kerasgen.io.progress import Report

REAL = Arm("real")
ALONE = Arm("synthetic alone", real=False)
REAL_ONLY = (
    REAL,
    Arm("real, classes alike", alike=True),
    Arm("real, augmented", augmented=True),
)
"""What can be done without synthetic pictures; the first is what gains are measured from."""


@dataclass(frozen=True)
class Cell:
    """One classifier: an arm at an amount of real pictures, from a seed."""

    arm: Arm
    amount: int
    seed: int


@dataclass(frozen=True)
class Answers:
    """What a classifier says.

    Attributes:
        test: ``[N]`` int32, its class for each test picture.
        held_out: ``[V]``, for each held-out picture; these differ between seeds and amounts.
        truth: ``[V]``, their labels.
        synthetic: ``[M]``, its class for each synthetic picture, or ``[0]`` if it was not asked.
    """

    test: np.ndarray
    held_out: np.ndarray
    truth: np.ndarray
    synthetic: np.ndarray


def plan_cells(
    pools: Pools,
    amounts: Sequence[int],
    times: Sequence[float],
    seeds: Sequence[int],
    *,
    gate: bool = False,
) -> list[Cell]:
    """All classifiers of a proof.

    Args:
        pools: The pictures.
        amounts: Of real pictures, rising.
        times: How many synthetic pictures are added for each real one; what the synthetic set is
            too small for is left out.
        seeds: One classifier of each kind for each.
        gate: Whether there are arms that add only confirmed pictures.

    Returns:
        The cells, at each amount and seed ``real`` first; the controls, ``other real`` and
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
    held = len(pools.synthetic.labels)
    cells = [
        Cell(arm, amount, seed)
        for amount in amounts
        for seed in seeds
        for arm in arms
        if arm.times * pools.trained_on(amount) <= held
    ]
    if not any(cell.arm.needs_synthetic for cell in cells):
        raise ValueError(
            f"The synthetic set is too small for any arm: give more pictures, or lower `times` or "
            f"`amounts`. Received: {held} synthetic pictures, times={list(times)}, "
            f"amounts={list(amounts)}"
        )
    cells += [Cell(ALONE, amounts[-1], seed) for seed in seeds]
    return cells + [
        Cell(arm, amounts[0], seed) for arm in _controls(amounts[0], most, times) for seed in seeds
    ]


def _check_classes(pools: Pools, amounts: Sequence[int], seeds: Sequence[int]) -> None:
    """What real pictures lack, synthetic ones would bring: a gain of no worth to anybody."""
    there = set(pools.real.labels.tolist())
    for seed in seeds:
        order = nested_order(pools.groups, pools.real.labels, seed)
        for amount in amounts:
            missing = sorted(there - set(pools.real.labels[order[:amount]].tolist()))
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


def run_cells(
    cells: Sequence[Cell],
    pools: Pools,
    test: LabelledImages,
    learner: Learner,
    folder: str | Path,
    report: Report | None = None,
) -> dict[Cell, Answers]:
    """Trains what is not trained yet.

    Args:
        cells: From ``plan_cells``.
        pools: The pictures, none of them a copy of a test picture (``without_copies``).
        test: Real pictures, with the same classes.
        learner: What learns.
        folder: Where answers are kept, a file for each classifier, named after all it depends on.
        report: Called after each with the number done and the number of all.

    Returns:
        The answers of all cells.

    Raises:
        ValueError: If the answers cannot be written.
    """
    gated = any(cell.arm.added == "confirmed" for cell in cells)
    given = _digest(pools, test, learner)
    found: dict[Cell, Answers] = {}
    paths = {cell: _path(Path(folder), cell, given, gated) for cell in cells}
    done = sum(path.is_file() for path in paths.values())
    for cell, path in paths.items():
        if not path.is_file():
            confirmed = None
            if cell.arm.added == "confirmed":
                judge = found[Cell(REAL, cell.amount, cell.seed)]
                confirmed = judge.synthetic == pools.synthetic.labels
            answers = _train(cell, pools, test, learner, confirmed, gated and cell.arm == REAL)
            _write(path, answers)
            done += 1
            if report is not None:
                report(done, len(cells))
        found[cell] = _read(path)
    return found


def _train(
    cell: Cell,
    pools: Pools,
    test: LabelledImages,
    learner: Learner,
    confirmed: np.ndarray | None,
    judges: bool,
) -> Answers:
    pictures = training_set(cell.arm, cell.amount, cell.seed, pools, confirmed)
    predict = learner.learn(
        pictures.images,
        pictures.labels,
        len(test.class_names),
        cell.seed,
        augmented=cell.arm.augmented,
    )
    return Answers(
        predict(test.images),
        predict(pictures.held_out.images),
        pictures.held_out.labels,
        predict(pools.synthetic.images) if judges else np.zeros(0, np.int32),
    )


FEWEST_STEPS = 100
"""Updates below which a classifier has learned too little for a verdict."""


def steps_within(
    minutes: float, classifiers: int, pools: Pools, protocol: Protocol, folder: str | Path
) -> int:
    """How many updates each classifier can make for all to be done in time.

    Args:
        minutes: For all of them, on this machine.
        classifiers: How many there are.
        pools: What they are trained on.
        protocol: How; its number of updates is not looked at.
        folder: Keeps the answer in ``pace.json``: a proof that goes on is the same proof.

    Returns:
        The number.

    Raises:
        ValueError: If it would be below 100.
    """
    path = Path(folder) / "pace.json"
    shape = list(pools.real.images.shape)
    asked = {"minutes": minutes, "classifiers": classifiers, "pictures": shape}
    asked |= asdict(replace(protocol, steps=1))
    kept = read_json(path) if path.exists() else {}
    if kept.get("asked") == json.loads(json.dumps(asked)):
        return int(kept["steps"])
    images, labels = pools.real.images, pools.real.labels
    seconds = []
    # The first pays for what TensorFlow does once only.
    for steps in (1, _WARM, _WARM + _TIMED):
        short = replace(protocol, steps=steps)
        begun = time.perf_counter()
        batches = real_batches(images, labels, short, 0)
        train_classifier(batches, images.shape[1:], len(pools.real.class_names), short, 0)
        seconds.append(time.perf_counter() - begun)
    _, start, whole = seconds
    # No update is quicker than a tenth of what it is with all that surrounds it.
    each = max((whole - start) / _TIMED, 0.1 * whole / (_WARM + _TIMED))
    steps = int((60 * minutes / classifiers - start) / each) + _WARM
    if steps < FEWEST_STEPS:
        needed = (start + each * FEWEST_STEPS) * classifiers / 60
        raise ValueError(
            f"{classifiers} classifiers need about {needed:.0f} minutes for the least that says "
            f"something ({FEWEST_STEPS} updates each): allow more, or ask for fewer seeds, amounts "
            f"or times. Received: minutes={minutes:g}"
        )
    write_json(path, {"asked": asked, "steps": steps})
    return steps


_WARM, _TIMED = 20, 80
"""Updates that are not timed, for the first are slow, and that are."""


def without_copies(pictures: LabelledImages, others: LabelledImages) -> LabelledImages:
    """Without exact copies of others.

    Args:
        pictures: Of the same form as the others.
        others: What nothing may be trained on.
    """
    known = {image.tobytes() for image in others.images}
    new = [place for place, image in enumerate(pictures.images) if image.tobytes() not in known]
    return pictures.at(np.array(new, np.int64))


def _digest(pools: Pools, test: LabelledImages, learner: Learner) -> str:
    digest = hashlib.sha256(json.dumps(learner.settings(), sort_keys=True).encode())
    digest.update(repr(list(pools.groups)).encode())
    chosen_by = [] if pools.validation is None else [pools.validation]
    for pictures in (pools.real, pools.synthetic, test, *chosen_by):
        digest.update(repr((pictures.images.shape, pictures.class_names)).encode())
        digest.update(np.ascontiguousarray(pictures.images).data)
        digest.update(np.ascontiguousarray(pictures.labels).data)
    return digest.hexdigest()


def _path(folder: Path, cell: Cell, given: str, gated: bool) -> Path:
    told = json.dumps([asdict(cell), given, gated and cell.arm == REAL], sort_keys=True)
    return folder / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.npz"


def _write(path: Path, answers: Answers) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **asdict(answers))
    write_file(path, stream.getvalue())


def _read(path: Path) -> Answers:
    with np.load(path, allow_pickle=False) as kept:
        return Answers(**{name: kept[name] for name in kept.files})
