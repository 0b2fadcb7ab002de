"""A comparison as one page that opens from disk, and as JSON."""

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
    "frechet_distance": "too large for few pictures: compare with the null only",
    "sliced_wasserstein": "how far features must be moved, in their own units",
    "precision": "share of the pictures that look like some real one",
    "recall": "share of the reference that something compared looks like",
    "density": "like precision, less fooled by odd real pictures; can exceed 1",
    "coverage": "like recall, less fooled by odd pictures",
    "two_sample_area": "how well a linear classifier tells unseen pictures apart: 0.5 is chance",
}
"""Measures in the order of the page, and what they mean."""

_MAP = (600, 420)
_MARGIN = 20
_SPRITE_COLUMNS = 24
_SPRITE_SIDE = 48


@dataclass(frozen=True)
class Sheet:
    """A picture of pictures.

    Attributes:
        title: What is seen; also for those who do not see it.
        image: ``[H, W, 3]`` uint8.
    """

    title: str
    image: np.ndarray


@dataclass(frozen=True)
class Dots:
    """The scatter.

    Attributes:
        places: ``[N, 2]``, in any unit.
        kinds: N of "real" or "synthetic".
        names: N file names.
        images: ``[N, H, W, C]`` uint8.
    """

    places: np.ndarray
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
        title: Of the page.
        report: All numbers, see ``compare.Comparison``.
        dots: The scatter.
        sheets: Pictures shown at the end.
        map_sheets: Feature maps, a sheet for each layer.
        statistics_svg: From ``plots``.
        histogram_svg: From ``plots``.
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
    """On the page: outliers are brought to the edge, so that the others do not shrink to a spot."""
    low, high = np.percentile(dots.places, [1, 99], axis=0)
    shares = np.clip((dots.places - low) / np.maximum(high - low, 1e-12), 0, 1)
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
    for place, image in enumerate(images):
        colours = image if image.shape[-1] == 3 else np.repeat(image, 3, axis=-1)
        small = Image.fromarray(colours).resize(
            (_SPRITE_SIDE, _SPRITE_SIDE), Image.Resampling.LANCZOS
        )
        row, column = divmod(place, _SPRITE_COLUMNS)
        whole.paste(small, (column * _SPRITE_SIDE, row * _SPRITE_SIDE))
    return np.asarray(whole)
