"""A proof of pictures in memory."""

import numpy as np
import pytest

from kerasgen import LabelledImages, ProofOptions, prove
from kerasgen.evaluation.utility.learners import Learner

CLASSES = ("dark", "light")


def pictures(count, seed):
    """Noise, of which the light class has more."""
    labels = (np.arange(count) % 2).astype(np.int32)
    images = np.random.default_rng(seed).integers(0, 200, (count, 8, 8, 3))
    images = (images + 12 * labels[:, None, None, None]).astype(np.uint8)
    return LabelledImages(images, labels, CLASSES, tuple(map(str, range(count))))


class Threshold(Learner):
    """Compares means, and forgets of some strengths of augmentation what it learned."""

    description = "a threshold"

    def __init__(self, bad):
        self.bad, self.seen = bad, []

    def settings(self):
        return {"bad": sorted(self.bad), "steps": 1, "batch_size": 1}

    def learn(self, pictures, seed, *, augmentation="none"):
        self.seen.append(augmentation)
        means = pictures.images.mean(axis=(1, 2, 3))
        border = np.mean([means[pictures.labels == label].mean() for label in range(2)])
        wrong = augmentation in self.bad
        return lambda images: ((images.mean(axis=(1, 2, 3)) > border) != wrong).astype(np.int32)


@pytest.mark.parametrize("bad", [["flip", "shift"], ["none", "flip", "trivial"]])
def test_both_sides_choose_the_best_augmentation_of_the_same(bad, tmp_path):
    learner = Threshold(bad)
    options = ProofOptions(amounts=(60,), times=(1.0,), learner=learner)
    proof = prove(
        pictures(60, 0),
        pictures(60, 1),
        pictures(90, 2),
        options,
        generator_saw=0,
        workdir=tmp_path,
    )
    assert set(learner.seen) == {"none", "flip", "shift", "trivial"}
    (found,) = proof.numbers["verdicts"]
    for arm in (found["without"], found["with"]):
        used = arm.split("(")[1].rstrip(")") if "(" in arm else "none"
        assert used not in bad, found
    # A straw man without augmentation would have lost by far.
    assert abs(found["gain"]["value"]) < 0.1 and "inconclusive" not in found["verdict"]
    assert proof.numbers["sets"]["generator_saw"] == 0 and "<title>" in proof.html
    assert "real and synthetic" in proof.html


def test_copies_begin_the_summary():
    real = pictures(60, 0)
    brighter = LabelledImages(real.images + np.uint8(1), real.labels, CLASSES, real.names)
    options = ProofOptions(amounts=(60,), times=(0.5,), learner=Threshold([]), augmentations=())
    with pytest.warns(UserWarning, match="60 of 60 synthetic pictures are copies"):
        proof = prove(real, brighter, pictures(90, 2), options)
    assert proof.summary.startswith("60 of 60 synthetic pictures are copies or near copies")
    assert proof.numbers["summary"] in proof.html
