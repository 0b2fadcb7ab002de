"""The pictures that a comparison shows: the scatter's, the sheets', the feature maps'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasgen.evaluation.comparison.distances import ComparedSets
from kerasgen.evaluation.comparison.page import Dots, Sheet
from kerasgen.evaluation.comparison.picture_sets import PictureSet
from kerasgen.evaluation.comparison.real_fake_classifier import Discrimination
from kerasgen.evaluation.features.activation_maps import LayerMaps, feature_maps, map_sheet
from kerasgen.evaluation.metrics.neighbours import (
    nearest_distances,
    nearest_neighbours,
    neighbour_radii,
)
from kerasgen.io.sheets import contact_sheet

_MOST_DOTS = 600
"""Dots of the map: as many thumbnails are in the page."""

_SHOWN, _COLUMNS, _CHANNELS = 24, 12, 8


def dots(
    projection: Callable[[np.ndarray], np.ndarray],
    real: PictureSet,
    synthetic: PictureSet,
    all_real: np.ndarray,
    made: np.ndarray,
    seed: int,
) -> Dots:
    """As many of both sets, drawn at random.

    Args:
        projection: ``[N, D]`` -> ``[N, 2]``.
        real: One set.
        synthetic: The other.
        all_real: ``[N, D]``, its features.
        made: ``[M, D]``, those of the other.
        seed: Of the draw.
    """
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


def sheets(
    real: PictureSet, synthetic: PictureSet, all_real: np.ndarray, made: np.ndarray, seed: int
) -> list[Sheet]:
    """Pictures at random, neighbours, the most and the least typical; arguments as for ``dots``."""
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
    # Of the real ones: how far the nearest of the others is.
    alone = np.argsort(neighbour_radii(all_real, 1), kind="stable")
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
        _sheet("Real pictures most like another real one", real.images[alone[:_SHOWN]]),
        _sheet("Real pictures least like any other", real.images[alone[::-1][:_SHOWN]]),
    ]


def _sheet(title: str, images: np.ndarray, columns: int = _COLUMNS) -> Sheet:
    return Sheet(title, contact_sheet(images, columns, scale=max(1, 72 // images.shape[2])))


def maps_of_a_pair(
    found: Discrimination,
    sets: ComparedSets,
    space: Callable[[np.ndarray], np.ndarray],
    names: tuple[Sequence[str], Sequence[str]],
) -> tuple[dict[str, Any], list[Sheet]]:
    """Feature maps of a synthetic picture and of the real one nearest to it.

    The network was trained on neither. The synthetic one is neither the best nor the worst: half of
    those that the network did not see are nearer to a real one.

    Args:
        found: The network.
        sets: It was trained on.
        space: In which they are near.
        names: Of all real and of all synthetic pictures.

    Returns:
        ``real`` and ``synthetic``, their names, and ``layers``, for each its name as
        ``layer``, the ``size`` of its maps and the ``channels`` shown; and the sheets.
    """
    made, real = space(sets.synthetic[found.unseen]), space(sets.null)
    distances = nearest_distances(made, real)
    median = np.argsort(distances, kind="stable")[(len(distances) - 1) // 2]
    nearest = nearest_neighbours(made[median : median + 1], real)[0]
    chosen = found.unseen[median]
    pair = np.stack([sets.null[nearest], sets.synthetic[chosen]])
    layers, drawn = [], []
    for maps in feature_maps(found.network, pair):
        channels = maps.most_varied(_CHANNELS)
        layers.append({"layer": maps.layer, "size": maps.size, "channels": channels.tolist()})
        drawn.append(Sheet(_map_title(maps, channels), map_sheet(maps, pair, channels.tolist())))
    numbers = {
        "real": names[0][sets.places.null[nearest]],
        "synthetic": names[1][sets.places.synthetic[chosen]],
        "layers": layers,
    }
    return numbers, drawn


def _map_title(maps: LayerMaps, channels: np.ndarray) -> str:
    below = "" if maps.after is None else "; below them, after the activation"
    return (
        f"{maps.layer} ({maps.size}; channels {', '.join(map(str, channels))}): real above "
        f"synthetic, before the activation{below}"
    )
