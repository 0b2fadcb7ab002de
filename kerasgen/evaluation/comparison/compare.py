"""From two sets of pictures to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kerasgen
from kerasgen.evaluation.comparison.by_class import LabelledFeatures, check_classes, compare_classes
from kerasgen.evaluation.comparison.distances import (
    ComparedSets,
    compare_appearance,
    compare_features,
    compared_sets,
)
from kerasgen.evaluation.comparison.figures import PictureSet, dots, maps_of_a_pair, sheets
from kerasgen.evaluation.comparison.page import Sheet, write_report
from kerasgen.evaluation.comparison.real_fake_classifier import Network, discriminate
from kerasgen.evaluation.comparison.summary import summary
from kerasgen.evaluation.features.extractors import FeatureExtractor
from kerasgen.evaluation.features.image_statistics import appearance, grey_histograms
from kerasgen.evaluation.features.pca import fit_projection
from kerasgen.evaluation.metrics import find_copies
from kerasgen.evaluation.reports.plots import histogram_plot, statistics_plot

__all__ = ["PictureSet", "compare_sets"]


def compare_sets(
    real: PictureSet,
    synthetic: PictureSet,
    spaces: Sequence[FeatureExtractor],
    folder: str | Path,
    *,
    network: Network | None = None,
    title: str = "comparison",
    remarks: Sequence[str] = (),
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measures, draws and writes a report.

    Args:
        real: Brought to one form with the others.
        synthetic: The same.
        spaces: Feature spaces; the map, neighbours, copies and classes are on the first.
        folder: Where ``index.html`` and ``report.json`` are written; ``networks`` in it keeps what
            was trained.
        network: Trained to tell the sets apart; its feature maps are shown. None for none.
        title: Of the page.
        remarks: What a reader must know of the pictures: sentences for the page.
        seed: Of splits, draws and intervals.
        report: Told what is being done.

    Returns:
        What ``report.json`` holds: ``summary``, ``remarks``, ``sets``, ``features`` (see
        ``compare_features``), ``network`` (see ``Discrimination.numbers``; None if nothing was
        trained), ``feature_maps`` (see ``maps_of_a_pair``; None), ``classes`` (``features``, and
        ``by_class``, see ``compare_classes``; None without labels), ``appearance`` (see
        ``compare_appearance``), ``copies``, ``map``, ``version``, ``seed``.

    Raises:
        ValueError: If the sets cannot be compared or the report cannot be written.
    """
    check_classes(real.labels, synthetic.labels)
    _check_names(spaces)
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
    projection = fit_projection(all_real[sets.places.reference])
    learned = _learned(
        sets, network, spaces[0], (real.names, synthetic.names), folder, seed, report
    )
    copies = _copies(spaces[0], all_real, made, sets, (real, synthetic))
    numbers: dict[str, Any] = {
        "summary": summary(found, looks, learned.numbers, copies),
        "remarks": [*remarks, *learned.remarks],
        "version": kerasgen.__version__,
        "seed": seed,
        "sets": _facts(real, synthetic, sets),
        "features": found,
        "network": learned.numbers,
        "feature_maps": learned.maps,
        "classes": _classes(real, synthetic, (all_real, made), spaces[0], seed, report),
        "appearance": looks,
        "copies": copies,
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
        dots(projection, real, synthetic, all_real, made, seed),
        sheets(real, synthetic, all_real, made, seed),
        learned.sheets,
        statistics_svg=statistics_plot(appearance(whole), appearance(sets.synthetic)),
        histogram_svg=histogram_plot(grey_histograms(whole), grey_histograms(sets.synthetic)),
    )
    return numbers


def _check_names(spaces: Sequence[FeatureExtractor]) -> None:
    if len({space.name for space in spaces}) < len(spaces):
        raise ValueError(
            "Feature spaces need names of their own: leave out one, or rename its file or folder. "
            f"Received: {', '.join(space.name for space in spaces)}"
        )


def _distances(
    sets: ComparedSets,
    spaces: Sequence[FeatureExtractor],
    seed: int,
    report: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number, space in enumerate(spaces, start=1):
        report(f"distances on {space.name} ({number} of {len(spaces)})")
        found[space.name] = compare_features(sets, space, seed=seed)
    return found


@dataclass(frozen=True)
class _Learned:
    """What the page says and shows of a trained network."""

    numbers: dict[str, Any] | None = None
    maps: dict[str, Any] | None = None
    sheets: Sequence[Sheet] = ()
    remarks: Sequence[str] = ()


def _learned(
    sets: ComparedSets,
    network: Network | None,
    space: FeatureExtractor,
    names: tuple[Sequence[str], Sequence[str]],
    folder: str | Path,
    seed: int,
    report: Callable[[str], None],
) -> _Learned:
    if network is None:
        return _Learned()
    found = discriminate(sets, network, Path(folder) / "networks", seed=seed, report=report)
    if isinstance(found, str):
        return _Learned(remarks=[found])
    return _Learned(found.numbers, *maps_of_a_pair(found, sets, space, names))


def _classes(
    real: PictureSet,
    synthetic: PictureSet,
    features: tuple[np.ndarray, np.ndarray],
    space: FeatureExtractor,
    seed: int,
    report: Callable[[str], None],
) -> dict[str, Any] | None:
    if real.labels is None or synthetic.labels is None:
        return None
    report("class by class")
    by_class = compare_classes(
        LabelledFeatures(features[0], real.labels, real.groups),
        LabelledFeatures(features[1], synthetic.labels, synthetic.groups),
        seed=seed,
    )
    return {"features": space.name, "by_class": by_class}


def _facts(real: PictureSet, synthetic: PictureSet, sets: ComparedSets) -> dict[str, Any]:
    height, width = real.images.shape[1:3]
    return {
        "real": len(real.images),
        "synthetic": len(synthetic.images),
        "reference": len(sets.reference),
        "compared": len(sets.synthetic),
        "size": f"{width}x{height}",
    }


def _exact_copies(real: np.ndarray, synthetic: np.ndarray) -> int:
    """How many synthetic pictures are real ones, pixel by pixel; all real ones are looked at."""
    known = {image.tobytes() for image in real}
    return sum(image.tobytes() in known for image in synthetic)


def _copies(
    space: FeatureExtractor,
    all_real: np.ndarray,
    made: np.ndarray,
    sets: ComparedSets,
    pictures: tuple[PictureSet, PictureSet],
) -> dict[str, Any]:
    """Synthetic pictures that are copies of one of the reference, mirrored or not."""
    real, synthetic = pictures
    mirrored = [
        space(np.ascontiguousarray(images[:, :, ::-1])) for images in (synthetic.images, sets.null)
    ]
    reference, null = (all_real[each] for each in (sets.places.reference, sets.places.null))
    found = find_copies([made, mirrored[0]], reference, [null, mirrored[1]])
    return {
        "share": asdict(found.share),
        "null": asdict(found.null),
        "exact": _exact_copies(real.images, synthetic.images),
        "files": [synthetic.names[index] for index in found.indices.tolist()],
    }
