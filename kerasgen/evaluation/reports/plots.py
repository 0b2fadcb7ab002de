"""Plots of comparisons and proofs, as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

REAL, SYNTHETIC = "#1f6f8b", "#d1495b"
"""Colours of the two sets, distinguishable with red-green colour blindness."""

_NO_METADATA = ("Creator", "Date", "Format", "Type")
"""Metadata left out of the SVG, because it would contain web addresses."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kerasgen",
    "font.family": "sans-serif",
}


def histogram_plot(real: np.ndarray, synthetic: np.ndarray) -> str:
    """Plots the pooled grey histograms of two sets.

    Args:
        real: ``[N, 256]``, from ``image_statistics.grey_histograms``.
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
    """Plots the histograms of each statistic in both sets, one panel per statistic.

    Args:
        real: From ``image_statistics.appearance``.
        synthetic: The same of the synthetic set.

    Returns:
        An ``<svg>`` element.
    """

    def draw(figure: Any) -> None:
        columns = 3
        rows = -(-len(real) // columns)
        for panel, name in enumerate(real, start=1):
            axes = figure.add_subplot(rows, columns, panel)
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


def mixing_plot(curve: Sequence[Mapping[str, Any]], score: str, *, across: str) -> str:
    """Plots a score over the number of real pictures, one line per arm.

    Args:
        curve: From ``analysis.analyse``; controls are left out, and ``across`` with augmentation.
            An arm at a single amount is a point.
        score: Key of the score in each row, an ``Estimate`` as a dict.
        across: Name of the arm without real pictures, which is a dashed horizontal line with its
            interval shaded.

    Returns:
        An ``<svg>`` element.
    """
    hidden = f"{across},"
    shown = [row for row in curve if not row["control"] and not row["arm"].startswith(hidden)]
    lines = {row["arm"]: [each for each in shown if each["arm"] == row["arm"]] for row in shown}
    amounts = sorted({row["amount"] for row in shown})

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        drawn = {False: 0, True: 0}
        for name, rows in lines.items():
            synthetic = bool(rows[0]["synthetic"])
            colour = _LINES[synthetic][drawn[synthetic] % len(_LINES[synthetic])]
            drawn[synthetic] += 1
            values = 100 * np.array([[row[score][key] for key in _ENDS] for row in rows])
            if name == across:
                axes.axhspan(*values[0, 1:], color=colour, alpha=0.08, linewidth=0)
                axes.axhline(values[0, 0], color=colour, linestyle="--", label=name)
                continue
            # Shifted, so that intervals do not overlap.
            shift = 1 + 0.012 * (sum(drawn.values()) - len(lines) / 2)
            axes.errorbar(
                [shift * row["amount"] for row in rows],
                values[:, 0],
                np.abs(values[:, 1:] - values[:, :1]).T,
                color=colour,
                linestyle="-",
                marker="o" if synthetic else "s",
                markersize=4,
                linewidth=1.3,
                elinewidth=0.8,
                label=name,
            )
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, 0.0), min(high, 100.0))
        axes.set_xscale("log")
        axes.set_xticks(amounts, [f"{amount:,}" for amount in amounts])
        axes.minorticks_off()
        axes.set(xlabel="real pictures", ylabel=f"{score.replace('_', ' ')}, %")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _svg(draw, (9.0, 4.2))


_ENDS = ("value", "low", "high")
_LINES = {
    False: (REAL, "#4fa3c0", "#0b3c4d", "#7a9aa5"),
    True: (SYNTHETIC, "#ef9f4f", "#7a1f4a", "#e377b5", "#9c5a00", "#b09020", "#444444"),
}
"""Colours of the lines without and with synthetic pictures."""


def _svg(draw: Any, size: tuple[float, float]) -> str:
    # Imported here because it takes a second and is needed for drawing only.
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
