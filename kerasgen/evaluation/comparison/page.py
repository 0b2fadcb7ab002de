"""The page of a comparison: one HTML file that opens from disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from kerasgen.evaluation.features.image_statistics import STATISTICS
from kerasgen.evaluation.reports.html import data_url, markup, render_page

READINGS = {
    "kernel_distance": "0 for the same distribution; does not depend on the number of pictures",
    "frechet_distance": "biased upwards for few pictures: compare with the baseline only",
    "sliced_wasserstein": "how far features must be moved, in their own units",
    "precision": "share of the pictures that are close to some reference picture",
    "recall": "share of the reference that is close to some picture of the set",
    "density": "like precision, less sensitive to outliers; can exceed 1",
    "coverage": "like recall, less sensitive to outliers",
    "two_sample_area": "how well a linear classifier distinguishes unseen pictures: 0.5 is chance",
}
"""Measures in the order of the page, and what they mean."""

_MAP = (600, 420)
_MARGIN = 20
_SPRITE_COLUMNS = 24
_SPRITE_SIDE = 48


@dataclass(frozen=True)
class Sheet:
    """A sheet of pictures.

    Attributes:
        title: What it shows; also its alternative text.
        image: ``[H, W, 3]`` uint8.
    """

    title: str
    image: np.ndarray


@dataclass(frozen=True)
class Dots:
    """Dots of the scatter plot.

    Attributes:
        positions: ``[N, 2]``, in any unit.
        kinds: N of "real" or "synthetic".
        names: N file names.
        images: ``[N, H, W, C]`` uint8.
    """

    positions: np.ndarray
    kinds: Sequence[str]
    names: Sequence[str]
    images: np.ndarray


def render(
    title: str,
    report: dict[str, Any],
    dots: Dots,
    sheets: Sequence[Sheet],
    map_sheets: Sequence[Sheet] = (),
    *,
    statistics_svg: str,
    histogram_svg: str,
) -> str:
    """The page of a comparison, as HTML that opens from disk.

    Args:
        title: Title of the page.
        report: All numbers, see ``compare.Comparison``.
        dots: The scatter plot.
        sheets: Pictures shown at the end.
        map_sheets: Feature maps, a sheet for each layer.
        statistics_svg: From ``plots.statistics_plot``.
        histogram_svg: From ``plots.histogram_plot``.

    Returns:
        The HTML.
    """
    return render_page(
        "comparison.html",
        report,
        title=title,
        readings=READINGS,
        statistics=STATISTICS,
        points=_points(dots),
        sheets=list(map(_shown, sheets)),
        map_sheets=list(map(_shown, map_sheets)),
        sprite=data_url(_sprite(dots.images)),
        sprite_side=_SPRITE_SIDE,
        sprite_columns=_SPRITE_COLUMNS,
        statistics_svg=markup(statistics_svg),
        histogram_svg=markup(histogram_svg),
    )


def _shown(sheet: Sheet) -> dict[str, Any]:
    height, width = sheet.image.shape[:2]
    return {
        "title": sheet.title,
        "source": data_url(sheet.image),
        "width": width,
        "height": height,
    }


def _points(dots: Dots) -> list[dict[str, Any]]:
    """Dots in page coordinates; outliers are clipped to the edge."""
    low, high = np.percentile(dots.positions, [1, 99], axis=0)
    shares = np.clip((dots.positions - low) / np.maximum(high - low, 1e-12), 0, 1)
    width, height = (size - 2 * _MARGIN for size in _MAP)
    return [
        {
            "x": round(_MARGIN + width * float(x), 1),
            "y": round(_MARGIN + height * (1 - float(y)), 1),
            "kind": kind,
            "name": name,
        }
        for (x, y), kind, name in zip(shares, dots.kinds, dots.names, strict=True)
    ]


def _sprite(images: np.ndarray) -> np.ndarray:
    """All thumbnails in one picture, without gaps."""
    rows = -(-len(images) // _SPRITE_COLUMNS)
    whole = Image.new("RGB", (_SPRITE_COLUMNS * _SPRITE_SIDE, rows * _SPRITE_SIDE))
    for index, image in enumerate(images):
        colours = image if image.shape[-1] == 3 else np.repeat(image, 3, axis=-1)
        small = Image.fromarray(colours).resize(
            (_SPRITE_SIDE, _SPRITE_SIDE), Image.Resampling.LANCZOS
        )
        row, column = divmod(index, _SPRITE_COLUMNS)
        whole.paste(small, (column * _SPRITE_SIDE, row * _SPRITE_SIDE))
    return np.asarray(whole)
