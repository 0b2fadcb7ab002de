"""Verdicts on predictions that are right as often as it says here."""

from dataclasses import replace

import numpy as np
import pytest

from kerasgen.evaluation.utility.analysis import analyse
from kerasgen.evaluation.utility.runs import ALONE, REAL, Predictions, Run
from kerasgen.evaluation.utility.training_sets import Arm

MIXED = Arm("real + 1 x synthetic", times=1)
AUGMENTED = Arm("real, augmented (flip)", augmentation="flip")
MORE = Arm("control: real + 1 x other real", times=1, added="more real")
NOISE = Arm("control: real + 1 x noise", times=1, added="noise")
LABELS = np.arange(1000) % 4


def predicted(share, seed, labels):
    """Classes of which about a share is right."""
    generator = np.random.default_rng(seed)
    wrong = generator.random(len(labels)) >= share
    return np.where(wrong, (labels + 1) % 4, labels).astype(np.int32)


def predictions(shares, seeds=5, labels=LABELS):
    """From (arm, amount) -> (right on test, right on held-out)."""
    truth = LABELS[:200].astype(np.int32)
    return {
        Run(arm, amount, seed): Predictions(
            predicted(right, [number, seed], labels),
            predicted(held, [number, seed, 1], truth),
            truth,
            np.zeros(0, np.int32),
        )
        for number, ((arm, amount), (right, held)) in enumerate(shares.items())
        for seed in range(seeds)
    }


def known(mixed=0.9, more=0.9):
    return {
        (REAL, 100): (0.6, 0.6),
        (AUGMENTED, 100): (0.65, 0.66),
        (MIXED, 100): (mixed, mixed),
        (REAL, 1000): (0.8, 0.8),
        (AUGMENTED, 1000): (0.85, 0.7),
        (MIXED, 1000): (0.8, 0.8),
        (ALONE, 1000): (0.7, 0.7),
        (MORE, 100): (more, more),
        (NOISE, 100): (0.4, 0.4),
    }


def few_points():
    """Real alone and a mixture at both amounts, and a control."""
    arms = (REAL.name, MIXED.name, NOISE.name)
    return {point: shares for point, shares in known().items() if point[0].name in arms}


def test_a_gain_is_reported_where_it_is_and_only_there():
    found = analyse(predictions(known()), LABELS, "accuracy")
    first, last = found["verdicts"]
    assert (first["amount"], first["without"], first["with"]) == (
        100, "real, augmented (flip)", "real + 1 x synthetic",
    )  # fmt: skip
    assert first["gain"]["low"] > 0.2 and first["verdict"].startswith("It helps")
    # Augmentation would be best on the test pictures; but it was not on the held-out ones.
    assert last["without"] == "real" and last["verdict"].startswith("It makes no significant")
    assert found["summary"].startswith("Adding synthetic pictures to 1,000 real ones makes no")
    assert "Adding synthetic pictures to 100 real ones helps" in found["summary"]
    assert "inconclusive" not in found["summary"]


def test_an_amount_that_could_not_be_tested_is_said():
    shares = known()
    del shares[MIXED, 1000]
    found = analyse(predictions(shares), LABELS, "accuracy")
    assert found["summary"].startswith("There are too few synthetic pictures to add to 1,000")
    assert [each["amount"] for each in found["verdicts"]] == [100]


def test_pictures_of_one_source_widen_the_interval():
    alone = analyse(predictions(known()), LABELS, "accuracy")["verdicts"][0]["gain"]
    # Each source has all its pictures right or wrong.
    sources = np.arange(1000) // 4
    runs = predictions(known())
    for run, each in runs.items():
        right = (each.test == LABELS)[::4].repeat(4)
        runs[run] = replace(each, test=np.where(right, LABELS, (LABELS + 1) % 4))
    together = analyse(runs, LABELS, "accuracy", sources)["verdicts"][0]["gain"]
    assert together["count"] == 250 and alone["count"] == 1000
    assert together["high"] - together["low"] > 1.3 * (alone["high"] - alone["low"])


def test_harm_is_said():
    found = analyse(predictions(known(mixed=0.5)), LABELS, "accuracy")
    assert found["verdicts"][0]["verdict"].startswith("It hurts")


def test_the_synthetic_set_alone_is_equivalent_to_what_gives_its_score():
    found = analyse(predictions(known()), LABELS, "accuracy")
    alone, mixed = found["equivalent_real"]
    # A third from 0.65, with augmentation, to 0.8, over the logarithm of 100 to 1,000.
    assert 100 <= alone["low"] < alone["value"] < alone["high"] < 600
    assert alone["amount"] == 0 and abs(np.log10(alone["value"]) - 7 / 3) < 0.1
    assert mixed["text"].startswith("at least 1,000") and mixed["amount"] == 100
    assert f"alone is equivalent to {alone['text']} real pictures" in found["summary"]


def test_controls_that_fail_are_said():
    found = analyse(predictions(known(more=0.6)), LABELS, "accuracy")
    assert [each["passed"] for each in found["controls"]] == [False, True]
    assert (
        found["summary"].startswith("This proof is inconclusive")
        and "1 x other" in found["summary"]
    )


def test_the_other_score_can_be_used():
    found = analyse(predictions(known()), LABELS, "macro_f1")
    row = next(row for row in found["curve"] if row["arm"] == "real" and row["amount"] == 100)
    assert row["macro_f1"]["count"] == 1000 and row["gain"] is None and row["classifiers"] == 5
    with pytest.raises(ValueError, match="among accuracy, macro_f1"):
        analyse(predictions(known()), LABELS, "beauty")


def test_every_amount_below_what_the_generator_saw_has_a_caveat():
    runs = predictions(few_points())
    found = analyse(runs, LABELS, "accuracy", generator_saw=500)
    assert [bool(each["caveat"]) for each in found["verdicts"]] == [True, False]
    assert "100 real ones helps" in found["summary"]
    said = "The generator was trained on 500 real pictures: a gain over 100 includes"
    assert found["summary"].count(said) == 1 and found["verdicts"][0]["caveat"].startswith(said)
    unknown = analyse(runs, LABELS, "accuracy")
    assert all("If the generator" in each["caveat"] for each in unknown["verdicts"])
    assert unknown["summary"].count("the generator was trained on is not known") == 1


def test_too_few_classifiers_or_test_pictures_give_no_verdict():
    few = analyse(predictions(few_points(), seeds=2), LABELS, "accuracy")
    assert few["summary"].startswith("This is too few to tell whether synthetic pictures help: 2")
    assert few["summary"].endswith("2 classifiers of each kind, 5 are enough (seeds).")
    assert not any(each["decided"] for each in few["verdicts"])
    assert [each["passed"] for each in few["controls"]] == [None]
    # All test pictures are of three recordings.
    recordings = analyse(predictions(few_points()), LABELS, "accuracy", np.arange(1000) % 3)
    assert "3 independent test pictures, 20 are the least" in recordings["summary"]


def test_scores_stay_between_zero_and_one():
    few = LABELS[:60]
    shares = {(REAL, 100): (0.985, 1.0), (MIXED, 100): (0.5, 0.5), (ALONE, 100): (1.0, 1.0)}
    for row in analyse(predictions(shares, 2, few), few, "accuracy")["curve"]:
        for name in ("accuracy", "macro_f1"):
            ends = row[name]["low"], row[name]["value"], row[name]["high"]
            assert 0 <= ends[0] <= ends[1] <= ends[2] <= 1
        assert row["gain"] is None or -1 <= row["gain"]["low"] <= row["gain"]["high"] <= 1
