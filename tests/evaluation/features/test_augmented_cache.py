"""Features that are computed once, whatever pictures they come with."""

import numpy as np

from kerasgen.data.augmentation import Augmentation
from kerasgen.evaluation.features.augmented_cache import AugmentedFeatureCache
from kerasgen.evaluation.features.extractors import FeatureExtractor, pixel_features

SIZE = 8
CHANGE = Augmentation(rotation=10.0, shift=0.08, zoom=0.1, flip=True)


def noise(count, seed):
    return np.random.default_rng(seed).integers(0, 120, (count, SIZE, SIZE, 1), np.uint8)


def test_features_are_kept_whatever_stands_beside():
    computed = []

    def run(images):
        computed.extend(images)
        return pixel_features(SIZE).run(images)

    known = AugmentedFeatureCache(FeatureExtractor("pixels", run), CHANGE)
    images = noise(30, 0)
    whole = known(images)
    twice = known(images[[5, 3, 5]])
    assert len(computed) == 30 and (twice == whole[[5, 3, 5]]).all()
    more = known(np.concatenate([images[:2], noise(2, 9), noise(2, 9)]))
    assert len(computed) == 32 and (more[2:4] == more[4:]).all()


def test_versions_differ_and_are_the_same_for_the_same_picture():
    images = noise(30, 0)
    first, second = (AugmentedFeatureCache(pixel_features(SIZE), CHANGE) for _ in range(2))
    assert np.allclose(first(images), images.reshape(30, -1) / 255)
    versions = [first(images, each) for each in range(3)]
    for one, other in ((0, 1), (1, 2)):
        assert np.abs(versions[one] - versions[other]).mean() > 0.02
    assert (second(images[::-1], 1)[::-1] == versions[1]).all()
    # Each picture has a change of its own.
    same = np.repeat(images[:1], 2, axis=0)
    same[1, 0, 0] += 1
    changed = AugmentedFeatureCache(pixel_features(SIZE), CHANGE)(same, 1)
    assert np.abs(changed[0] - changed[1]).mean() > 0.02
