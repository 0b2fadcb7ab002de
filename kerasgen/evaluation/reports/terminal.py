"""Numbers as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerasgen.evaluation.metrics import Estimate


def figure_lines(figures: Mapping[str, Any]) -> list[str]:
    """Numbers as readable lines.

    Args:
        figures: By name: numbers, an ``Estimate`` as a dict, or nested figures, which are indented.
    """
    lines = []
    for name, value in figures.items():
        if isinstance(value, Mapping) and "value" in value:
            lines.append(f"{name}: {Estimate(**value)}")
        elif isinstance(value, Mapping):
            lines.append(f"{name}:")
            lines += [f"  {line}" for line in figure_lines(value)]
        else:
            lines.append(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    return lines
