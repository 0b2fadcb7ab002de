"""Both ways to learn, on pictures of which one can learn where they are lit."""

import numpy as np
import pytest

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import TrainConfig
from kerasgen.evaluation.features.extractors import (
    FeatureExtractor,
    pixel_features,
)
from kerasgen.evaluation.utility.learners import FromScratch, OnFeatures
from kerasgen.evaluation.utility.options import ProofOptions
from kerasgen.evaluation.utility.proof_data import ProofData
from kerasgen.evaluation.utility.prove import prove_data
from kerasgen.evaluation.utility.runs import REAL, Run, train_runs
from kerasgen.evaluation.utility.training_sets import TrainingPools

SIZE = 8
CONFIG = TrainConfig(steps=150, batch_size=32, learning_rate=1e-2, width=8)


def pictures(count, seed):
    """Class 0 is lit above, class 1 below."""
    labels = (np.arange(count) % 2).astype(np.int32)
    rows = (np.arange(SIZE)[:, None, None] < SIZE // 2) == (labels[:, None, None, None] == 0)
    noise = np.random.default_rng(seed).integers(0, 120, (count, SIZE, SIZE, 1))
    images = (noise + 20 * rows).astype(np.uint8)
    return LabelledImages(images, labels, ("above", "below"), tuple(map(str, range(count))))


class Counting:
    """Pixels as features, and how many pictures they were computed of."""

    def __init__(self, version="1"):
        self.computed = 0
        self.extractor = FeatureExtractor("pixels", self.run, version)

    def run(self, images):
        self.computed += len(images)
        return pixel_features(SIZE).run(images)


@pytest.mark.parametrize("augmentation", ["none", "trivial"])
@pytest.mark.parametrize("learner", [FromScratch(CONFIG), OnFeatures(pixel_features(SIZE), CONFIG)])
def test_they_learn_the_same_from_the_same_seed(learner, augmentation):
    train, test = pictures(200, 0), pictures(200, 1)
    first, again, _ = (
        learner.learn(train, seed, augmentation=augmentation)(test.images) for seed in (0, 0, 1)
    )
    assert np.mean(first == test.labels) > 0.8
    assert first.dtype == np.int32 and first.shape == (200,)
    assert (first == again).all()


@pytest.mark.slow
def test_a_proof_on_features_computes_each_once_and_says_so(tmp_path):
    counting = Counting()
    learner = OnFeatures(counting.extractor, CONFIG, ["none", "shift"])
    pools, test = TrainingPools(pictures(64, 0), range(64), pictures(128, 1)), pictures(100, 2)
    reported = []
    learner.prepare(pools, test.images, lambda done, total: reported.append((done, total)))
    # The pictures themselves and two changed versions; of those to test on none.
    assert counting.computed == 3 * (64 + 128) + 100 and reported[-1] == (counting.computed,) * 2
    config = ProofOptions([16, 64], (1.0,), 2, learner=learner, augmentations=["none", "shift"])
    proof = prove_data(ProofData(pools, test), config, workdir=tmp_path)
    found, page = proof.numbers, proof.html
    # The noise of a control, other for each seed; 12 of 16 pictures are trained on.
    assert counting.computed - reported[-1][1] == 2 * 12
    assert found["settings"]["features"] == "pixels"
    assert "a linear head on frozen features of pixels, 150 updates" in " ".join(page.split())


def test_features_of_other_weights_are_another_proof(tmp_path):
    pools, test = TrainingPools(pictures(20, 0), range(20), pictures(20, 1)), pictures(20, 2)
    short = TrainConfig(steps=2)
    for version in ("1", "1", "2"):
        learner = OnFeatures(Counting(version).extractor, short)
        train_runs([Run(REAL, 20, 0)], pools, test, learner, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    train_runs([Run(REAL, 20, 0)], pools, test, FromScratch(short), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
