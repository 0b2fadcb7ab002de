"""False alarms on cameras that nobody trained on, before and after calibration.

    python benchmarks/calibration.py --data DIR --masks DIR --features SAVED_MODEL --seeds 0

Folders and detectors are those of ``smoke_detection.py``: trained on smoke by rule, tested on
squares of video frames. Each scene with enough squares stands for a camera: 20 of its smoke-free
squares, drawn at random or the first by frame, set the threshold; the others are the test.
Prints a Markdown table: shares of smoke-free squares that are false alarms and of smoky ones that
are detected, at log-odds 0 and at the thresholds.
"""

from __future__ import annotations

import numpy as np
import smoke_detection
from absl import app, flags

from kerasgen.evaluation.classifiers import calibrated_threshold
from kerasgen.evaluation.metrics import roc_area

FLAGS = flags.FLAGS
flags.DEFINE_float("false_alarms", 0.05, "The rate to calibrate for.", 0.0, 1.0)
flags.DEFINE_integer("frames", 20, "Clean squares that set the threshold.", 2)
flags.DEFINE_enum("form", "frozen", ["frozen", "scratch"], "Form of the detector.")

DRAWS, FEWEST_OTHERS = 200, 10


def rates(clean: np.ndarray, smoky: np.ndarray) -> dict[str, tuple[float, float]]:
    """False alarms among a scene's other clean squares, and detections, by kind of threshold."""
    generator, drawn = np.random.default_rng(0), []
    for _ in range(DRAWS):
        order = generator.permutation(len(clean))
        drawn.append(_rates(clean, smoky, order))
    return {
        "0": (float((clean > 0).mean()), float((smoky > 0).mean())),
        "random": tuple(np.mean(drawn, axis=0).tolist()),
        "first": _rates(clean, smoky, np.arange(len(clean))),
    }


def _rates(clean: np.ndarray, smoky: np.ndarray, order: np.ndarray) -> tuple[float, float]:
    used, others = clean[order[: FLAGS.frames]], clean[order[FLAGS.frames :]]
    threshold = calibrated_threshold(used, FLAGS.false_alarms).log_odds
    return float((others > threshold).mean()), float((smoky > threshold).mean())


def main(_: list[str]) -> None:
    """Trains what is missing, and prints the table."""
    test = smoke_detection.load_squares()
    way = smoke_detection.makers()["procedural"]
    found = list(
        smoke_detection.arm_scores("procedural", way, "plain", FLAGS.form, {"scenes": test})
    )
    scores = np.mean([one["scores"]["scenes"] for one in found], axis=0)
    print(f"AUC of all squares: {roc_area(test.present, scores):.3f}\n")
    print(
        "| scene | clean, smoky | AUC | false alarms, detected at 0 "
        f"| {FLAGS.frames} random squares | first {FLAGS.frames} squares |"
    )
    print("| --- " * 6 + "|")
    every = []
    for scene in np.unique(test.groups):
        own = test.groups == scene
        clean, smoky = (scores[own & (test.present == kind)] for kind in (False, True))
        if len(clean) < FLAGS.frames + FEWEST_OTHERS:
            continue
        every.append(rates(clean, smoky))
        area = roc_area(test.present[own], scores[own])
        print(f"| {scene} | {len(clean)}, {len(smoky)} | {area:.3f} | {_cells(every[-1])} |")
    means = {name: tuple(np.mean([each[name] for each in every], axis=0)) for name in every[0]}
    print(f"| mean of {len(every)} | | | {_cells(means)} |")


def _cells(found: dict[str, tuple[float, float]]) -> str:
    return " | ".join(
        f"{100 * alarms:.1f} %, {100 * hits:.1f} %" for alarms, hits in found.values()
    )


if __name__ == "__main__":
    app.run(main)
