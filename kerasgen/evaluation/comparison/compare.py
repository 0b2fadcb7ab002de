"""How does a synthetic set differ from a real one? Two sets of pictures -> numbers and a page."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from kerasgen.evaluation.comparison.figures import dots, maps_of_a_pair, sheets
from kerasgen.evaluation.comparison.options import CompareOptions
from kerasgen.evaluation.comparison.page import READINGS, Sheet, render
from kerasgen.evaluation.comparison.picture_sets import ListedSet, PictureSet, list_set, read_set
from kerasgen.evaluation.comparison.real_fake_classifier import Network, discriminate
from kerasgen.evaluation.comparison.summary import summary
from kerasgen.evaluation.features.extractors import FeatureExtractor, cached_features
from kerasgen.evaluation.features.image_statistics import appearance, grey_histograms
from kerasgen.evaluation.features.pca import fit_projection
from kerasgen.evaluation.metrics import find_copies
from kerasgen.evaluation.reports.html import Report
from kerasgen.evaluation.reports.plots import histogram_plot, statistics_plot

NETWORK_AREA = "network_area"
"""Name of the area under the ROC curve of the trained network."""

MEASURES = (*READINGS, NETWORK_AREA)
"""Names that ``Comparison.measured`` takes."""


class Comparison(Report):
    """How two sets differ.

    Its ``numbers``, besides the ``summary``: ``remarks``; ``sets``, how many pictures;
    ``features``, by feature space (see ``compare_features``); ``network`` (see
    ``Discrimination.numbers``; None if nothing was trained); ``feature_maps`` (see
    ``maps_of_a_pair``; None); ``classes`` (``features`` and ``by_class``, see ``compare_classes``;
    None without classes); ``appearance`` (see ``compare_appearance``); ``copies``; ``map``;
    ``version``; ``seed``.
    """

    def measured(self, name: str) -> list[float]:
        """The synthetic set's values of a measure, one for each feature space that has it.

        Args:
            name: Among ``MEASURES``.

        Returns:
            Empty if it could not be measured; ``remarks`` say why.
        """
        if name == NETWORK_AREA:
            networks = [network for network in [self.numbers["network"]] if network]
            found = [network["area_under_roc"]["synthetic"] for network in networks]
        else:
            found = [space[name]["synthetic"] for space in self.numbers["features"].values()]
        return [estimate["value"] for estimate in found if estimate is not None]

    @property
    def remarks(self) -> list[str]:
        """What a reader must know: of the sets, and of each feature space."""
        spaces = self.numbers["features"].values()
        own = [text for space in spaces for text in space["remarks"]]
        return list(dict.fromkeys([*self.numbers["remarks"], *own]))


def compare(
    real: str | Path | PictureSet,
    synthetic: str | Path | PictureSet,
    options: CompareOptions | None = None,
    *,
    workdir: str | Path | None = None,
    title: str | None = None,
    remarks: Sequence[str] = (),
    report: Callable[[str], None] | None = None,
) -> Comparison:
    """Measures how a synthetic set differs from a real one, and draws a page.

    Half of the real pictures, split by source, are the reference. Synthetic ones and as many of the
    other real ones (the real-vs-real baseline) are measured against it.

    Args:
        real: A folder of pictures, or pictures in memory, of one form with the others.
        synthetic: The same.
        options: How; None for the defaults.
        workdir: Keeps features and the trained network, so that the same call goes on where it was
            stopped; None for a temporary folder.
        title: Of the page; None for the folders' names.
        remarks: What a reader must know of the pictures: sentences for the page.
        report: Called with what is being done, in words; None for nobody.

    Returns:
        ``comparison.save(folder)`` writes the page and its numbers.

    Raises:
        ValueError: If a set cannot be read, or the sets cannot be compared.
    """
    options = options or CompareOptions()
    given = {"real": real, "synthetic": synthetic}
    listed = {kind: _listed(kind, each, options) for kind, each in given.items()}
    if options.by_class and all(each.labels is None for each in listed.values()):
        raise ValueError("To compare by class, a folder for each class: neither set has folders.")
    network, spaces = options.trained_network(), options.extractors()
    sets, notes = _read(listed, options)
    for space in spaces:
        # What cannot see these pictures is found before the long work.
        space(sets["real"].images[:1])
    folders = [Path(each).name for each in given.values() if not isinstance(each, PictureSet)]
    with _kept_in(workdir) as folder:
        return _measured(
            sets["real"],
            sets["synthetic"],
            [cached_features(space, folder / "features") for space in spaces],
            network,
            folder / "networks",
            title=title or " and ".join(folders) or "two sets",
            remarks=[*notes, *remarks],
            seed=options.seed,
            say=report or (lambda text: None),
        )


def _listed(
    kind: str, given: str | Path | PictureSet, options: CompareOptions
) -> PictureSet | ListedSet:
    if isinstance(given, PictureSet):
        return given
    own = options.synthetic_sources if kind == "synthetic" else None
    return list_set(kind, given, own or options.sources, by_class=options.by_class)


def _read(
    listed: Mapping[str, PictureSet | ListedSet], options: CompareOptions
) -> tuple[dict[str, PictureSet], list[str]]:
    """The pictures by kind, and what a reader must know of them."""
    sets, notes = {}, []
    if options.limit is not None:
        trained = "" if options.network else ", and no network was trained: no feature maps"
        notes = [f"Of each set at most {options.limit} pictures, drawn at random{trained}."]
    for kind, each in listed.items():
        if isinstance(each, ListedSet):
            each, own = read_set(
                each, options.size, options.channels, limit=options.limit, seed=options.seed
            )
            notes += own
        sets[kind] = each
    return sets, notes


@contextmanager
def _kept_in(workdir: str | Path | None) -> Iterator[Path]:
    if workdir is not None:
        yield Path(workdir)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


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
    say: Callable[[str], None],
) -> Comparison:
    check_classes(real.labels, synthetic.labels)
    sets = compared_sets(
        real.images,
        synthetic.images,
        real_groups=real.groups,
        synthetic_groups=synthetic.groups,
        seed=seed,
    )
    found = _distances(sets, spaces, seed, say)
    say("light, colour, sharpness, noise")
    looks = compare_appearance(sets, seed=seed)
    say("the map, neighbours and copies")
    all_real, made = spaces[0](real.images), spaces[0](synthetic.images)
    projection = fit_projection(all_real[sets.places.reference])
    learned = _learned(sets, network, spaces[0], (real.names, synthetic.names), folder, seed, say)
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
        "classes": _classes(real, synthetic, (all_real, made), spaces[0], seed, say),
        "appearance": looks,
        "copies": copies,
        "map": {
            "features": spaces[0].name,
            "explained": " and ".join(f"{share:.0%}" for share in projection.explained),
        },
    }
    whole = np.concatenate([sets.reference, sets.null])
    page = render(
        title,
        numbers,
        dots(projection, real, synthetic, all_real, made, seed),
        sheets(real, synthetic, all_real, made, seed),
        learned.sheets,
        statistics_svg=statistics_plot(appearance(whole), appearance(sets.synthetic)),
        histogram_svg=histogram_plot(grey_histograms(whole), grey_histograms(sets.synthetic)),
    )
    return Comparison(numbers, page)


def _distances(
    sets: ComparedSets,
    spaces: Sequence[FeatureExtractor],
    seed: int,
    say: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number, space in enumerate(spaces, start=1):
        say(f"distances on {space.name} ({number} of {len(spaces)})")
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
    folder: Path,
    seed: int,
    say: Callable[[str], None],
) -> _Learned:
    if network is None:
        return _Learned()
    found = discriminate(sets, network, folder, seed=seed, report=say)
    if isinstance(found, str):
        return _Learned(remarks=[found])
    return _Learned(found.numbers, *maps_of_a_pair(found, sets, space, names))


def _classes(
    real: PictureSet,
    synthetic: PictureSet,
    features: tuple[np.ndarray, np.ndarray],
    space: FeatureExtractor,
    seed: int,
    say: Callable[[str], None],
) -> dict[str, Any] | None:
    if real.labels is None or synthetic.labels is None:
        return None
    say("class by class")
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
        "files": [synthetic.names[place] for place in found.places.tolist()],
    }
