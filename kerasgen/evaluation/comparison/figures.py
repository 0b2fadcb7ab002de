"""Pictures on the page of a comparison: scatter plot, sheets and feature maps."""

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
"""Dots of the scatter plot; each has a thumbnail in the page."""

_SHOWN, _COLUMNS, _CHANNELS = 24, 12, 8


def dots(
    projection: Callable[[np.ndarray], np.ndarray],
    real: PictureSet,
    synthetic: PictureSet,
    all_real: np.ndarray,
    all_synthetic: np.ndarray,
    seed: int,
) -> Dots:
    """Dots of the scatter plot: at most 300 pictures of each set, drawn at random.

    Args:
        projection: ``[N, D]`` -> ``[N, 2]``.
        real: The real set.
        synthetic: The synthetic set.
        all_real: ``[N, D]``, features of the real set.
        all_synthetic: ``[M, D]``, features of the synthetic set.
        seed: Seed of the draw.

    Returns:
        Positions, kinds, names and pictures of the dots.
    """
    generator = np.random.default_rng(seed)
    parts = []
    for kind, each, features in (("real", real, all_real), ("synthetic", synthetic, all_synthetic)):
        picked = np.sort(generator.permutation(len(features))[: _MOST_DOTS // 2])
        names = [each.names[index] for index in picked]
        parts.append(
            (projection(features[picked]), [kind] * len(picked), names, each.images[picked])
        )
    positions, kinds, names, images = zip(*parts, strict=True)
    return Dots(np.concatenate(positions), sum(kinds, []), sum(names, []), np.concatenate(images))


def sheets(
    real: PictureSet,
    synthetic: PictureSet,
    all_real: np.ndarray,
    all_synthetic: np.ndarray,
    seed: int,
) -> list[Sheet]:
    """Random, nearest, most and least typical pictures; arguments as for ``dots``."""
    generator = np.random.default_rng(seed)
    drawn = [
        np.sort(generator.permutation(len(each.images))[:_SHOWN]) for each in (real, synthetic)
    ]
    nearest = nearest_neighbours(all_synthetic, all_real)
    # Distance to the nearest real picture, relative to distances between real ones there.
    oddness = np.linalg.norm(all_synthetic - all_real[nearest], axis=1)
    oddness /= np.sqrt(np.maximum(neighbour_radii(all_real, 1)[nearest], 1e-12))
    order = np.argsort(oddness, kind="stable")
    pairs = drawn[1][:_COLUMNS]
    # For real pictures: the distance to the nearest other real one.
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
    """Feature maps of a typical synthetic picture and of the real picture nearest to it.

    The network was trained on neither. The synthetic picture is the one with the median distance to
    its nearest real picture, among those that the network did not see.

    Args:
        found: The trained network.
        sets: The sets that it was trained on.
        space: Feature space of the distances.
        names: Names of all real and of all synthetic pictures.

    Returns:
        ``real`` and ``synthetic``, their names, and ``layers``, for each its name as
        ``layer``, the ``size`` of its maps and the ``channels`` shown; and the sheets.
    """
    unseen, real = space(sets.synthetic[found.unseen]), space(sets.baseline)
    distances = nearest_distances(unseen, real)
    median = np.argsort(distances, kind="stable")[(len(distances) - 1) // 2]
    nearest = nearest_neighbours(unseen[median : median + 1], real)[0]
    chosen = found.unseen[median]
    pair = np.stack([sets.baseline[nearest], sets.synthetic[chosen]])
    layers, drawn = [], []
    for maps in feature_maps(found.network, pair):
        channels = maps.most_varied(_CHANNELS)
        layers.append({"layer": maps.layer, "size": maps.size, "channels": channels.tolist()})
        drawn.append(Sheet(_map_title(maps, channels), map_sheet(maps, pair, channels.tolist())))
    numbers = {
        "real": names[0][sets.indices.baseline[nearest]],
        "synthetic": names[1][sets.indices.synthetic[chosen]],
        "layers": layers,
    }
    return numbers, drawn


def _map_title(maps: LayerMaps, channels: np.ndarray) -> str:
    below = "" if maps.after is None else "; below them, after the activation"
    return (
        f"{maps.layer} ({maps.size}; channels {', '.join(map(str, channels))}): real above "
        f"synthetic, before the activation{below}"
    )
