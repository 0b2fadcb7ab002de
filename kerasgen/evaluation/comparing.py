"""From two sets of pictures to a report."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kerasgen
from kerasgen.data.sheets import contact_sheet
from kerasgen.evaluation.appearance import appearance, grey_histograms
from kerasgen.evaluation.comparison import (
    ComparedSets,
    compare_appearance,
    compare_features,
    compared_sets,
    summary,
)
from kerasgen.evaluation.features import FeatureExtractor
from kerasgen.evaluation.metrics import find_copies
from kerasgen.evaluation.metrics.neighbours import nearest_neighbours, neighbour_radii
from kerasgen.evaluation.plots import histogram_plot, statistics_plot
from kerasgen.evaluation.projection import fit_projection
from kerasgen.evaluation.report import Dots, Sheet, write_report

_MOST_DOTS = 600
"""Dots of the map: as many thumbnails are in the page."""

_SHOWN, _COLUMNS = 24, 12


@dataclass(frozen=True)
class PictureSet:
    """Pictures with what a report says of them.

    Attributes:
        images: ``[N, H, W, C]`` uint8.
        names: N names to show.
        groups: N sources; pictures of one source are one witness.
    """

    images: np.ndarray
    names: Sequence[str]
    groups: Sequence[Hashable]


def compare_sets(
    real: PictureSet,
    synthetic: PictureSet,
    spaces: Sequence[FeatureExtractor],
    folder: str | Path,
    *,
    title: str = "comparison",
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measures, draws and writes a report.

    Args:
        real: Brought to one form with the others.
        synthetic: The same.
        spaces: Feature spaces; the map, the neighbours and the copies are on the first.
        folder: Where ``index.html`` and ``report.json`` are written.
        title: Of the page.
        seed: Of splits, draws and intervals.
        report: Told what is being done.

    Returns:
        What ``report.json`` holds: ``summary``, ``sets``, ``features`` (see ``compare_features``),
        ``appearance`` (see ``compare_appearance``), ``copies``, ``map``, ``version``, ``seed``.

    Raises:
        ValueError: If the sets cannot be compared or the report cannot be written.
    """
    sets = compared_sets(
        real.images,
        synthetic.images,
        real_groups=real.groups,
        synthetic_groups=synthetic.groups,
        seed=seed,
    )
    found = _distances(sets, spaces, seed, report)
    report("light, colour, sharpness, noise")
    looks = compare_appearance(sets, seed=seed)
    report("the map, neighbours and copies")
    all_real, made = spaces[0](real.images), spaces[0](synthetic.images)
    projection = fit_projection(spaces[0](sets.reference))
    numbers: dict[str, Any] = {
        "summary": summary(found, looks),
        "version": kerasgen.__version__,
        "seed": seed,
        "sets": _facts(real, synthetic, sets),
        "features": found,
        "appearance": looks,
        "copies": _copies(spaces[0], sets, synthetic),
        "map": {
            "features": spaces[0].name,
            "explained": " and ".join(f"{share:.0%}" for share in projection.explained),
        },
    }
    whole = np.concatenate([sets.reference, sets.null])
    write_report(
        folder,
        title,
        numbers,
        _dots(projection, real, synthetic, all_real, made, seed),
        _sheets(real, synthetic, all_real, made, seed),
        statistics_svg=statistics_plot(appearance(whole), appearance(sets.synthetic)),
        histogram_svg=histogram_plot(grey_histograms(whole), grey_histograms(sets.synthetic)),
    )
    return numbers


def _distances(
    sets: ComparedSets,
    spaces: Sequence[FeatureExtractor],
    seed: int,
    report: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    found = {}
    for number, space in enumerate(spaces, start=1):
        report(f"distances on {space.name} ({number} of {len(spaces)})")
        found[space.name] = compare_features(sets, space, seed=seed)
    return found


def _facts(real: PictureSet, synthetic: PictureSet, sets: ComparedSets) -> dict[str, Any]:
    height, width = real.images.shape[1:3]
    return {
        "real": len(real.images),
        "synthetic": len(synthetic.images),
        "reference": len(sets.reference),
        "compared": len(sets.synthetic),
        "size": f"{width}x{height}",
    }


def _copies(space: FeatureExtractor, sets: ComparedSets, synthetic: PictureSet) -> dict[str, Any]:
    """Synthetic pictures that are copies of one of the reference, mirrored or not."""
    made = [space(synthetic.images), space(np.ascontiguousarray(synthetic.images[:, :, ::-1]))]
    found = find_copies(made, space(sets.reference), space(sets.null))
    return {
        "share": asdict(found.share),
        "null": asdict(found.null),
        "files": [synthetic.names[place] for place in found.places.tolist()],
    }


def _dots(
    projection: Callable[[np.ndarray], np.ndarray],
    real: PictureSet,
    synthetic: PictureSet,
    all_real: np.ndarray,
    made: np.ndarray,
    seed: int,
) -> Dots:
    """As many of both sets, drawn at random."""
    generator = np.random.default_rng(seed)
    parts = []
    for kind, each, features in (("real", real, all_real), ("synthetic", synthetic, made)):
        picked = np.sort(generator.permutation(len(features))[: _MOST_DOTS // 2])
        names = [each.names[place] for place in picked]
        parts.append(
            (projection(features[picked]), [kind] * len(picked), names, each.images[picked])
        )
    places, kinds, names, images = zip(*parts, strict=True)
    return Dots(np.concatenate(places), sum(kinds, []), sum(names, []), np.concatenate(images))


def _sheets(
    real: PictureSet, synthetic: PictureSet, all_real: np.ndarray, made: np.ndarray, seed: int
) -> list[Sheet]:
    generator = np.random.default_rng(seed)
    drawn = [
        np.sort(generator.permutation(len(each.images))[:_SHOWN]) for each in (real, synthetic)
    ]
    nearest = nearest_neighbours(made, all_real)
    # How far from the nearest real picture, for how far real ones are from each other there.
    oddness = np.linalg.norm(made - all_real[nearest], axis=1)
    oddness /= np.sqrt(np.maximum(neighbour_radii(all_real, 1)[nearest], 1e-12))
    order = np.argsort(oddness, kind="stable")
    pairs = drawn[1][:_COLUMNS]
    return [
        _sheet("Real pictures, drawn at random", real.images[drawn[0]]),
        _sheet("Synthetic pictures, drawn at random", synthetic.images[drawn[1]]),
        _sheet(
            "Synthetic pictures (above) and the real picture nearest to each (below)",
            np.concatenate([synthetic.images[pairs], real.images[nearest[pairs]]]),
            len(pairs),
        ),
        _sheet("Synthetic pictures most like a real one", synthetic.images[order[:_SHOWN]]),
        _sheet(
            "Synthetic pictures least like any real one", synthetic.images[order[::-1][:_SHOWN]]
        ),
    ]


def _sheet(title: str, images: np.ndarray, columns: int = _COLUMNS) -> Sheet:
    return Sheet(title, contact_sheet(images, columns, scale=max(1, 72 // images.shape[2])))
