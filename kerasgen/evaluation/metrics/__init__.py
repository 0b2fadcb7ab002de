"""Features -> numbers, without TensorFlow; every number with an interval and its sample counts.

Features of pictures come from ``evaluation.features``. A distance alone means little: show the same
between two halves of the real set, of the same sizes, beside it.
"""

from kerasgen.evaluation.metrics.diversity import class_diversity
from kerasgen.evaluation.metrics.frechet import frechet_distance
from kerasgen.evaluation.metrics.intervals import (
    Estimate,
    bootstrap_mean,
    share_with_interval,
    wilson_interval,
)
from kerasgen.evaluation.metrics.memorisation import Copies, find_copies
from kerasgen.evaluation.metrics.mmd import kernel_distance, kernel_distance_gain
from kerasgen.evaluation.metrics.multiple_testing import holm_adjusted
from kerasgen.evaluation.metrics.neighbours import nearest_distances, nearest_neighbours
from kerasgen.evaluation.metrics.precision_recall import ManifoldScores, manifold_scores
from kerasgen.evaluation.metrics.roc import area_under_roc, roc_area
from kerasgen.evaluation.metrics.sliced_wasserstein import sliced_wasserstein
from kerasgen.evaluation.metrics.two_sample import TwoSampleTest, two_sample_test

__all__ = [
    "Copies",
    "Estimate",
    "ManifoldScores",
    "TwoSampleTest",
    "area_under_roc",
    "bootstrap_mean",
    "class_diversity",
    "find_copies",
    "frechet_distance",
    "holm_adjusted",
    "kernel_distance",
    "kernel_distance_gain",
    "manifold_scores",
    "nearest_distances",
    "nearest_neighbours",
    "roc_area",
    "share_with_interval",
    "sliced_wasserstein",
    "two_sample_test",
    "wilson_interval",
]
