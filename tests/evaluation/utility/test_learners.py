"""Both ways to learn, on pictures of which one can learn where they are lit."""

import numpy as np
import pytest

from kerasgen.data.labelled_images import LabelledImages
from kerasgen.evaluation.classifiers.training import TrainConfig
from kerasgen.evaluation.features import augmented_cache
from kerasgen.evaluation.features.augmented_cache import RememberedFeatures
from kerasgen.evaluation.features.extractors import (
    FeatureExtractor,
    pixel_features,
)
from kerasgen.evaluation.utility.arms import CLASSICAL
from kerasgen.evaluation.utility.learners import FromScratch, OnFeatures
from kerasgen.evaluation.utility.prove import Question, prove_sets
from kerasgen.evaluation.utility.runs import REAL, Cell, run_cells
from kerasgen.evaluation.utility.training_sets import Pools

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
    """Pixels as features, and how many pictures were asked for."""

    def __init__(self, version="1"):
        self.asked = 0
        self.extractor = FeatureExtractor("pixels", self.run, version)

    def run(self, images):
        self.asked += len(images)
        return pixel_features(SIZE).run(images)


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("learner", [FromScratch(CONFIG), OnFeatures(pixel_features(SIZE), CONFIG)])
def test_they_learn_the_same_from_the_same_seed(learner, augmented):
    train, test = pictures(200, 0), pictures(200, 1)
    told = [
        learner.learn(train.images, train.labels, 2, seed, augmented=augmented)(test.images)
        for seed in (0, 0, 1)
    ]
    assert np.mean(told[0] == test.labels) > 0.8
    assert told[0].dtype == np.int32 and told[0].shape == (200,)
    assert (told[0] == told[1]).all()


def test_a_proof_on_features_computes_each_once_and_says_so(tmp_path):
    counting = Counting()
    learner = OnFeatures(counting.extractor, CONFIG)
    pools, test = Pools(pictures(64, 0), range(64), pictures(128, 1)), pictures(100, 2)
    told = []
    learner.prepare(pools, test.images, lambda done, total: told.append((done, total)))
    # The pictures themselves and two changed versions; of those to test on none.
    assert counting.asked == 3 * (64 + 128) + 100 and told[-1] == (counting.asked,) * 2
    question = Question([16, 64], (1.0,), 2, learner)
    found = prove_sets(pools, test, question, tmp_path)
    # The noise of a control, other for each seed; 12 of 16 pictures are trained on.
    assert counting.asked - told[-1][1] == 2 * 12
    assert found["settings"]["features"] == "pixels"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "a linear head on frozen features of pixels, 150 updates" in " ".join(page.split())


def test_features_of_other_weights_are_another_proof(tmp_path):
    pools, test = Pools(pictures(20, 0), range(20), pictures(20, 1)), pictures(20, 2)
    short = TrainConfig(steps=2)
    for version in ("1", "1", "2"):
        learner = OnFeatures(Counting(version).extractor, short)
        run_cells([Cell(REAL, 20, 0)], pools, test, learner, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    run_cells([Cell(REAL, 20, 0)], pools, test, FromScratch(short), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_features_are_remembered_whatever_stands_beside():
    counting = Counting()
    known = RememberedFeatures(counting.extractor, CLASSICAL)
    images = pictures(30, 0).images
    whole = known(images)
    twice = known(images[[5, 3, 5]])
    assert counting.asked == 30 and (twice == whole[[5, 3, 5]]).all()
    more = known(np.concatenate([images[:2], pictures(2, 9).images, pictures(2, 9).images]))
    assert counting.asked == 32 and (more[2:4] == more[4:]).all()


def test_versions_differ_and_are_the_same_for_the_same_picture():
    images = pictures(30, 0).images
    first, second = (RememberedFeatures(pixel_features(SIZE), CLASSICAL) for _ in range(2))
    assert np.allclose(first(images), images.reshape(30, -1) / 255)
    versions = [first(images, each) for each in range(3)]
    for one, other in ((0, 1), (1, 2)):
        assert np.abs(versions[one] - versions[other]).mean() > 0.02
    assert (second(images[::-1], 1)[::-1] == versions[1]).all()
    # Each picture has a change of its own.
    same = np.repeat(images[:1], 2, axis=0)
    same[1, 0, 0] += 1
    changed = augmented_cache.RememberedFeatures(pixel_features(SIZE), CLASSICAL)(same, 1)
    assert np.abs(changed[0] - changed[1]).mean() > 0.02
