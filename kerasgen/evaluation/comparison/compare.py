"""Compare a synthetic set of pictures with a real one: measures and an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
)
from kerasgen.evaluation.comparison.figures import dots, maps_of_a_pair, sheets
from kerasgen.evaluation.comparison.options import CompareOptions
from kerasgen.evaluation.comparison.page import READINGS, Sheet, render
from kerasgen.evaluation.comparison.picture_sets import ListedSet, PictureSet, list_set, read_set
from kerasgen.evaluation.comparison.real_fake_classifier import Network, discriminate
from kerasgen.evaluation.comparison.sources import with_sources
from kerasgen.evaluation.comparison.summary import summary
from kerasgen.evaluation.features.extractors import FeatureExtractor, cached_features
from kerasgen.evaluation.features.image_statistics import appearance, grey_histograms
from kerasgen.evaluation.features.pca import fit_projection
from kerasgen.evaluation.metrics import find_copies
from kerasgen.evaluation.reports.html import ReportPage
from kerasgen.evaluation.reports.plots import histogram_plot, statistics_plot
from kerasgen.io.files import check_writable, kept_in

NETWORK_AREA = "network_area"
"""Name of the area under the ROC curve of the trained network."""

MEASURES = (*READINGS, NETWORK_AREA)
"""Names that ``Comparison.measured`` accepts."""


class Comparison(ReportPage):
    """The result of comparing two sets.

    Its ``numbers``, besides the ``summary``: ``remarks``; ``sets``, how many pictures;
    ``features``, by feature space (see ``compare_features``); ``network`` (see
    ``Discrimination.numbers``; None if nothing was trained); ``feature_maps`` (see
    ``maps_of_a_pair``; None likewise); ``classes`` (``features`` and ``by_class``, see
    ``compare_classes``; None without classes); ``appearance`` (see ``compare_appearance``);
    ``copies``; ``map``; ``version``; ``seed``.
    """

    def measured(self, name: str) -> list[float]:
        """Values of a measure for the synthetic set, one for each feature space that has it.

        Args:
            name: One of ``MEASURES``.

        Returns:
            Empty if it could not be measured; ``remarks`` say why.

        Raises:
            ValueError: If there is no such measure.
        """
        if name not in MEASURES:
            raise ValueError(f"`name` must be among {MEASURES}. Received: name={name!r}")
        if name == NETWORK_AREA:
            networks = [network for network in [self.numbers["network"]] if network]
            found = [network["area_under_roc"]["synthetic"] for network in networks]
        else:
            found = [space[name]["synthetic"] for space in self.numbers["features"].values()]
        return [estimate["value"] for estimate in found if estimate is not None]

    @property
    def remarks(self) -> list[str]:
        """Caveats on the sets and on each feature space, each once."""
        spaces = self.numbers["features"].values()
        own = [text for space in spaces for text in space["remarks"]]
        return list(dict.fromkeys([*self.numbers["remarks"], *own]))


def compare(
    real: str | Path | PictureSet | np.ndarray,
    synthetic: str | Path | PictureSet | np.ndarray,
    options: CompareOptions | None = None,
    *,
    workdir: str | Path | None = None,
    title: str | None = None,
    remarks: Sequence[str] = (),
    report: Callable[[str], None] | None = None,
) -> Comparison:
    """Measures how a synthetic set differs from a real one, and renders a page.

    Half of the real pictures, split by source, are the reference. The synthetic pictures, and as
    many of the other real pictures (the real-vs-real baseline), are measured against it.

    Args:
        real: Folder of real pictures, or pictures in memory: ``[N, H, W, C]`` uint8, or with names
            and sources in a ``PictureSet``.
        synthetic: The same of synthetic pictures; in memory, of the same shape.
        options: Feature spaces, network, size and so on; None for the defaults.
        workdir: Folder that keeps features and the trained network, so that an interrupted call
            can be resumed; None for a temporary folder.
        title: Title of the page; None for the folders' names.
        remarks: Caveats on the pictures, as sentences for the page.
        report: Called with a short description of each stage; None for no reports.

    Returns:
        The comparison; ``comparison.save(folder)`` writes the page and its numbers.

    Raises:
        ValueError: If a set cannot be read, or the sets cannot be compared.
    """
    options = options or CompareOptions()
    if workdir is not None:
        check_writable(workdir)
    inputs = {"real": real, "synthetic": synthetic}
    listed = {kind: _listed(kind, each, options) for kind, each in inputs.items()}
    if options.by_class and all(each.labels is None for each in listed.values()):
        raise ValueError(
            "A comparison by class needs a folder for each class: neither set has folders."
        )
    network, spaces = options.trained_network(), options.extractors()
    sets, notes = _read(listed, options)
    for space in spaces:
        # A feature space that cannot read these pictures fails before the long work.
        space(sets["real"].images[:1])
    folders = [Path(each).name for each in inputs.values() if isinstance(each, str | Path)]
    with kept_in(workdir) as folder:
        return _measured(
            sets["real"],
            sets["synthetic"],
            [cached_features(space, folder / "features") for space in spaces],
            network,
            folder / "networks",
            title=title or " and ".join(folders) or "two sets",
            remarks=[*notes, *remarks],
            seed=options.seed,
            report=report or (lambda text: None),
        )


def _listed(
    kind: str, inputs: str | Path | PictureSet | np.ndarray, options: CompareOptions
) -> PictureSet | ListedSet:
    if isinstance(inputs, PictureSet):
        return inputs
    if isinstance(inputs, np.ndarray):
        return PictureSet(inputs)
    own = options.synthetic_sources if kind == "synthetic" else None
    return list_set(kind, inputs, own or options.sources, by_class=options.by_class)


def _read(
    listed: Mapping[str, PictureSet | ListedSet], options: CompareOptions
) -> tuple[dict[str, PictureSet], list[str]]:
    """The pictures by kind, and caveats on them."""
    sets, notes = {}, []
    if options.limit is not None and any(isinstance(each, ListedSet) for each in listed.values()):
        trained = (
            "" if options.network else "; no network was trained, so there are no feature maps"
        )
        notes = [f"At most {options.limit} pictures of each set, drawn at random{trained}."]
    for kind, each in listed.items():
        if isinstance(each, ListedSet):
            each, own = read_set(
                each, options.size, options.channels, limit=options.limit, seed=options.seed
            )
            notes += own
        sets[kind] = each
    return sets, notes


def _measured(
    real: PictureSet,
    synthetic: PictureSet,
    spaces: Sequence[FeatureExtractor],
    network: Network | None,
    folder: Path,
    *,
    title: str,
    remarks: Sequence[str],
    seed: int,
    report: Callable[[str], None],
) -> Comparison:
    check_classes(real.labels, synthetic.labels)
    real, synthetic, sets, joined = with_sources(real, synthetic, seed)
    found = _distances(sets, spaces, seed, report)
    report("light, colour, sharpness, noise")
    statistics = compare_appearance(sets, seed=seed)
    report("the map, neighbours and copies")
    all_real, all_synthetic = spaces[0](real.images), spaces[0](synthetic.images)
    projection = fit_projection(all_real[sets.indices.reference])
    learned = _learned(
        sets, network, spaces[0], (real.names, synthetic.names), folder, seed, report
    )
    copies = _copies(spaces[0], all_real, all_synthetic, sets, (real, synthetic))
    numbers: dict[str, Any] = {
        "summary": summary(found, statistics, learned.numbers, copies),
        "remarks": [*remarks, *joined, *learned.remarks],
        "version": kerasgen.__version__,
        "seed": seed,
        "sets": _facts(real, synthetic, sets),
        "features": found,
        "network": learned.numbers,
        "feature_maps": learned.maps,
        "classes": _classes(real, synthetic, (all_real, all_synthetic), spaces[0], seed, report),
        "appearance": statistics,
        "copies": copies,
        "map": {
            "features": spaces[0].name,
            "explained": " and ".join(f"{share:.0%}" for share in projection.explained),
        },
    }
    whole = np.concatenate([sets.reference, sets.baseline])
    page = render(
        title,
        numbers,
        dots(projection, real, synthetic, all_real, all_synthetic, seed),
        sheets(real, synthetic, all_real, all_synthetic, seed),
        learned.sheets,
        statistics_svg=statistics_plot(appearance(whole), appearance(sets.synthetic)),
        histogram_svg=histogram_plot(grey_histograms(whole), grey_histograms(sets.synthetic)),
    )
    return Comparison(numbers, page)


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
    """Numbers, feature maps and remarks of a trained network."""

    numbers: dict[str, Any] | None = None
    maps: dict[str, Any] | None = None
    sheets: Sequence[Sheet] = ()
    remarks: Sequence[str] = ()


def _learned(
    sets: ComparedSets,
    network: Network | None,
    space: FeatureExtractor,
    names: tuple[Sequence[str], Sequence[str]],
    folder: Path,
    seed: int,
    report: Callable[[str], None],
) -> _Learned:
    if network is None:
        return _Learned()
    found = discriminate(sets, network, folder, seed=seed, report=report)
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
        LabelledFeatures(features[0], real.labels, real.groups or real.names),
        LabelledFeatures(features[1], synthetic.labels, synthetic.groups or synthetic.names),
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
    """How many synthetic pictures are identical to any real picture."""
    known = {image.tobytes() for image in real}
    return sum(image.tobytes() in known for image in synthetic)


def _copies(
    space: FeatureExtractor,
    all_real: np.ndarray,
    all_synthetic: np.ndarray,
    sets: ComparedSets,
    pictures: tuple[PictureSet, PictureSet],
) -> dict[str, Any]:
    """Synthetic pictures that look like copies of a reference picture, mirrored or not."""
    real, synthetic = pictures
    mirrored = [
        space(np.ascontiguousarray(images[:, :, ::-1]))
        for images in (synthetic.images, sets.baseline)
    ]
    reference, baseline = (
        all_real[each] for each in (sets.indices.reference, sets.indices.baseline)
    )
    found = find_copies([all_synthetic, mirrored[0]], reference, [baseline, mirrored[1]])
    return {
        "share": asdict(found.share),
        "baseline": asdict(found.baseline),
        "exact": _exact_copies(real.images, synthetic.images),
        "files": [synthetic.names[index] for index in found.indices.tolist()],
    }
