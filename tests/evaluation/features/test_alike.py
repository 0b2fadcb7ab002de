"""Training pictures that resemble test pictures are found by their features."""

import numpy as np
import pytest

from kerasgen.evaluation.features import unlike_indices
from kerasgen.evaluation.features.extractors import FeatureExtractor


def extract(images):
    return images[:, 0, 0, :].astype(np.float64) - 100


def pictures(colours):
    return np.array(colours, np.uint8)[:, None, None, :]


def test_the_most_alike_are_dropped_whatever_their_length():
    own = pictures([(200, 100, 100), (100, 180, 100), (0, 100, 100), (120, 121, 100)])
    references = pictures([(110, 110, 100), (100, 200, 100)])
    features = FeatureExtractor("colour", extract)
    # Cosines: .71, 1, 0, 1.
    np.testing.assert_array_equal(unlike_indices(own, references, features, 0.25), [0, 2, 3])
    np.testing.assert_array_equal(unlike_indices(own, references, features, 0.5), [0, 2])
    np.testing.assert_array_equal(unlike_indices(own, references, features, 0.0), [0, 1, 2, 3])
    with pytest.raises(ValueError, match="drop=1.5"):
        unlike_indices(own, references, features, 1.5)
