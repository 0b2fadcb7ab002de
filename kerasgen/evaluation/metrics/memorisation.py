"""Has a generator copied its training pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasgen.evaluation.metrics.intervals import Estimate, check_features, share_with_interval
from kerasgen.evaluation.metrics.neighbours import (
    nearest_distances,
    nearest_neighbours,
    neighbour_radii,
)

_LARGEST_RATIO = 0.5
"""What is further than this share of the way to the next training picture is no copy."""


@dataclass(frozen=True)
class Copies:
    """What was found.

    Attributes:
        indices: ``[K]`` int64, the made samples taken for copies, the surest first.
        sources: ``[K]`` int64, the training sample that each is a copy of.
        ratios: ``[K]`` float64, how near they are, see ``find_copies``.
        threshold: Below which ratio a sample is taken for a copy.
        share: Share of the made samples.
        null: Share of the real samples held out that would be taken for copies; the false alarms.
    """

    indices: np.ndarray
    sources: np.ndarray
    ratios: np.ndarray
    threshold: float
    share: Estimate
    null: Estimate


def find_copies(
    made: np.ndarray | Sequence[np.ndarray],
    train: np.ndarray,
    held_out: np.ndarray | Sequence[np.ndarray],
    *,
    false_alarms: float = 0.01,
) -> Copies:
    """Lists made samples that are suspiciously near a training sample.

    A sample's ratio is its distance to the nearest training sample over that one's own distance to
    its nearest other training sample: small distances mean little where training samples lie
    close. Real samples that nothing was trained on show which ratios are usual (as the data-copying
    test of Meehan et al. 2020 does with distances).

    Args:
        made: ``[N, D]`` features; or several such arrays, of the same pictures changed in ways that
            do not make a copy an original (mirrored): the nearest counts.
        train: ``[M, D]``, what the generator was trained on.
        held_out: ``[K, D]``, real and new, in as many ways as ``made``. Twins of training pictures
            among them hide copies.
        false_alarms: Share of the held-out samples that may be taken for copies, below 1.

    Returns:
        The copies; none has a ratio above 0.5, whatever ``false_alarms`` allows.

    Raises:
        ValueError: If the forms do not fit, a set is too small, or a number is not finite.
    """
    variants, others = (
        _variants(name, each) for name, each in (("made", made), ("held_out", held_out))
    )
    if len(variants) != len(others):
        raise ValueError(
            "Made and held-out samples must be given in equally many ways: else one kind has more "
            f"chances to be near. Received: {len(variants)} and {len(others)}"
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
            f"`{name}` must be [N, D], or several of one form. "
            f"Received: {[one.shape for one in variants]}"
        )
    return variants


def _threshold(usual: np.ndarray, false_alarms: float) -> float:
    """The ratio below which a new sample lies with at most this chance."""
    ordered, rank = np.sort(usual), int(false_alarms * (len(usual) + 1))
    # Too few to know: no new one is likely to lie twice as near as the nearest of them.
    return float(ordered[rank - 1] if rank else 0.5 * ordered[0])


def _nearest(
    variants: Sequence[np.ndarray], train: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ratios and training samples of the variant of each sample that is nearest to one."""
    each = [_ratios(one, train, radii) for one in variants]
    ratios = np.stack([found[0] for found in each])
    best = ratios.argmin(axis=0)
    rows = np.arange(ratios.shape[1])
    return ratios[best, rows], np.stack([found[1] for found in each])[best, rows]


def _is_copy(ratios: np.ndarray, threshold: float) -> np.ndarray:
    # An exact copy is one even where a twin among the held-out has brought the threshold to 0.
    return (ratios < threshold) | (ratios == 0.0)


def _ratios(
    queries: np.ndarray, train: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ratios and nearest training samples."""
    indices = nearest_neighbours(queries, train)
    distances = nearest_distances(queries, train)
    # Where the training set has a sample twice, only an exact copy has a finite ratio.
    scale = radii[indices]
    ratios = np.divide(distances, scale, out=np.full(len(indices), np.inf), where=scale > 0)
    ratios[distances == 0.0] = 0.0
    return ratios, indices
