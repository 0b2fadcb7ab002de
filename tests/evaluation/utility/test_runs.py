"""Proofs on sets whose use is known: more of the same, and lies."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import TrainConfig
from kerasgen.evaluation.utility import learners, runs
from kerasgen.evaluation.utility.learners import FromScratch
from kerasgen.evaluation.utility.options import ProofOptions
from kerasgen.evaluation.utility.proof_data import ProofData
from kerasgen.evaluation.utility.prove import prove_data
from kerasgen.evaluation.utility.training_sets import TrainingPools

SIZE = 8
LIGHT = 16
QUICK = TrainConfig(steps=60, batch_size=32, width=8)


def proved(pools, test, options, folder, **more):
    """A proof, saved; its numbers."""
    proof = prove_data(ProofData(pools, test), options, workdir=folder, **more)
    proof.save(folder)
    return proof.numbers


def noting(reported):
    """A progress that is kept."""

    @contextmanager
    def progress(name):
        yield lambda done, total: reported.append((done, total))

    return progress


def pictures(count, seed):
    """Class 0 is lit above, class 1 below; less than one pixel varies by."""
    labels = (np.arange(count) % 2).astype(np.int32)
    random = np.random.default_rng(seed)
    rows = (np.arange(SIZE)[:, None, None] < SIZE // 2) == (labels[:, None, None, None] == 0)
    images = (random.integers(0, 120, (count, SIZE, SIZE, 1)) + LIGHT * rows).astype(np.uint8)
    return LabelledImages(images, labels, ("above", "below"), tuple(map(str, range(count))))


def pools(synthetic, real=64):
    return TrainingPools(pictures(real, 0), range(real), synthetic)


TEST = pictures(200, 5)


def test_the_plan_has_all_arms_and_leaves_out_what_is_not_there():
    planned = runs.plan_runs(pools(pictures(40, 1)), [16, 64], [1, 2], range(2), gate=True)
    at = {amount: {run.arm.name for run in planned if run.amount == amount} for amount in (16, 64)}
    # 13 of 16 and 51 of 64 are trained on: 40 synthetic ones do not suffice for the latter.
    kinds = ("flip", "shift", "trivial")
    alone = {f"real, augmented ({kind})" for kind in kinds}
    assert {"real", "real, balanced classes"} | alone <= at[16] & at[64]
    # Mixtures have the same strengths to choose from.
    mixed = {f"real + 2 x synthetic, augmented ({kind})" for kind in kinds}
    assert {"real + 2 x synthetic", "real + 1 x confirmed"} | mixed <= at[16] - at[64]
    assert not any("x synthetic" in name for name in at[64]) and "synthetic alone" in at[64]
    controls = {name for name in at[16] if name.startswith("control")}
    assert controls == {"control: real + 2 x other real", "control: real + 2 x noise"}
    first = [run.arm.name for run in planned if run.amount == 16 and run.seed == 1][0]
    assert first == "real" and len(set(planned)) == len(planned)


@pytest.mark.parametrize(
    ("amounts", "times", "message"),
    [
        ([16, 8], [1], "`amounts` must rise"),
        ([16, 65], [1], "There are 64 real pictures"),
        ([], [1], "`amounts` must rise"),
        ([16], [0], "`times` must be above 0"),
        ([16], [4], "too small for any arm"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(amounts, times, message):
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        runs.plan_runs(pools(pictures(8, 1)), amounts, times, range(2))


def test_an_amount_without_a_class_is_refused():
    """Two recordings of a class: at 16 pictures one class would be missing."""
    real = pictures(64, 0)
    groups = [(label, index // 32) for index, label in enumerate(real.labels.tolist())]
    recordings = TrainingPools(real, groups, pictures(64, 1))
    with pytest.raises(
        ValueError, match="16 real pictures include none of (above|below).*Received"
    ):
        runs.plan_runs(recordings, [16, 64], [1], range(2))
    assert runs.plan_runs(recordings, [64], [0.5], range(2))


@pytest.mark.slow
def test_more_of_the_same_helps(tmp_path):
    short = FromScratch(TrainConfig(steps=100, batch_size=32, width=8))
    config = ProofOptions([8, 64], (7.0,), 5, learner=short, augmentations=["none"])
    reported = []
    good = proved(
        pools(pictures(400, 1)), TEST, config, tmp_path, progress=noting(reported)
    )  # fmt: skip
    assert reported[-1] == (good["settings"]["classifiers"],) * 2 and reported[0][0] == 1
    assert good["verdicts"][0]["verdict"].startswith("It helps")
    assert good["equivalent_real"][0]["value"] > 30
    assert all(each["passed"] for each in good["controls"])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert good["summary"] in page and "<svg" in page
    assert json.loads((tmp_path / "report.json").read_text())["curve"] == good["curve"]


@pytest.mark.slow
def test_a_gate_keeps_what_is_confirmed_and_a_stop_loses_nothing(tmp_path, monkeypatch):
    synthetic = pictures(60, 1)
    labels = synthetic.labels.copy()
    labels[::3] = 1 - labels[::3]
    mixed = pools(LabelledImages(synthetic.images, labels, synthetic.class_names, synthetic.names))
    config = ProofOptions(
        [64], (1.0,), 1, learner=FromScratch(QUICK), gate=True, augmentations=["none"]
    )
    trained = []
    real = learners.train_on_images

    def stopping(*inputs):
        trained.append(inputs)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return real(*inputs)

    monkeypatch.setattr(learners, "train_on_images", stopping)
    with pytest.raises(KeyboardInterrupt):
        proved(mixed, TEST, config, tmp_path)
    assert not (tmp_path / "index.html").exists()
    found = proved(mixed, TEST, config, tmp_path)
    # The two that were done are not trained again.
    assert len(trained) == 1 + found["settings"]["classifiers"]
    (gate,) = found["gate"]
    assert 0.5 < gate["confirmed"]["value"] < 0.8 and gate["confirmed"]["count"] == 60
    assert any("no control with more real" in remark for remark in found["remarks"])
    assert "<h2>Gate</h2>" in (tmp_path / "index.html").read_text(encoding="utf-8")
    count = len(trained)
    again = proved(mixed, TEST, config, tmp_path)
    assert again == found and len(trained) == count


def test_other_pictures_are_another_proof(tmp_path, monkeypatch):
    alone = [runs.Run(runs.ALONE, 64, 0)]
    trained = []
    monkeypatch.setattr(learners, "train_on_images", lambda *inputs: trained.append(inputs))
    monkeypatch.setattr(learners, "predict", lambda network, images: images[:, 0, 0, 0])
    for _ in range(2):
        for synthetic in (pictures(40, 1), pictures(40, 2)):
            runs.train_runs(alone, pools(synthetic), TEST, FromScratch(QUICK), tmp_path)
    assert len(trained) == 2
    runs.train_runs(alone, pools(pictures(40, 1)), pictures(200, 6), FromScratch(QUICK), tmp_path)
    runs.train_runs(
        alone, pools(pictures(40, 1)), TEST, FromScratch(TrainConfig(steps=61)), tmp_path
    )
    assert len(trained) == 4
    for seed in (7, 8):
        chosen_by = replace(pools(pictures(40, 1)), validation=pictures(20, seed))
        runs.train_runs(alone, chosen_by, TEST, FromScratch(QUICK), tmp_path)
    assert len(trained) == 6


def test_a_time_becomes_a_number_of_updates_and_stays(tmp_path, monkeypatch):
    data = pools(pictures(8, 1))
    steps = runs.steps_within(5, 10, data, QUICK, tmp_path)
    assert steps > runs.FEWEST_STEPS
    assert steps < 10_000_000
    monkeypatch.setattr(runs, "train_on_images", None)
    assert runs.steps_within(5, 10, data, QUICK, tmp_path) == steps
    monkeypatch.undo()
    larger = pools(pictures(9, 1), real=65)
    assert runs.steps_within(5, 10, larger, QUICK, tmp_path) > 0
    settings = json.loads((tmp_path / "pace.json").read_text())["settings"]
    assert settings["pictures"] == [65, SIZE, SIZE, 1]
    with pytest.raises(ValueError, match=r"10 classifiers need about .*Received: minutes=0.01"):
        runs.steps_within(0.01, 10, data, QUICK, tmp_path)


def test_what_could_fail_after_the_training_is_refused_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(learners, "train_on_images", lambda *given: pytest.fail("trained"))
    (tmp_path / "file").touch()
    data = ProofData(pools(pictures(64, 1)), TEST)
    fine = ProofOptions([64], (1.0,), 1)
    few = ProofData(data.pools, TEST.at(np.arange(6)))
    for wrong, message in (
        (lambda: ProofOptions(score="f1"), "`score` must be among"),
        (lambda: ProofOptions(seeds=0), "`seeds` at least 1"),
        (lambda: prove_data(data, fine, require=["gian"]), "No measures.*gian"),
        (lambda: prove_data(data, fine, require=["gain"]), "too few.*1 classifier of each kind, 5"),
        (lambda: prove_data(few, ProofOptions([64], (1.0,)), require=["gain"]), "6 independent"),
        (lambda: prove_data(data, ProofOptions(augmentations=["flop"])), "among none.*flop"),
        (lambda: prove_data(data, fine, workdir=tmp_path / "file/run"), "cannot be written"),
        (lambda: ProofData(data.pools, TEST, ["a"]), "one entry a test picture"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
