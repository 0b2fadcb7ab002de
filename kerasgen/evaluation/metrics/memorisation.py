"""Detect copies of training pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics.intervals import Estimate, check_features
from kerasgen.evaluation.metrics.neighbours import (
    nearest_distances,
    nearest_neighbours,
    neighbour_radii,
)
from kerasgen.evaluation.metrics.shares import share_with_interval

_LARGEST_RATIO = 0.5
"""A sample with a larger ratio is not taken for a copy."""


@dataclass(frozen=True)
class Copies:
    """Generated samples that are taken for copies.

    Attributes:
        indices: ``[K]`` int64, generated samples taken for copies, most certain first.
        sources: ``[K]`` int64, the training sample that each is a copy of.
        ratios: ``[K]`` float64, how close they are, see ``find_copies``.
        threshold: Ratio below which a sample is taken for a copy.
        share: Share of the generated samples that are taken for copies.
        baseline: Share of the held-out real samples taken for copies: false alarms.
    """

    indices: np.ndarray
    sources: np.ndarray
    ratios: np.ndarray
    threshold: float
    share: Estimate
    baseline: Estimate


def find_copies(
    generated: np.ndarray | Sequence[np.ndarray],
    train: np.ndarray,
    held_out: np.ndarray | Sequence[np.ndarray],
    *,
    false_alarms: float = 0.01,
) -> Copies:
    """Finds generated samples that are suspiciously close to a training sample.

    A sample's ratio is its distance to the nearest training sample, divided by the distance of that
    training sample to its own nearest neighbour: small distances mean little where training samples
    lie close together. The threshold comes from the ratios of held-out real samples, as the
    data-copying test of Meehan et al. 2020 (arXiv:2004.05675) does with distances.

    Args:
        generated: ``[N, D]`` features; or several such arrays, of variants of the same pictures
            (such as mirrored ones), of which the nearest counts.
        train: ``[M, D]``, features of the training set.
        held_out: ``[K, D]``, features of real pictures not trained on, in as many variants.
            Duplicates of training pictures among them hide copies.
        false_alarms: Share of the held-out samples that may be taken for copies, below 1.

    Returns:
        The copies; none has a ratio above 0.5.

    Raises:
        ValueError: If the shapes do not match, a set is too small, or a value is not finite.
    """
    variants, others = (
        _variants(name, each) for name, each in (("generated", generated), ("held_out", held_out))
    )
    if len(variants) != len(others):
        raise ValueError(
            "Generated and held-out samples must have equally many variants: more variants have "
            f"more chances to be close. Received: {len(variants)} and {len(others)}"
        )
    if not 0.0 <= false_alarms < 1.0:
        raise ValueError(f"`false_alarms` must be in [0, 1). Received: {false_alarms}")
    check_features(*variants, train, *others)
    radii = np.sqrt(neighbour_radii(train, 1))
    usual = _nearest(others, train, radii)[0]
    threshold = min(_threshold(usual, false_alarms), _LARGEST_RATIO)
    nearest, sources = _nearest(variants, train, radii)
    listed = np.flatnonzero(_is_copy(nearest, threshold))
    listed = listed[np.argsort(nearest[listed], kind="stable")]
    return Copies(
        listed,
        sources[listed],
        nearest[listed],
        threshold,
        share_with_interval(_is_copy(nearest, threshold)),
        share_with_interval(_is_copy(usual, threshold)),
    )


def _variants(name: str, samples: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    variants = [samples] if isinstance(samples, np.ndarray) else list(samples)
    if not variants or len({one.shape for one in variants}) != 1:
        raise ValueError(
            f"`{name}` must be [N, D], or several of one shape. "
            f"Received: {[one.shape for one in variants]}"
        )
    return variants


def _threshold(usual: np.ndarray, false_alarms: float) -> float:
    """The ratio below which a new real sample lies with at most this probability."""
    ordered, rank = np.sort(usual), int(false_alarms * (len(usual) + 1))
    # Too few to estimate: a new one is unlikely to lie twice as close as the closest of them.
    return float(ordered[rank - 1] if rank else 0.5 * ordered[0])


def _nearest(
    variants: Sequence[np.ndarray], train: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ratios and nearest training samples, of the nearest variant of each sample."""
    each = [_ratios(one, train, radii) for one in variants]
    ratios = np.stack([found[0] for found in each])
    best = ratios.argmin(axis=0)
    rows = np.arange(ratios.shape[1])
    return ratios[best, rows], np.stack([found[1] for found in each])[best, rows]


def _is_copy(ratios: np.ndarray, threshold: float) -> np.ndarray:
    # Exact copies count even if a duplicate in the held-out set has made the threshold 0.
    return (ratios < threshold) | (ratios == 0.0)


def _ratios(
    queries: np.ndarray, train: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ratios and nearest training samples."""
    indices = nearest_neighbours(queries, train)
    distances = nearest_distances(queries, train)
    # Where a training sample has a duplicate, only exact copies have a finite ratio.
    scale = radii[indices]
    ratios = np.divide(distances, scale, out=np.full(len(indices), np.inf), where=scale > 0)
    ratios[distances == 0.0] = 0.0
    return ratios, indices
