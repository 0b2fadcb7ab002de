"""A comparison from sums over parts of the sets, which are never in memory as a whole."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kerasgen
from kerasgen.evaluation.comparison.division import (
    BASELINE,
    REFERENCE,
    SETS,
    SYNTHETIC,
    Census,
    Division,
    listed_pictures,
)
from kerasgen.evaluation.comparison.options import CompareOptions
from kerasgen.evaluation.comparison.picture_sets import ListedSet, read_set
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.features.image_statistics import STATISTICS, appearance, grey_histograms
from kerasgen.evaluation.metrics import (
    Moments,
    frechet_distance_of_moments,
    kernel_distance_of_parts,
    part_distances,
)

ARMS = (SYNTHETIC, BASELINE)
"""What is measured against the reference."""

LEFT_OUT = {
    "intervals, p-values and what follows from them": "they are drawn from the pictures themselves",
    "precision, recall, density, coverage, copies, the map": "they need neighbours among all "
    "pictures",
    "sliced_wasserstein and the distances of image statistics": "they need sorted values; means "
    "and standard deviations are given instead",
    "two_sample_area, network_area, feature maps": "they need a trained classifier",
    "distances by class": "only the numbers of pictures are given",
    "recordings and near-equal pictures": "they are not recognised: give the rule of sources",
}
"""What ``compare`` measures and sums over parts cannot give, with the reason."""

_FIRST = 64

Sums = Mapping[str, np.ndarray]
"""Sums by name."""


@dataclass(frozen=True)
class PartMeasure:
    """Sums over a part of the sets.

    Attributes:
        folders: The folder of each of ``SETS``.
        spaces: The feature spaces.
        centres: By name of the space, ``[D]`` float64 near the mean of its features.
        size: Side of the pictures in pixels.
        channels: 1 or 3.
    """

    folders: Mapping[str, Path]
    spaces: Sequence[FeatureExtractor]
    centres: Mapping[str, np.ndarray]
    size: int
    channels: int

    def sums(self, names: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, np.ndarray]]:
        """Yields sums by name, float64 arrays to be added to those of the other parts.

        Args:
            names: Names of the part's pictures, by set.
        """
        read = {own: self._read(own, sorted(each)) for own, each in names.items() if each}
        images = {own: pictures for own, pictures in read.items() if pictures is not None}
        for own in read:
            count = len(images.get(own, ()))
            yield f"count {own}", np.array([count, len(names[own]) - count], np.float64)
        for own, pictures in images.items():
            yield f"histogram {own}", grey_histograms(pictures).sum(axis=0)
            found = np.stack(list(appearance(pictures).values()))
            yield f"statistics {own}", np.stack([found.sum(axis=1), (found**2).sum(axis=1)])
        for space in self.spaces:
            features = {own: space(pictures) for own, pictures in images.items()}
            for own, each in features.items():
                offsets = each.astype(np.float64) - self.centres[space.name]
                yield f"total {own} {space.name}", offsets.sum(axis=0)
                yield f"products {own} {space.name}", offsets.T @ offsets
            for arm in ARMS:
                if min(len(features.get(own, ())) for own in (REFERENCE, arm)) > 1:
                    distances = part_distances(features[REFERENCE], features[arm])
                    yield f"parts {arm} {space.name}", np.array([1.0, *distances])

    def _read(self, own: str, names: Sequence[str]) -> np.ndarray | None:
        """The pictures that can be read; None without any, which are counted, too."""
        listed = ListedSet(own, self.folders[own], names, None, None)
        with warnings.catch_warnings():
            # What cannot be read is counted.
            warnings.simplefilter("ignore")
            with suppress(ValueError):
                return read_set(listed, self.size, self.channels)[0].images
        return None


def first_centres(
    folder: str | Path, options: CompareOptions, spaces: Sequence[FeatureExtractor]
) -> dict[str, np.ndarray]:
    """Means of the features of the first pictures of a set, which show that they can be read.

    Args:
        folder: Folder of the real pictures.
        options: Options of the comparison.
        spaces: The feature spaces.

    Returns:
        By name of the space, ``[D]`` float64.

    Raises:
        ValueError: If no picture can be read, or a space cannot take them.
    """
    first = itertools.islice(listed_pictures(folder, "picture"), _FIRST)
    listed = ListedSet("real", Path(folder), [each.name for each in first], None, None)
    pictures, _ = read_set(listed, options.size, options.channels)
    return {space.name: space(pictures.images).mean(axis=0, dtype=np.float64) for space in spaces}


def compared_figures(
    sums: Sums, centres: Mapping[str, np.ndarray], census: Census, division: Division
) -> dict[str, Any]:
    """The figures that follow from the sums of all parts.

    Args:
        sums: Sums of what ``PartMeasure.sums`` yields, by name.
        centres: Those of ``PartMeasure``.
        census: What the sets hold.
        division: Their parts.

    Returns:
        JSON values: ``summary``; ``sets``, numbers of pictures; ``features``, by space and
        distance a dict with ``synthetic`` and ``baseline``; ``appearance``, by statistic and set
        mean and standard deviation, and ``grey_histogram``, distances in grey levels; ``classes``;
        ``parts``; ``left_out``; ``version``; ``seed``.

    Raises:
        ValueError: If a set has fewer than two pictures that can be read.
    """
    counts = {own: int(sums[f"count {own}"][0]) for own in SETS if f"count {own}" in sums}
    if min((counts.get(own, 0) for own in SETS), default=0) < 2:
        raise ValueError(f"Too few pictures can be read. Received: {counts}")
    features = {name: _distances(sums, name, centre, counts) for name, centre in centres.items()}
    looks = _appearance(sums, counts)
    return {
        "summary": _summary(features, looks),
        "sets": {
            "real": census.real,
            "synthetic": census.synthetic,
            "compared": counts,
            "unreadable": {own: int(sums[f"count {own}"][1]) for own in SETS},
        },
        "features": features,
        "appearance": looks,
        "classes": {kind: dict(each) for kind, each in census.classes.items()},
        "parts": division.parts,
        "left_out": LEFT_OUT,
        "version": kerasgen.__version__,
        "seed": division.seed,
    }


def _distances(
    sums: Sums, space: str, centre: np.ndarray, counts: Mapping[str, int]
) -> dict[str, dict[str, float | None]]:
    moments = {
        own: Moments.from_sums(
            counts[own], sums[f"total {own} {space}"], sums[f"products {own} {space}"], centre
        )
        for own in SETS
    }
    found: dict[str, dict[str, float | None]] = {"kernel_distance": {}, "frechet_distance": {}}
    for arm in ARMS:
        pair = moments[REFERENCE], moments[arm]
        found["frechet_distance"][arm] = frechet_distance_of_moments(*pair)
        parts = sums.get(f"parts {arm} {space}")
        value = None
        if parts is not None:
            value = kernel_distance_of_parts((parts[1] / parts[0], parts[2] / parts[0]), *pair)
        found["kernel_distance"][arm] = value
    return found


def _appearance(sums: Sums, counts: Mapping[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {name: {} for name in STATISTICS}
    for own in SETS:
        totals, squares = sums[f"statistics {own}"]
        means = totals / counts[own]
        variances = np.maximum(squares - totals * means, 0.0) / (counts[own] - 1)
        for name, mean, variance in zip(STATISTICS, means, variances, strict=True):
            found[name][own] = {"mean": float(mean), "deviation": float(np.sqrt(variance))}
    shares = {own: sums[f"histogram {own}"] / counts[own] for own in SETS}
    found["grey_histogram"] = {
        arm: float(np.abs(np.cumsum(shares[REFERENCE] - shares[arm])).sum()) for arm in ARMS
    }
    return found


def _summary(features: Mapping[str, Any], looks: Mapping[str, Any]) -> str:
    sentences = []
    for space, distances in features.items():
        for name, found in distances.items():
            if found[SYNTHETIC] is not None:
                base = "unknown" if found[BASELINE] is None else f"{found[BASELINE]:.4g}"
                sentences.append(
                    f"{name.replace('_', ' ').capitalize()} on {space}: {found[SYNTHETIC]:.4g} "
                    f"(real-vs-real baseline {base})."
                )
    moved = {name: _shift(looks[name]) for name in STATISTICS if _varies(looks[name])}
    furthest = sorted(moved, key=lambda name: -moved[name])[:3]
    listed = ", ".join(f"{name.replace('_', ' ')} ({moved[name]:.2g})" for name in furthest)
    sentences.append(
        "Image statistics whose means differ most, in standard deviations of the real pictures: "
        f"{listed}."
    )
    return " ".join(sentences)


def _shift(looks: Mapping[str, Mapping[str, float]]) -> float:
    offset = abs(looks[SYNTHETIC]["mean"] - looks[REFERENCE]["mean"])
    return offset / looks[REFERENCE]["deviation"]


def _varies(looks: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether the real pictures differ in a statistic, so that it has a scale."""
    return looks[REFERENCE]["deviation"] > 1e-12
