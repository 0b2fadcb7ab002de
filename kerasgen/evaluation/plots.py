"""Plots of a comparison, as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

REAL, SYNTHETIC = "#1f6f8b", "#d1495b"
"""Colours of the two sets: told apart by people who confuse red and green, too."""

_NO_METADATA = ("Creator", "Date", "Format", "Type")
"""Of the SVG: it would name places on the net."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kerasgen",
    "font.family": "sans-serif",
}


def histogram_plot(real: np.ndarray, synthetic: np.ndarray) -> str:
    """Pooled grey histograms.

    Args:
        real: ``[N, 256]``, from ``appearance.grey_histograms``.
        synthetic: ``[M, 256]``.

    Returns:
        An ``<svg>`` element.
    """

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for histograms, colour, name in ((real, REAL, "real"), (synthetic, SYNTHETIC, "synthetic")):
            shares = 100 * histograms.mean(axis=0)
            axes.plot(np.arange(256), shares, color=colour, label=name, linewidth=1.4)
            axes.fill_between(np.arange(256), shares, color=colour, alpha=0.15, linewidth=0)
        axes.set(xlabel="luminance", ylabel="pixels, %", xlim=(0, 255))
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)

    return _svg(draw, (7.0, 2.6))


def statistics_plot(real: Mapping[str, np.ndarray], synthetic: Mapping[str, np.ndarray]) -> str:
    """How each statistic is distributed in both sets, a panel each.

    Args:
        real: From ``appearance.appearance``.
        synthetic: The same.

    Returns:
        An ``<svg>`` element.
    """

    def draw(figure: Any) -> None:
        columns = 3
        rows = -(-len(real) // columns)
        for place, name in enumerate(real, start=1):
            axes = figure.add_subplot(rows, columns, place)
            both = np.concatenate([real[name], synthetic[name]])
            low, high = np.percentile(both, [0.5, 99.5])
            edges = np.linspace(low, high if high > low else low + 1e-6, 31)
            for values, colour in ((real[name], REAL), (synthetic[name], SYNTHETIC)):
                weights = np.full(len(values), 100.0 / len(values))
                inside = np.clip(values, edges[0], edges[-1])
                axes.hist(inside, edges, weights=weights, color=colour, alpha=0.45)
            axes.set_title(name.replace("_", " "), fontsize=10)
            axes.locator_params(axis="x", nbins=4)
            axes.tick_params(labelsize=8)
            axes.set_yticks([])

    return _svg(draw, (9.0, 6.0))


def _svg(draw: Any, size: tuple[float, float]) -> str:
    # Imported here: it takes a second, and only drawing needs it.
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        for axes in figure.axes:
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(_NO_METADATA))
    text = stream.getvalue()
    # The document's head has no place within a page.
    return text[text.index("<svg") :]
